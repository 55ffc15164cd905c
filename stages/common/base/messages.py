"""Messages in the language of the reader: as the code words them, or in Chinese by messages.zh.yaml.

The code writes English; what reaches a person passes `said` on its way. The table maps a message, with `{}` wherever a
value stands, to its Chinese, where `{}` or `{0}` puts the values back; values that are messages themselves are
translated, too. What the table does not have stays English.
"""

import functools
import os
import re
from pathlib import Path

VARIABLES = ("DOCLORE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")  # in POSIX order, ours first


def language() -> str:
    """`zh` or `en`: what the first variable that is set says."""
    chosen = next((value for name in VARIABLES if (value := os.environ.get(name, ""))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def said(message: str) -> str:
    """The message in the reader's language; of several lines each by itself."""
    if language() == "en":
        return message
    return "\n".join(chinese(line) for line in message.split("\n"))


def chinese(line: str) -> str:
    for pattern, text in table():
        if found := pattern.fullmatch(line):
            return text.format(*(chinese(value) for value in found.groups()))
    return line


@functools.cache
def table() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of messages with their Chinese, those with the most fixed text first."""
    from ruamel.yaml import YAML

    entries = YAML(typ="safe").load(Path(__file__).with_name("messages.zh.yaml").read_text("utf-8"))
    longest = sorted(entries.items(), key=lambda entry: -len(entry[0].replace("{}", "")))
    return [(re.compile("(.*?)".join(map(re.escape, key.split("{}")))), text) for key, text in longest]
