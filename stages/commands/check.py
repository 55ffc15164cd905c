"""Find what the pipeline would refuse, before anything runs: in params.yaml, in the environment, among the files.

Each stage is asked for what it refuses by its settings alone, so that nothing of it is found only after a training.

"""

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from stages.common.base import params
from stages.common.base.errors import ParamsError, UserError
from stages.common.schema import Params

STAGES = ("ingest", "chunk", "generate", "curate", "format", "train", "merge", "evaluate")


def run(arguments: argparse.Namespace) -> None:
    settings = params.load()
    refused = [*missing_files(settings), *refusals(settings)]
    if refused:
        raise ParamsError("\ndoclore: ".join(dict.fromkeys(refused)))
    print("params.yaml: all values are usable")


def refusals(settings: Params) -> Iterator[str]:
    """The first complaint of each stage."""
    for stage in STAGES:
        try:
            import_module(f"stages.{stage}.refusals").refuse_impossible(settings)
        except UserError as error:
            yield str(error)


def missing_files(settings: Params) -> Iterator[str]:
    """The dependencies of dvc.yaml that no stage makes and that are not there: DVC would stop at them."""
    stages = pipeline()["stages"].values()
    made = {next(iter(out)) if isinstance(out, dict) else out for stage in stages for out in outputs(stage)}
    for dependency in sorted({str(dep) for stage in stages for dep in stage.get("deps", ())}):
        key = re.fullmatch(r"\$\{(.+)\}", dependency)
        path = Path(str(value_of(settings, key[1])) if key else dependency)
        if path.exists() or any(path.is_relative_to(out) for out in made) or dependency == "${docs.path}":
            continue
        if key:
            yield f"params.yaml: {key[1]} = {str(path)!r}: accepted is a directory that is there"
        else:
            yield f"{path} is missing, which dvc.yaml needs; type: git restore {path}"


def pipeline() -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(Path("dvc.yaml").read_text(encoding="utf-8"))


def outputs(stage: dict[str, Any]) -> Iterator[Any]:
    for kind in ("outs", "metrics", "plots"):
        yield from stage.get(kind, ())


def value_of(settings: Params, key: str) -> object:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value
