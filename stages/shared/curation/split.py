"""Which rows are trained and which are held out: decided by hashes, so that adding pages moves no old row."""

from collections import defaultdict
from collections.abc import Iterable

from stages.shared import params, paths
from stages.shared.curation.rows import Chunks, Rejection, Verdict, is_own, question_key, rejection
from stages.shared.records import Chunk, DatasetRow, share
from stages.shared.text import normalised, squeezed

Parts = dict[str, list[DatasetRow]]
MIN_WORDINGS_TO_HOLD_ONE_OUT = 3  # two stay in training: one alone teaches the sentence, not the fact


def split(rows: list[DatasetRow], chunks: Chunks, limits: params.Curate) -> tuple[Parts, list[Rejection]]:
    """train, eval_seen (a held-out wording of a trained fact) and eval_unseen (pages never trained), and what
    belongs to neither."""
    paged = (row for row in rows if not is_own(row))
    unseen = {row["pair_id"] for row in paged if is_unseen(chunks[row["chunk_id"]], limits.holdout_pages)}
    unseen |= unseen_own([row for row in rows if row["pair_id"] not in unseen], limits.holdout_pages)
    seen = held_out_wordings((row for row in rows if row["pair_id"] not in unseen), limits.holdout_facts)
    parts: Parts = {name: [] for name in paths.SPLITS}
    for row in rows:
        part = "eval_unseen" if row["pair_id"] in unseen else "eval_seen" if row["pair_id"] in seen else "train"
        parts[part].append(row)
    parts["eval_unseen"], leaked = without_leaks(parts["eval_unseen"], parts["train"] + parts["eval_seen"])
    return parts, leaked


def is_unseen(chunk: Chunk, holdout_pages: float) -> bool:
    """Whether the chunk stands on held-out pages only: what is also on a trained page is not unseen.

    Each page is chosen by a hash of its path, so adding pages moves no other one.
    """
    return all(share("group", path) < holdout_pages for path in [chunk["path"], *chunk["also_in"]])


def unseen_own(rows: list[DatasetRow], holdout: float) -> set[str]:
    """The pair_id of the user's own rows that are held out: whole facts, unless another row asks the same."""
    held = [row for row in rows if is_own(row) and share("group", row["fact_id"]) < holdout]
    ids = {row["pair_id"] for row in held}
    asked = {question_key(row) for row in rows if row["pair_id"] not in ids}
    trained = {row["fact_id"] for row in held if question_key(row) in asked}
    return {row["pair_id"] for row in held if row["fact_id"] not in trained}


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


def without_leaks(rows: list[DatasetRow], trained: list[DatasetRow]) -> tuple[list[DatasetRow], list[Rejection]]:
    """Rows of pages never trained, and those whose evidence and answer a trained page has as well, such as another
    version of the page."""
    known = {(squeezed(row["evidence"]), normalised(row["output"])) for row in trained}
    kept, rejected = [], []
    for row in rows:
        if not is_own(row) and (squeezed(row["evidence"]), normalised(row["output"])) in known:
            rejected.append(rejection(row, "unseen_is_unseen", Verdict(row["evidence"], "not on a trained page")))
        else:
            kept.append(row)
    return kept, rejected
