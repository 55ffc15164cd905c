"""Which rows are trained and which are held out.

A row's part follows from hashes of its page's family and of its own fact, never from what else there is. What would
leak is rejected rather than moved, so adding pages moves no row between training and evaluation.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from stages.common import schema
from stages.common.base import paths
from stages.common.records.files import share
from stages.common.rows.rows import Verdict, question_key, rejection
from stages.curate.duplicates.links import Link, Links
from stages.curate.duplicates.minhash import jaccard, shingles
from stages.curate.duplicates.near import SHINGLE
from stages.curate.pages import NEITHER, TRAINED, UNSEEN, Pages
from stages.curate.shelf import Shelf
from stages.curate.table import Column, Rows, runs

Parts = dict[str, Rows]
MIN_WORDINGS_TO_HOLD_ONE_OUT = 3  # two stay in training: one alone teaches the sentence, not the fact


def split(
    rows: Rows, asked: Rows, chunks: Shelf, sides: Column, links: Links, limits: schema.Curate
) -> tuple[Parts, Shelf]:
    """train, eval_seen (a held-out wording of a trained fact) and eval_unseen (pages never trained), and what belongs
    to none of them. `asked` are the rows before near-duplicates left: they say which wording of a fact is held out
    where generate marks none. `sides` are those of the chunks."""
    rejected = Shelf()
    held_out_own = unseen_own(rows, limits.holdout_pages)
    families = bool(asked.column("held_out").any())
    if families:
        held_out = rows.column("held_out")
    else:
        of_trained = asked.where(sides_of(asked, sides, held_out_own) == TRAINED)
        held_out = np.isin(rows.column("pair"), held_out_wordings(of_trained, limits))
    side = sides_of(rows, sides, held_out_own)
    for row in rows.where(side == NEITHER):
        rejected.put(rejection(row, "unseen_is_unseen", Verdict(row["path"], "no page trained that says the same")))
    chosen = ((side == TRAINED) & ~held_out, (side == TRAINED) & held_out, side == UNSEEN)
    parts = {name: rows.where(of_part) for name, of_part in zip(paths.SPLITS, chosen, strict=True)}
    trained = 1 if families else MIN_WORDINGS_TO_HOLD_ONE_OUT - 1
    parts["eval_seen"] = with_trained_fact(parts["eval_seen"], parts["train"], trained, rejected)
    parts["eval_unseen"] = without_stated(parts, chunks, rejected)
    without_alike(parts, links, rejected)
    if families:
        parts["eval_seen"] = measured(parts["eval_seen"], limits.holdout_facts, rejected)
    return parts, rejected


def sides_of(rows: Rows, sides: Column, held_out_own: Column) -> Column:
    """TRAINED or UNSEEN by the page alone, NEITHER for a page that can be neither; for the user's own rows by their
    pairs' keys."""
    own_sides = np.where(np.isin(rows.column("pair"), held_out_own), UNSEEN, TRAINED)
    return np.where(rows.column("own"), own_sides, np.append(sides, TRAINED)[rows.column("chunk")])


def share_of_fact(rows: Rows, places: Column) -> float:
    return share("fact", rows[int(places[0])]["fact_id"])


def measured(rows: Rows, wanted: float, rejected: Shelf) -> Rows:
    """Held-out wordings of the facts that a hash chooses, at least of one fact unless none is wanted; the others are
    neither trained nor asked."""
    values = np.empty(len(rows))
    for places in runs(rows.column("fact")):
        values[places] = share_of_fact(rows, places)
    chosen = ((values < wanted) | (values == values.min(initial=1.0))) & (wanted > 0)
    for row in rows.where(~chosen):
        verdict = Verdict(row.get("family", ""), f"holdout_facts {wanted}")
        rejected.put(rejection(row, "held_out_wording", verdict))
    return rows.where(chosen)


def held_out_wordings(rows: Rows, limits: schema.Curate) -> list[int]:
    """The key of the pair of one wording of each fact that a hash of the fact chooses: the one least like the others. A
    fact whose wordings are all near-duplicates has none. Where the hash chooses no fact, it is the one with the
    lowest."""
    rows = rows.where(~rows.column("own"))
    facts = list(runs(rows.column("fact"), MIN_WORDINGS_TO_HOLD_ONE_OUT)) if limits.holdout_facts else []
    values = np.fromiter((share_of_fact(rows, places) for places in facts), np.float64, len(facts))
    chosen: list[int] = []
    for number in np.argsort(values).tolist():
        if values[number] >= limits.holdout_facts and chosen:
            break
        wording = least_alike(rows, facts[number].tolist(), limits.question_similarity)
        chosen += [] if wording is None else [int(rows.where(np.array([wording])).column("pair")[0])]
    return chosen


def least_alike(rows: Rows, places: list[int], most: float) -> int | None:
    """The place of the wording that is least like the others, unless it is a near-duplicate of one, too."""
    place_of = {rows[place]["pair_id"]: place for place in places}
    if len(place_of) < MIN_WORDINGS_TO_HOLD_ONE_OUT:
        return None
    likeness = most_alike({name: shingles(question_key(rows[place]), SHINGLE) for name, place in place_of.items()})
    wording = min(place_of, key=lambda pair_id: (likeness[pair_id], share(pair_id)))
    return place_of[wording] if likeness[wording] < most else None


def most_alike(grams: Mapping[str, frozenset[str]]) -> dict[str, float]:
    """How similar each text is to the one of the others that is most like it."""
    likeness = dict.fromkeys(grams, 0.0)
    for one, other in combinations(grams, 2):
        similarity = jaccard(grams[one], grams[other])
        likeness[one], likeness[other] = max(likeness[one], similarity), max(likeness[other], similarity)
    return likeness


def unseen_own(rows: Rows, holdout: float) -> Column:
    """The keys of the pairs of the user's own rows that are held out: whole facts, unless another row asks the same."""
    own = np.flatnonzero(rows.column("own"))
    held = own[np.array([share("group", rows[place]["fact_id"]) < holdout for place in own.tolist()], np.bool_)]
    pairs, facts, asks = rows.column("pair"), rows.column("fact"), rows.column("asks")
    others = asks[~np.isin(pairs, pairs[held])]
    trained = facts[held][np.isin(asks[held], others)]
    return pairs[held][~np.isin(facts[held], trained)]


def with_trained_fact(rows: Rows, trained: Rows, least: int, rejected: Shelf) -> Rows:
    """Held-out wordings whose fact has enough other wordings in training; the others are rejected."""
    statements, counts = np.unique(trained.column("statement"), return_counts=True)
    wordings = np.zeros(len(rows), np.int64)
    if len(statements):
        at = np.minimum(np.searchsorted(statements, rows.column("statement")), len(statements) - 1)
        wordings = np.where(statements[at] == rows.column("statement"), counts[at], 0)
    for place in np.flatnonzero(wordings < least).tolist():
        rejected.put(rejection(rows[place], "seen_is_trained", Verdict(int(wordings[place]), least)))
    return rows.where(wordings >= least)


def without_stated(parts: Parts, chunks: Shelf, rejected: Shelf) -> Rows:
    """Rows of pages never trained, without those whose evidence and answer a trained page has as well, or that rest on
    a partial which a trained page inlines too."""
    trained = [part.where(~part.column("own")) for part in (parts["train"], parts["eval_seen"])]
    known = np.concatenate([part.column("statement") for part in trained])
    of_trained = np.unique(np.concatenate([part.column("chunk") for part in trained])).tolist()
    inlined = {partial["path"] for number in of_trained for partial in chunks[number]["partials"]}
    rows, stays = parts["eval_unseen"], np.ones(len(parts["eval_unseen"]), np.bool_)
    own, stated, of_rows = rows.column("own"), np.isin(rows.column("statement"), known), rows.column("chunk").tolist()
    for place in np.flatnonzero(~own).tolist():
        shared = sorted(inlined.intersection(partial["path"] for partial in chunks[of_rows[place]]["partials"]))
        if shared or stated[place]:
            stays[place] = False
            verdict = Verdict(shared or rows[place]["evidence"], "not on a trained page")
            rejected.put(rejection(rows[place], "unseen_is_unseen", verdict))
    return rows.where(stays)


def without_alike(parts: Parts, links: Links, rejected: Shelf) -> None:
    """Take out of the evaluation what is a near-duplicate of something trained; those rows are rejected."""
    leaks: dict[int, Link] = {}
    for link, one, other in across(parts, links):
        leaks.setdefault(link.one if one > other else link.other, link)
    for name, check in (("eval_seen", "seen_is_trained"), ("eval_unseen", "unseen_is_unseen")):
        rows = parts[name]
        leaves = np.isin(rows.numbers, list(leaks))
        for place in np.flatnonzero(leaves).tolist():
            link = leaks[int(rows.numbers[place])]
            trained = rows.table[link.one if link.other == rows.numbers[place] else link.other]
            verdict = Verdict([trained["pair_id"], link.similarity], "no near-duplicate trained")
            rejected.put(rejection(rows[place], check, verdict))
        parts[name] = rows.where(~leaves)


def across(parts: Parts, links: Links) -> Iterator[tuple[Link, int, int]]:
    """Links between rows of two parts, with the place of each one's part among these."""
    part_of = np.full(max((int(rows.numbers.max(initial=0)) for rows in parts.values()), default=0) + 1, -1, np.int8)
    for number, rows in enumerate(parts.values()):
        part_of[rows.numbers] = number
    for link in links:
        if max(link.one, link.other) < len(part_of):
            one, other = int(part_of[link.one]), int(part_of[link.other])
            if one >= 0 and other >= 0 and one != other:
                yield link, one, other


def assert_no_leak(parts: Parts, links: Links, chunks: Shelf, pages: Pages) -> None:
    """No near-duplicate question stands in two parts, no group of pages on both sides, and no wording of a held-out
    family in train. Raises AssertionError: it would be a fault of this program."""
    for link, one, other in across(parts, links):
        names, table = list(parts), parts["train"].table
        raise AssertionError(f"{table[link.one]['pair_id']} in {names[one]} is a near-duplicate of "
                             f"{table[link.other]['pair_id']} in {names[other]}")  # fmt: skip
    sides: dict[str, set[str]] = {}
    for name, rows in parts.items():
        of_part = np.unique(rows.where(~rows.column("own")).column("chunk")).tolist()
        sides[name] = {pages.group[path] for number in of_part for path in pages.of(chunks[number])}
    for group in sides["train"] & sides["eval_unseen"]:
        raise AssertionError(f"the group of {group} is trained, and asked about as never trained")
    for row in parts["train"].where(parts["train"].column("held_out")):
        raise AssertionError(f"{row['pair_id']} in train is a wording of the held-out family {row.get('family')}")
