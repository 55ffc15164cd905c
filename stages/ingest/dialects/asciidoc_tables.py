"""Tables of AsciiDoc: cells begin with |, and fill rows of as many columns as there are."""

import re

CELL = re.compile(r"(?:^|[ \t])(?:\d+(?:\.\d+)?[+*])?[<^>.]{0,3}[adehlmsv]?(?<!\\)\|")
LISTING = re.compile(r"(?:\[source[^\[\]]{0,60}\] )?(?<!-)----[ ]([^`]{1,400}?) ----(?!-)")  # in a cell, on one line


def grid(lines: list[str], cols: str) -> list[list[str]]:
    """The rows of a table's lines; `cols` is its attribute, and without it the first line has the cells of a row."""
    cells: list[str] = []
    counts: list[int] = []
    for line in lines:
        pieces = CELL.split(line)
        if cells and pieces[0].strip():
            cells[-1] = f"{cells[-1]} {pieces[0].strip()}"
        counts.append(len(pieces) - 1)
        cells += [piece.strip() for piece in pieces[1:]]
    cells = [LISTING.sub(r"`\1`", cell).strip() for cell in cells]
    columns = number_of_columns(cols) or next((count for count in counts if count), 1)
    return [cells[n : n + columns] for n in range(0, len(cells), columns)]


def number_of_columns(cols: str) -> int:
    repeated = re.match(r"(\d+)\*", cols)
    return int(repeated[1]) if repeated else len([part for part in re.split(r"[,;]", cols) if part.strip()])
