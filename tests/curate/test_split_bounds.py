"""The parts of the split one by one, at their bounds."""

from typing import Any

import numpy as np
import pytest

from stages.common.base import params
from stages.common.records.files import share
from stages.curate import split
from stages.curate.duplicates.links import Link, Links
from stages.curate.pages import NEITHER, TRAINED, UNSEEN, Pages
from stages.curate.shelf import Shelf
from stages.curate.table import hashed
from support.curation import tabled

FACTS = "abcdef"


def row(fact: str, question: str = "", own: bool = False, **more: Any) -> Any:
    """A row about a fact; one of a page unless it is the user's own."""
    return {
        "pair_id": f"{fact}:{question}", "fact_id": fact, "chunk_id": "" if own else "c", "instruction": question,
        "input": "", "output": f"answer {fact}", "evidence": f"It is {fact}.", "path": "p.md", "style": "llm",
        "request_key": "", "line_start": 1, "line_end": 1, **more,
    }  # fmt: skip


def lowest(kind: str) -> list[str]:
    """The facts in the order of their hashes."""
    return sorted(FACTS, key=lambda fact: share(kind, fact))


def facts(rows: list[Any]) -> set[str]:
    return {row["fact_id"] for row in rows}


def measured(rows: list[Any], wanted: float) -> tuple[list[Any], list[Any]]:
    rejected = Shelf()
    return list(split.measured(tabled(rows), wanted, rejected)), list(rejected)


def test_the_facts_below_the_wanted_share_are_measured_and_one_at_least_unless_none_is_wanted():
    rows = [row(fact, family="plain") for fact in FACTS]
    wanted = share("fact", lowest("fact")[2])
    kept, others = measured(rows, wanted)
    assert facts(kept) == {*lowest("fact")[:2]} and facts(others) == {*lowest("fact")[2:]}
    assert {(one["check"], one["value"], one["threshold"]) for one in others} == {
        ("held_out_wording", "plain", f"holdout_facts {wanted}")
    }
    assert facts(measured(rows, 1e-9)[0]) == {lowest("fact")[0]}
    assert measured(rows, 0.0)[0] == [] and measured([], 0.5) == ([], [])
    assert measured([row("a")], 0.0)[1][0]["value"] == ""


def held_out_wordings(rows: list[Any], limits: Any) -> set[str]:
    chosen = split.held_out_wordings(tabled(rows), limits)
    return {one["pair_id"] for one in rows if hashed(one["pair_id"]) in chosen}


WORDINGS = ("How wide is the gate?", "How wide is that gate?", "Tell me how wide it is")


@pytest.fixture
def limits(write_params):
    write_params({})
    return params.load().curate.model_copy(update={"holdout_facts": 0.5, "question_similarity": 0.7})


def test_one_wording_is_held_out_of_each_fact_that_the_hash_chooses_and_of_one_at_least(limits):
    rows = [row(fact, wording) for fact in FACTS for wording in WORDINGS]
    bound = share("fact", lowest("fact")[3])
    chosen = held_out_wordings(rows, limits.model_copy(update={"holdout_facts": bound}))
    assert chosen == {f"{fact}:{WORDINGS[2]}" for fact in lowest("fact")[:3]}
    least = held_out_wordings(rows, limits.model_copy(update={"holdout_facts": 1e-9}))
    assert least == {f"{lowest('fact')[0]}:{WORDINGS[2]}"}
    assert not held_out_wordings(rows, limits.model_copy(update={"holdout_facts": 0.0}))
    two = [row(lowest("fact")[0], wording) for wording in WORDINGS[1:]]
    assert not held_out_wordings(two, limits)
    assert not held_out_wordings([{**one, "chunk_id": ""} for one in rows], limits)


def test_a_fact_whose_wordings_are_all_near_duplicates_has_none_held_out(limits):
    rows = [row("a", wording) for wording in WORDINGS]
    grams = {one["pair_id"]: split.shingles(split.question_key(one), split.SHINGLE) for one in rows}
    alike = split.most_alike(grams)
    assert alike[f"a:{WORDINGS[0]}"] == alike[f"a:{WORDINGS[1]}"] > alike[f"a:{WORDINGS[2]}"] > 0
    bound = alike[f"a:{WORDINGS[2]}"]
    assert not held_out_wordings(rows, limits.model_copy(update={"question_similarity": bound}))
    assert held_out_wordings(rows, limits.model_copy(update={"question_similarity": bound + 1e-9}))


def unseen_own(rows: list[Any], holdout: float) -> set[str]:
    held = split.unseen_own(tabled(rows), holdout)
    return {one["pair_id"] for one in rows if hashed(one["pair_id"]) in held}


def test_whole_facts_of_the_users_own_rows_are_held_out_unless_another_row_asks_the_same():
    rows = [row(fact, f"{fact} {n}?", own=True) for fact in FACTS for n in (1, 2)]
    order = lowest("group")
    bound = share("group", order[2])
    assert unseen_own(rows, bound) == {f"{fact}:{fact} {n}?" for fact in order[:2] for n in (1, 2)}
    again = row("x", f"{order[0]} 2 ？")
    assert unseen_own([*rows, again], bound) == {f"{order[1]}:{order[1]} {n}?" for n in (1, 2)}
    assert unseen_own([row(fact, "?") for fact in FACTS], 1.0) == set()


def test_a_page_is_trained_or_held_out_or_neither_and_own_rows_by_their_facts():
    sides = np.array([TRAINED, UNSEEN, NEITHER])
    rows = tabled([row("a", chunk_id=name) for name in "cde"] + [row("a", "?", own=True)], chunk_ids=["c", "d", "e"])
    for held, side in (("a:?", UNSEEN), ("b:?", TRAINED)):
        assert split.sides_of(rows, sides, np.array([hashed(held)])).tolist() == [TRAINED, UNSEEN, NEITHER, side]


def test_a_held_out_wording_needs_so_many_trained_ones_of_the_same_words():
    rows, trained = tabled([row("a", "held?")]), tabled([row("a", "1"), row("a", "2"), row("b", "3")])
    assert list(split.with_trained_fact(rows, trained, 2, Shelf())) == list(rows)
    assert len(split.with_trained_fact(rows, tabled([]), 1, Shelf())) == 0
    kept = split.with_trained_fact(rows, trained, 3, shelf := Shelf())
    (rejected,) = shelf
    assert len(kept) == 0 and (rejected["check"], rejected["value"], rejected["threshold"]) == ("seen_is_trained", 2, 3)


def test_a_held_out_wording_of_what_nobody_trained_leaves_whatever_its_hash():
    rows, trained = (
        tabled([row(fact) for fact in FACTS]),
        tabled([row(fact, str(n)) for fact in "cd" for n in range(2)]),
    )
    for known in (trained, trained.where(trained.column("fact") == hashed("c"))):
        kept = split.with_trained_fact(rows, known, 2, shelf := Shelf())
        assert facts(kept) == facts(known)
        assert sorted(row["fact_id"] for row in shelf) == sorted(set(FACTS) - facts(known))
        assert {row["value"] for row in shelf} == {0}


def test_a_page_held_out_is_asked_about_nothing_that_a_trained_page_states_or_inlines():
    partials = {"c": ["_a.md"], "d": [], "e": ["_z.md", "_a.md", "_b.md"], "f": ["_b.md"]}
    chunks = Shelf({"partials": [{"path": path} for path in paths]} for paths in partials.values())
    asked = [
        ("n", "new?", "d"),
        ("a", "again?", "d"),
        ("n", "inlined?", "e"),
        ("n", "more?", "f"),
        ("s", "seen?", "d"),
    ]
    unseen = [*(row(fact, text, chunk_id=chunk) for fact, text, chunk in asked), row("a", "own?", own=True)]
    rows = tabled([row("a"), row("n", own=True), row("s"), *unseen], chunk_ids=list(partials))
    parts = {"train": rows[:2], "eval_seen": rows[2:3], "eval_unseen": rows[3:]}
    kept = split.without_stated(parts, chunks, rejected := Shelf())
    assert [one["instruction"] for one in kept] == ["new?", "more?", "own?"]
    assert [(one["instruction"], one["check"], one["value"]) for one in rejected] == [
        ("again?", "unseen_is_unseen", "It is a."),
        ("inlined?", "unseen_is_unseen", ["_a.md"]),
        ("seen?", "unseen_is_unseen", "It is s."),
    ]
    assert {one["threshold"] for one in rejected} == {"not on a trained page"}


def test_of_two_near_duplicates_the_one_further_from_training_leaves():
    names = ("train", "eval_seen", "eval_unseen", "gone")
    rows = tabled([row(name, str(n)) for name in names for n in range(3)])
    parts = {name: rows[3 * n : 3 * n + 3] for n, name in enumerate(names[:3])}
    number = {one["pair_id"]: n for n, one in enumerate(rows)}
    links = Links(
        Link(number[one], number[other], similarity)
        for one, other, similarity in [
            ("train:0", "eval_seen:0", 0.9),
            ("eval_unseen:1", "eval_seen:1", 0.8),
            ("eval_seen:0", "eval_unseen:0", 0.7),
            ("train:1", "train:2", 1.0),
            ("train:0", "gone:0", 1.0),
            ("train:2", "eval_seen:0", 0.95),
        ]
    )
    split.without_alike(parts, links, rejected := Shelf())
    assert [(one["pair_id"], one["check"], one["value"]) for one in rejected] == [
        ("eval_seen:0", "seen_is_trained", ["train:0", 0.9]),
        ("eval_unseen:0", "unseen_is_unseen", ["eval_seen:0", 0.7]),
        ("eval_unseen:1", "unseen_is_unseen", ["eval_seen:1", 0.8]),
    ]
    assert {one["threshold"] for one in rejected} == {"no near-duplicate trained"}
    left = {name: [one["instruction"] for one in rows] for name, rows in parts.items()}
    assert left == {"train": ["0", "1", "2"], "eval_seen": ["1", "2"], "eval_unseen": ["2"]}


@pytest.mark.parametrize(("held_out", "enough"), [(True, 1), (False, 2)])
def test_one_trained_wording_is_enough_where_families_are_held_out_and_two_where_one_of_all_is(
    limits, held_out, enough
):
    """Of three wordings so many are left in training after near-duplicates went."""
    marks = [{}, {}, {"held_out": held_out, "family": "told"}]
    asked = [row("a", wording, **more) for wording, more in zip(WORDINGS, marks, strict=True)]
    chunks = Shelf([{"partials": []}])
    for left in range(3):
        parts, rejected = split.split(
            tabled([*asked[:left], asked[2]], chunk_ids=["c"]), tabled(asked, chunk_ids=["c"]), chunks,
            np.array([TRAINED]), Links([]), limits,
        )  # fmt: skip
        assert len(parts["train"]) == left and len(parts["eval_seen"]) == (left >= enough)
        assert [row["check"] for row in rejected] == ([] if left >= enough else ["seen_is_trained"])


def test_a_group_of_pages_on_both_sides_stops_the_stage_unless_only_own_rows_are_asked():
    chunks = Shelf({"path": f"{name}.md", "also_in": [], "partials": []} for name in "cd")
    pages = Pages({"c.md": "c.md", "d.md": "c.md"}, frozenset(), frozenset(), frozenset())
    rows = tabled([row("a"), row("b", chunk_id="d"), row("d", own=True)], chunk_ids=["c", "d"])
    parts = {"train": rows[:1], "eval_seen": rows[:0], "eval_unseen": rows[1:]}
    with pytest.raises(AssertionError, match=r"the group of c\.md is trained"):
        split.assert_no_leak(parts, Links([]), chunks, pages)
    split.assert_no_leak({**parts, "eval_unseen": rows[2:]}, Links([]), chunks, pages)
