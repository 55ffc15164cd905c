"""Questions of the dataset by their wording."""

from typing import NamedTuple

from stages.commands.tracing.rows import TracedRow, traced_rows
from stages.common.text.wording import normalised

CLOSE = 60.0  # percent; below, a question is about something else


class Match(NamedTuple):
    """A row whose question is worded alike, and how much alike in percent."""

    similarity: int
    traced: TracedRow


def closest(question: str, limit: int = 6) -> list[Match]:
    """The rows that ask most alike, best first; a part of a question finds it as well. Those that differ in white
    space, case and marks alone are at 100."""
    from rapidfuzz import fuzz, process

    rows = list(traced_rows())
    asked = [normalised(traced.row["instruction"]) for traced in rows]
    best = process.extract(normalised(question), asked, scorer=fuzz.WRatio, limit=limit, score_cutoff=CLOSE)
    return [Match(int(similarity), rows[index]) for _, similarity, index in best]
