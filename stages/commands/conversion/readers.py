"""Rows out of a file, one at a time; what is no row comes as a Fault with its line."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from stages.common.base.errors import UserError
from stages.common.rows.json_rows import EXCERPT, Fault, FileRow, checked, read_json_rows

Watch = Callable[[int], object]  # told the bytes read so far
JSON_COLUMN = ":json"  # end of the name of a CSV column whose cells are JSON
JSON_FIELD = {b"doclore": b"json"}  # metadata of a Parquet column whose cells are JSON
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # a cell that spreadsheets compute, or that was quoted against it
BATCH_ROWS = 10_000


def read_csv(file: Path, watch: Watch) -> Iterator[FileRow | Fault]:
    """UTF-8 with or without a byte order mark. Cells are text, but in columns whose name ends in `:json`."""
    csv.field_size_limit(2**31 - 1)
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        lines = csv.reader(stream, strict=True)
        names = header(lines, file)
        first = lines.line_num + 1
        while True:
            try:
                cells = next(lines, None)
            except csv.Error as error:
                yield Fault(first, f"not CSV: {error}", "")
                continue
            if cells is None:
                return
            if cells:
                yield csv_row(names, cells, first, lines.line_num)
                watch(stream.buffer.tell())  # type: ignore[attr-defined]
            first = lines.line_num + 1


def header(lines: Iterator[list[str]], file: Path) -> list[str]:
    names = [unquoted(name) for name in next(lines, [])]
    if not all(name.strip() for name in names) or len(set(names)) < len(names):
        raise UserError(f"{file}: the first line must name every column, each differently; found {names}")
    return names


def quoted(cell: str | None) -> str | None:
    """A cell as text for spreadsheets, which compute what begins like a formula
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if cell and FORMULA.match(cell) else cell


def unquoted(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


def csv_row(names: list[str], cells: list[str], first: int, last: int) -> FileRow | Fault:
    text = ",".join(cells)
    if len(cells) != len(names):
        return Fault(first, f"{len(cells)} cells under {len(names)} column names", text[:EXCERPT])
    row = {}
    for name, cell in zip(names, cells, strict=True):
        if not name.endswith(JSON_COLUMN):
            row[name] = unquoted(cell)
        elif cell:
            try:
                row[name.removesuffix(JSON_COLUMN)] = json.loads(cell)
            except ValueError as error:
                return Fault(first, f"column {name} is not JSON: {error}", cell[:EXCERPT])
    return checked(row, text, first, last)


def read_parquet(file: Path, watch: Watch) -> Iterator[FileRow | Fault]:
    """Rows without their nulls: in a table a missing field and a null are the same."""
    parquet = pyarrow_parquet()
    try:
        table = parquet.ParquetFile(file)
    except Exception as error:  # pyarrow's own errors share no base class but ValueError and OSError
        raise UserError(f"{file} is not Parquet: {error}") from None
    encoded = {field.name for field in table.schema_arrow if (field.metadata or {}).items() >= JSON_FIELD.items()}
    size, done = file.stat().st_size, 0
    for batch in table.iter_batches(BATCH_ROWS):
        for number, values in enumerate(batch.to_pylist(), done + 1):
            try:
                yield FileRow(number, number, {name: cell(value, name in encoded) for name, value in values.items()
                                           if not is_missing(value)})  # fmt: skip
            except (TypeError, ValueError) as error:
                yield Fault(number, f"a cell has no word in JSON: {error}", "")
        done += batch.num_rows
        watch(size * done // table.metadata.num_rows)


def is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def cell(value: Any, encoded: bool) -> Any:
    """A Parquet cell as JSON has it. Raises TypeError and ValueError for bytes, infinities and the like."""
    if encoded:
        return json.loads(value)
    if isinstance(value, list):
        return [cell(element, False) for element in value]
    if isinstance(value, dict):
        return {name: cell(inner, False) for name, inner in value.items()}
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value}")
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"{type(value).__name__}")
    return value


def pyarrow_parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise UserError("Parquet needs pyarrow; type `pip install pyarrow`") from None
    return pyarrow.parquet


READERS: dict[str, Callable[[Path, Watch], Iterator[FileRow | Fault]]] = {
    ".jsonl": read_json_rows,
    ".json": read_json_rows,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
