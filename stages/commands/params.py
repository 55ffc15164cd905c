"""Show the keys of params.yaml with their values and what they mean; * marks values that are not the last commit's.

WORD selects the keys whose name or description contains it; for a misspelt key, the closest one is suggested.

Examples:
  doclore params
  doclore params lora
  doclore params lora.rank
"""

import argparse
import difflib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from stages.common.base.errors import UserError
from stages.common.base.git import git
from stages.common.base.paths import PARAMS
from stages.common.base.printable import say


class Key(NamedTuple):
    """A key with its section before it, the value as it is written, and the comment behind it."""

    name: str
    value: str
    about: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="a key, a section, or a word about it")


def run(arguments: argparse.Namespace) -> None:
    known = keys(PARAMS.read_text("utf-8"))
    committed = {key.name: key.value for key in keys(git("show", f"HEAD:./{PARAMS}") or "")}
    if not known:
        raise UserError(f"{PARAMS} holds no values; type: git restore {PARAMS}")
    word = arguments.word.lower()
    shown = [key for key in known if word in f"{key.name} {key.about}".lower()]
    if not shown:
        alike = difflib.get_close_matches(word, [key.name for key in known], n=1, cutoff=0.5)
        hint = f"did you mean `{alike[0]}`?" if alike else "type `doclore params` for a list"
        raise UserError(f"params.yaml has no key {arguments.word!r} and none that mentions it; {hint}")
    for key in shown:
        mark = "*" if committed and committed.get(key.name) != key.value else " "
        say(f"{mark} {key.name} = {key.value}" + (f"\n      {key.about}" if key.about else ""))


def keys(text: str) -> list[Key]:
    """The keys that hold a value, in the order of the file."""
    from ruamel.yaml import YAML

    return list(of_section(YAML().load(text) or {}, ""))


def of_section(section: Any, prefix: str) -> Iterator[Key]:
    """The keys of a mapping that ruamel.yaml has read, which keeps the comments."""
    for name, value in section.items():
        if isinstance(value, dict) and value:
            yield from of_section(value, f"{prefix}{name}.")
        else:
            token = (section.ca.items.get(name) or [None] * 3)[2]
            about = token.value.split("\n")[0].lstrip("# ") if token else ""
            yield Key(f"{prefix}{name}", written(value), about)


def written(value: Any) -> str:
    """A value as `dvc exp run -S` takes it."""
    return str(value) if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
