"""What may be sent to a terminal: own rows, models and names of files can hold characters that act on it."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from rich.console import Console

Value = TypeVar("Value")
ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all control characters but tabs and ends of lines
ENCODED = re.compile(r"[\x7f-\x9f]|\\u00[0-9]|\\[bfr]")  # what they begin like in a line of JSON


def printable(value: Value) -> Value:
    """The text, or the value with every text in it, without control characters."""
    new: Any = value
    if isinstance(value, str):
        new = ACTING.sub("", value)
    elif isinstance(value, dict):
        new = {key: printable(item) for key, item in value.items()}
    elif isinstance(value, list):
        new = [printable(item) for item in value]
    return cast(Value, new)


def speak_any_language() -> None:
    """Let stdout and stderr take all text: what their encoding lacks, as that of LANG=C does, becomes an escape such
    as \\u4e2d; where they are closed, as by `>&-`, nothing is printed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - it stays
        elif hasattr(stream, "reconfigure"):  # not where a test has put its own
            stream.reconfigure(errors="backslashreplace")


def say(*values: object, **options: Any) -> None:
    """Print for a person, without control characters; messages may quote pages, servers and names of files."""
    print(*(printable(str(value)) for value in values), **options)


def terminal(**options: Any) -> "Console":
    """A console of rich whose texts lose all control characters; by itself rich takes out a few of them."""
    from rich import console, control

    control._CONTROL_STRIP_TRANSLATE.update(dict.fromkeys(code for code in range(0xA0) if ACTING.match(chr(code))))
    return console.Console(**options)
