"""The rows to judge: what curate kept and what it rejected, one wording of each fact first. Rows stay on the disk; only
what they are filtered and ordered by is held in memory, about 400 bytes a row."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stages.commands.reviewing.doubt import disagreements, doubt, of_facts, score
from stages.commands.tracing.rows import CHUNK_ID, FILES, REJECTED, shown
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import line_at, lines
from stages.curate.review import Orphan, Review, Text, Verdicts, change_reviews, orphans, read_reviews
from stages.report.evidence import evidence_span


class Item(NamedTuple):
    """What a row can be found by. `check` is empty for a kept row, `score` None where no judge spoke."""

    pair_id: str
    fate: str
    check: str
    path: str
    line: int
    score: float | None
    question: str
    offset: int
    fact: str  # what its wordings share, those with the same fate of curate's
    doubt: float


class Filters(NamedTuple):
    """What to show; empty values let everything through. `path` is a part of the page's path."""

    path: str = ""
    check: str = ""  # a fate, or the name of a check
    verdict: str = ""  # none, any, accept, reject or edit
    text: str = ""
    min_score: float | None = None
    max_score: float | None = None
    group: str = ""  # facts: one wording of each
    order: str = ""  # doubt: the most doubtful first; else by page and line

    def admits(self, item: Item, review: Review | None) -> bool:
        said = verdict(review) or "none"
        return (
            self.path.lower() in item.path.lower()
            and self.check in ("", item.fate, item.check)
            and (self.verdict in ("", said) or (self.verdict == "any" and review is not None))
            and self.text.lower() in item.question.lower()
            and (self.min_score is None or (item.score is not None and item.score >= self.min_score))
            and (self.max_score is None or (item.score is not None and item.score <= self.max_score))
        )


class Queue:
    """The rows of the last run and the verdicts on them."""

    def __init__(self) -> None:
        disagreement = disagreements()
        self.items = sorted(
            (item for fate, file in FILES.items() for item in items(fate, file, disagreement)),
            key=lambda item: (item.path, item.line, item.offset),
        )
        self.by_id = {item.pair_id: item for item in reversed(self.items)}
        self.wordings: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            self.wordings[item.fact].append(item)
        self.chunks = dict(chunk_places(paths.CHUNKS))
        self.lock = threading.Lock()
        self.undoable: list[tuple[Verdicts, Verdicts]] = []  # before and after
        self.signature: tuple[int, int] | None = None
        self.known: dict[str, Review] = {}

    def reviews(self) -> dict[str, Review]:
        """The verdicts as the file has them now: another page or a `git pull` may have written it."""
        state = paths.REVIEW.stat() if paths.REVIEW.exists() else None
        signature = (state.st_mtime_ns, state.st_size) if state else None
        if signature != self.signature or signature is None:
            self.known, self.signature = read_reviews(paths.REVIEW), signature
        return self.known

    def found(self, filters: Filters) -> list[Item]:
        reviews = self.reviews()
        found = [item for item in self.items if filters.admits(item, reviews.get(item.pair_id))]
        doubts = of_facts([(item.fact, item.doubt) for item in found])
        if filters.group == "facts":
            found = list({item.fact: item for item in reversed(found)}.values())[::-1]
        if filters.order == "doubt":
            found.sort(key=lambda item: -doubts[item.fact])  # stable: then by page and line
        return found

    def row(self, pair_id: str) -> dict[str, Any]:
        """A row with its chunk and the place of the evidence. Raises KeyError when there is none."""
        item = self.by_id[pair_id]
        row = row_at(FILES[item.fate], item.offset, "pair_id", pair_id)
        chunk_id = row["chunk_id"]
        chunk = shown(row_at(*self.chunks[chunk_id], "chunk_id", chunk_id)) if chunk_id else None
        reviews = self.reviews()
        review = reviews.get(pair_id)
        others = [one for one in self.wordings[item.fact] if one.pair_id != pair_id]
        return {
            **row,
            "fate": item.fate,
            "chunk": chunk,
            "marked": evidence_span(chunk["text"], row["evidence"]) if chunk else None,
            "review": review.model_dump() if review else None,
            "doubt": item.doubt,
            "wordings": [{"question": one.question, "verdict": verdict(reviews.get(one.pair_id))} for one in others],
        }

    def judge(self, review: Review, whole: bool = False) -> list[str]:
        """Write a verdict down, `whole`: for all wordings of the fact; the pairs that it was written for. Wordings that
        someone judged otherwise before keep their verdict. Raises KeyError when there is no such pair."""
        item, reviews = self.by_id[review.pair_id], self.reviews()
        before = verdict(reviews.get(item.pair_id))
        changes: dict[str, Review | None] = {item.pair_id: review.model_copy(update={"question": item.question})}
        for other in self.wordings[item.fact] if whole else ():
            adapted = for_wording(review, other)
            if adapted and other != item and verdict(reviews.get(other.pair_id)) in ("", before):
                changes[other.pair_id] = adapted
        self.change(changes)
        return list(changes)

    def withdraw(self, pair_id: str) -> None:
        self.change({pair_id: None})

    def change(self, changes: Verdicts) -> None:
        with self.lock:
            self.undoable.append((change_reviews(paths.REVIEW, changes), changes))

    def undo(self) -> list[str]:
        """Take the last change of this session back; the pairs that it was about, the one in sight first. What another
        page changed since stays: UserError."""
        with self.lock:
            if not self.undoable:
                return []
            before, after = self.undoable.pop()
            change_reviews(paths.REVIEW, before, after)
            return list(before)

    def orphans(self) -> list[Orphan]:
        return orphans(self.reviews(), {item.pair_id: item.question for item in self.items})

    def adopt(self, orphan_id: str, pair_id: str) -> None:
        """Give the verdict of a pair that is gone to another pair."""
        review = self.reviews()[orphan_id]
        question = self.by_id[pair_id].question
        moved = review.model_copy(update={"pair_id": pair_id, "question": question})
        self.change({pair_id: moved, orphan_id: None})

    def overview(self) -> dict[str, Any]:
        """What there is to filter by, with counts."""
        judged = [pair_id for pair_id in self.reviews() if pair_id in self.by_id]
        return {
            "rows": len(self.items),
            "facts": len(self.wordings),
            "judged": len(judged),
            "fates": Counter(item.fate for item in self.items),
            "checks": dict(Counter(item.check for item in self.items if item.check).most_common()),
            "scored": any(item.score is not None for item in self.items),
            "paths": sorted({item.path for item in self.items}),
            "undoable": len(self.undoable),
        }


def items(fate: str, file: Path, disagreement: dict[str, float]) -> list[Item]:
    """The rows of a file that hold a pair; bad rows of data/extra/ have none to judge."""
    if not file.exists():
        raise UserError(f"{file} is missing; run `dvc repro curate` to create it")
    found = []
    for line in lines(file):
        row = line.row()
        if row["instruction"]:
            check = row["check"] if fate == REJECTED else ""
            place, pair_id = (row["path"], row["line_start"]), row["pair_id"]
            fact = f"{row.get('fact_id') or pair_id} {check}" if row["chunk_id"] else pair_id
            signs = (fact, doubt(row, disagreement.get(pair_id, 0.0)))
            found.append(Item(pair_id, fate, check, *place, score(row), row["instruction"], line.offset, *signs))
    return found


def verdict(review: Review | None) -> str:
    return review.verdict if review else ""


def for_wording(review: Review, item: Item) -> Review | None:
    """A verdict on a fact as one on another of its wordings: of an edit the answer. None where nothing is said."""
    if review.text is None:
        return review.model_copy(update={"pair_id": item.pair_id, "question": item.question})
    if review.text.output is None:
        return None
    answer = {"pair_id": item.pair_id, "question": item.question, "text": Text(output=review.text.output)}
    return review.model_copy(update=answer)


def chunk_places(file: Path) -> Iterator[tuple[str, tuple[Path, int]]]:
    for line in lines(file):
        matched = CHUNK_ID.search(line.text[:100].decode("utf-8", "ignore"))
        if matched:
            yield matched[1], (line.file, line.offset)


def row_at(file: Path, offset: int, field: str, value: str) -> dict[str, Any]:
    """The row that begins there. Raises KeyError when it is another one: the stage wrote the file anew meanwhile."""
    try:
        row: dict[str, Any] = line_at(file, offset).row()
    except ValueError:
        row = {}
    if row.get(field) != value:
        raise KeyError(value)
    return row
