"""How much a row is in doubt, so that people see first what needs them most.

Three signs are on record: the judge's score, how near a value came to the threshold of the check that rejected the row,
and held-out questions that models answer otherwise even with the passage before them.
"""

from collections import defaultdict
from typing import Any

from stages.common.base import paths
from stages.common.records.files import read_jsonl

GIVEN = ("base_gold", "tuned_gold")  # answers of base and tuned model with the passage
MOST_SCORE = 10.0


def score(row: dict[str, Any]) -> float | None:
    """The judge's score of a row; where the judge rejected the row, it stands in what it found."""
    value = row.get("value")
    known: float | None = row.get("score", value.get("score") if isinstance(value, dict) else None)
    return known


def doubt(row: dict[str, Any], disagreement: float) -> float:
    """From 0 to 1. A row that a judge rejected at 5 of 10 and one that it kept at 5 are in doubt alike."""
    points = score(row)
    if points is None:
        judged = nearness(row.get("value"), row.get("threshold"))
    else:
        judged = (points if "check" in row else MOST_SCORE - points) / MOST_SCORE
    return round(max(judged, disagreement), 3)


def nearness(value: Any, threshold: Any) -> float:
    """1 at the threshold, 0 at twice or none of it, and for what is no number."""
    numbers = [one for one in (value, threshold) if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) < 2 or not numbers[1]:
        return 0.0
    return max(0.0, 1.0 - abs(numbers[0] - numbers[1]) / abs(numbers[1]))


def disagreements() -> dict[str, float]:
    """By pair_id of the last evaluation: the share of the answers with the passage that are not the row's answer."""
    file = paths.REPORTS / "predictions.jsonl"
    shares: dict[str, float] = {}
    for row in read_jsonl(file) if file.exists() else ():
        answers = [row["answers"][cell] for cell in GIVEN if cell in row["answers"]]
        right = [bool(answer.get("key_values", answer.get("exact_match"))) for answer in answers]
        if right:
            shares[row["pair_id"]] = 1 - sum(right) / len(right)
    return shares


def of_facts(rows: list[tuple[str, float]]) -> dict[str, float]:
    """The largest doubt among the wordings of each fact."""
    largest: dict[str, float] = defaultdict(float)
    for fact, value in rows:
        largest[fact] = max(largest[fact], value)
    return largest
