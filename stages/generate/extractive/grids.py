"""Tables as grids of cells, from Markdown and from HTML, with merged cells filled in."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stages.common.markdown.blocks import cells
from stages.generate.extractive.inline import plain

ABOVE, RIGHT = "^", ">"  # a merged cell continues the one above, or the one to its right
MAX_MERGED_ROWS = 12  # a quote that goes back further than this is no longer a quote
HTML_ROW = re.compile(r"<tr\b[^>]*>.*?</tr>", re.DOTALL | re.IGNORECASE)
HTML_CELL = re.compile(r"<t([dh])\b([^>]*)>(.*?)</t\1>", re.DOTALL | re.IGNORECASE)
LINK_ONLY = re.compile(r"(?:\W*\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?)+\W*")
BOLD = re.compile(r"\s*(?:\*\*|__)\S")
SPAN = r"{}\s*=\s*[\"'{{]*(\d+)"


@dataclass(frozen=True)
class Cell:
    """What a reader sees in a cell, and the first row of the grid in which it stands."""

    text: str
    row: int
    link: bool = False  # nothing but a link


@dataclass(frozen=True)
class Grid:
    """A table: the names of its columns, its rows, and the source of each row."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sources: tuple[str, ...]

    def quote(self, row: int, *used: Cell) -> str:
        """The source of a row, from the row on in which the merged ones among the used cells begin."""
        first = min([row, *(cell.row for cell in used)])
        return "\n".join(self.sources[first : row + 1]).strip() if row - first <= MAX_MERGED_ROWS else ""

    def columns(self, first: int, behind: int) -> "Grid":
        """The part of the table between two columns."""
        return Grid(self.header[first:behind], tuple(row[first:behind] for row in self.rows), self.sources)


def from_markdown(text: str) -> Grid:
    """A pipe table. `^` continues the cell above, `>` belongs to the cell on its right."""
    lines = [line for line in text.split("\n") if line.strip()]
    header = merged_right(cells(lines[0]))
    body = [merged_right(cells(line)) for line in lines[2:]]
    sources = lines[2:]
    return grid(header, body, sources)


def from_html(text: str) -> Grid:
    """The rows of a `<table>` with their rowspan and colspan."""
    sources = HTML_ROW.findall(text)
    rows: list[list[str]] = []
    below: dict[tuple[int, int], str] = {}
    for number, source in enumerate(sources):
        row: list[str] = []
        for match in HTML_CELL.finditer(source):
            while (number, len(row)) in below:
                row.append(below.pop((number, len(row))))
            for _ in range(span(match[2], "colspan")):
                below |= {(number + down, len(row)): ABOVE for down in range(1, span(match[2], "rowspan"))}
                row.append(match[3])
        while (number, len(row)) in below:
            row.append(below.pop((number, len(row))))
        rows.append(row)
    return grid(rows[0], rows[1:], sources[1:]) if rows else Grid((), (), ())


def span(attributes: str, name: str) -> int:
    found = re.search(SPAN.format(name), attributes, re.IGNORECASE)
    return min(int(found[1]), 100) if found else 1


def merged_right(row: list[str]) -> list[str]:
    """`>` replaced by the cell that it belongs to."""
    row = row.copy()
    for place in range(len(row) - 2, -1, -1):
        if row[place] == RIGHT:
            row[place] = row[place + 1]
    return row


def grid(header: list[str], body: list[list[str]], sources: list[str]) -> Grid:
    """Cells filled in; a second line of headings joined to the first, of which a title over all columns is none."""
    while body and len(header) > 1 and len(set(header)) == 1 and (header[0] or all(map(BOLD.match, body[0]))):
        header, body, sources = body[0], body[1:], sources[1:]
    if body and is_second_header(header, body[0]):
        pairs = list(itertools.zip_longest(header, map(plain, body[0]), fillvalue=""))[: len(header)]
        header = [name if below in ("", ABOVE, name) else f"{name} {below}" for name, below in pairs]
        body, sources = body[1:], sources[1:]
    names = tuple(one_line(name) for name in header)
    return Grid(names, tuple(filled(body, len(names))), tuple(sources))


def is_second_header(header: list[str], row: list[str]) -> bool:
    """Whether the first row of the body goes on naming columns: below merged headings, with an empty or bold rest."""
    repeated = any(a == b for a, b in itertools.pairwise(header) if a)
    named = [cell for cell in row if cell and cell != ABOVE]
    return repeated and len(named) < len(row) and all(cell.startswith("**") or not cell[0].isdigit() for cell in named)


def filled(body: list[list[str]], width: int) -> Iterator[tuple[Cell, ...]]:
    """The rows with as many cells as columns; a merged cell and an empty one in the first column are those above.

    In a part of a split table a merged cell of the first row has nothing above and stays the mark that it is.
    """
    above: tuple[Cell, ...] = ()
    for number, row in enumerate(body):
        padded = [*row, *[""] * (width - len(row))][:width]
        merged = [
            cell == ABOVE or ((place == 0 and not cell and any(row[1:])) and bool(above))
            for place, cell in enumerate(padded)
        ]
        above = tuple(
            above[place] if merged[place] and above else Cell(one_line(cell), number, bool(LINK_ONLY.fullmatch(cell)))
            for place, cell in enumerate(padded)
        )
        yield above


def one_line(cell: str) -> str:
    return " ".join(plain(cell).split())
