"""Near-duplicates: what asks for one thing is one, what asks for two never is, however alike the letters are."""

import sys

import pytest

from stages.common.base.errors import UserError
from stages.common.records.files import digest
from stages.common.records.rows import Chunk, Pair
from stages.common.rows.rows import to_row
from stages.common.rows.source import sources
from stages.common.text.wording import normalised
from stages.curate.duplicates import near
from stages.curate.duplicates.minhash import candidates, jaccard, shingles
from support.curation import chunk, corpus, pair, run, tabled
from support.settings import curate_section

ZH = """| 参数 | 默认值 | 最小值 | 单位 |
| --- | --- | --- | --- |
| 参数A | 10 | 10 | s |
| 参数B | 10 | 2 | s |
| 长度 | 25 | 10 | mm |
| 宽度 | 25 | 10 | mm |

输入电压上限与输出电压上限均为 220 V；低压侧电流电压阀值与低压侧电流阀值均为 1。引脚 AC1+ 和 AC1- 接电源。
使用 `set --level` 启用风扇、停用风扇均需 3 秒。把 JSON 转为 CSV 以及把 CSV 转为 JSON 都用 `convert` 命令。
版本 2.1 和版本 2.2 都支持它。
管理员可以删除项目，不可以删除组织；开启保护的延时与关闭保护的延时均为 5 秒。
If 和 IT 的维度为 1 × 1；送端正极受端负极线路与送端负极受端正极线路的长度均为 9 m。
"""
EN = """| Setting | Default | Minimum | Unit |
| --- | --- | --- | --- |
| connect timeout | 10 | 10 | s |
| timeout | 10 | 2 | s |
| width | 25 | 10 | mm |
| height | 25 | 10 | mm |

The maximum input voltage and the maximum output voltage are 220 V. Pins AC1+ and AC1- go to the mains. Buses Bus7 and
Bus71 are off by 0.0. Type `convert` to turn JSON into CSV and to turn CSV into JSON. Versions 2.1 and 2.2 need it.
To enable the fan and to disable the fan takes 3 s. The left lamp and the right lamp are red.
"""
# A question, two things that it may ask for, and the one answer that both have.
DISTINCT = [
    ("灯带控制器的{}的默认值是多少？", "参数A", "参数B", "10"),
    ("灯带控制器外壳的{}的默认值是多少？", "长度", "宽度", "25 mm"),
    ("灯带控制器中参数A的{}是多少？", "默认值", "最小值", "10"),
    ("灯带控制器的{}电压上限是多少？", "输入", "输出", "220 V"),
    ("灯带控制器的低压侧电流{}阀值是多少？", "电压", "", "1"),
    ("灯带控制器的引脚 {} 接到什么上？", "AC1+", "AC1-", "电源"),
    ("灯带控制器{}用风扇需要多长时间？", "启", "停", "3 秒"),
    ("灯带控制器如何{}？", "把 JSON 转为 CSV", "把 CSV 转为 JSON", "用 `convert` 命令。"),
    ("灯带控制器的版本 {} 是否支持它？", "2.1", "2.2", "支持"),
    ("灯带控制器的管理员{}可以删除项目吗？", "", "不", "可以"),
    ("灯带控制器{}保护的延时是多少？", "开启", "关闭", "5 秒"),
    ("灯带控制器里{}的维度是什么？", "If", "IT", "1 × 1"),
    ("灯带控制器中{}线路的长度是多少？", "送端正极受端负极", "送端负极受端正极", "9 m"),
    ("What is the default {}timeout of the strip controller?", "", "connect ", "10 s"),
    ("What is the default {} of the strip controller?", "width", "height", "25 mm"),
    ("What is the {} timeout of the strip controller?", "default", "minimum", "10 s"),
    ("What is the maximum {} voltage of the lamp?", "input", "output", "220 V"),
    ("What does pin {} of the strip controller go to?", "AC1+", "AC1-", "The mains"),
    ("By how much is bus {} of the strip controller off?", "Bus7", "Bus71", "0.0"),
    ("How does the strip controller turn {}?", "JSON into CSV", "CSV into JSON", "`convert`"),
    ("What does version {} of the strip controller need?", "2.1", "2.2", "It"),
    ("How long does it take to {} the fan of the lamp?", "enable", "disable", "3 s"),
    ("Which colour has the {} lamp of the controller?", "left", "right", "red"),
]
THE_SAME = [
    ("灯带控制器的参数A的默认值是多少？", "请问灯带控制器的参数A的默认值是什么？", "10", "10"),
    ("灯带控制器中参数B的最小值是多少？", "灯带控制器里参数B的最小值是多少呢？", "2", "2"),
    ("请说明灯带控制器的输入电压上限。", "请介绍灯带控制器的输入电压上限。", "220 V", "输入电压上限为 220 V。"),
    ("灯带控制器的 参数Ａ 的默认值是多少？", "灯带控制器的参数A的默认值是多少吗？", "10", "10"),
    ("What is the default timeout of the lamp?", "Please tell me the default timeout of the lamp.", "10 s", "10 s"),
    ("What is the maximum input voltage of it?", "What is its maximum input voltage?", "220 V", "It is 220 V."),
    ("Which colour has the left lamp of it?", "What colour has the left lamp of it?", "red", "Red."),
    ("How long does it take to enable the fan?", "How long does it take to enable a fan?", "3 s", "It takes 3 s."),
]


def page(question: str) -> Chunk:
    return chunk(ZH, "zh.md") if question > "zz" else chunk(EN, "en.md")


def linked(one: Pair, other: Pair, chunks: list[Chunk]) -> bool:
    known = {of["chunk_id"]: of for of in chunks}
    section = curate_section(question_similarity=0.5)
    ids = [of["chunk_id"] for of in chunks]
    return bool(near.links(tabled([to_row(one, known), to_row(other, known)], sources(chunks), ids), section))


@pytest.mark.parametrize(("asked", "one", "other", "answer"), DISTINCT)
def test_two_facts_are_never_near_duplicates_even_with_one_answer(asked, one, other, answer):
    of = page(asked)
    both = [pair(of, asked.format(thing), answer, of["text"]) for thing in (one, other)]
    assert not linked(*both, [of])


def test_the_distinct_facts_would_fool_a_comparison_of_letters():
    alike = [
        jaccard(*(shingles(normalised(asked.format(thing)), 3) for thing in things)) for asked, *things, _ in DISTINCT
    ]
    assert sum(similarity >= 0.6 for similarity in alike) >= len(DISTINCT) / 2


@pytest.mark.parametrize(("one", "other", "answer", "again"), THE_SAME)
def test_one_question_in_other_courtesies_is_a_near_duplicate(one, other, answer, again):
    of = page(one)
    assert linked(pair(of, one, answer, of["text"]), pair(of, other, again, of["text"]), [of])


CONTRADICTING = [
    ("10 s", "12 s"),
    ("10 s", "10 ms"),
    ("It is on.", "It is not on."),
    ("`a`", "`b`"),
    ("the left one", "the right one"),
]


@pytest.mark.parametrize(("answer", "again"), CONTRADICTING)
def test_contradicting_answers_are_no_near_duplicates(answer, again):
    of = page("What")
    one, other, *_ = THE_SAME[4]
    assert not linked(pair(of, one, answer), pair(of, other, again), [of])


def test_two_pages_that_state_the_same_of_different_things_keep_both(write_params):
    pages = [chunk(f"The {name} pump is a part. Its default level is 70.", f"{name}.md") for name in ("red", "blue")]
    asked = [pair(of, f"What is the default level of the {of['path'][:-3]} pump?", "70", of["text"]) for of in pages]
    pairs, chunks = corpus(range(20))
    parts = run([*pairs, *asked], [*chunks, *pages], write_params, min_variants_per_fact=1, holdout_pages=0.0,
                max_question_chars=80)  # fmt: skip
    assert [row for row in parts["rejected"] if row["path"] in ("red.md", "blue.md")] == []


WORDINGS = [f"What {word} the default connect timeout of the strip controller?" for word in
            ("is", "was", "are", "would be", "is now", "must be")]  # fmt: skip


@pytest.mark.parametrize("least", [1, 3, 9])
def test_so_many_wordings_of_a_fact_stay_as_the_params_say(write_params, least):
    of = page("What")
    asked = [pair(of, wording, "10 s", "| connect timeout | 10 | 10 | s |") for wording in WORDINGS]
    pairs, chunks = corpus(range(20))
    parts = run([*pairs, *asked], [*chunks, of], write_params, min_variants_per_fact=least, question_similarity=0.5,
                max_question_chars=80, holdout_pages=0.0)  # fmt: skip
    dropped = [row for row in parts["rejected"] if row["chunk_id"] == of["chunk_id"]]
    assert {row["check"] for row in dropped} <= {"near_duplicate"}
    assert len(asked) - len(dropped) == min(least, len(asked))


def test_of_near_duplicates_the_exact_quote_and_the_fuller_answer_stays(write_params):
    of = chunk("The pump of the boat moves 30 litres; it needs no oil and it is red.", "pump.md")
    quote = "The pump of the boat moves 30 litres; it needs no oil and it is red."
    asked = [
        pair(
            of,
            "How many litres does the pump of the boat move?",
            "It moves 30 litres.",
            quote.replace("oil and", "oil and then"),
        ),
        pair(of, "How many litres does a pump of the boat move?", "30", quote),
        pair(of, "How many litres do the pumps of the boat move?", "It moves 30 litres.", quote),
    ]
    pairs, chunks = corpus(range(20))
    parts = run([*pairs, *asked], [*chunks, of], write_params, min_variants_per_fact=1, max_question_chars=80,
                max_answer_chars=99, min_evidence=0.8, question_similarity=0.6, holdout_pages=0.0)  # fmt: skip
    assert [row["pair_id"] for row in parts["rejected"]] == [asked[0]["pair_id"], asked[1]["pair_id"]]
    assert {row["check"] for row in parts["rejected"]} == {"near_duplicate"}
    assert {row["value"][0] for row in parts["rejected"]} == {asked[2]["pair_id"]}


def test_answers_that_agree_are_no_contradiction_and_the_fuller_one_stays(write_params):
    of = page("What")
    asked = [
        pair(of, "What is the default timeout?", answer, of["text"]) for answer in ("10 s", "It is 10 s by default.")
    ]
    pairs, chunks = corpus(range(20))
    parts = run([*pairs, *asked], [*chunks, of], write_params, holdout_pages=0.0)
    assert [(row["check"], row["output"]) for row in parts["rejected"]] == [("distinct", "10 s")]


def test_minhash_proposes_what_is_alike():
    texts = [f"{digest(n)} {digest(n, 1)} {digest(n, 2)}" for n in range(500)]
    changed = [text[:-3] for text in texts]
    grams = [(key, shingles(text, 3)) for key, text in enumerate([*texts, *changed])]
    found = set(candidates(grams))
    assert {(n, n + 500) for n in range(500)} <= found
    assert len(found) < 600


SEMANTIC = {"min_variants_per_fact": 1, "holdout_pages": 0.0, "max_question_chars": 80, "max_answer_chars": 99}
QUOTE = "The lever opens the hatch; its length and its width are 25 mm."


def test_questions_in_other_words_about_one_quote_are_found_with_a_local_model(write_params, word_model):
    of = chunk(QUOTE, "lever.md")
    asked = [pair(of, f"What is the {word} of the lever?", "To open the hatch.", QUOTE) for word in ("purpose", "use")]
    asked += [pair(of, f"What is the {word} of the lever?", "25 mm", QUOTE) for word in ("length", "width")]
    pairs, chunks = corpus(range(20))
    without = run([*pairs, *asked], [*chunks, of], write_params, **SEMANTIC)
    assert [row for row in without["rejected"] if row["path"] == "lever.md"] == []
    parts = run([*pairs, *asked], [*chunks, of], write_params, **SEMANTIC, semantic_model=word_model)
    found = [row["instruction"] for row in parts["rejected"] if row["path"] == "lever.md"]
    assert found == ["What is the use of the lever?"]


def test_a_missing_semantic_model_or_extra_is_one_line(write_params, monkeypatch):
    pairs, chunks = corpus(range(3))
    with pytest.raises(UserError, match=r"semantic_model"):
        run(pairs, chunks, write_params, semantic_model="nowhere")
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(UserError, match=r"pip install 'doclore\[semantic\]'"):
        run(pairs, chunks, write_params, semantic_model="nowhere")
