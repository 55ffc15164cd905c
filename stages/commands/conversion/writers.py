"""Rows into a file, which appears when it is complete."""

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stages.commands.conversion.columns import Shape, as_json
from stages.commands.conversion.readers import BATCH_ROWS, JSON_COLUMN, JSON_FIELD, pyarrow_parquet
from stages.common.records.files import atomic, write_jsonl

Rows = Iterator[dict[str, Any]]
Columns = dict[str, Shape]


def to_jsonl(file: Path, rows: Rows, shapes: Columns) -> None:
    write_jsonl(file, rows)


def to_json(file: Path, rows: Rows, shapes: Columns) -> None:
    """An array with one element a line, so that Git shows what changed."""
    with atomic(file) as stream:
        separator = "[\n"
        for row in rows:
            stream.write(separator + json.dumps(row, ensure_ascii=False))
            separator = ",\n"
        stream.write("[]\n" if separator == "[\n" else "\n]\n")


def to_csv(file: Path, rows: Rows, shapes: Columns) -> None:
    """UTF-8 with a byte order mark, by which Excel knows Chinese text; pandas and `csv` with utf-8-sig skip it.

    A column that is not text in every row has JSON cells and a name that ends in `:json`; missing cells are empty.
    """
    encoded = {name: shape not in ("text", None) or name.endswith(JSON_COLUMN) for name, shape in shapes.items()}
    with atomic(file, "wb") as binary:
        binary.write("\ufeff".encode())
        lines = csv.writer(_Text(binary))
        lines.writerow([name + JSON_COLUMN if encoded[name] else name for name in shapes])
        for row in rows:
            cells = ((row.get(name), encoded[name]) for name in shapes)
            lines.writerow(["" if value is None else as_json(value) if json_ else value for value, json_ in cells])


class _Text:
    """What csv.writer writes to: text into a binary stream, line ends as they are."""

    def __init__(self, binary: Any) -> None:
        self.binary = binary

    def write(self, text: str) -> int:
        return int(self.binary.write(text.encode()))


def to_parquet(file: Path, rows: Rows, shapes: Columns) -> None:
    """Columns of their own types, nested ones too; what has none is JSON text, marked in the column's metadata."""
    parquet = pyarrow_parquet()
    import pyarrow as pa

    schema = pa.schema([pa.field(name, arrow_type(shape), metadata=JSON_FIELD if shape == "json" else None)
                        for name, shape in shapes.items()])  # fmt: skip
    encoded = [name for name, shape in shapes.items() if shape == "json"]
    with atomic(file, "wb") as stream, parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(rows, BATCH_ROWS)):
            for row in batch:
                row.update({name: as_json(row[name]) for name in encoded if row.get(name) is not None})
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))


def arrow_type(shape: Shape) -> Any:
    import pyarrow as pa

    if isinstance(shape, tuple):
        kind, inner = shape
        if kind == "list":
            return pa.list_(arrow_type(inner))
        return pa.struct([(name, arrow_type(field)) for name, field in inner])
    simple = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), None: pa.null()}
    return simple.get(shape, pa.string())


WRITERS: dict[str, Callable[[Path, Rows, Columns], None]] = {
    ".jsonl": to_jsonl,
    ".json": to_json,
    ".csv": to_csv,
    ".parquet": to_parquet,
}
TABLES = (".csv", ".parquet")  # these need to know their columns before the first row
