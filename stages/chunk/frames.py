"""The frame of each kind of block, and those of code and formulas."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import groupby

from stages.chunk.containers import indented, inner_blocks, item, listing, quote
from stages.chunk.frame import Fits, Frame, between, cut_at, lines_of
from stages.chunk.tables import ROW_END, html_rows, html_table, table
from stages.common.markdown.blocks import Block

ENVIRONMENT = re.compile(r"^\s*\\begin\{(\w+\*?)\}")
MAX_DEPTH = 8  # containers within containers; below that, text is text


def frame(block: Block, fits: Fits, depth: int) -> Frame | None:
    """The frame of a block; none when it is text to be cut like prose."""
    if block.kind == "html" and ROW_END.search(block.text):
        return html_table(block, fits)
    if block.kind in CONTAINERS and depth >= MAX_DEPTH:
        return None
    found = CONTAINERS.get(block.kind) or FRAMES.get(block.kind)
    return found(block, fits) if found else None


def fence(block: Block, fits: Fits) -> Frame:
    """Code in runs without blank lines, between the opening line and the closing one."""
    lines = block.text.split("\n")
    mark = lines[0].strip()
    closing = mark[0] * (len(mark) - len(mark.lstrip(mark[0])))
    last = lines[-1].strip()
    closed = len(lines) > 1 and last.startswith(closing) and not last.strip(mark[0])
    opening = f"{lines[0]}\n"
    if not fits(opening):
        return Frame(lines_of(block, "text"), partial(between, "", ""))
    body = lines_of(block, "text", 1, -1 if closed else None)
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return Frame(runs(body), partial(between, opening, f"\n{indent}{closing}"))


def runs(lines: list[Block]) -> list[Block]:
    """Lines joined up to the blank ones behind them."""
    joined: list[Block] = []
    for blank, group in groupby(lines, key=lambda line: not line.text.strip()):
        found = list(group)
        text = "".join(line.text for line in found)
        if blank and joined:
            joined[-1] = replace(joined[-1], text=joined[-1].text + text)
        else:
            joined.append(Block("lines", text, found[0].line_start, found[-1].line_end))
    return joined


def lines(block: Block, fits: Fits) -> Frame:
    """One by one."""
    return Frame(lines_of(replace(block, text=block.text.rstrip("\n")), "text"), partial(between, "", ""))


def code(block: Block, fits: Fits) -> Frame:
    """Indented code in runs without blank lines; what is only indented (MDX knows no such code), by its own rules."""
    text = block.text.expandtabs(4)
    width = min(len(line) - len(line.lstrip()) for line in text.split("\n") if line.strip())
    parts = inner_blocks([line[width:] for line in text.split("\n")], block.line_start)
    if parts[0].kind in ("table", "list", "steps", "fence", "html", "quote"):
        wrap = partial(indented, " " * width)
        return Frame(parts, lambda body, first: wrap(body.rstrip("\n")), wrap)
    return Frame(runs(lines_of(block, "text")), partial(between, "", ""))


def formula(block: Block, fits: Fits) -> Frame | None:
    """Lines and rows that end in `\\\\`, between the marks and the environment's begin and end."""
    text = block.text.strip()
    end = text.rfind({"$$": "$$", "\\[": "\\]"}[text[:2]])
    head, body, tail = text[:2], text[2:end], text[end:]
    environment = ENVIRONMENT.match(body)
    closing = f"\\end{{{environment[1]}}}" if environment else ""
    if environment and body.rstrip().endswith(closing):
        head, tail = head + body[: environment.end()], f"{closing}\n{tail}"
        body = body[environment.end() :].rstrip().removesuffix(closing)
    if not fits(head + tail):
        return None
    inner = replace(block, text=body, line_start=block.line_start + head.count("\n"))
    cuts = [0, *(match.end() for match in re.finditer(r"\n|\\\\(?!\n)", body)), len(body)]
    return Frame(cut_at(inner, cuts), partial(between, head + "\n", "\n" + tail))


CONTAINERS: dict[str, Callable[[Block, Fits], Frame | None]] = {
    "list": listing,
    "steps": listing,
    "item": item,
    "quote": quote,
    "code": code,
}
FRAMES: dict[str, Callable[[Block, Fits], Frame | None]] = {
    "table": table,
    "rows": html_rows,
    "fence": fence,
    "lines": lines,
    "formula": formula,
}
