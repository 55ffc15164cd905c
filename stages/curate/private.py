"""What becomes of pairs that hold a secret or personal data."""

import re
from collections import Counter
from typing import Any

from stages.common.records.masking import masked_values, masks
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Rejection, Verdict, rejection
from stages.common.schema import Curate

# What people and models write. What a check found in it is quoted in `value`; `row` is an own row that is no row.
FIELDS = (
    "instruction",
    "input",
    "output",
    "evidence",
    "system",
    "messages",
    "row",
    "value",
    "reworded",
    "first_output",
)
PAIR = ("instruction", "input", "output")
ONLY_MASKS = re.compile(r"(?:\[[A-Za-z][\w() .-]*\]|\W)+")


def sift(
    rows: list[DatasetRow], rejected: list[Rejection], limits: Curate
) -> tuple[list[DatasetRow], list[Rejection], Counter[str]]:
    """Rows as `curate.private` wants them, what is rejected, and how many rows each kind of private data was found in.
    An answer of which nothing is left is none.

    Rows that something else has rejected are masked as well: data/rejected.jsonl is shared like the dataset.
    """
    if limits.private == "keep":
        return rows, rejected, Counter()
    kept, kinds = [], Counter[str]()
    rejected = [masked_row(row)[0] for row in rejected]
    for row in rows:
        new, private = masked_row(row)
        kinds.update(private)
        if private and (limits.private == "drop" or ONLY_MASKS.fullmatch(new["output"])):
            rejected.append(rejection(new, "nothing_private", Verdict(private, "nothing private")))
        else:
            kept.append(new)
    return kept, rejected, kinds


def masked_row(row: Any) -> tuple[Any, list[str]]:
    """The row without anything private, and the kinds that were found, also those that ingest masked on the page."""
    values, kinds = masked_values({name: row[name] for name in FIELDS if name in row})
    masked_before = {kind for name in PAIR if "[" in row[name] for kind in masks(row[name])}
    return {**row, **values} if kinds else row, sorted(masked_before.union(kinds))
