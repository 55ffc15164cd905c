"""Values of params.yaml for a test."""

import json
import re
from pathlib import Path

from stages.common import schema
from stages.common.base import params
from support.repository import ROOT


def curate_section(**changes: object) -> schema.Curate:
    """The section `curate` of the repository's params.yaml with some values changed."""
    return params.load(ROOT / "params.yaml").curate.model_copy(update=changes)


def docs_section(**changes: object) -> schema.Docs:
    """The section `docs` of the repository's params.yaml with some values changed."""
    return params.load(ROOT / "params.yaml").docs.model_copy(update=changes)


def change_params(file: Path, changes: dict[str, object]) -> None:
    """Set values in a params.yaml; comments on lines of their own are kept."""
    text = file.read_text(encoding="utf-8")
    for key, value in changes.items():
        text = with_value(text, key, value)
    file.write_text(text, encoding="utf-8")


def with_value(text: str, key: str, value: object) -> str:
    """The text with one value, written as JSON: a hundredth of what reading and writing all with its comments takes."""
    start, end = 0, len(text)
    *sections, name = key.split(".")
    for depth, section in enumerate(sections):
        start, end = entry(section, depth).search(text, start, end).span("below")
    indent = "  " * len(sections)
    before = entry(name, len(sections)).search(text, start, end)
    first, last = before.span() if before else (start, start)
    written = json.dumps(value, ensure_ascii=False)
    written = {"NaN": ".nan", "Infinity": ".inf"}.get(written, written)
    return f"{text[:first]}{indent}{name}: {written}\n{text[last:]}"


def entry(name: str, depth: int) -> re.Pattern[str]:
    """A key's line with the lines below that belong to it."""
    indent = "  " * depth
    return re.compile(rf"^{indent}{re.escape(name)}:.*\n(?P<below>(?:(?:{indent}[ -].*)?\n)*)", re.MULTILINE)
