"""Tables apart into rows, Markdown's and HTML's, each piece under the header."""

import re
from dataclasses import replace
from functools import partial

from stages.chunk.frame import Fits, Frame, between, cut_at, lines_of
from stages.common.markdown.blocks import Block

ROW_END = re.compile(r"</tr\s*>[ \t]*\n?", re.IGNORECASE)
TABLE_END = re.compile(r"\s*(?:</t(?:body|foot)\s*>\s*)*</table\s*>", re.IGNORECASE)
FIRST_ROW = re.compile(r"<tr\b", re.IGNORECASE)
HEAD_END = re.compile(r"</thead\s*>\s*(<tbody\b[^<>]*>[ \t]*\n?)?", re.IGNORECASE)
HEAD_CELL = re.compile(r"<th\b", re.IGNORECASE)
PLAIN_CELL = re.compile(r"<td\b[^<>]*>\s*(?!\*\*|<b>|<strong>)\S", re.IGNORECASE)
ROWSPAN = re.compile(r"\browspan\s*=\s*[\"'{]*(\d{1,4})", re.IGNORECASE)


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
    first_row = opening.start() if opening else 0
    head_end = html_head_end(block.text, first_row, ends[0])
    if not fits(block.text[:head_end]):
        head_end = first_row if fits(block.text[:first_row]) else 0
    closing = TABLE_END.match(block.text, ends[-1])
    head, tail = block.text[:head_end], closing[0].strip() if closing else "</table>"
    behind = block.text[closing.end() if closing else ends[-1] :]
    body = replace(block, text=block.text[head_end : ends[-1]] + behind, line_start=block.line_start + head.count("\n"))
    cuts = [0, *(end - head_end for end in ends if end > head_end), len(body.text)]
    return Frame(spanned(cut_at(body, cuts)), partial(between, head, "\n" + tail))


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
    return Frame(cut_at(block, cuts), partial(between, "", ""))
