"""What people said about pairs: data/review.jsonl, tracked by Git and applied on every run.

A row has pair_id, verdict (accept, reject or edit), text (what an edit puts in place: instruction, input, output),
note, and question: the one that was judged, so that a verdict whose pair is gone is shown with the closest new pair.
Rows are sorted by pair_id, one a line, so that the work of two reviewers merges by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from stages.common.base.errors import UserError
from stages.common.base.locks import exclusive_lock
from stages.common.records.files import write_jsonl
from stages.common.rows.rows import Rejection, Verdict, fact_id, is_own, rejection

SHOWN = 10  # faults of the file told at once
Decision = Literal["accept", "reject", "edit"]


class Text(BaseModel):
    """What an edit puts in place; what is missing stays as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    instruction: str | None = None
    input: str | None = None
    output: str | None = None


class Review(BaseModel):
    """One reviewer's verdict on one pair."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    pair_id: str
    verdict: Decision
    text: Text | None = None
    note: str = ""
    question: str = ""

    @model_validator(mode="after")
    def edits_have_text(self) -> "Review":
        new = self.text.model_dump(exclude_none=True) if self.text else {}
        if (self.verdict == "edit") != bool(new):
            raise ValueError("text (instruction, input, output) belongs to an edit, and an edit needs one")
        if any(not new.get(name, "x").strip() for name in ("instruction", "output")):
            raise ValueError("text: instruction and output must not be blank")
        return self


def read_reviews(file: Path) -> dict[str, Review]:
    """Verdicts by pair_id; none when the file is missing. Raises UserError that lists the lines that are wrong."""
    reviews: dict[str, Review] = {}
    lines: dict[str, int] = {}
    faults = []
    data = file.read_bytes().removeprefix(b"\xef\xbb\xbf") if file.exists() else b""
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            review = parsed(line.decode())
            first = reviews.setdefault(review.pair_id, review)
            if (first.verdict, first.text) != (review.verdict, review.text):
                raise ValueError(f"another verdict on {review.pair_id} than in line {lines[review.pair_id]}; keep one")
            lines.setdefault(review.pair_id, number)
        except ValueError as error:
            faults.append(f"{file.as_posix()}:{number}: {error}")
    if faults:
        more = f"\n… and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise UserError("\n".join(faults[:SHOWN]) + more)
    return reviews


def parsed(line: str) -> Review:
    """One line's verdict. Raises ValueError with what is wrong."""
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||")):
        raise ValueError("a merge conflict; keep the rows of both sides and delete this line")
    try:
        return Review.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{key}: {reason}" if key else reason) from None


def write_reviews(file: Path, reviews: Iterable[Review]) -> None:
    ordered = sorted(reviews, key=lambda review: review.pair_id)
    write_jsonl(file, (review.model_dump(exclude_defaults=True, exclude_none=True) for review in ordered))


Verdicts = Mapping[str, Review | None]  # by pair_id; None where there is none


def change_reviews(file: Path, changes: Verdicts, expected: Verdicts | None = None) -> dict[str, Review | None]:
    """Put verdicts into the file, or take them out, all or none, and leave all others as they are; what they were
    before.

    Several review pages may write: each reads the file anew and writes it under one lock. Raises UserError when what
    stands there is not what was expected.
    """
    with exclusive_lock("review", ""):
        reviews = read_reviews(file)
        before = {pair_id: reviews.pop(pair_id, None) for pair_id in changes}
        for pair_id, review in (expected or {}).items():
            if before[pair_id] != review:
                raise UserError(f"{pair_id} was judged again meanwhile; its verdict is left alone")
        write_reviews(file, [*reviews.values(), *filter(None, changes.values())])
    return before


def edited(row: Any, review: Review | None) -> Any:
    """The pair with the reviewer's wording, under its own id; `review` marks what a person accepted or wrote.

    In a conversation of several turns the last exchange changes.
    """
    if review is None or review.verdict == "reject":
        return row
    text = review.text.model_dump(exclude_none=True) if review.text else {}
    new: Any = {**row, **text, "review": review.verdict}
    if "output" in text and "fact_id" in row and not is_own(row):
        new["fact_id"] = fact_id(new)  # another answer is another fact
    if text and "messages" in row:
        question = {"role": "user", "content": "\n".join(filter(str.strip, (new["instruction"], new["input"])))}
        new["messages"] = [*row["messages"][:-2], question, {"role": "assistant", "content": new["output"]}]
    return new


def sift(rows: Iterable[Any], reviews: dict[str, Review], reject: Callable[[Rejection], object]) -> Iterator[Any]:
    """The rows as reviewers want them; those that they rejected go to `reject`."""
    for row in rows:
        review = reviews.get(row["pair_id"])
        if review and review.verdict == "reject":
            reject(rejection(row, "review", Verdict(review.note or "reject", "the reviewer's verdict")))
        else:
            yield edited(row, review)


class Orphan(NamedTuple):
    """A verdict whose pair is gone, with the pair that asks most alike, if any does."""

    review: Review
    pair_id: str
    question: str
    similarity: int  # percent


class Questions:
    """Questions by pair_id that are read again whenever they are gone through; `known` are those that matter."""

    def __init__(self, read: Callable[[], Iterable[Any]], known: set[str]) -> None:
        self.read, self.known = read, known

    def __contains__(self, pair_id: str) -> bool:
        return pair_id in self.known

    def items(self) -> Iterator[tuple[str, str]]:
        return ((row["pair_id"], row["instruction"]) for row in self.read())


def orphans(reviews: dict[str, Review], questions: Mapping[str, str] | Questions) -> list[Orphan]:
    """Verdicts on pairs that are not among `questions` (pair_id to question). rapidfuzz compares the wording."""
    from rapidfuzz import fuzz, process, utils

    orphaned = []
    choices: Any = questions  # it goes through their items alone
    for review in reviews.values():
        if review.pair_id not in questions:
            best = process.extractOne(
                review.question, choices, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=50
            )
            question, similarity, pair_id = best if best and review.question else ("", 0, "")
            orphaned.append(Orphan(review, pair_id, question, round(similarity)))
    return sorted(orphaned, key=lambda orphan: orphan.review.pair_id)


def told(orphan: Orphan) -> str:
    """An orphan as one line for people."""
    asked = f" ({orphan.review.question!r})" if orphan.review.question else ""
    near = f"closest is {orphan.pair_id} ({orphan.question!r}, {orphan.similarity} % alike)" if orphan.pair_id else ""
    return f"{orphan.review.pair_id}{asked}: {orphan.review.verdict} has no pair any more; {near or 'none is close'}"


def report(reviews: dict[str, Review], lost: list[Orphan]) -> dict[str, Any]:
    """Verdicts counted by kind, and those whose pair is gone."""
    gone = {orphan.review.pair_id for orphan in lost}
    counts = Counter(review.verdict for review in reviews.values() if review.pair_id not in gone)
    listed = [{"pair_id": orphan.review.pair_id, "verdict": orphan.review.verdict, "closest": orphan.pair_id,
               "similarity": orphan.similarity} for orphan in lost]  # fmt: skip
    return {**{name: counts[name] for name in get_args(Decision)}, "orphans": len(lost), "orphaned": listed}
