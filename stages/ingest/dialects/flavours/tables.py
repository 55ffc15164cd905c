"""Tables of Sphinx that are written as lists or as CSV, as tables of Markdown."""

import csv
import re

ROW = re.compile(r"([ \t]*)([*-])[ \t]+([*-])(?:[ \t]+(.*))?$")
CELL = re.compile(r"([ \t]*)([*-])(?:[ \t]+(.*))?$")


def rows_of(name: str, text: str) -> list[list[str]]:
    """The cells of a `list-table` or a `csv-table`, each on one line."""
    return list_rows(text) if name == "list-table" else csv_rows(text)


def list_rows(text: str) -> list[list[str]]:
    """`* - a` begins a row, `  - b` another cell of it, and what is indented below goes on with the cell."""
    rows: list[list[str]] = []
    inner = -1  # the column at which cells of a row begin
    for line in text.split("\n"):
        row, cell = ROW.match(line), CELL.match(line)
        if row and (inner < 0 or len(row[1]) < inner):
            rows.append([row[4] or ""])
            inner = line.index(row[3], len(row[1]) + 1)
        elif cell and rows and len(cell[1]) == inner:
            rows[-1].append(cell[3] or "")
        elif rows and line.strip():
            rows[-1][-1] = f"{rows[-1][-1]} {line.strip()}".strip()
    return rows


def csv_rows(text: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(text.strip().split("\n"), skipinitialspace=True))
    except csv.Error:
        return []
    return [[" ".join(cell.split()) for cell in row] for row in rows if row]


def markdown(rows: list[list[str]]) -> list[str]:
    """The lines of a table; short rows are filled up."""
    if not rows:
        return []
    width = max(map(len, rows))
    filled = [[*(cell.replace("|", "\\|") for cell in row), *[""] * (width - len(row))] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in filled]
    return [lines[0], "|" + " --- |" * width, *lines[1:], ""]
