"""Every row that curate read, with its fate: a part of the split, or rejected."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.base.printable import ENCODED, printable
from stages.common.records import files
from stages.common.records.masking import masked_values

RowType = TypeVar("RowType")
REJECTED = "rejected"
CHUNK_ID = re.compile(r'"chunk_id": "([0-9a-f]*)"')
FILES = {**{split: paths.DATASET / f"{split}.jsonl" for split in paths.SPLITS}, REJECTED: paths.REJECTED}


class TracedRow(NamedTuple):
    """A row of data/dataset or data/rejected.jsonl and where it went."""

    fate: str
    row: dict[str, Any]

    @property
    def reason(self) -> str:
        """The fate, with the check that decided it where one did."""
        return f"{REJECTED}: {self.row['check']}" if self.fate == REJECTED else self.fate


def shown(value: RowType) -> RowType:
    """Rows or chunks as people may see them: without what acts on terminals, and what is private unless
    `curate.private` keeps it. Pages may hold it where `docs.private` keeps it, and datasets of older revisions."""
    return printable(value if params.load().curate.private == "keep" else masked_values(value)[0])


def traced_rows(wanted: Callable[[str], Any] | None = None) -> Iterator[TracedRow]:
    """The rows whose line `wanted` accepts, in the order of the files. Other lines are not even parsed: a question
    about one row of 100,000 is answered at once."""
    for fate, file in FILES.items():
        for line in lines(file):
            if wanted is None or wanted(line):
                yield TracedRow(fate, parsed(line, file))


def lines(file: Path) -> Iterator[str]:
    """The lines of a file that the pipeline wrote. Raises UserError when it is missing."""
    if not file.exists():
        raise UserError(f"{file} is missing; run `dvc repro curate` to create it")
    return (line.text.decode() for line in files.lines(file))


def parsed(line: str, file: Path) -> Any:
    """The row of a line, to be shown. Raises UserError when there is none."""
    row = files.Line(file, 0, line.encode()).row()
    return printable(row) if ENCODED.search(line) else row


def holds(field: str, value: str) -> Callable[[str], bool]:
    """Whether a line has this value in this field: compared as text, so it may also match deeper in the row."""
    needle = f'"{field}": {json.dumps(value, ensure_ascii=False)}'
    return lambda line: needle in line


def by_id(pair_id: str) -> list[TracedRow]:
    """The rows with this pair_id: one, or several when the same pair was generated twice."""
    return [traced for traced in traced_rows(holds("pair_id", pair_id)) if traced.row["pair_id"] == pair_id]


def of_chunks(chunk_ids: set[str]) -> list[TracedRow]:
    def wanted(line: str) -> bool:
        match = CHUNK_ID.search(line)
        return bool(match) and match[1] in chunk_ids  # type: ignore[index]

    return list(traced_rows(wanted))


def of_file(path: str) -> list[TracedRow]:
    """The rows that come from a file of the user's own."""
    return [traced for traced in traced_rows(holds("path", path)) if traced.row["path"] == path]
