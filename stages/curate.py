"""Pairs in, dataset out: checked, deduplicated, split. Nothing is dropped without a reason.

Reads data/pairs.jsonl and data/chunks.jsonl; writes data/dataset/{train,eval_seen,eval_unseen}.jsonl,
data/rejected.jsonl and reports/curate.json. Run: python -m stages.curate
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from stages.shared import params, paths
from stages.shared.curation.checks import Verdict, verdict
from stages.shared.errors import UserError, run_stage
from stages.shared.records import Chunk, DatasetRow, Pair, digest, read_jsonl, share, write_json, write_jsonl
from stages.shared.text import normalised, squeezed

Rejection = dict[str, Any]
MIN_WORDINGS_TO_HOLD_ONE_OUT = 3  # two stay in training: one alone teaches the sentence, not the fact


def rejection(pair: Pair, chunk: Chunk, check: str, found: Verdict) -> Rejection:
    place = {"path": chunk["path"], "line_start": chunk["line_start"], "line_end": chunk["line_end"]}
    return {**pair, **place, "check": check, "value": found.value, "threshold": found.threshold}


def judge(pairs: Iterable[Pair], chunks: dict[str, Chunk], limits: params.Curate) -> tuple[list[Pair], list[Rejection]]:
    """Pairs that pass every check, and the others with the check that rejected them."""
    kept, rejected = [], []
    for pair in pairs:
        chunk = chunks.get(pair["chunk_id"])
        if chunk is None:
            raise UserError(
                f"data/pairs.jsonl: pair {pair['pair_id']} has no chunk in data/chunks.jsonl; run `dvc repro`"
            )
        failed = verdict(pair, chunk, limits)
        if failed:
            rejected.append(rejection(pair, chunk, *failed))
        else:
            kept.append(pair)
    return kept, rejected


def deduplicate(pairs: list[Pair], chunks: dict[str, Chunk]) -> tuple[list[Pair], list[Rejection]]:
    """Each question once. A question with several answers is ambiguous and leaves altogether."""
    answers: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        answers[question_key(pair)].add(normalised(pair["output"]))
    kept: dict[str, Pair] = {}
    rejected = []
    for pair in pairs:
        key, chunk = question_key(pair), chunks[pair["chunk_id"]]
        if len(answers[key]) > 1:
            rejected.append(rejection(pair, chunk, "unambiguous", Verdict(len(answers[key]), "one answer")))
        elif key in kept:
            rejected.append(rejection(pair, chunk, "distinct", Verdict(kept[key]["pair_id"], "each question once")))
        else:
            kept[key] = pair
    return list(kept.values()), rejected


def question_key(pair: Pair) -> str:
    return normalised(pair["instruction"] + pair["input"])


def fact_id(pair: Pair) -> str:
    """Wordings of one question about one place share it."""
    return digest(pair["chunk_id"], pair["evidence"], normalised(pair["output"]))


def to_row(pair: Pair, chunk: Chunk) -> DatasetRow:
    return {
        **pair,
        "fact_id": fact_id(pair),
        "path": chunk["path"],
        "line_start": chunk["line_start"],
        "line_end": chunk["line_end"],
    }


def is_unseen(chunk: Chunk, holdout_pages: float) -> bool:
    """Whether the chunk stands on held-out pages only: what is also on a trained page is not unseen.

    Each page is chosen by a hash of its path, so adding pages moves no other one.
    """
    return all(share("group", path) < holdout_pages for path in [chunk["path"], *chunk["also_in"]])


def split(pairs: list[Pair], chunks: dict[str, Chunk], limits: params.Curate) -> dict[str, list[DatasetRow]]:
    """train, eval_seen (a held-out wording of a trained fact) and eval_unseen (pages never trained)."""
    rows = [to_row(pair, chunks[pair["chunk_id"]]) for pair in pairs]
    unseen = {row["pair_id"] for row in rows if is_unseen(chunks[row["chunk_id"]], limits.holdout_pages)}
    seen = held_out_wordings((row for row in rows if row["pair_id"] not in unseen), limits.holdout_facts)
    parts: dict[str, list[DatasetRow]] = {name: [] for name in paths.SPLITS}
    for row in rows:
        part = "eval_unseen" if row["pair_id"] in unseen else "eval_seen" if row["pair_id"] in seen else "train"
        parts[part].append(row)
    return parts


def held_out_wordings(rows: Iterable[DatasetRow], holdout_facts: float) -> set[str]:
    """The pair_id of one wording of each fact that a hash of the fact chooses."""
    wordings: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        wordings[row["fact_id"]].append(row["pair_id"])
    return {
        min(ids, key=share)
        for fact, ids in wordings.items()
        if len(ids) >= MIN_WORDINGS_TO_HOLD_ONE_OUT and share("fact", fact) < holdout_facts
    }


def without_leaks(
    rows: list[DatasetRow], trained: list[DatasetRow], chunks: dict[str, Chunk]
) -> tuple[list[DatasetRow], list[Rejection]]:
    """Rows of pages never trained, and those whose evidence and answer a trained page has as well, such as another
    version of the page."""
    known = {(squeezed(row["evidence"]), normalised(row["output"])) for row in trained}
    kept, rejected = [], []
    for row in rows:
        if (squeezed(row["evidence"]), normalised(row["output"])) in known:
            verdict = Verdict(row["evidence"], "not on a trained page")
            rejected.append(rejection(row, chunks[row["chunk_id"]], "unseen_is_unseen", verdict))
        else:
            kept.append(row)
    return kept, rejected


def report(read: int, rejected: list[Rejection], parts: dict[str, list[DatasetRow]]) -> dict[str, Any]:
    kept = sum(len(rows) for rows in parts.values())
    if kept + len(rejected) != read:
        raise AssertionError(f"{read} pairs read, but {kept} kept and {len(rejected)} rejected")
    return {
        "pairs": read,
        "kept": kept,
        "rejected": len(rejected),
        "rejected_by": dict(sorted(Counter(row["check"] for row in rejected).items())),
        **{name: len(rows) for name, rows in parts.items()},
        "facts_trained": len({row["fact_id"] for row in parts["train"]}),
    }


def main() -> None:
    limits = params.load().curate
    pairs: list[Pair] = list(read_jsonl(paths.PAIRS))
    chunks: dict[str, Chunk] = {chunk["chunk_id"]: chunk for chunk in read_jsonl(paths.CHUNKS)}
    kept, rejected = judge(pairs, chunks, limits)
    kept, repeated = deduplicate(kept, chunks)
    parts = split(kept, chunks, limits)
    parts["eval_unseen"], leaked = without_leaks(parts["eval_unseen"], parts["train"] + parts["eval_seen"], chunks)
    rejected += repeated + leaked
    figures = report(len(pairs), rejected, parts)
    if not parts["train"]:
        raise UserError(f"no pair is left to train on ({len(pairs)} read, rejected by {figures['rejected_by']}); "
                        "relax the limits under curate in params.yaml or give more documentation")  # fmt: skip
    for name, rows in parts.items():
        write_jsonl(paths.DATASET / f"{name}.jsonl", rows)
    write_jsonl(paths.REJECTED, rejected)
    write_json(paths.REPORTS / "curate.json", figures)
    print(f"curate: {figures['kept']} pairs kept, {figures['rejected']} rejected {figures['rejected_by']}")


if __name__ == "__main__":
    run_stage("curate", main)
