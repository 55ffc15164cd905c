"""Check params.yaml, the environment and the files before anything runs.

Each stage is asked which settings it would refuse, so mistakes are found before a long run instead of after it.

Examples:
  doclore check
"""

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.common.base import params
from stages.common.base.errors import ParamsError, UserError
from stages.common.base.git import git
from stages.common.base.messages import said
from stages.common.base.paths import PARAMS
from stages.common.base.printable import say
from stages.common.models.base.embedded import EMBEDDED
from stages.common.schema import Params

if TYPE_CHECKING:
    from stages.train import plan

STAGES = ("ingest", "chunk", "generate", "curate", "format", "train", "merge", "evaluate")


def run(arguments: argparse.Namespace) -> None:
    settings = params.load()
    for line in differences():
        say(said(line))
    if refused := problems(settings):
        raise ParamsError("\ndoclore: ".join(refused))
    for one in memory_plan(settings):
        say(said(one.line))
    say(said("params.yaml: all values are usable"))


def memory_plan(settings: Params) -> list["plan.Verdict"]:
    """What train, merge, evaluate, export and serve take of the memory here. The embedded model fits anywhere. Raises
    UserError for a training that does not fit."""
    if settings.model.name == EMBEDDED:
        return []
    from stages.train import preflight

    return preflight.forecast_of_memory(settings)


def problems(settings: Params) -> list[str]:
    """What DVC or a stage would refuse, each once."""
    return list(dict.fromkeys([*missing_files(settings), *refusals(settings)]))


def differences() -> Iterator[str]:
    """The values that differ from the last commit: `dvc exp run -S` writes them into params.yaml and leaves them."""
    from ruamel.yaml import YAML

    committed = git("show", "HEAD:./params.yaml")
    if committed is None:
        return
    before, after = (dict(flat(YAML(typ="safe").load(text))) for text in (committed, PARAMS.read_text("utf-8")))
    changed = [f"{key}: {before.get(key)} → {value}" for key, value in after.items() if before.get(key) != value]
    if changed:
        yield (
            f"params.yaml is not that of the last commit ({', '.join(changed)}), as `dvc exp run -S` leaves it; commit "
            "it, or type: git restore --staged --worktree params.yaml"
        )


def flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys as -S takes them, with their values."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


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
            yield f"params.yaml: {key[1]} = {str(path)!r}: accepted is an existing directory"
        else:
            yield f"{path} is missing, and dvc.yaml needs it; type: git restore {path}"


def pipeline() -> Any:
    """dvc.yaml. Raises UserError when it holds no stages."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe").load(Path("dvc.yaml").read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"dvc.yaml is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict) or not isinstance(values.get("stages"), dict):
        raise UserError("dvc.yaml has no stages; type: git restore dvc.yaml")
    return values


def outputs(stage: dict[str, Any]) -> Iterator[Any]:
    for kind in ("outs", "metrics", "plots"):
        yield from stage.get(kind, ())


def value_of(settings: Params, key: str) -> object:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value
