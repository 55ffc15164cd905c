"""Where the repository and the reference documentation are."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLOUDPSS = ROOT.parent / "shared" / "corpora" / "cloudpss-docs"


def typed(*words: str) -> None:
    """Run a command, silently."""
    subprocess.run(words, check=True, capture_output=True)
