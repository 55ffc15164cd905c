"""curate: every fault is caught by its check, nothing good is lost, and the split leaks nothing and stays put."""

import os
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from stages.common import schema
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_json, share
from stages.common.records.rows import Chunk, Pair
from stages.common.rows.source import sources
from stages.common.text.wording import normalised
from stages.curate import checks
from stages.curate.pages import family
from support.curation import LIMITS, TEXT, chunk, corpus, dataset, pair, place, run
from support.repository import ROOT
from support.settings import curate_section


def limits(**changes: float) -> schema.Curate:
    return curate_section(**{**LIMITS, **changes})


def check(**changes: str) -> str:
    """The name of the check that rejects a good pair with these changes; empty when it is kept."""
    good = {"instruction": "How much does the lamp draw?", "output": "It draws 40 W."}
    found = checks.verdict(pair(chunk(), **{**good, **changes}), *sources([chunk()]).values(), limits())
    return found[0] if found else ""


WORDS = "word " * 20
FAULTS = {
    "question too short": ("question_length", {"instruction": "Lamp?"}),
    "question too short, zh": ("question_length", {"instruction": "灯多亮？"}),
    "question too long": ("question_length", {"instruction": WORDS}),
    "answer too short": ("answer_length", {"output": "7"}),
    "answer too long": ("answer_length", {"output": WORDS}),
    "think block": ("no_leftovers", {"output": "<think>hm</think>40 W"}),
    "think block that only closes": ("no_leftovers", {"output": "hm</think> 40 W"}),
    "end of turn": ("no_leftovers", {"output": "It draws 40 W.<|im_end|>"}),
    "end of text in the question": ("no_leftovers", {"instruction": "How much?<|endoftext|>"}),
    "special token in the input": ("no_leftovers", {"extra": "<|im_start|>"}),
    "replacement character": ("no_leftovers", {"output": "额定功率为 40 \ufffd"}),
    "the text above": ("stands_alone", {"instruction": "What does the text above say?"}),
    "this passage": ("stands_alone", {"instruction": "What is stated in this passage?"}),
    "the given text": ("stands_alone", {"instruction": "What does the given text say?"}),
    "this section": ("stands_alone", {"instruction": "What is this section about?"}),
    "the following table": ("stands_alone", {"instruction": "What does the following table list?"}),
    "according to the text": ("stands_alone", {"instruction": "How much, According to the text?"}),
    "上文": ("stands_alone", {"instruction": "上文提到的灯功率是多少？"}),
    "该片段": ("stands_alone", {"instruction": "该片段介绍了什么内容？"}),
    "这段文字": ("stands_alone", {"instruction": "这段文字说明了什么？"}),
    "根据提供的文本": ("stands_alone", {"instruction": "根据提供的文本，灯的功率是多少？"}),
    "上述内容": ("stands_alone", {"instruction": "根据上述内容，功率是多少？"}),
    "answer in the question": ("answer_not_in_question", {"instruction": "Does a lamp draw 40 W?", "output": "40 W"}),
    "answer in the question, zh": ("answer_not_in_question", {"instruction": "灯的功率是 40 W 吗？", "output": "40 W"}),
    "answer in the input": ("answer_not_in_question", {"extra": "log: 40 W", "output": "40 W"}),
    "short answer apart": ("answer_not_in_question", {"instruction": "Is W its unit?", "output": "`W`"}),
    "answer in other letters": ("answer_not_in_question", {"instruction": "Is a 40 w lamp ok?", "output": "４０ Ｗ"}),
    "quote made up": ("evidence_in_chunk", {"evidence": "The lamp draws 60 W."}),
    "quote with a changed number": ("evidence_in_chunk", {"evidence": "默认亮度为 8 lux"}),
    "quote cut short and joined": ("evidence_in_chunk", {"evidence": "The **lamp** draws 7 lux"}),
    "blank quote": ("evidence_in_chunk", {"evidence": " \n"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught_by_its_check(name):
    expected, changes = FAULTS[name]
    assert check(**changes) == expected


NEAR_MISSES = {
    "nothing": {},
    "shortest question": {"instruction": "灯的亮度呢？"},
    "longest question": {"instruction": "W" * 40},
    "shortest answer": {"output": "七级"},
    "longest answer": {"output": "x" * 60},
    "comparison": {"output": "a < b and b > c | d"},
    "tag that is no think tag": {"output": "<thinking> is an element"},
    "emoji": {"output": "It is on 🙂"},
    "a text field": {"instruction": "What does a text field hold?"},
    "section with a name": {"instruction": "What is the section Lamps about?"},
    "passage of time": {"instruction": "How does passage of time matter?"},
    "contextual": {"instruction": "What is the context menu for?"},
    "above a limit": {"instruction": "What happens above the limit?"},
    "本文档": {"instruction": "本文档的“灯”讲了什么？"},
    "文本框": {"instruction": "文本框有哪些属性？"},
    "上下文": {"instruction": "上下文菜单有什么作用？"},
    "answer beyond the question": {"instruction": "Does a lamp draw 40 W?", "output": "It draws 40 W by default."},
    "digit inside a name": {"instruction": "What is q40_0 in the lamp?", "output": "40"},
    "two letters inside a word": {"instruction": "What is a window here?", "output": "in"},
    "quote across lines": {"evidence": "7 lux.\n灯的额定功率"},
    "quote with other blanks": {"evidence": "默认亮度为7 lux"},
    "quote in full width": {"evidence": "默认亮度为 ７ ｌｕｘ"},
    "quote in Chinese": {"evidence": "灯的额定功率为 40 W"},
    "the text editor": {"instruction": "Which font has the text editor?"},
    "the text encoder": {"instruction": "What does the text encoder give?"},
    "线上文档": {"instruction": "在哪里可以查看线上文档？"},
    "该文本框": {"instruction": "表单里该文本框组件的默认宽度是多少？"},
    "样本文本": {"instruction": "样本文本的编码格式是什么？"},
    "number inside a number": {"instruction": "What happens at 140 W?", "output": "40 W"},
    "word inside a word": {"instruction": "What is the autosave mode?", "output": "auto"},
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_near_miss_is_kept(name):
    assert check(**NEAR_MISSES[name]) == ""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_limit_counts_characters_not_bytes(lang):
    text = {"zh": "亮" * 40, "en": "x" * 40}[lang]
    assert check(instruction=text) == ""
    assert check(instruction=text + text[0]) == "question_length"


def test_a_question_in_the_users_own_words_may_be_in_another_language():
    russian = {"instruction": "Сколько ватт потребляет лампа?", "output": "It draws 40 W."}
    assert check(**russian) == "language_agrees"
    for output, rejected in ((russian["output"], None), ("Лампа потребляет 40 W.", "language_agrees")):
        row = pair(chunk(), **russian | {"output": output}) | {"family": "asked"}
        found = checks.verdict(row, *sources([chunk()]).values(), limits())
        assert (found and found[0]) == rejected


UNGROUNDED = ["numbers_in_chunk", "identifiers_in_chunk", "language_agrees"]


def mixed() -> tuple[list[Pair], list[Chunk]]:
    """A corpus with one fault of every kind in it."""
    pairs, chunks = corpus(range(20))
    bad = chunk()
    faults = [pair(bad, **{"instruction": f"Question {n}?", "output": "40 W", **changes})
              for n, (_, changes) in enumerate(FAULTS.values())]  # fmt: skip
    return [*pairs[:40], *faults, *pairs[40:], pairs[0], {**pairs[1], "output": "1 t"}], [*chunks, bad]


def test_kept_and_rejected_add_up_to_the_pairs_read(write_params):
    pairs, chunks = mixed()
    parts = run(pairs, chunks, write_params)
    report = read_json(paths.REPORTS / "curate.json")
    kept = Counter(row["pair_id"] for row in dataset(parts))
    assert kept + Counter(row["pair_id"] for row in parts["rejected"]) == Counter(row["pair_id"] for row in pairs)
    assert report["pairs"] == len(pairs) == report["kept"] + report["rejected"]
    assert report["rejected_by"] == dict(Counter(row["check"] for row in parts["rejected"]))
    assert sum(of_style["kept"] for of_style in report["by_style"].values()) == report["kept"]
    assert sum((Counter(of["rejected_by"]) for of in report["by_style"].values()), Counter()) == report["rejected_by"]
    assert [report[name] for name in paths.SPLITS] == [len(parts[name]) for name in paths.SPLITS]


def test_a_rejected_row_tells_check_value_threshold_and_where_it_comes_from(write_params):
    pairs, chunks = mixed()
    for row in run(pairs, chunks, write_params)["rejected"]:
        assert row["check"] in {*(function.__name__ for function in checks.CHECKS), "distinct", "unambiguous"}
        assert row["value"] not in (None, "")
        assert row["threshold"] not in (None, "")
        assert (row["line_start"], row["line_end"]) == (3, 9)
        assert row["path"] == next(c["path"] for c in chunks if c["chunk_id"] == row["chunk_id"])
        assert Pair.__required_keys__ < set(row)


def test_a_rejection_names_what_was_found_and_what_would_have_passed(write_params):
    pairs, chunks = corpus(range(3))
    parts = run([*pairs, pair(chunks[0], "Part?", "2 kg")], chunks, write_params)
    (row,) = parts["rejected"]
    assert (row["check"], row["value"], row["threshold"]) == ("question_length", 5, [6, 40])


def test_every_row_of_the_dataset_can_be_walked_back_to_page_and_lines(write_params):
    pairs, chunks = corpus(range(10))
    pages = {row["chunk_id"]: row["path"] for row in chunks}
    for row in dataset(run(pairs, chunks, write_params)):
        assert row["path"] == pages[row["chunk_id"]]
        assert (row["line_start"], row["line_end"]) == (3, 9)


@pytest.mark.parametrize(
    "again",
    ["How heavy is part 0x0?", "how heavy is  part 0x0 ?", "How heavy is part ０x０？", "HOW HEAVY IS PART 0X0"],
)
def test_of_the_same_question_with_the_same_answer_the_first_one_stays(write_params, again):
    pairs, chunks = corpus(range(4))
    parts = run([*pairs, pair(chunks[0], again, "0 kg")], chunks, write_params)
    (row,) = parts["rejected"]
    assert (row["check"], row["value"], row["instruction"]) == ("distinct", pairs[0]["pair_id"], again)
    assert len(dataset(parts)) == len(pairs)


@pytest.mark.parametrize(
    ("one", "other"), [("10 kg", "11 kg"), ("10 kg", "十公斤"), ("1.5 kg", "15 kg"), ("-5 kg", "5 kg"), ("v1.0", "v10")]
)
def test_a_question_with_two_answers_leaves_altogether(write_params, one, other):
    pairs, chunks = corpus(range(4))
    asked = "What does the crate weigh?"
    more = pair(chunks[0], asked, one), pair(chunks[1], asked, other)
    parts = run([more[0], *pairs, more[1]], chunks, write_params, disabled_checks=UNGROUNDED)
    assert [(row["check"], row["output"]) for row in parts["rejected"]] == [
        ("unambiguous", one),
        ("unambiguous", other),
    ]
    assert len(dataset(parts)) == len(pairs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is pin AC1+ of it?", "What is pin AC1- of it?"),
        ("引脚 AC1 \\+ 的键名是什么？", "引脚 AC1 \\- 的键名是什么？"),
        ("What is `a == b`?", "What is `a != b`?"),
        ("Is 1.5 V ok?", "Is 15 V ok?"),
    ],
)
def test_questions_that_differ_in_a_sign_are_different_questions(write_params, one, other):
    pairs, chunks = corpus(range(4))
    more = pair(chunks[0], one, "Yes it is"), pair(chunks[0], other, "No way")
    assert run([*pairs, *more], chunks, write_params, language="any")["rejected"] == []


def test_the_same_question_about_another_input_is_another_question(write_params):
    pairs, chunks = corpus(range(4))
    asked = "What does this line print?"
    more = [pair(chunks[0], asked, "one", extra="print(1)"), pair(chunks[0], asked, "two", extra="print(2)")]
    assert run([*pairs, *more], chunks, write_params)["rejected"] == []


def test_no_question_stands_in_two_splits(write_params):
    pairs, chunks = corpus(range(60))
    parts = run(pairs, chunks, write_params)
    asked = [normalised(row["instruction"] + row["input"]) for row in dataset(parts)]
    assert len(set(asked)) == len(asked) == len(pairs)


def test_every_fact_of_eval_seen_is_trained_in_other_wordings(write_params):
    pairs, chunks = corpus(range(60))
    parts = run(pairs, chunks, write_params)
    trained = defaultdict(set)
    for row in parts["train"]:
        trained[row["evidence"], row["output"]].add(row["instruction"])
    assert len(parts["eval_seen"]) > 20
    for row in parts["eval_seen"]:
        assert len(trained[row["evidence"], row["output"]] - {row["instruction"]}) >= 2
    facts = [row["fact_id"] for row in parts["eval_seen"]]
    assert len(set(facts)) == len(facts)


def test_a_fact_with_two_wordings_only_is_never_held_out(write_params):
    pairs, chunks = corpus(range(20), wordings=2)
    assert run(pairs, chunks, write_params, holdout_facts=0.99)["eval_seen"] == []


def test_eval_unseen_shares_no_page_with_what_is_trained(write_params):
    pairs, chunks = corpus(range(60))
    parts = run(pairs, chunks, write_params)
    trained = {row["path"] for row in parts["train"] + parts["eval_seen"]}
    assert len({row["path"] for row in parts["eval_unseen"]}) > 5
    assert not trained & {row["path"] for row in parts["eval_unseen"]}


def held_out(path: str) -> bool:
    return share("group", *family(chunk(path=path), path)) < limits().holdout_pages


def some_page(unseen: bool) -> str:
    return next(path for path in (f"p{n}.md" for n in range(1000)) if held_out(path) == unseen)


@pytest.mark.parametrize("first", [True, False])
def test_a_chunk_that_stands_on_a_held_out_and_on_a_trained_page_is_in_no_split(write_params, first):
    """To train it would move it when the trained page is new, to ask about it would leak."""
    both = [some_page(unseen=first), some_page(unseen=not first)]
    shared = chunk("The crate weighs 900 kg.", both[0], also_in=(both[1],))
    pairs, chunks = corpus(range(20))
    parts = run([*pairs, pair(shared, "What weighs the crate?", "900 kg")], [*chunks, shared], write_params)
    assert [(row["check"], row["output"]) for row in parts["rejected"]] == [("unseen_is_unseen", "900 kg")]


def test_a_fact_that_a_trained_page_states_in_the_same_words_is_not_unseen(write_params):
    """Two pages with other questions, the same line and answer."""
    secret, trained = some_page(unseen=True), some_page(unseen=False)
    line = "The crate weighs 900 kg."
    texts = [
        f"{line} It is {' '.join(words)}." for words in (("red", "and", "square"), ("kept", "in", "the", "cellar"))
    ]
    versions = [chunk(text, path) for text, path in zip(texts, (secret, trained), strict=True)]
    questions = ["What weighs the old crate?", "What weighs the new crate?"]
    pairs, chunks = corpus(range(20))
    more = [pair(*both, "900 kg", evidence=line) for both in zip(versions, questions, strict=True)]
    parts = run([*pairs, *more], [*chunks, *versions], write_params)
    assert [(row["check"], row["instruction"]) for row in parts["rejected"]] == [("unseen_is_unseen", questions[0])]


def test_shares_are_about_what_the_params_say(write_params):
    pairs, chunks = corpus(range(400), facts=2)
    parts = run(pairs, chunks, write_params, holdout_pages=0.1, holdout_facts=0.25)
    pages = {row["path"] for row in parts["eval_unseen"]}
    assert 20 <= len(pages) <= 60
    assert 0.15 <= len(parts["eval_seen"]) / len({row["fact_id"] for row in parts["train"]}) <= 0.35


def test_without_holdouts_everything_is_trained(write_params):
    pairs, chunks = corpus(range(20))
    parts = run(pairs, chunks, write_params, holdout_pages=0.0, holdout_facts=0.0)
    assert len(parts["train"]) == len(pairs)


def test_ten_percent_more_pages_move_no_old_row(write_params):
    old_pairs, old_chunks = corpus(range(100))
    before = place(run(old_pairs, old_chunks, write_params))
    new_pairs, new_chunks = corpus(range(100, 110))
    after = place(run(new_pairs[:60] + old_pairs + new_pairs[60:], new_chunks + old_chunks, write_params))
    assert len(after) == len(old_pairs) + len(new_pairs)
    assert {row: after[row] for row in before} == before


def test_pages_that_vanish_take_their_rows_along_and_move_no_other(write_params):
    pairs, chunks = corpus(range(50))
    before = place(run(pairs, chunks, write_params))
    kept = {row["chunk_id"] for row in chunks[::2]}
    after = place(run([row for row in pairs if row["chunk_id"] in kept], chunks[::2], write_params))
    assert after == {row: before[row] for row in after}
    assert len(after) == len(pairs) // 2


def test_the_order_of_every_split_follows_the_pairs(write_params):
    pairs, chunks = corpus(range(40))
    interleaved = [row for wording in range(4) for row in pairs[wording::4]]
    for given in (pairs, interleaved):
        order = {row["pair_id"]: n for n, row in enumerate(given)}
        parts = run(given, chunks, write_params)
        for name in paths.SPLITS:
            places = [order[row["pair_id"]] for row in parts[name]]
            assert places == sorted(places), name


def test_two_runs_are_byte_identical(write_params):
    pairs, chunks = mixed()
    run(pairs, chunks, write_params)
    files = [paths.REJECTED, paths.REPORTS / "curate.json", *(paths.DATASET / f"{name}.jsonl" for name in paths.SPLITS)]
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "stages.curate"], env=environment, capture_output=True, check=True)
        outputs.add(tuple(file.read_bytes() for file in files))
    assert len(outputs) == 1


def test_pairs_of_a_vanished_chunk_are_one_line_that_says_what_to_type(write_params):
    pairs, chunks = corpus(range(3))
    with pytest.raises(UserError, match=rf"pair {pairs[0]['pair_id']} has no chunk .* run `dvc repro`"):
        run(pairs, chunks[1:], write_params)


def test_a_dataset_without_a_row_to_train_is_one_line_that_leaves_the_previous_one_alone(write_params):
    pairs, chunks = corpus(range(10))
    run(pairs, chunks, write_params)
    before = (paths.DATASET / "train.jsonl").read_bytes()
    with pytest.raises(UserError, match=r"no pair is left to train on \(120 read, rejected by answer_length 120\)"):
        run(pairs, chunks, write_params, min_answer_chars=50)
    assert (paths.DATASET / "train.jsonl").read_bytes() == before


def test_verdicts_do_not_depend_on_the_order_of_the_pairs(write_params):
    pairs, chunks = corpus(range(30))
    assert place(run(pairs, chunks, write_params)) == place(run(pairs[::-1], chunks[::-1], write_params))


@pytest.mark.parametrize(
    ("private", "output"),
    [("mask", "Write to [e-mail] for help."), ("keep", "Write to jane.roe@lampworks.io for help."), ("drop", None)],
)
def test_private_text_is_masked_kept_or_left_out_as_the_params_say(write_params, private, output):
    of = chunk(f"{TEXT}\nWrite to jane.roe@lampworks.io for help.")
    sentence = "Write to jane.roe@lampworks.io for help."
    rows = [
        pair(of, "Whom can I ask about the lamp?", sentence, sentence),
        pair(of, "What does the lamp draw?", "40 W"),
    ]
    parts = run(rows, [of], write_params, private=private)
    assert {row["output"] for row in parts["train"]} == {"40 W", *([output] if output else [])}
    assert [row["check"] for row in parts["rejected"]] == ([] if output else ["nothing_private"])


def test_what_ingest_masked_counts_as_private_too(write_params):
    of = chunk(f"{TEXT}\nWrite to [e-mail] for help.")
    row = pair(of, "Whom can I ask about the lamp?", "Write to [e-mail] for help.", "Write to [e-mail] for help.")
    run([row], [of], write_params, private="mask")
    assert read_json(paths.REPORTS / "curate.json")["private"] == {"e-mail": 1}
