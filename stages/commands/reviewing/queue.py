"""The rows to judge: what curate kept and what it rejected, by page and line. Rows stay on the disk; only what they are
filtered by is held in memory, about 300 bytes a row."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stages.commands.tracing.rows import CHUNK_ID, FILES, REJECTED, shown
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import line_at, lines
from stages.curate.review import Orphan, Review, change_review, orphans, read_reviews
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


class Filters(NamedTuple):
    """What to show; empty values let everything through. `path` is a part of the page's path."""

    path: str = ""
    check: str = ""  # a fate, or the name of a check
    verdict: str = ""  # none, any, accept, reject or edit
    text: str = ""
    min_score: float | None = None
    max_score: float | None = None

    def admits(self, item: Item, review: Review | None) -> bool:
        verdict = review.verdict if review else "none"
        return (
            self.path.lower() in item.path.lower()
            and self.check in ("", item.fate, item.check)
            and (self.verdict in ("", verdict) or (self.verdict == "any" and review is not None))
            and self.text.lower() in item.question.lower()
            and (self.min_score is None or (item.score is not None and item.score >= self.min_score))
            and (self.max_score is None or (item.score is not None and item.score <= self.max_score))
        )


class Queue:
    """The rows of the last run and the verdicts on them."""

    def __init__(self) -> None:
        self.items = sorted(
            (item for fate, file in FILES.items() for item in items(fate, file)),
            key=lambda item: (item.path, item.line, item.offset),
        )
        self.by_id = {item.pair_id: item for item in reversed(self.items)}
        self.chunks = dict(chunk_places(paths.CHUNKS))
        self.lock = threading.Lock()
        self.undoable: list[tuple[str, Review | None, Review | None]] = []  # pair, verdict before and after
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
        return [item for item in self.items if filters.admits(item, reviews.get(item.pair_id))]

    def row(self, pair_id: str) -> dict[str, Any]:
        """A row with its chunk and the place of the evidence. Raises KeyError when there is none."""
        item = self.by_id[pair_id]
        row = row_at(FILES[item.fate], item.offset, "pair_id", pair_id)
        chunk_id = row["chunk_id"]
        chunk = shown(row_at(*self.chunks[chunk_id], "chunk_id", chunk_id)) if chunk_id else None
        review = self.reviews().get(pair_id)
        return {
            **row,
            "fate": item.fate,
            "chunk": chunk,
            "marked": evidence_span(chunk["text"], row["evidence"]) if chunk else None,
            "review": review.model_dump() if review else None,
        }

    def judge(self, review: Review) -> None:
        """Write a verdict down. Raises KeyError when there is no such pair."""
        item = self.by_id[review.pair_id]
        self.change(review.pair_id, review.model_copy(update={"question": item.question}))

    def withdraw(self, pair_id: str) -> None:
        self.change(pair_id, None)

    def change(self, pair_id: str, review: Review | None) -> None:
        with self.lock:
            before = change_review(paths.REVIEW, pair_id, review)
            self.undoable.append((pair_id, before, review))

    def undo(self) -> str | None:
        """Take the last change of this session back; the pair that it was about, or None when there is none. What
        another page changed since stays: UserError."""
        with self.lock:
            if not self.undoable:
                return None
            pair_id, before, after = self.undoable.pop()
            change_review(paths.REVIEW, pair_id, before, lambda known: known == after)
            return pair_id

    def orphans(self) -> list[Orphan]:
        return orphans(self.reviews(), {item.pair_id: item.question for item in self.items})

    def adopt(self, orphan_id: str, pair_id: str) -> None:
        """Give the verdict of a pair that is gone to another pair."""
        review = self.reviews()[orphan_id]
        question = self.by_id[pair_id].question
        self.change(pair_id, review.model_copy(update={"pair_id": pair_id, "question": question}))
        self.change(orphan_id, None)

    def overview(self) -> dict[str, Any]:
        """What there is to filter by, with counts."""
        judged = [pair_id for pair_id in self.reviews() if pair_id in self.by_id]
        return {
            "rows": len(self.items),
            "judged": len(judged),
            "fates": Counter(item.fate for item in self.items),
            "checks": dict(Counter(item.check for item in self.items if item.check).most_common()),
            "scored": any(item.score is not None for item in self.items),
            "paths": sorted({item.path for item in self.items}),
            "undoable": len(self.undoable),
        }


def items(fate: str, file: Path) -> list[Item]:
    """The rows of a file that hold a pair; bad rows of data/extra/ have none to judge."""
    if not file.exists():
        raise UserError(f"{file} is missing; run `dvc repro curate` to create it")
    found = []
    for line in lines(file):
        row = line.row()
        if row["instruction"]:
            check = row["check"] if fate == REJECTED else ""
            place = (row["path"], row["line_start"])
            found.append(Item(row["pair_id"], fate, check, *place, score(row), row["instruction"], line.offset))
    return found


def score(row: dict[str, Any]) -> float | None:
    """The judge's score of a row; where the judge rejected the row, it stands in what it found."""
    value = row.get("value")
    found: float | None = row.get("score", value.get("score") if isinstance(value, dict) else None)
    return found


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
