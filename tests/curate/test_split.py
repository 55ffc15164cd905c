"""The split leaks nothing and stays put: groups of pages that say the same, and hashes that no new page changes."""

import random

import pytest

from stages.common.base import paths
from stages.common.records.rows import Chunk, PartialLines
from stages.curate import split
from stages.curate.pages import family, pages
from support.curation import chunk, corpus, pair, place, run
from support.settings import curate_section

WORDS = [
    f"{first}{second}" for first in ("ba", "ke", "li", "mo", "su", "ta", "wi", "zo") for second in "bdfgklmnprstvz"
]


def prose(seed: str, size: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=size)) + "."


def page(name: str, text: str, partials: tuple[str, ...] = (), title: str = "") -> Chunk:
    inlined: list[PartialLines] = [{"path": path, "line_start": 1, "line_end": 2} for path in partials]
    return {**chunk(text, name), "headings": [title or name], "partials": inlined}


def asked(of: Chunk) -> list:
    return [
        pair(of, f"What {way} of {of['chunk_id']}?", of["text"][:40], of["text"]) for way in ("is said", "is written")
    ]


def moved(old: list[Chunk], new: list[Chunk], write_params, **changes: object) -> list[str]:
    """Pairs of the old pages that go from training to evaluation or back when new pages join."""
    before = place(run([row for of in old for row in asked(of)], old, write_params, **changes))
    every = sorted([*old, *new], key=lambda of: of["path"])
    after = place(run([row for of in every for row in asked(of)], every, write_params, **changes))
    return [row for row in before if row in after and (before[row] == "train") != (after[row] == "train")]


def held_out(old: list[Chunk], share: float = 0.3) -> frozenset[str]:
    return pages(old, curate_section(holdout_pages=share)).held_out


def test_new_pages_that_join_old_groups_move_no_old_row(write_params):
    """Every new page is a near-duplicate of one old page and shares a partial with another."""
    old = [page(f"old{n}.md", prose(f"old{n}"), (f"_p{n}.md",)) for n in range(40)]
    new = [page(f"new{n}.md", old[n]["text"] + " Also new.", (f"_p{39 - n}.md",)) for n in range(20)]
    assert moved(old, new, write_params, holdout_pages=0.3) == []


def test_a_page_between_two_groups_takes_the_held_out_one_out_of_the_evaluation(write_params):
    old = [page(f"old{n}.md", prose(f"old{n}"), (f"_p{n}.md",)) for n in range(40)]
    secret, known = (next(of for of in old if (of["path"] in held_out(old)) == hidden) for hidden in (True, False))
    bridge = page("bridge.md", prose("bridge"), (secret["partials"][0]["path"], known["partials"][0]["path"]))
    chunks = [*old, bridge]
    parts = run([row for of in chunks for row in asked(of)], chunks, write_params, holdout_pages=0.3)
    assert {row["check"] for row in parts["rejected"] if row["path"] == secret["path"]} == {"unseen_is_unseen"}
    assert known["path"] in {row["path"] for row in parts["train"]}


@pytest.mark.parametrize("changed", ["the same text", "a changed word", "a shared partial"])
def test_pages_that_say_the_same_are_never_on_both_sides(write_params, changed):
    partials = ("_shared.md",) if changed == "a shared partial" else ()
    first = [page(f"a{n}.md", prose(str(n)), tuple(f"_{n}{name}" for name in partials)) for n in range(40)]
    texts = {"the same text": lambda n: prose(str(n)), "a changed word": lambda n: prose(str(n)).replace("ba", "bo", 2),
             "a shared partial": lambda n: prose(f"other {n}")}  # fmt: skip
    second = [page(f"b{n}.md", texts[changed](n), tuple(f"_{n}{name}" for name in partials)) for n in range(40)]
    chunks = [*first, *second]
    parts = run([row for of in chunks for row in asked(of)], chunks, write_params, holdout_pages=0.4)
    side = {row["path"]: name for name in paths.SPLITS for row in parts[name]}
    both = [(side.get(f"a{n}.md"), side.get(f"b{n}.md")) for n in range(40)]
    assert all("eval_unseen" not in pair or pair[0] == pair[1] or None in pair for pair in both)
    assert ("train", "train") in both and ("eval_unseen", "eval_unseen") in both


def test_versions_of_a_page_are_held_out_together(write_params):
    old = page("docs/v1/10-set-up/index.md", prose("one"), title="Set up")
    new = page("docs/v2/20-set-up/index.md", prose("two"), title="Set up")
    assert family(old, old["path"]) == family(new, new["path"]) == ("setup", "set-up")
    assert family(page("a/README.md", "x"), "a/README.md")[1] == family(page("b/a.md", "x"), "b/a.md")[1] == "a"
    assert family(page("README.md", "x"), "README.md")[1] == "readme"


def test_a_partial_in_very_many_pages_does_not_glue_them_but_is_not_asked_about(write_params):
    chunks = [page(f"p{n}.md", prose(str(n)), ("_licence.md",)) for n in range(40)]
    own = [{**page(f"p{n}.md", prose(f"own {n}")), "chunk_id": f"own{n}"} for n in range(40)]
    rows = [row for of in [*chunks, *own] for row in asked(of)]
    narrow = run(rows, [*chunks, *own], write_params, holdout_pages=0.3, max_partial_pages=100)
    assert narrow["eval_unseen"] == []
    wide = run(rows, [*chunks, *own], write_params, holdout_pages=0.3, max_partial_pages=10)
    assert wide["eval_unseen"] and {row["chunk_id"][:3] for row in wide["eval_unseen"]} == {"own"}


def test_another_wording_counts_as_seen_only_while_two_are_trained(write_params):
    """Of three wordings one is the same as one of another fact's and leaves: the held-out one is no longer measured."""
    pairs, chunks = corpus(range(60), wordings=3)
    parts = run(pairs, chunks, write_params, holdout_facts=0.9)
    assert len(parts["eval_seen"]) > 20
    row = parts["eval_seen"][0]
    fewer = [one for one in pairs if one["output"] != row["output"] or one["pair_id"] == row["pair_id"]]
    fewer += [one for one in pairs if one["output"] == row["output"] and one["pair_id"] != row["pair_id"]][:1]
    again = run(fewer, chunks, write_params, holdout_facts=0.9)
    assert row["pair_id"] not in {one["pair_id"] for one in again["eval_seen"]}


def test_the_wording_least_like_the_others_is_held_out(write_params):
    of = page("pump.md", "The pump of the boat moves 30 litres.")
    wordings = ["How much does the pump move?", "How much does a pump move?", "Litres per stroke of boat's pump?"]
    pairs, chunks = corpus(range(40))
    found = set()
    for number in range(30):
        these = [pair({**of, "chunk_id": f"c{number}"}, wording, "30 litres", of["text"]) for wording in wordings]
        parts = run([*pairs, *these], [*chunks, {**of, "chunk_id": f"c{number}"}], write_params, holdout_facts=0.5,
                    holdout_pages=0.0)  # fmt: skip
        found |= {row["instruction"] for row in parts["eval_seen"] if row["path"] == "pump.md"}
    assert found == {wordings[2]}


def test_no_near_duplicate_question_is_on_both_sides_even_from_other_words_of_another_page(write_params):
    """Two pages that share no line; both say how much the pump moves, and ask for it in nearly the same words."""
    texts = [
        "The bilge pump moves 30 litres per stroke. ",
        "With each stroke 30 litres are what the bilge pump does move. ",
    ]
    names = [f"pump{n}.md" for n in range(60)]
    secret = next(name for name in names if name in held_out([page(name, "x") for name in names]))
    known = next(name for name in names if name not in held_out([page(name, "x") for name in names]))
    chunks = [page(name, text + prose(name)) for name, text in zip((secret, known), texts, strict=True)]
    asked = [
        pair(of, f"How many litres does {one} bilge pump move?", "30 litres", text.strip())
        for of, one, text in zip(chunks, ("the", "a"), texts, strict=True)
    ]
    rows, others = corpus(range(20))
    parts = run([*rows, *asked], [*others, *chunks], write_params, holdout_pages=0.3, max_question_chars=80)
    (leak,) = [row for row in parts["rejected"] if row["path"] in (secret, known)]
    assert (leak["path"], leak["check"], leak["value"][0]) == (secret, "unseen_is_unseen", asked[1]["pair_id"])
    assert asked[1]["pair_id"] in {row["pair_id"] for row in parts["train"]}


def test_a_leak_that_the_split_overlooked_stops_the_stage(write_params, monkeypatch):
    monkeypatch.setattr(split, "without_alike", lambda parts, links: [])
    with pytest.raises(AssertionError, match="is a near-duplicate of"):
        test_no_near_duplicate_question_is_on_both_sides_even_from_other_words_of_another_page(write_params)
