"""JSON in the text of a model: where it begins and ends, its slips mended, its whole items where it breaks off."""

import contextlib
import json
import re
from typing import Any

# Where an object with quoted keys begins, or a list of objects: prose has brackets of its own.
JSON_START = re.compile(r"""\{(?=\s*["'}])|\[(?=\s*[\{\]])""")
# Strings, the last of which may lack its end, and brackets outside of them.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:(?P<end>")|\\?\Z)|[\[\]{}]', re.DOTALL)
OPENERS = {"{": "}", "[": "]"}
VALUE = re.compile(r':\s*"((?:[^"\\]|\\.)*)"')
SCHEMA = re.compile(r'"(?:\$defs|\$schema|properties)"\s*:\s*[{"]')
WIDE = re.compile(r'(?<=["\]}])\s*([，：])\s*(?=["\[{])')  # Chinese punctuation between values
PLACEHOLDER = re.compile(r'[\W_]*|<[^<>"]{0,80}>|\[[^\[\]"]{0,80}\]|\{[^{}"]{0,80}\}')


# What reading a reply can raise: a model may write anything, and a validator may not expect it.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


class NoJsonError(ValueError):
    """A text without valid JSON."""


def extent(text: str, start: int) -> int | None:
    """Where the JSON value that begins at `start` ends, by its brackets."""
    depth = 0
    for token in TOKEN.finditer(text, start):
        if token[0] in OPENERS:
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def repaired(text: str) -> Any:
    """JSON with slips such as single quotes, missing commas or brackets set right.

    A text that breaks off inside an item is not mended: half a sentence would pass for a whole one.
    """
    from json_repair import repair_json

    end = max(text.rfind("}"), text.rfind("]")) + 1
    left_open = scan(text[:end])[0]
    if left_open.startswith('"') or (left_open and text[end:].strip("` \n")):
        raise NoJsonError("the JSON breaks off")
    value = repair_json(text[:end], return_objects=True)
    if not isinstance(value, dict | list):
        raise NoJsonError("no JSON in the reply")
    return value


def whole_items(text: str) -> str:
    """A JSON text cut behind the last whole item of a list and closed. Raises NoJsonError if there is none."""
    _, cut = scan(text)
    if not cut:
        raise NoJsonError("the answer breaks off in its first item")
    end, closers = cut
    return text[:end] + closers


def scan(text: str) -> tuple[str, tuple[int, str] | None]:
    """Follow the brackets of a JSON text that may break off.

    Returns the closers of what is left open, a string included, and where the last whole item of a list ends with what
    closes the text there.
    """
    closers = ""
    cut = None
    for token in TOKEN.finditer(text):
        if token[0] in OPENERS:
            closers = OPENERS[token[0]] + closers
        elif token[0][0] == '"' and not token["end"]:
            closers = '"' + closers
        elif token[0] in "]}" and closers:
            closers = closers[1:]
            if closers.startswith("]"):
                cut = token.end(), closers
    return closers, cut


def parsed(text: str) -> Any:
    """The value of a JSON text, its slips mended. Raises ValueError."""
    for candidate in (text, WIDE.sub(lambda match: ",:"["，：".index(match[1])], text)):
        with contextlib.suppress(ValueError):
            return json.loads(candidate, strict=False)
    return repaired(text)


def string_in(reply: str) -> str:
    """The text that a reply is as a string of JSON, with or without its quotes; empty when it is none."""
    text = reply.strip()
    if text.startswith(('"', '{\\"', '[{\\"')):
        with contextlib.suppress(ValueError):
            value = json.loads(text if text.startswith('"') else f'"{text}"', strict=False)
            return value if isinstance(value, str) else ""
    return ""


def is_form(text: str) -> bool:
    """Whether a JSON text shows a form: all of its values are dots or words in brackets, or it is a JSON schema."""
    if SCHEMA.search(text):
        return True
    values = VALUE.findall(text)
    return any(values) and all(PLACEHOLDER.fullmatch(value) for value in values)
