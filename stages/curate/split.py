"""Which rows are trained and which are held out.

A row's part follows from hashes of its page's family and of its own fact, never from what else there is. What would
leak is rejected rather than moved, so adding pages moves no row between training and evaluation.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from stages.common import schema
from stages.common.base import paths
from stages.common.records.files import share
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Chunks, Rejection, Verdict, is_own, question_key, rejection
from stages.common.text.wording import normalised, squeezed
from stages.curate.duplicates.minhash import jaccard, shingles
from stages.curate.duplicates.near import SHINGLE, Link
from stages.curate.pages import Pages

Parts = dict[str, list[DatasetRow]]
MIN_WORDINGS_TO_HOLD_ONE_OUT = 3  # two stay in training: one alone teaches the sentence, not the fact


def split(
    rows: list[DatasetRow],
    asked: list[DatasetRow],
    chunks: Chunks,
    pages: Pages,
    links: list[Link],
    limits: schema.Curate,
) -> tuple[Parts, list[Rejection]]:
    """train, eval_seen (a held-out wording of a trained fact) and eval_unseen (pages never trained), and what belongs
    to none of them. `asked` are the rows before near-duplicates left: they say which wording of a fact is held out."""
    held_out = held_out_wordings(asked, limits)
    held_out_own = unseen_own(rows, limits.holdout_pages)
    parts: Parts = {name: [] for name in paths.SPLITS}
    rejected = []
    for row in rows:
        if is_own(row):
            part = "eval_unseen" if row["pair_id"] in held_out_own else "train"
        elif pages.is_trained(chunks[row["chunk_id"]]):
            part = "train"
        elif pages.is_unseen(chunks[row["chunk_id"]]):
            part = "eval_unseen"
        else:
            rejected.append(
                rejection(row, "unseen_is_unseen", Verdict(row["path"], "no page trained that says the same"))
            )
            continue
        parts["eval_seen" if part == "train" and row["pair_id"] in held_out else part].append(row)
    parts["eval_seen"], untrained = with_trained_fact(parts["eval_seen"], parts["train"])
    parts["eval_unseen"], stated = without_stated(parts, chunks, pages)
    rejected += untrained + stated + without_alike(parts, links)
    return parts, rejected


def held_out_wordings(rows: Iterable[DatasetRow], limits: schema.Curate) -> set[str]:
    """The pair_id of one wording of each fact that a hash of the fact chooses: the one least like the others. A fact
    whose wordings are all near-duplicates has none."""
    wordings: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for row in rows:
        if not is_own(row) and share("fact", row["fact_id"]) < limits.holdout_facts:
            wordings[row["fact_id"]][row["pair_id"]] = shingles(question_key(row), SHINGLE)
    found = set()
    for asked in wordings.values():
        if len(asked) >= MIN_WORDINGS_TO_HOLD_ONE_OUT:
            likeness = most_alike(asked)
            chosen = min(asked, key=lambda pair_id: (likeness[pair_id], share(pair_id)))
            if likeness[chosen] < limits.question_similarity:
                found.add(chosen)
    return found


def most_alike(grams: Mapping[str, frozenset[str]]) -> dict[str, float]:
    """How similar each text is to the one of the others that is most like it."""
    likeness = dict.fromkeys(grams, 0.0)
    for one, other in combinations(grams, 2):
        similarity = jaccard(grams[one], grams[other])
        likeness[one], likeness[other] = max(likeness[one], similarity), max(likeness[other], similarity)
    return likeness


def unseen_own(rows: list[DatasetRow], holdout: float) -> set[str]:
    """The pair_id of the user's own rows that are held out: whole facts, unless another row asks the same."""
    held = [row for row in rows if is_own(row) and share("group", row["fact_id"]) < holdout]
    ids = {row["pair_id"] for row in held}
    asked = {question_key(row) for row in rows if row["pair_id"] not in ids}
    trained = {row["fact_id"] for row in held if question_key(row) in asked}
    return {row["pair_id"] for row in held if row["fact_id"] not in trained}


def statement(row: DatasetRow) -> tuple[str, str]:
    """What is the same for rows that state one thing in the same words, on whatever page."""
    return squeezed(row["evidence"]), normalised(row["output"])


def with_trained_fact(rows: list[DatasetRow], trained: list[DatasetRow]) -> tuple[list[DatasetRow], list[Rejection]]:
    """Held-out wordings whose fact has enough other wordings in training, and those whose fact lost them."""
    wordings = Counter(statement(row) for row in trained)
    least = MIN_WORDINGS_TO_HOLD_ONE_OUT - 1
    few = [row for row in rows if wordings[statement(row)] < least]
    verdicts = [rejection(row, "seen_is_trained", Verdict(wordings[statement(row)], least)) for row in few]
    return [row for row in rows if wordings[statement(row)] >= least], verdicts


def without_stated(parts: Parts, chunks: Chunks, pages: Pages) -> tuple[list[DatasetRow], list[Rejection]]:
    """Rows of pages never trained, and those whose evidence and answer a trained page has as well, or that rest on a
    partial which a trained page inlines too."""
    trained = [row for row in parts["train"] + parts["eval_seen"] if not is_own(row)]
    known = {statement(row) for row in trained}
    inlined = {partial["path"] for row in trained for partial in chunks[row["chunk_id"]]["partials"]}
    kept, rejected = [], []
    for row in parts["eval_unseen"]:
        partials = [] if is_own(row) else [part["path"] for part in chunks[row["chunk_id"]]["partials"]]
        shared = sorted(inlined.intersection(partials))
        if not is_own(row) and (shared or statement(row) in known):
            found = Verdict(shared or row["evidence"], "not on a trained page")
            rejected.append(rejection(row, "unseen_is_unseen", found))
        else:
            kept.append(row)
    return kept, rejected


def without_alike(parts: Parts, links: list[Link]) -> list[Rejection]:
    """Take out of the evaluation what is a near-duplicate of something trained; those rows as rejections."""
    part_of = {row["pair_id"]: name for name in paths.SPLITS for row in parts[name]}
    order = {name: place for place, name in enumerate(paths.SPLITS)}
    leaks: dict[str, Link] = {}
    for link in links:
        names = [part_of.get(link.one), part_of.get(link.other)]
        if None not in names and names[0] != names[1]:
            later = max((link.one, link.other), key=lambda pair_id: order[part_of[pair_id]])
            leaks.setdefault(later, link)
    rejected = []
    for name, check in (("eval_seen", "seen_is_trained"), ("eval_unseen", "unseen_is_unseen")):
        for row in parts[name]:
            if row["pair_id"] in leaks:
                link = leaks[row["pair_id"]]
                other = link.one if link.other == row["pair_id"] else link.other
                rejected.append(rejection(row, check, Verdict([other, link.similarity], "no near-duplicate trained")))
        parts[name] = [row for row in parts[name] if row["pair_id"] not in leaks]
    return rejected


def assert_no_leak(parts: Parts, links: list[Link]) -> None:
    """No near-duplicate question stands in two parts. Raises AssertionError: it would be a fault of this program."""
    part_of = {row["pair_id"]: name for name, rows in parts.items() for row in rows}
    for one, other, _ in links:
        if one in part_of and other in part_of and part_of[one] != part_of[other]:
            raise AssertionError(f"{one} in {part_of[one]} is a near-duplicate of {other} in {part_of[other]}")
