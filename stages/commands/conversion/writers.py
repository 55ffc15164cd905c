"""Rows into a file, which appears when it is complete.

A table cannot hold what JSON can: rows with other keys, numbers beside text, nested values in CSV. Where a column's own
type would change a value, its values are written as JSON text, and the column says so; reading it restores them.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.commands.conversion.readers import JSON_COLUMN, JSON_FIELD, pyarrow_parquet, quoted
from stages.common.records.files import atomic, write_jsonl

Rows = list[dict[str, Any]]


def to_jsonl(file: Path, rows: Rows) -> None:
    write_jsonl(file, rows)


def to_json(file: Path, rows: Rows) -> None:
    """An array with one element a line, so that Git shows what changed."""
    with atomic(file) as stream:
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        stream.write(f"[\n{lines}\n]\n" if rows else "[]\n")


def to_csv(file: Path, rows: Rows) -> None:
    """UTF-8 with a byte order mark, by which Excel knows Chinese text; pandas and `csv` with utf-8-sig skip it.

    A column that is not text in every row has JSON cells and a name that ends in `:json`; missing cells are empty. Text
    that begins like a formula has a ' before it, which reading takes off.
    """
    cells = {}
    for name, values in columns(rows).items():
        plain = not name.endswith(JSON_COLUMN) and all(isinstance(value, str | None) for value in values)
        cells[name if plain else name + JSON_COLUMN] = map(quoted, values) if plain else as_json(values)
    with atomic(file, "wb") as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        lines = csv.writer(text)
        lines.writerow(map(quoted, cells))
        lines.writerows(zip(*cells.values(), strict=True))
        text.flush()
        text.detach()


def to_parquet(file: Path, rows: Rows) -> None:
    """Columns of their own types, nested ones too; what has none is JSON text, marked in the column's metadata."""
    parquet = pyarrow_parquet()
    import pyarrow as pa

    arrays, fields = [], []
    for name, values in columns(rows).items():
        array = exactly(values)
        fields.append((array is None, name))
        arrays.append(pa.array(as_json(values), pa.string()) if array is None else array)
    schema = [
        pa.field(name, array.type, metadata=JSON_FIELD if encoded else None)
        for (encoded, name), array in zip(fields, arrays, strict=True)
    ]
    with atomic(file, "wb") as stream:
        parquet.write_table(pa.table(arrays, schema=pa.schema(schema)), stream, compression="zstd")


def columns(rows: Rows) -> dict[str, list[Any]]:
    """The values of all rows by column, in the order in which columns first appear; None where a row has none."""
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}


def as_json(values: list[Any]) -> list[str | None]:
    """JSON text of each value. Raises ValueError for NaN and what JSON has no word for."""
    return [None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False) for value in values]


def exactly(values: list[Any]) -> Any:
    """The values as an Arrow array of the type that Arrow infers; None when they would not come back the same."""
    import pyarrow as pa

    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError):
        return None
    return array if same(array.to_pylist(), values) and holdable(array.type) else None


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, keys in the same order; a whole number may be a float of the same value."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def holdable(kind: Any) -> bool:
    """Whether Parquet has the type; of structs without fields it has none."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(holdable(kind.field(place).type) for place in range(kind.num_fields))
    return holdable(kind.value_type) if pa.types.is_list(kind) else True


WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    ".jsonl": to_jsonl,
    ".json": to_json,
    ".csv": to_csv,
    ".parquet": to_parquet,
}
