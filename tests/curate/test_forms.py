"""Trained rows with passages: which ones by hash, near misses that hold nothing of the answer, and nothing held out."""

import pytest

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.common.records.files import read_json
from support.curation import chunk, corpus, pair, run


def trained(write_params, **shares: float) -> dict[str, dict]:
    pairs, chunks = corpus(range(16))
    forms = {"gold": 0.0, "distractors": 0.0, **shares}
    parts = run(pairs, chunks, write_params, **{f"forms.{name}": value for name, value in forms.items()})
    return {row["pair_id"]: row for row in parts["train"]}


def asked(rows: dict[str, dict], form: str) -> set[str]:
    return {name for name, row in rows.items() if row.get("form") == form}


def test_by_default_every_row_is_asked_closed_book(write_params):
    rows = trained(write_params)
    assert rows and not any("form" in row or "passages" in row for row in rows.values())


def test_a_larger_share_keeps_the_rows_of_a_smaller_one_and_leaves_the_other_form_alone(write_params):
    few, many = (trained(write_params, gold=share, distractors=0.3) for share in (0.2, 0.5))
    assert asked(few, "gold") < asked(many, "gold")
    assert asked(few, "distractors") == asked(many, "distractors") != set()
    assert abs(len(asked(many, "gold")) / len(many) - 0.5) < 0.15
    assert few.keys() == many.keys(), "which rows are trained does not depend on how they are asked"
    assert read_json(paths.REPORTS / "curate.json")["forms"]["gold"] == len(asked(many, "gold"))


def test_the_right_passage_stands_among_those_of_other_trained_pages_and_at_no_fixed_place(write_params):
    rows = trained(write_params, gold=1.0)
    pages = {row["path"] for row in rows.values()}
    places = set()
    for row in rows.values():
        own = [n for n, one in enumerate(row["passages"]) if one["chunk_id"] == row["chunk_id"]]
        assert len(own) == 1 and len(row["passages"]) == 3
        assert row["passages"][own[0]]["quote"] == row["evidence"]
        assert {one["path"] for one in row["passages"]} <= pages, "no held-out page in a trained prompt"
        assert len({one["path"] for one in row["passages"]}) == 3
        places.add(own[0])
    assert places == {0, 1, 2}


def test_passages_that_are_to_distract_hold_neither_evidence_nor_answer(write_params):
    rows = trained(write_params, distractors=1.0)
    assert all(len(row["passages"]) == 3 for row in rows.values())
    for row in rows.values():
        assert all(one["path"] != row["path"] for one in row["passages"])


def test_a_chunk_that_states_the_answer_elsewhere_is_no_near_miss(write_params):
    said = "The big lantern on the roof burns whale oil from the far islands."
    answer = "whale oil from the far islands"
    lantern = chunk(said, "lantern.md")
    others = [chunk(f"Another lantern on the roof number {n} burns nothing.", f"other{n}.md") for n in range(8)]
    twin = chunk(f"Note well. Fuel of the lantern on the roof: {answer}.", "twin.md")
    pairs = [pair(lantern, f"{way} the roof lantern burn?", answer, said) for way in ("What does", "Why does")]
    rows = run(pairs, [lantern, twin, *others], write_params, holdout_pages=0.0, **{"forms.distractors": 1.0})["train"]
    assert rows
    for row in rows:
        assert {one["path"] for one in row["passages"]} <= {other["path"] for other in others}


def test_shares_of_more_than_all_rows_are_refused(write_params):
    with pytest.raises(ParamsError, match=r"gold \+ distractors = 1.2 is above 1"):
        params.load(write_params({"curate.forms.gold": 0.7, "curate.forms.distractors": 0.5}))
