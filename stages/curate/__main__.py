"""Pairs in, dataset out: checked, deduplicated, split. Nothing is dropped without a reason.

Reads data/pairs.jsonl, data/absent.jsonl, data/chunks.jsonl, data/docs.jsonl, and what people bring: data/extra/ and
data/review.jsonl; data/verdicts.jsonl is what a judge said before. Writes
data/dataset/{train,eval_seen,eval_unseen,unanswerable}.jsonl, data/rejected.jsonl, data/uncovered.jsonl (chunks
without a surviving pair), reports/curate.json and reports/coverage.json. Run: python -m stages.curate
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from stages.common.base import params, paths
from stages.common.base.errors import run_stage
from stages.common.base.printable import say
from stages.common.exam.questions import read as read_exam
from stages.common.records.files import lines, read_jsonl, write_json, write_jsonl, write_report
from stages.common.records.masking import masked_values
from stages.common.records.rows import DatasetRow
from stages.common.rows.own_data import OwnData, own_data
from stages.common.rows.rows import Rejection, to_row
from stages.common.schema import Curate
from stages.curate import absent_judge, coverage, examining, forms, refusals, review
from stages.curate.chunks import Sources
from stages.curate.dataset import dataset, held_out_paths, last_lines
from stages.curate.exam import Exam
from stages.curate.figures import Rejected, nothing_to_train_on, report
from stages.curate.origins import Origins
from stages.curate.shelf import Keyed, Shelf
from stages.curate.split import Parts

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {
    "train": "train",
    "rejected": "rejected",
    "facts_trained": "facts_trained",
    "pages_held_out": "pages_held_out",
}


TOLD = 20  # lines about bad rows, and about orphans


def tell(lines: list[str]) -> None:
    """What people should know, a bounded number of lines of it; the rest is in data/rejected.jsonl and the report."""
    for line in lines[:TOLD]:
        say(f"curate: {line}")
    if len(lines) > TOLD:
        say(f"curate: … and {len(lines) - TOLD} more")


class Read(NamedTuple):
    """Rows checked one by one, how many there were, and those that were rejected before."""

    sifted: examining.Sifted
    pairs: int
    early: Shelf
    orphans: list[review.Orphan]


def read_rows(
    chunks: Keyed, own: OwnData, known: Origins, sources: Sources, reviews: dict[str, review.Review], section: Curate
) -> Read:
    """Every row goes through all that can be said of it by itself, a few at a time."""
    early = Shelf(examining.as_shared(row, section) for row in own.rejected)
    ids = set(reviews)
    counts = [len(own.rejected)]

    def counted() -> Iterator[DatasetRow]:
        for row in pairs(chunks, own):
            counts[0] += 1
            ids.discard(row["pair_id"])
            yield row

    located = tqdm(
        known.located(counted(), chunks),
        desc="curate",
        unit="pair",
        total=sum(1 for _ in lines(paths.PAIRS)) + len(own.rows),
    )
    reviewed = review.sift(located, reviews, lambda row: early.put(examining.as_shared(row, section)))
    asked = read_exam(paths.EXAM).rows  # evaluate refuses what is no question
    if section.private != "keep":
        asked, _ = masked_values(asked)
    sifted = examining.sift(reviewed, sources, chunks.number, Exam(asked), section)
    questions = review.Questions(lambda: pairs(chunks, own), set(reviews) - ids)
    return Read(sifted, counts[0], early, review.orphans(reviews, questions))


def pairs(chunks: Keyed, own: OwnData) -> Iterator[DatasetRow]:
    return chain((to_row(pair, chunks) for pair in read_jsonl(paths.PAIRS)), map(dict.copy, own.rows))  # type: ignore[arg-type]


def masked_forms(rows: Iterable[DatasetRow], private: str) -> Iterator[DatasetRow]:
    """The rows, what a form brought into them masked: titles and lines of pages, which `docs.private` may keep."""
    return (masked_values(row)[0] if private != "keep" and "form" in row else row for row in rows)


def write_coverage(parts: Parts, rejected: Callable[[], Iterable[Rejection]], chunks: Shelf) -> dict[str, int]:
    """Which chunks no pair asks about; the figures of that."""
    bare = np.ones(len(chunks) + 1, np.bool_)  # the last one for rows of one's own
    for rows in parts.values():
        bare[rows.column("chunk")] = False
    write_jsonl(paths.UNCOVERED, coverage.uncovered(chunks, bare[:-1], rejected()))
    places = coverage.places(chunks, bare[:-1])
    write_json(paths.REPORTS / "coverage.json", coverage.by_section(places.pages))
    return places.figures


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    section = settings.curate
    chunks = Keyed(read_jsonl(paths.CHUNKS), "chunk_id")
    own, reviews, known = own_data(paths.EXTRA), review.read_reviews(paths.REVIEW), Origins(read_jsonl(paths.DOCS))
    read_chunks = Sources(chunks, known.language)
    read = read_rows(chunks, own, known, read_chunks, reviews, section)
    sifted = read.sifted
    result = dataset(sifted.table.rows(), sifted.pairs, chunks, read_chunks, known.identity, section)
    parts, shelves = result.parts, (read.early, sifted.failed, sifted.held_private, sifted.in_exam, *result.rejected)
    rejected = Rejected(chain(*shelves))

    figures = report(read.pairs, rejected, sifted.private, parts)
    figures |= {"own": len(own.rows), "review": review.report(reviews, read.orphans)}
    if not len(parts["train"]):
        raise nothing_to_train_on(read.pairs, len(chunks), figures["rejected_by"])
    figures |= {"answers_in_other_words": dict(sifted.reworded)} if sifted.reworded else {}
    figures["judge"] = result.judged
    figures["generated"] = read.pairs - len(own.rows) - len(own.rejected)
    figures["pages_held_out"] = len(held_out_paths(parts["eval_unseen"], chunks.shelf))
    figures["coverage"] = write_coverage(parts, lambda: chain(*shelves), chunks.shelf)
    written = list(read_jsonl(paths.ABSENT)) if paths.ABSENT.exists() else []
    asked = forms.asked(parts["train"], chunks, result.pages, section.forms, written)
    asked, absence = absent_judge.sift(asked, chunks, section.judge)
    figures["forms"] = forms.counts(asked.trained())
    figures |= {"absence_judged": absence} if absence else {}
    write_jsonl(paths.DATASET / "train.jsonl", masked_forms(asked.trained(), section.private))
    for name in paths.SPLITS[1:]:
        write_jsonl(paths.DATASET / f"{name}.jsonl", parts[name])
    write_jsonl(paths.DATASET / "unanswerable.jsonl", masked_forms(asked.unanswerable, section.private))
    write_jsonl(paths.REJECTED, chain(*shelves))
    write_report("curate", figures, HEADLINE)
    tell([*own.remarks, *(f"{row['path']}:{row['line_start']}: {row['value']}" for row in own.rejected)])
    tell([f"{paths.REVIEW}: {review.told(orphan)}" for orphan in read.orphans])
    say(f"curate: {figures['kept']} pairs kept, {figures['rejected']} rejected {figures['rejected_by']}")
    if len(sifted.in_exam):
        say(
            f"curate: {len(sifted.in_exam)} pairs ask what data/exam asks, so they are not trained "
            f"(exam_question in {paths.REJECTED})"
        )
    tell(list(last_lines(result, chunks.shelf, section)))


if __name__ == "__main__":
    run_stage("curate", main)
