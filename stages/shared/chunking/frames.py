"""How a block that exceeds the budget comes apart: its smaller parts, and what each piece of it repeats."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise

from stages.shared.chunking.packing import LABEL
from stages.shared.markdown.blocks import Block, blocks, parse

Fits = Callable[[str], bool]  # whether a text is short enough to be repeated in each piece

ROW_END = re.compile(r"</tr\s*>[ \t]*\n?", re.IGNORECASE)
FIRST_ROW = re.compile(r"<tr\b", re.IGNORECASE)
HEAD_END = re.compile(r"</thead\s*>\s*(<tbody\b[^<>]*>[ \t]*\n?)?", re.IGNORECASE)
HEAD_CELL = re.compile(r"<th\b", re.IGNORECASE)
PLAIN_CELL = re.compile(r"<td\b[^<>]*>\s*(?!\*\*|<b>|<strong>)\S", re.IGNORECASE)
ROWSPAN = re.compile(r"\browspan\s*=\s*[\"'{]*(\d{1,4})", re.IGNORECASE)
QUOTE_MARK = re.compile(r"^ {0,3}> ?")
ITEM_MARK = re.compile(r"^([ \t]*(?:[-*+]|\d{1,9}[.)]))([ \t]+(?=\S)|[ \t]*$)")
ENVIRONMENT = re.compile(r"^\s*\\begin\{(\w+\*?)\}")
MAX_DEPTH = 12  # containers within containers; below that, text is text


def same(text: str) -> str:
    return text


@dataclass(frozen=True)
class Frame:
    """The parts of a block, each with the line ends behind it, and what a piece of it looks like."""

    parts: list[Block]
    dress: Callable[[str, bool], str]  # text of parts, whether it is the block's first piece -> the piece
    wrap: Callable[[str], str] = same  # how the text of parts stands in the piece, for counting


def frame(block: Block, fits: Fits, depth: int) -> Frame | None:
    """The frame of a block; none when it is text to be cut like prose."""
    if block.kind == "html" and ROW_END.search(block.text):
        return html_table(block, fits)
    if block.kind in CONTAINERS and depth >= MAX_DEPTH:
        return None
    found = CONTAINERS.get(block.kind) or FRAMES.get(block.kind)
    return found(block, fits) if found else None


def between(head: str, tail: str, body: str, first: bool) -> str:
    return head + body.rstrip("\n") + tail


def lines_of(block: Block, kind: str, start: int = 0, end: int | None = None) -> list[Block]:
    """The lines `start` to `end` of a block, from 0, as blocks of their own."""
    lines = block.text.split("\n")[start:end]
    first = block.line_start + start
    return [Block(kind, line + "\n", number, number) for number, line in enumerate(lines, first)]


def table(block: Block, fits: Fits) -> Frame:
    """Rows, under the header and the line below it."""
    head = "\n".join(block.text.split("\n")[:2]) + "\n"
    if not fits(head):
        return Frame(lines_of(block, "row"), partial(between, "", ""))
    return Frame(lines_of(block, "row", 2), partial(between, head, ""))


def html_table(block: Block, fits: Fits) -> Frame:
    """Rows, those that a cell spans together, between what opens the table (with its header row) and what ends it."""
    ends = [match.end() for match in ROW_END.finditer(block.text)]
    opening = FIRST_ROW.search(block.text)
    head_end = html_head_end(block.text, opening.start() if opening else 0, ends[0])
    if not fits(block.text[:head_end]):
        head_end = opening.start() if opening and fits(block.text[: opening.start()]) else 0
    tail = block.text[ends[-1] :].strip() or "</table>"
    cuts = [head_end, *(end for end in ends if end > head_end)]
    rows = [placed(block, "text", start, end) for start, end in pairwise(cuts)]
    dress = partial(between, block.text[:head_end], "\n" + tail)
    return Frame(spanned(rows), dress)


def html_head_end(text: str, opening: int, first_row: int) -> int:
    """Where a header ends: behind `</thead>`, or a first row of `<th>` or of bold cells; else before the first row."""
    head = HEAD_END.search(text)
    if head:
        return head.end()
    row = text[opening:first_row]
    spans = ROWSPAN.search(row)
    return first_row if not spans and (HEAD_CELL.search(row) or not PLAIN_CELL.search(row)) else opening


def spanned(rows: list[Block]) -> list[Block]:
    """Rows joined where a cell of the first spans the others."""
    joined: list[Block] = []
    left = 0
    for row in rows:
        if left > 0:
            joined[-1] = replace(joined[-1], kind="rows", text=joined[-1].text + row.text, line_end=row.line_end)
        else:
            joined.append(row)
        left = max(left, *(int(number) for number in ROWSPAN.findall(row.text)), 1) - 1
    return joined


def html_rows(block: Block, fits: Fits) -> Frame:
    """The rows that a cell spans, one by one."""
    cuts = [0, *(match.end() for match in ROW_END.finditer(block.text))]
    rows = [placed(block, "text", start, end) for start, end in pairwise(cuts)]
    return Frame(rows, partial(between, "", ""))


def placed(block: Block, kind: str, start: int, end: int) -> Block:
    """The characters `start` to `end` of a block as a block of their own."""
    text = block.text[start:end]
    line = block.line_start + block.text.count("\n", 0, start)
    return Block(kind, text, line, line + text.rstrip("\n").count("\n"))


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
    """Indented code in runs without blank lines."""
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
    rows = [placed(inner, "text", start, stop) for start, stop in pairwise(cuts) if body[start:stop].strip()]
    return Frame(rows, partial(between, head + "\n", "\n" + tail))


def listing(block: Block, fits: Fits) -> Frame:
    """The items of a list, each with what is nested in it."""
    starts = [
        token.map[0] for token in parse(block.text) if token.type == "list_item_open" and token.level == 1 and token.map
    ]
    all_lines = block.text.split("\n")
    items = []
    for start, end in pairwise([*starts, len(all_lines)]):
        text = "\n".join(all_lines[start:end])
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


def quote(block: Block, fits: Fits) -> Frame:
    """What stands in a quote, under its label (an admonition's kind and title) if it has one."""
    inner = [QUOTE_MARK.sub("", line) for line in block.text.split("\n")]
    label = LABEL.match(inner[0]) and len(inner) > 1 and fits(block.text.split("\n")[0])
    parts = inner_blocks(inner[1:] if label else inner, block.line_start + bool(label))
    wrap = partial(indented, "> ")
    head = wrap(inner[0] + "\n" + ("\n" if not inner[1].strip() else "")) if label else ""
    return Frame(parts, lambda body, first: head + wrap(body.rstrip("\n")), wrap)


def inner_blocks(lines: list[str], first: int) -> list[Block]:
    """The blocks of a container's text, each with the blank lines behind it."""
    found = list(blocks("\n".join(lines)))
    ends = [block.line_start - 1 for block in found[1:]] + [len(lines)]
    return [
        Block(block.kind, "\n".join(lines[block.line_start - 1 : end]).rstrip("\n") + ("\n\n" if gap else "\n"),
              block.line_start + first - 1, block.line_end + first - 1)
        for block, end in zip(found, ends, strict=True)
        for gap in [end > block.line_end]
    ]  # fmt: skip


def dedented(line: str, width: int) -> str:
    line = line.replace("\t", "    ", 1) if line.startswith("\t") else line
    return line[min(width, len(line) - len(line.lstrip(" "))) :]


def indented(prefix: str, text: str) -> str:
    """Each line behind `prefix`, its blanks left out on blank lines."""
    lines = text.removesuffix("\n").split("\n")
    return "\n".join(prefix + line if line.strip() else prefix.rstrip() for line in lines) + "\n" * text.endswith("\n")


CONTAINERS: dict[str, Callable[[Block, Fits], Frame | None]] = {
    "list": listing,
    "steps": listing,
    "item": item,
    "quote": quote,
}
FRAMES: dict[str, Callable[[Block, Fits], Frame | None]] = {
    "table": table,
    "rows": html_rows,
    "fence": fence,
    "code": code,
    "lines": lines,
    "formula": formula,
}
