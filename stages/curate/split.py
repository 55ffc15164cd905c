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
from stages.common.rows.rows import Chunks, Rejection, Verdict, first_answer, is_own, question_key, rejection
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
    to none of them. `asked` are the rows before near-duplicates left: they say which wording of a fact is held out
    where generate marks none."""
    held_out_own = unseen_own(rows, limits.holdout_pages)
    families = any(row.get("held_out") for row in asked)
    if families:
        held_out = {row["pair_id"] for row in rows if row.get("held_out")}
    else:
        of_trained = (row for row in asked if part_of(row, chunks, pages, held_out_own) == "train")
        held_out = held_out_wordings(of_trained, limits)
    parts: Parts = {name: [] for name in paths.SPLITS}
    rejected = []
    for row in rows:
        part = part_of(row, chunks, pages, held_out_own)
        if not part:
            nowhere = Verdict(row["path"], "no page trained that says the same")
            rejected.append(rejection(row, "unseen_is_unseen", nowhere))
        else:
            parts["eval_seen" if part == "train" and row["pair_id"] in held_out else part].append(row)
    trained = 1 if families else MIN_WORDINGS_TO_HOLD_ONE_OUT - 1
    parts["eval_seen"], untrained = with_trained_fact(parts["eval_seen"], parts["train"], trained)
    parts["eval_unseen"], stated = without_stated(parts, chunks)
    rejected += untrained + stated + without_alike(parts, links)
    if families:
        parts["eval_seen"], unmeasured = measured(parts["eval_seen"], limits.holdout_facts)
        rejected += unmeasured
    return parts, rejected


def part_of(row: DatasetRow, chunks: Chunks, pages: Pages, held_out_own: set[str]) -> str:
    """train or eval_unseen by the page alone; empty for a page that can be neither."""
    if is_own(row):
        return "eval_unseen" if row["pair_id"] in held_out_own else "train"
    chunk = chunks[row["chunk_id"]]
    if pages.is_trained(chunk):
        return "train"
    return "eval_unseen" if pages.is_unseen(chunk) else ""


def measured(rows: list[DatasetRow], wanted: float) -> tuple[list[DatasetRow], list[Rejection]]:
    """Held-out wordings of the facts that a hash chooses, at least of one fact unless none is wanted; the others are
    neither trained nor asked."""
    hashes = {row["fact_id"]: share("fact", row["fact_id"]) for row in rows}
    least = min(hashes.values(), default=0.0)
    chosen = {fact for fact, value in hashes.items() if wanted and (value < wanted or value == least)}
    others = [
        rejection(row, "held_out_wording", Verdict(row.get("family", ""), f"holdout_facts {wanted}"))
        for row in rows
        if row["fact_id"] not in chosen
    ]
    return [row for row in rows if row["fact_id"] in chosen], others


def held_out_wordings(rows: Iterable[DatasetRow], limits: schema.Curate) -> set[str]:
    """The pair_id of one wording of each fact that a hash of the fact chooses: the one least like the others. A fact
    whose wordings are all near-duplicates has none. Where the hash chooses no fact, it is the one with the lowest."""
    wordings: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if not is_own(row):
            wordings[row["fact_id"]][row["pair_id"]] = question_key(row)
    chosen: set[str] = set()
    for fact in sorted(wordings if limits.holdout_facts else (), key=lambda fact: share("fact", fact)):
        if share("fact", fact) >= limits.holdout_facts and chosen:
            break
        asked = {pair_id: shingles(key, SHINGLE) for pair_id, key in wordings[fact].items()}
        if len(asked) >= MIN_WORDINGS_TO_HOLD_ONE_OUT:
            likeness = most_alike(asked)
            wording = min(asked, key=lambda pair_id: (likeness[pair_id], share(pair_id)))
            if likeness[wording] < limits.question_similarity:
                chosen.add(wording)
    return chosen


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
    """What is the same for rows that state one thing, on whatever page."""
    return squeezed(row["evidence"]), normalised(first_answer(row))


def with_trained_fact(
    rows: list[DatasetRow], trained: list[DatasetRow], least: int
) -> tuple[list[DatasetRow], list[Rejection]]:
    """Held-out wordings whose fact has enough other wordings in training, and those whose fact lost them."""
    wordings = Counter(statement(row) for row in trained)
    few = [row for row in rows if wordings[statement(row)] < least]
    verdicts = [rejection(row, "seen_is_trained", Verdict(wordings[statement(row)], least)) for row in few]
    return [row for row in rows if wordings[statement(row)] >= least], verdicts


def without_stated(parts: Parts, chunks: Chunks) -> tuple[list[DatasetRow], list[Rejection]]:
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
            verdict = Verdict(shared or row["evidence"], "not on a trained page")
            rejected.append(rejection(row, "unseen_is_unseen", verdict))
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


def assert_no_leak(parts: Parts, links: list[Link], chunks: Chunks, pages: Pages) -> None:
    """No near-duplicate question stands in two parts, no group of pages on both sides, and no wording of a held-out
    family in train. Raises AssertionError: it would be a fault of this program."""
    part_of = {row["pair_id"]: name for name, rows in parts.items() for row in rows}
    for one, other, _ in links:
        if one in part_of and other in part_of and part_of[one] != part_of[other]:
            raise AssertionError(f"{one} in {part_of[one]} is a near-duplicate of {other} in {part_of[other]}")
    sides: dict[str, set[str]] = {name: set() for name in paths.SPLITS}
    for name, rows in parts.items():
        ids = {row["chunk_id"] for row in rows if not is_own(row)}
        sides[name] = {pages.group[path] for chunk_id in ids for path in pages.of(chunks[chunk_id])}
    for group in sides["train"] & sides["eval_unseen"]:
        raise AssertionError(f"the group of {group} is trained, and asked about as never trained")
    for row in parts["train"]:
        if row.get("held_out"):
            raise AssertionError(f"{row['pair_id']} in train is a wording of the held-out family {row.get('family')}")
