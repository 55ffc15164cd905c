"""How questions stand in JSONL, CSV and Markdown files."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt

FIELD = re.compile(r"\s*[-*+]\s+(page|key[ _]values?|tags?|页面|关键值|标签)\s*[:：]\s*(.*)", re.IGNORECASE)
QUESTION = "h2"  # the heading that is a question in a Markdown file


class Item(NamedTuple):
    """The fields of a question, and the lines of its file, 1-based and inclusive."""

    first: int
    last: int
    fields: dict[str, Any]


class Fault(NamedTuple):
    """Something that is no question: its line, and what is wrong with it."""

    line: int
    problem: str


Reader = Callable[[Path], Iterator[Item | Fault]]


def text_of(file: Path) -> str | Fault:
    """A file's text without a byte order mark."""
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Fault(line, "the text is not UTF-8; save the file as UTF-8, or type: iconv -f GBK -t UTF-8")


def read_jsonl(file: Path) -> Iterator[Item | Fault]:
    """An object a line."""
    text = text_of(file)
    if isinstance(text, Fault):
        yield text
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            yield Fault(number, f"not JSON ({error}); a question is one object on one line")
            continue
        whole = isinstance(value, dict)
        yield Item(number, number, value) if whole else Fault(number, "a question is an object {...}")


def read_csv(file: Path) -> Iterator[Item | Fault]:
    """A row a question, below a line with the names of the columns; cells are separated as that line is."""
    text = text_of(file)
    if isinstance(text, Fault):
        yield text
        return
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    names: list[str] = []
    first = 1
    try:
        for cells in reader:
            if not names:
                names = cells
            elif any(map(str.strip, cells)):
                too_many = f"{len(cells)} cells below {len(names)} columns; put cells with separators in double quotes"
                fields = dict(zip(names, cells, strict=False))
                last = reader.line_num
                yield Fault(first, too_many) if len(cells) > len(names) else Item(first, last, fields)
            first = reader.line_num + 1
    except csv.Error as error:
        yield Fault(first, f"not CSV ({error})")


def read_markdown(file: Path) -> Iterator[Item | Fault]:
    """A heading of level 2 is a question, what follows is its reference; `- page: …`, `- key values: …; …` and
    `- tags: …, …` may stand at its end. A heading of level 1, and what is below it, is for people."""
    text = text_of(file)
    if isinstance(text, Fault):
        yield text
        return
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    headings = [
        (token.map[0], token.map[1], token.tag, tokens[place + 1].content)
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.map and token.level == 0 and token.tag in ("h1", QUESTION)
    ]
    if not any(tag == QUESTION for _, _, tag, _ in headings):
        yield Fault(1, "no question: in Markdown a question is a heading `## …`, with its answer below")
    ends = [start for start, *_ in headings[1:]] + [len(lines)]
    for (start, begin, tag, question), end in zip(headings, ends, strict=True):
        if tag == QUESTION:
            last = max((n for n in range(begin, end) if lines[n].strip()), default=start)
            yield Item(start + 1, last + 1, {"question": question, **answer_of(lines[begin : last + 1])})


def answer_of(lines: list[str]) -> dict[str, str]:
    """The reference, and the fields at its end."""
    fields: dict[str, str] = {}
    rest = list(lines)
    while rest and (not rest[-1].strip() or (field := FIELD.fullmatch(rest[-1]))):
        line = rest.pop()
        if line.strip() and field:
            name = field[1].lower().replace(" ", "_")
            fields[{"key_value": "key_values", "tag": "tags"}.get(name, name)] = field[2]
    return {"reference": "\n".join(rest).strip("\n"), **fields}


READERS: dict[str, Reader] = {".jsonl": read_jsonl, ".csv": read_csv, ".md": read_markdown}
