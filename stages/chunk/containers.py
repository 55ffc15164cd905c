"""Lists, items and quotes apart into what stands in them."""

import re
from dataclasses import replace
from functools import partial
from itertools import pairwise

from stages.chunk.frame import Fits, Frame, between
from stages.chunk.packing import LABEL
from stages.common.markdown.blocks import Block, blocks, parse

QUOTE_MARK = re.compile(r"^ {0,3}> ?")
ITEM_MARK = re.compile(r"^([ \t]*(?:[-*+]|\d{1,9}[.)]))([ \t]+(?=\S)|[ \t]*$)")


def listing(block: Block, fits: Fits) -> Frame | None:
    """The items of a list, each with what is nested in it."""
    tokens = [token for token in parse(block.text) if token.type == "list_item_open" and token.level == 1]
    starts = [token.map[0] for token in tokens if token.map]
    if starts[:1] != [0]:
        return None
    lines = block.text.split("\n")
    items = []
    for start, end in pairwise([*starts, len(lines)]):
        text = "\n".join(lines[start:end])
        line = block.line_start + start
        items.append(Block("item", text + "\n", line, line + text.rstrip().count("\n")))
    return Frame(items, partial(between, "", ""))


def item(block: Block, fits: Fits) -> Frame | None:
    """What stands in a list item, under its mark and its first paragraph, or its mark and `…` when that is long."""
    mark = ITEM_MARK.match(block.text)
    if mark is None:
        return None
    width = len(mark[0]) if mark[2] and len(mark[2]) < 5 else len(mark[1]) + 1
    inner = [block.text[width:].split("\n", 1)[0], *(dedented(line, width) for line in block.text.split("\n")[1:])]
    parts = inner_blocks(inner, block.line_start)
    wrap = partial(indented, " " * width)
    lead, behind = mark[1] + " ", f"{mark[1]} …\n"
    if len(parts) > 1 and parts[0].kind == "paragraph" and fits(parts[0].text):
        lead = behind = mark[1] + wrap(parts[0].text)[len(mark[1]) :]
        parts = parts[1:]

    def dress(body: str, first: bool) -> str:
        text = wrap(body).rstrip("\n")
        if first and not lead.endswith("\n"):
            return lead + text.lstrip()
        return (lead if first else behind) + text

    return Frame(parts, dress, wrap) if parts else None


def quote(block: Block, fits: Fits) -> Frame | None:
    """What stands in a quote, under its label (an admonition's kind and title) if it has one."""
    inner = [QUOTE_MARK.sub("", line) for line in block.text.split("\n")]
    label = LABEL.match(inner[0]) and len(inner) > 1 and fits(block.text.split("\n")[0])
    parts = inner_blocks(inner[1:] if label else inner, block.line_start + bool(label))
    wrap = partial(indented, "> ")
    head = wrap(inner[0] + "\n" + ("\n" if not inner[1].strip() else "")) if label else ""
    return Frame(parts, lambda body, first: head + wrap(body.rstrip("\n")), wrap) if parts else None


def inner_blocks(lines: list[str], first: int) -> list[Block]:
    """The blocks of a container's text, each with one blank line for those behind it; `first` is its first line."""
    found = list(blocks("\n".join(lines)))
    ends = [block.line_start - 1 for block in found[1:]] + [len(lines)]
    return [
        replace(
            block,
            text=block.text + ("\n\n" if end > block.line_end else "\n"),
            line_start=block.line_start + first - 1,
            line_end=block.line_end + first - 1,
        )
        for block, end in zip(found, ends, strict=True)
    ]


def dedented(line: str, width: int) -> str:
    line = line.replace("\t", "    ", 1) if line.startswith("\t") else line
    return line[min(width, len(line) - len(line.lstrip(" "))) :]


def indented(prefix: str, text: str) -> str:
    """Each line behind `prefix`, its blanks left out on blank lines."""
    lines = text.removesuffix("\n").split("\n")
    return "\n".join(prefix + line if line.strip() else prefix.rstrip() for line in lines) + "\n" * text.endswith("\n")
