"""Pairs in, dataset out: checked, deduplicated, split. Nothing is dropped without a reason.

Reads data/pairs.jsonl, data/absent.jsonl, data/chunks.jsonl, data/docs.jsonl, and what people bring: data/extra/ and
data/review.jsonl; data/verdicts.jsonl is what a judge said before. Writes
data/dataset/{train,eval_seen,eval_unseen,unanswerable}.jsonl, data/rejected.jsonl, data/uncovered.jsonl (chunks
without a surviving pair), reports/curate.json and reports/coverage.json. Run: python -m stages.curate
"""

import itertools
from collections import Counter
from typing import Any

from stages.common.base import params, paths
from stages.common.base.errors import UserError, run_stage
from stages.common.exam.questions import read as read_exam
from stages.common.records.files import read_jsonl, write_json, write_jsonl, write_report
from stages.common.records.masking import masked_values
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.rows.own_data import own_data
from stages.common.rows.rows import Chunks, Rejection, is_own, to_row
from stages.common.rows.source import sources
from stages.curate import absent_judge, coverage, exam, examining, forms, refusals, review
from stages.curate.dataset import dataset, last_lines
from stages.curate.origins import origins
from stages.curate.split import Parts

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {
    "train": "train",
    "rejected": "rejected",
    "facts_trained": "facts_trained",
    "pages_held_out": "pages_held_out",
}


TOLD = 20  # lines about bad rows, and about orphans


def report(read: int, rejected: list[Rejection], masked: Counter[str], parts: Parts) -> dict[str, Any]:
    kept = sum(len(rows) for rows in parts.values())
    if kept + len(rejected) != read:
        raise AssertionError(f"{read} pairs read, but {kept} kept and {len(rejected)} rejected")
    return {
        "pairs": read,
        "kept": kept,
        "rejected": len(rejected),
        "rejected_by": dict(sorted(Counter(row["check"] for row in rejected).items())),
        "by_style": by_style(parts, rejected),
        "private": dict(sorted(masked.items())),
        **{name: len(rows) for name, rows in parts.items()},
        "facts_trained": len({row["fact_id"] for row in parts["train"]}),
    }


def by_style(parts: Parts, rejected: list[Rejection]) -> dict[str, dict[str, Any]]:
    """Pairs kept, and rejected by each check, for each kind of question; rows of one's own have none."""
    kept = Counter(str(row.get("style", "")) for rows in parts.values() for row in rows)
    lost = Counter((str(row.get("style", "")), row["check"]) for row in rejected)
    return {
        style: {
            "kept": kept[style],
            "rejected_by": {check: n for (of, check), n in sorted(lost.items()) if of == style},
        }
        for style in sorted({*kept, *(style for style, _ in lost)} - {""})
    }


def tell(lines: list[str]) -> None:
    """What people should know, a bounded number of lines of it; the rest is in data/rejected.jsonl and the report."""
    for line in lines[:TOLD]:
        print(f"curate: {line}")
    if len(lines) > TOLD:
        print(f"curate: … and {len(lines) - TOLD} more")


def masked_forms(rows: list[DatasetRow], private: str) -> list[DatasetRow]:
    """The rows, what a form brought into them masked: titles and lines of pages, which `docs.private` may keep."""
    if private == "keep":
        return rows
    return [masked_values(row)[0] if "form" in row else row for row in rows]


def write(parts: Parts, rejected: list[Rejection]) -> None:
    for name, part in parts.items():
        write_jsonl(paths.DATASET / f"{name}.jsonl", part)
    write_jsonl(paths.REJECTED, rejected)


def write_coverage(parts: Parts, rejected: list[Rejection], chunks: Chunks) -> dict[str, int]:
    """Which chunks no pair asks about; the figures of that."""
    missing = coverage.uncovered(chunks.values(), itertools.chain(*parts.values()), rejected)
    write_jsonl(paths.UNCOVERED, missing)
    write_json(paths.REPORTS / "coverage.json", coverage.by_section(chunks.values(), missing))
    return coverage.figures(chunks.values(), missing)


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    section = settings.curate
    chunks: dict[str, Chunk] = {chunk["chunk_id"]: chunk for chunk in read_jsonl(paths.CHUNKS)}
    own, reviews = own_data(paths.EXTRA), review.read_reviews(paths.REVIEW)
    rows = [*(to_row(pair, chunks) for pair in read_jsonl(paths.PAIRS)), *own.rows]
    known = origins(read_jsonl(paths.DOCS), rows, chunks)
    read_chunks = sources(chunks.values(), known.language)
    read = len(rows) + len(own.rejected)
    orphans = review.orphans(reviews, {row["pair_id"]: row["instruction"] for row in rows})

    rows, refused = review.sift(rows, reviews)
    rows, rejected, masked, said_otherwise, asks = examining.sift(rows, own.rejected + refused, read_chunks, section)
    asked = read_exam(paths.EXAM).rows  # evaluate refuses what is no question
    if section.private != "keep":
        asked, _ = masked_values(asked)
    rows, in_exam = exam.sift(rows, asked)
    result = dataset(rows, chunks, read_chunks, known.identity, section, asks)
    parts, rejected = result.parts, rejected + in_exam + result.rejected

    figures = report(read, rejected, masked, parts) | {"own": len(own.rows), "review": review.report(reviews, orphans)}
    if not parts["train"]:
        raise UserError(f"no pair is left to train on ({read} read, rejected by {figures['rejected_by']}); "
                        "relax the limits under curate in params.yaml, or add documentation")  # fmt: skip
    figures |= {"answers_in_other_words": dict(said_otherwise)} if said_otherwise else {}
    figures["judge"] = result.judged
    figures["generated"] = read - len(own.rows) - len(own.rejected)
    figures["pages_held_out"] = len({row["path"] for row in parts["eval_unseen"] if not is_own(row)})
    figures["coverage"] = write_coverage(parts, rejected, chunks)
    written = list(read_jsonl(paths.ABSENT)) if paths.ABSENT.exists() else []
    asked_in_forms = forms.asked(parts["train"], chunks, result.pages, section.forms, written)
    asked_in_forms, absence = absent_judge.sift(asked_in_forms, chunks, section.judge)
    figures["forms"] = forms.counts(asked_in_forms.train)
    figures |= {"absence_judged": absence} if absence else {}
    in_forms = {"train": asked_in_forms.train, "unanswerable": asked_in_forms.unanswerable}
    write(parts | {name: masked_forms(rows, section.private) for name, rows in in_forms.items()}, rejected)
    write_report("curate", figures, HEADLINE)
    tell([*own.remarks, *(f"{row['path']}:{row['line_start']}: {row['value']}" for row in own.rejected)])
    tell([f"{paths.REVIEW}: {review.told(orphan)}" for orphan in orphans])
    print(f"curate: {figures['kept']} pairs kept, {figures['rejected']} rejected {figures['rejected_by']}")
    if in_exam:
        print(
            f"curate: {len(in_exam)} pairs ask what data/exam asks, so they are not trained "
            f"(exam_question in {paths.REJECTED})"
        )
    tell(list(last_lines(result, section)))


if __name__ == "__main__":
    run_stage("curate", main)
