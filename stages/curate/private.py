"""What becomes of pairs that hold a secret or personal data."""

import re
from typing import Any

from stages.common.records.masking import masked_values, masks
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Verdict
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


def nothing_private(row: DatasetRow, kinds: list[str], limits: Curate) -> Verdict | None:
    """Why a masked row with these kinds of private data is left out: `curate.private` wants none such, or nothing is
    left of its answer."""
    if kinds and (limits.private == "drop" or (limits.private == "mask" and ONLY_MASKS.fullmatch(row["output"]))):
        return Verdict(kinds, "nothing private")
    return None


def masked_row(row: Any) -> tuple[Any, list[str]]:
    """The row without anything private, and the kinds that were found, also those that ingest masked on the page."""
    values, kinds = masked_values({name: row[name] for name in FIELDS if name in row})
    masked_before = {kind for name in PAIR if "[" in row[name] for kind in masks(row[name])}
    return {**row, **values} if kinds else row, sorted(masked_before.union(kinds))
