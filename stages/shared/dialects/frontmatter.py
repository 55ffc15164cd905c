"""The block of metadata at the head of a page: YAML between lines of ---, or TOML between lines of +++."""

import re
import tomllib
from typing import Any

import yaml

BLOCK = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
MAX_CHARS = 65_536  # what is longer is no metadata; YAML may nest as deep as it is long
MAX_DEPTH = 100


def front_matter(text: str) -> dict[str, Any]:
    """The metadata of a page; empty when there is none or it is not a mapping."""
    match = BLOCK.match(text)
    if match is None or len(match[2]) > MAX_CHARS or len(re.findall(r"[\[{]|- |\? ", match[2])) > MAX_DEPTH * 10:
        return {}
    try:
        if match[1] == "+++":
            return tomllib.loads(match[2])
        # In C, since ruamel's pure Python takes longer than the rest of ingest; every scalar a string, since a title
        # may be 1.10 or on.
        values = yaml.load(match[2], Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def without_front_matter(text: str) -> str:
    """The page with the lines of its metadata left empty."""
    head = BLOCK.match(text)
    return "\n" * head[0].count("\n") + text[head.end() :] if head else text


def words(value: object) -> str:
    """A scalar of the front matter as text; nothing for lists and mappings."""
    return "" if isinstance(value, list | dict) or value is None else str(value).strip()


def as_tags(value: object) -> list[str]:
    """Front matter gives tags as a list or as one word."""
    found = value if isinstance(value, list) else [value]
    return [tag for tag in map(words, found) if tag]
