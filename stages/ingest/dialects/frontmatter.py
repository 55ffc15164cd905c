"""The block of metadata at the head of a page: YAML between lines of ---, or TOML between lines of +++."""

import re
import tomllib
from functools import lru_cache
from typing import Any

import yaml

from stages.ingest.dialects.lines import Line, to_text

BLOCK = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
KEY = re.compile(r"[ \t]*([A-Za-z_][\w-]*)[ \t]*[:=][ \t]*(?=\S)")
MAX_WORDS = 1_000  # characters of a value in broken metadata
MAX_BITS = 10_000  # of a number
MAX_CHARS = 65_536  # what is longer is no metadata; YAML may nest as deep as it is long
MAX_DEPTH = 100
DESCRIPTIONS = ("description", "intro", "summary")  # fields with prose for readers
MIN_DESCRIPTION_CHARS = 15  # a shorter one is a label: it names the page and says nothing of it
SENTENCE = re.compile(r"[，。；：！？,;:!?]|\w\.(?:\s|$)")


def front_matter(text: str) -> dict[str, Any]:
    """The metadata of a page, without what of it is broken; empty when there is none or it is not a mapping."""
    head = BLOCK.match(text)
    values = read(head[1], head[2])[0] if head else {}
    return {"title": values["Title"], **values} if "Title" in values else values  # Hugo reads keys in any case


def broken_line(text: str) -> int | None:
    """The line of the page, counted from 1, at which its metadata cannot be read; nothing when it can."""
    head = BLOCK.match(text)
    return read(head[1], head[2])[1] if head else None


@lru_cache(maxsize=4)
def read(sign: str, head: str) -> tuple[dict[str, Any], int | None]:
    """The values of a block of metadata, and the page's line at which it is broken, if it is."""
    if len(head) > MAX_CHARS or len(re.findall(r"[\[{]|- |\? ", head)) > MAX_DEPTH * 10:
        return {}, 2
    try:
        values = loaded(head, sign)
    except yaml.MarkedYAMLError as error:
        return line_by_line(head, sign), 2 + (error.problem_mark.line if error.problem_mark else 0)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        place = re.search(r"at line (\d+)", str(error)[:200])
        return line_by_line(head, sign), 1 + int(place[1]) if place else 2
    return (values, None) if isinstance(values, dict) else ({}, 2 if values else None)


def loaded(head: str, sign: str) -> Any:
    """The values of a block of metadata. Raises ValueError, YAMLError and what deep nesting makes parsers raise."""
    if sign == "+++":
        return writable(tomllib.loads(head))
    # In C, since ruamel's pure Python takes longer than the rest of ingest; every scalar a string, since a title may
    # be 1.10 or on.
    return yaml.load(head, Loader=yaml.CBaseLoader)


def writable(value: Any) -> Any:
    """The values of TOML without numbers too long for Python to write."""
    if isinstance(value, dict):
        return {key: writable(one) for key, one in value.items()}
    return None if isinstance(value, int) and value.bit_length() > MAX_BITS else value


def line_by_line(head: str, sign: str) -> dict[str, Any]:
    """What can be read of broken metadata: the words behind each key that stands with its value on one line."""
    values: dict[str, Any] = {}
    for line in head.split("\n"):
        found = KEY.match(line)
        if found is None or found[1] in values:
            continue
        try:
            one = loaded(line.strip(), sign)
            values[found[1]] = one[found[1]]
        except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError, KeyError):
            words = line[found.end() :].strip()
            if words[0] not in "[{&*!|>":
                values[found[1]] = words.strip("\"'")[:MAX_WORDS]
    return values


def line_of(text: str, key: str) -> int | None:
    """The line, counted from 0, on which the metadata gives a key."""
    head = BLOCK.match(text)
    found = re.search(rf"^{key}[ \t]*[:=]", head[2], re.MULTILINE) if head else None
    return 1 + head[2].count("\n", 0, found.start()) if head and found else None


def without_front_matter(text: str) -> str:
    """The page with the lines of its metadata left empty."""
    head = BLOCK.match(text)
    return "\n" * head[0].count("\n") + text[head.end() :] if head else text


def scalar_text(value: object) -> str:
    """A scalar of the front matter as text; nothing for lists and mappings."""
    return "" if isinstance(value, list | dict) or value is None else str(value).strip()


def as_tags(value: object) -> list[str]:
    """Front matter gives tags as a list or as one word."""
    values = value if isinstance(value, list) else [value]
    return [tag for tag in map(scalar_text, values) if tag]


def with_description(lines: list[Line], number: int | None, description: str, title: str) -> list[Line]:
    """The lines with the front matter's description as a paragraph on its own line, counted from 0, when it says more
    than the page: it is what the author wrote for those who will not read on."""
    words = " ".join(description.split())
    label = len(words) < MIN_DESCRIPTION_CHARS or (title in words and not SENTENCE.search(words))
    if number is None or label or words in title or words in to_text(lines):
        return lines
    return [line.with_text(words) if place == number else line for place, line in enumerate(lines)]
