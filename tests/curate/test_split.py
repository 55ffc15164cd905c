"""The split leaks nothing and stays put: groups of pages that say the same, and hashes that no new page changes."""

import random

import numpy as np
import pytest

from stages.common.base import paths
from stages.common.records import files
from stages.common.records.rows import Chunk, PartialLines
from stages.curate import split
from stages.curate.pages import family
from support.curation import chunk, corpus, pages_of, pair, place, run

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
    """The pages that the hash chooses."""
    return frozenset(of["path"] for of in old if files.share("group", *family(of, of["path"])) < share)


def test_new_pages_that_join_old_groups_move_no_old_row(write_params):
    """Every new page is a near-duplicate of one old page and shares a partial with another."""
    old = [page(f"old{n}.md", prose(f"old{n}"), (f"_p{n}.md",)) for n in range(40)]
    new = [page(f"new{n}.md", old[n]["text"] + " Also new.", (f"_p{39 - n}.md",)) for n in range(20)]
    assert moved(old, new, write_params, holdout_pages=0.5) == []


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
    pairs, chunks = corpus(range(4))
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
    monkeypatch.setattr(split, "without_alike", lambda parts, links, rejected: None)
    with pytest.raises(AssertionError, match="is a near-duplicate of"):
        test_no_near_duplicate_question_is_on_both_sides_even_from_other_words_of_another_page(write_params)


@pytest.mark.parametrize("size", [5, 8, 20])
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_from_five_pages_on_something_is_held_out_of_pages_and_of_facts(write_params, size, seed):
    pairs, chunks = corpus(range(100 * seed, 100 * seed + size), facts=1)
    parts = run(pairs, chunks, write_params, holdout_pages=0.1, holdout_facts=0.01)
    assert parts["eval_unseen"] and parts["eval_seen"] and len(parts["train"]) > len(parts["eval_unseen"])
    assert not {row["path"] for row in parts["train"]} & {row["path"] for row in parts["eval_unseen"]}


def test_where_the_held_out_page_can_be_asked_about_nothing_another_one_is_held_out(write_params):
    """Every page but one says what another page says."""
    texts = [f"Part {n // 2} weighs {n // 2 + 10} kg. {prose(str(n), 30)}" for n in range(10)] + [
        "The oar weighs 7 kg."
    ]
    chunks = [page(f"p{n}.md", text) for n, text in enumerate(texts)]
    line = [of["text"].partition(".")[0] + "." for of in chunks]
    pairs = [pair(of, f"{how} {line[n].split(' weighs')[0]}?", line[n].split("weighs ")[1][:-1], line[n])
             for n, of in enumerate(chunks) for how in ("What weighs", "How heavy is", "Mass of")]  # fmt: skip
    parts = run(pairs, chunks, write_params, holdout_pages=0.01)
    assert {row["path"] for row in parts["eval_unseen"]} == {"p10.md"}


@pytest.mark.parametrize("size", [1, 2, 4])
def test_fewer_pages_are_all_trained_and_it_is_said_why(write_params, capsys, size):
    pairs, chunks = corpus(range(size))
    parts = run(pairs, chunks, write_params, holdout_pages=0.9)
    assert parts["train"] and parts["eval_unseen"] == []
    assert f"{size} page{'s are' if size > 1 else ' is'} too few to hold one out" in capsys.readouterr().out


def test_the_start_page_and_the_page_with_most_pairs_of_a_small_documentation_are_trained(write_params):
    pairs, chunks = corpus(range(9))
    start = chunk("The hold weighs 77 kg.", "index.md")
    pairs += [pair(start, f"{how} the hold?", "77 kg") for how in ("What weighs", "How heavy is", "Mass of")]
    most = chunks[3]
    pairs += [pair(most, f"{how} part 3x0?", "300 kg", "Part 3x0 weighs 300 kg.") for how in ("Load of", "Heft of")]
    parts = run(pairs, [*chunks, start], write_params, holdout_pages=0.95)
    assert {row["path"] for row in parts["train"]} == {"index.md", most["path"]}


def test_translations_versions_and_twins_are_never_on_both_sides(write_params):
    """Pages with nothing in common but the identity that ingest gave them."""
    chunks = [
        page(f"{lang}/p{n}.md", prose(f"{lang}{n}"), title=f"{lang} {n}") for lang in ("en", "zh") for n in range(40)
    ]
    docs = [{**doc, "group": f"g{doc['path'][4:]}"} for doc in pages_of(chunks)]
    parts = run([row for of in chunks for row in asked(of)], chunks, write_params, docs=docs, holdout_pages=0.3)
    side = {row["path"][3:]: name for name in ("train", "eval_unseen") for row in parts[name]}
    assert set(side.values()) == {"train", "eval_unseen"}
    assert all(side[row["path"][3:]] == name for name in ("train", "eval_unseen") for row in parts[name])
    assert parts["rejected"] == []


def families(pairs: list) -> list:
    """The last wording of each fact belongs to a family that is never trained."""
    return [
        {**row, "family": row["instruction"].split(" part")[0], "held_out": row["instruction"].startswith("Tell")}
        for row in pairs
    ]


def test_wordings_of_held_out_families_are_never_trained_and_eval_seen_asks_in_no_other(write_params):
    pairs, chunks = corpus(range(40))
    parts = run(families(pairs), chunks, write_params, holdout_facts=0.5)
    assert not any(row["held_out"] for row in parts["train"])
    assert parts["eval_seen"] and all(row["held_out"] for row in parts["eval_seen"])
    assert {row["fact_id"] for row in parts["eval_seen"]} < {row["fact_id"] for row in parts["train"]}
    left = [row for row in parts["rejected"] if row["check"] == "held_out_wording"]
    measured = len(parts["eval_seen"]) / (len(parts["eval_seen"]) + len(left))
    assert 0.3 < measured < 0.7


def test_a_near_duplicate_of_a_trained_question_is_not_asked_as_a_held_out_wording(write_params):
    pairs, chunks = corpus(range(40))
    marks = {"family": "x", "held_out": True}
    alike = [{**row, **marks, "instruction": f"How heavy is a{row['instruction'][10:]}", "pair_id": f"x{n}"}
             for n, row in enumerate(pairs) if row["instruction"].startswith("Tell")]  # fmt: skip
    parts = run([*families(pairs), *alike], chunks, write_params, holdout_facts=0.99)
    assert not {row["pair_id"] for row in parts["train"] + parts["eval_seen"]} & {row["pair_id"] for row in alike}


def test_a_held_out_family_in_train_stops_the_stage(write_params, monkeypatch):
    pairs, chunks = corpus(range(40))

    def into_train(rows, trained, least, rejected):
        trained.numbers = np.append(trained.numbers, rows.numbers)
        return rows[:0]

    monkeypatch.setattr(split, "with_trained_fact", into_train)
    with pytest.raises(AssertionError, match="held-out family"):
        run(families(pairs), chunks, write_params)
