"""What `dvc status` says, of the documentation as it is now."""

import json
import subprocess
from typing import Any

from stages.common.base import params
from stages.common.base.errors import UserError
from stages.ingest.sources import manifest, walk

ALWAYS = "sources"  # the stage that is listed whatever happened; ingest is listed when what it writes has changed


def changed(*options: str) -> dict[str, Any]:
    """The stages that are not up to date, and why, as `dvc status --json` gives them. Raises UserError."""
    section = params.load().docs
    if walk.is_here(section.path):
        manifest.write(section)
    status = subprocess.run(["dvc", "status", "--json", *options], capture_output=True, text=True, check=False)
    try:
        stages: dict[str, Any] = json.loads(status.stdout)
    except ValueError:
        if "not inside of a DVC repository" in status.stderr:
            raise UserError("no DVC repository here; type: git init && dvc init") from None
        raise UserError(f"dvc status failed: {' '.join(status.stderr.split())[-300:]}") from None
    return {name: reasons for name, reasons in stages.items() if name != ALWAYS}
