"""How trained rows are asked: closed-book, or with passages before the question, as the hash of each row has it.

Rows in one form alone teach one thing alone: closed-book rows to know but not to read, rows with the right passage to
read but not to know (RAFT, Zhang et al. 2024, arXiv:2403.10131; PA-RAG, arXiv:2502.08356).
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from stages.common.exam.search import Search, chunk_text, quote
from stages.common.records.files import share
from stages.common.records.rows import Chunk, DatasetRow, Passage
from stages.common.rows.rows import Chunks, is_own
from stages.common.schema.curate import Forms
from stages.common.text.wording import squeezed
from stages.curate.absent import Absent, Written, absent, row_of
from stages.curate.documentation import Documentation
from stages.curate.pages import TRAINED, Pages
from stages.curate.shelf import Keyed, Shelf
from stages.curate.table import Rows, hashed

SEARCHED = 40  # chunks of a search among which near misses are looked for
NEAR = 12  # near misses of a fact, of which each row gets some
HELD_OUT = 0.3  # share of the inventions that are never trained, so that evaluate can ask about them
WORDINGS = 2  # questions about one invention that evaluate may ask
SHORT = 12  # characters; a shorter answer stands on many pages, in another sense


class NearMisses:
    """Chunks of trained pages that are like a question and do not hold its answer."""

    def __init__(self, chunks: Shelf, pages: Pages) -> None:
        self.pages, self.chunks = pages, chunks
        self.trained = array("I", np.flatnonzero(pages.sides(chunks) == TRAINED).tolist())
        self.search = Search(chunk_text(chunks[number]) for number in self.trained)
        self.of_fact, self.near = dict[int, int](), Shelf()  # by a fact's hash the number of its near misses

    def of(self, row: DatasetRow) -> list[Chunk]:
        """Those of the row's fact, the nearest first; they are looked for with the first of its wordings that comes."""
        fact = hashed(row["fact_id"])
        if fact not in self.of_fact:
            numbers = self.found(f"{row['instruction']}\n{row['input']}", SEARCHED)
            self.of_fact[fact] = self.near.put(list(islice(self.misses(numbers, row), NEAR)))
        return [self.chunks[number] for number in self.near[self.of_fact[fact]]]

    def nearest(self, question: str) -> list[Chunk]:
        """The chunks that a search finds for a question."""
        return [self.chunks[number] for number in self.found(question, NEAR)]

    def found(self, question: str, most: int) -> list[int]:
        return [self.trained[place] for place in self.search.find(question, min(most, len(self.trained)))]

    def misses(self, numbers: Iterable[int], row: DatasetRow) -> Iterator[int]:
        """Those of chunks of other pages without the row's evidence and answer."""
        group = self.pages.group.get(row["path"], row["path"])
        known = [text for text in map(squeezed, (row["evidence"], row["output"])) if len(text) >= SHORT]
        for number in numbers:
            chunk = self.chunks[number]
            text = squeezed(chunk_text(chunk))
            if self.pages.group[chunk["path"]] != group and not any(part in text for part in known):
                yield number


class Asked(NamedTuple):
    """The rows as they are trained, then those that the documentation does not answer: `refused` are trained, too,
    `unanswerable` is for evaluate alone."""

    rows: Rows | Shelf
    refused: list[DatasetRow]
    unanswerable: list[DatasetRow]

    def trained(self) -> Iterator[DatasetRow]:
        return chain(self.rows, self.refused)


def asked(rows: Rows, chunks: Keyed, pages: Pages, forms: Forms, written: Sequence[Written] = ()) -> Asked:
    """The trained rows, some of them with passages, and behind them what the documentation does not answer, `written`
    by a language model or made by rule. The user's own rows stay as they are."""
    if not (forms.gold or forms.distractors or forms.unanswerable or forms.unanswerable_exam):
        return Asked(rows, [], [])
    misses = NearMisses(chunks.shelf, pages)
    trained: Rows | Shelf = rows
    if forms.gold or forms.distractors:
        trained = Shelf(row if is_own(row) else in_form(row, chunks, misses, forms) for row in rows)
    questions = absent(rows, Documentation(chunks.shelf), written)
    refused, exam = unanswerable(questions, len(rows), misses, forms)
    return Asked(trained, refused, exam)


def in_form(row: DatasetRow, chunks: Chunks, misses: NearMisses, forms: Forms) -> DatasetRow:
    form = form_of(row["pair_id"], forms)
    return with_passages(row, form, chunks, misses.of(row), forms.passages) if form else row


def unanswerable(
    questions: Iterable[Absent], trained: int, misses: NearMisses, forms: Forms
) -> tuple[list[DatasetRow], list[DatasetRow]]:
    """Rows to train and rows to measure, about other inventions; of the trained ones as many have passages as of the
    other rows."""
    wanted = {"train": round(forms.unanswerable * trained), "exam": forms.unanswerable_exam}
    made: dict[str, list[DatasetRow]] = {"train": [], "exam": []}
    asked: Counter[tuple[str, ...]] = Counter()
    for one in questions:
        if all(len(part) >= wanted[name] for name, part in made.items()):
            break
        part = made[name := "exam" if share("unanswerable", one.words) < HELD_OUT else "train"]
        nearest = misses.nearest(one.question) if len(part) < wanted[name] else []
        repeats = name == "exam" and asked[one.words] >= WORDINGS
        if nearest and not repeats and not any(one.is_in(chunk_text(chunk)) for chunk in nearest):
            asked[one.words] += 1
            row = row_of(one, nearest[0])
            passages = name == "train" and form_of(row["pair_id"], forms)
            part.append(with_passages(row, "unanswerable", {}, nearest, forms.passages) if passages else row)
    return made["train"], made["exam"]


def form_of(pair_id: str, forms: Forms) -> str:
    """gold from the low end of the hashes, distractors from the high one: more of the one changes no row of the other
    while there is room."""
    value = share("form", pair_id)
    return "gold" if value < forms.gold else "distractors" if value >= 1 - forms.distractors else ""


def with_passages(row: DatasetRow, form: str, chunks: Chunks, misses: list[Chunk], most: int) -> DatasetRow:
    """The row with at most so many passages, in an order that tells nothing; without any it stays closed-book. Only a
    row of the form gold has its own chunk among them."""
    drawn = sorted(misses, key=lambda chunk: share("passage", row["pair_id"], chunk["chunk_id"]))
    question = f"{row['instruction']}\n{row['input']}"
    passages = [passage(chunk, quote(chunk["text"], question)) for chunk in drawn[: most - (form == "gold")]]
    if form == "gold":
        gold = chunks[row["chunk_id"]]
        held = row["evidence"] if row["evidence"] in gold["text"] else quote(gold["text"], question)
        passages.append(passage(gold, held))
    passages.sort(key=lambda one: share("order", row["pair_id"], one["chunk_id"]))
    return {**row, "form": form, "passages": passages} if passages else row


def passage(chunk: Chunk, kept: str) -> Passage:
    place: Passage = {"chunk_id": chunk["chunk_id"], "path": chunk["path"], "line_start": chunk["line_start"],
                      "line_end": chunk["line_end"], "quote": kept}  # fmt: skip
    return place


def counts(rows: Iterable[DatasetRow]) -> dict[str, int]:
    """How many trained rows are asked in which form."""
    found = Counter(row.get("form", "closed_book") for row in rows)
    return {name: found[name] for name in ("closed_book", "gold", "distractors", "unanswerable")}
