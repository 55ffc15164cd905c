"""Write the values of a preset into params.yaml: one model on one kind of machine.

Without NAME, lists the presets. Comments and all other values of params.yaml are kept; `git restore params.yaml`
undoes the change.

Examples:
  doclore preset
  doclore preset qwen3-8b-bf16-h200 --dry-run
"""

import argparse
import io
from pathlib import Path
from typing import Any, NoReturn

from stages.common.base import params
from stages.common.base.errors import UserError
from stages.common.base.paths import PARAMS
from stages.common.base.printable import say
from stages.common.records.files import atomic

DIRECTORY = Path("presets")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a file of presets/, without .yaml")
    parser.add_argument("--dry-run", action="store_true", help="print the values as -S options and write nothing")


def run(arguments: argparse.Namespace) -> None:
    if not arguments.name:
        for name, file in (presets() or no_presets()).items():
            say(f"{name:24}{file.read_text('utf-8').partition(chr(10))[0].removeprefix('# ')}")
        return
    values = read(arguments.name)
    if arguments.dry_run:
        say(" ".join(f"-S {key}={text(value)}" for key, value in values.items()))
        return
    changed = apply(values)
    for key, (before, after) in changed.items():
        say(f"{key}: {text(before)} → {text(after)}")
    say(f"{len(changed)} values of {PARAMS} changed; type: dvc repro")


def presets(directory: Path = DIRECTORY) -> dict[str, Path]:
    return {file.stem: file for file in sorted(directory.glob("*.yaml"))}


def no_presets() -> NoReturn:
    raise UserError(f"{DIRECTORY}/ is missing or empty; run this in the repository root")


def read(name: str, directory: Path = DIRECTORY) -> dict[str, Any]:
    """The values of a preset by key. Raises UserError with the names that there are."""
    from ruamel.yaml import YAML

    known = presets(directory) or no_presets()
    if name not in known:
        raise UserError(f"unknown preset {name!r}; accepted is {', '.join(known)}")
    return dict(YAML(typ="safe").load(known[name].read_text(encoding="utf-8")))


def apply(values: dict[str, Any], file: Path = PARAMS) -> dict[str, tuple[Any, Any]]:
    """Set the values in a params.yaml and return those that changed, (before, after). What comes out is validated
    before the file is replaced."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 4096, True
    document = yaml.load(file.read_text(encoding="utf-8"))
    changed = {}
    for key, value in values.items():
        *parents, name = key.split(".")
        section = document
        for parent in parents:
            section = section[parent]
        if section[name] != value:
            changed[key] = (section[name], value)
            section[name] = on_one_line(value) if isinstance(value, list) else value
    written = io.StringIO()
    yaml.dump(document, written)
    with atomic(file) as stream:
        stream.write(written.getvalue())
        stream.flush()
        params.load(Path(stream.name))
    return changed


def on_one_line(values: list[Any]) -> Any:
    """A list as params.yaml writes its own."""
    from ruamel.yaml.comments import CommentedSeq

    written = CommentedSeq(values)
    written.fa.set_flow_style()
    return written


def text(value: Any) -> str:
    """A value as `dvc exp run -S` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
