"""What a reference without words of its own shows: the title of the page or of the section that it leads to.

Labels stand before a section: `.. _name:` in reStructuredText, `(name)=` in MyST.
https://www.sphinx-doc.org/en/master/usage/referencing.html
"""

import re
from collections.abc import Iterable, Iterator

SUFFIXES = (".rst", ".md", ".txt")
LABEL = re.compile(r"\.\. _(`[^`]{1,200}`|[^:`]{1,200}):\s*|\(([^()]{1,200})\)=\s*")
HASHES = re.compile(r"#{1,6}\s+(\S.*)")
RULE = re.compile(r"([^\w\s])\1{2,}\s*")  # below a title of reStructuredText, and above one
ROLE = re.compile(r"(?::[\w:+.-]{1,80}:|\{[\w:+.-]{1,80}\})`([^`<]{1,200})(?:<[^`<>]{0,200}>)?`")


def title(text: str) -> str:
    """The first heading of a text, without markup."""
    return next((words for _, words in headed(text.split("\n"))), "")


def labelled(texts: Iterable[str]) -> dict[str, str]:
    """The titles of sections by the labels before them, in small letters; the first of several of a name counts."""
    titles: dict[str, str] = {}
    for text in texts:
        if ".. _" in text or ")=" in text:
            for labels, words in headed(text.split("\n")):
                for label in labels:
                    titles.setdefault(label, words)
    return titles


def headed(lines: list[str]) -> Iterator[tuple[list[str], str]]:
    """Each heading with the labels right before it."""
    labels: list[str] = []
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if label := LABEL.fullmatch(line):
            labels.append(normal((label[1] or label[2]).strip("`")))
        elif (hashes := HASHES.fullmatch(line)) or is_title(line, below):
            yield labels, plain(hashes[1] if hashes else line)
            labels = []
        elif line.strip() and not RULE.fullmatch(line):
            labels = []


def is_title(line: str, below: str) -> bool:
    """Whether a line has a rule below it that is about as long, and is none itself."""
    return bool(line.strip() and RULE.fullmatch(below) and len(below.strip()) + 2 >= len(line.strip()) / 2) and not (
        RULE.fullmatch(line)
    )


def normal(label: str) -> str:
    return " ".join(label.lower().split())


def plain(words: str) -> str:
    """A title without the signs of its markup."""
    return re.sub(r"[`*]|\s#+$", "", ROLE.sub(lambda role: role[1].strip(), words)).strip()
