"""Answers in other words (`generate.answer_paraphrases`): taken where they state what the fact's answer states, in key
values and in what they deny; else the row keeps that answer, so that no question is lost."""

from stages.common.exam.key_values import states
from stages.common.records.rows import DatasetRow
from stages.common.rows.grounding import NEGATION
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.curate import checks


def settle(row: DatasetRow, source: Source | None, limits: Curate) -> DatasetRow:
    """The row with the answer that it is trained with: that in other words, or as it was; what a reviewer wrote stays.
    `first_output` is there where the other was taken."""
    kept = row.copy()
    other, key = kept.pop("reworded"), kept.pop("answer_key")
    said: DatasetRow = {**kept, "output": other, "first_output": row["output"], "answer_key": key}
    passes = row.get("review") != "edit" and says_the_same(other, row) and not checks.verdict(said, source, limits)
    return said if passes else kept


def says_the_same(other: str, row: DatasetRow) -> bool:
    known = f"{row['instruction']}\n{row['input']}\n{row['evidence']}"
    denies = [bool(NEGATION.search(text)) for text in (other, row["output"])]
    return denies[0] == denies[1] and states(other, row["output"], known)
