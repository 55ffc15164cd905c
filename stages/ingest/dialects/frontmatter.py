"""The block of metadata at the head of a page: YAML between lines of ---, or TOML between lines of +++."""

import re
import tomllib
from typing import Any

import yaml

from stages.ingest.dialects.lines import Line, to_text

BLOCK = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
MAX_CHARS = 65_536  # what is longer is no metadata; YAML may nest as deep as it is long
MAX_DEPTH = 100
MIN_DESCRIPTION_CHARS = 15  # a shorter one is a label: it names the page and says nothing of it
SENTENCE = re.compile(r"[，。；：！？,;:!?]|\w\.(?:\s|$)")


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


def line_of(text: str, key: str) -> int | None:
    """The line, counted from 0, on which the metadata gives a key."""
    head = BLOCK.match(text)
    found = re.search(rf"^{key}[ \t]*[:=]", head[2], re.MULTILINE) if head else None
    return 1 + head[2].count("\n", 0, found.start()) if head and found else None


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


def with_description(lines: list[Line], source: str, description: str, title: str) -> list[Line]:
    """The lines with the front matter's description as a paragraph on its own line, when it says more than the page:
    it is what the author wrote for those who will not read on."""
    words, number = " ".join(description.split()), line_of(source, "description")
    label = len(words) < MIN_DESCRIPTION_CHARS or (title in words and not SENTENCE.search(words))
    if number is None or label or words in title or words in to_text(lines):
        return lines
    return [line.with_text(words) if place == number else line for place, line in enumerate(lines)]
