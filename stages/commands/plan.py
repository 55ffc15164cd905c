"""Print what generate would ask and cost; nothing is sent."""

import argparse
import json
import subprocess

from stages.shared import params, paths
from stages.shared.errors import UserError


def run(arguments: argparse.Namespace) -> None:
    from stages.shared.generation import plan
    from stages.shared.generation.labelling import Labelling
    from stages.shared.llm.store import Store
    from stages.shared.records import read_jsonl

    settings = params.load()
    if settings.generate.backend == "extractive":
        print("generate.backend is extractive: it asks no model and costs nothing")
        return
    require_fresh_chunks()
    with Store.of_repository() as store:
        store.seed(paths.RESPONSES)
        labelling = Labelling(settings.generate, store, lambda: read_jsonl(paths.CHUNKS))
        for line in plan.make(labelling, store, settings.chunk.encoding).lines(settings.generate):
            print(line)


def require_fresh_chunks() -> None:
    """Raise a UserError when the documentation or the params of ingest and chunk have changed since chunk ran."""
    command = ["dvc", "status", "--json", "--with-deps", "chunk"]
    status = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        changed = json.loads(status.stdout)
    except ValueError:
        raise UserError(f"dvc status failed: {' '.join(status.stderr.split())[-300:]}") from None
    if changed or not paths.CHUNKS.exists():
        raise UserError(
            f"{paths.CHUNKS} is not up to date; type `dvc repro chunk`, which sends nothing, then this again"
        )
