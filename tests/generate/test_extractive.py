"""The extractive generator: what it states is in the chunk, and each question names enough to have one answer."""

import re
from collections import Counter
from collections.abc import Callable
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.base import budget, params, paths
from stages.common.records.files import digest, read_json, read_jsonl, write_jsonl
from stages.common.records.rows import Chunk
from stages.common.text.wording import gives_away, squeezed
from stages.generate import __main__ as generate
from stages.generate.extractive import chinese, contexts, english, grids
from stages.generate.extractive import pairs as extractive
from stages.generate.extractive.fact import KINDS
from stages.generate.extractive.facts import facts
from stages.generate.extractive.headings import heading_name
from stages.generate.extractive.inline import plain
from stages.generate.extractive.own_wordings import OwnWordings
from support.repository import CLOUDPSS, ROOT

ENGLISH = """The lamp is a signal that shows whether the machine may be opened.

| Name | Default | Unit |
| --- | --- | --- |
| `size` | 10 | row |
| **Delay** | `5` | ms |
| empty | | - |

- **gauge**: shows the level

`lamp`: tells whether it is on

Switch the lamp on:

```sh
make lamp  # comment
```

## Order

1. open the lid
2. close the lid
"""
CHINESE = """变压器是改变交流电压等级的元件。

| 参数 | 默认值 | 单位 |
| --- | --- | --- |
| 额定电压 | 220 | kV |

**额定容量**：元件允许的最大功率

## 操作步骤

1. 打开工作台
2. 新建项目
"""


MANUAL = ("Manual", "Lamp")
Asked = Callable[..., list[dict[str, str]]]


def chunk(text: str, headings: tuple[str, ...] = MANUAL, path: str = "page.md") -> Chunk:
    return {
        "chunk_id": digest(headings, text),
        "path": path,
        "headings": list(headings),
        "line_start": 1,
        "line_end": text.count("\n") + 1,
        "tokens": 1,
        "text": text,
        "also_in": [],
        "partials": [],
    }


def page(row: Chunk) -> dict:
    """The page of a chunk, below the directory whose name it has in its path."""
    *directories, _ = row["path"].split("/")
    return {"path": row["path"], "title": row["headings"][0], "breadcrumbs": [name.title() for name in directories]}


def table(header: str, *rows: str) -> str:
    return "\n".join([f"| {header} |", "|" + " --- |" * (header.count("|") + 1), *(f"| {row} |" for row in rows)])


def asked(chunks, pages, section, counts):
    skipped = budget.Skipped("generate")
    rows = list(extractive.rows(lambda _: chunks, pages, section, OwnWordings(), counts, skipped))
    assert not skipped.reasons
    return rows


@pytest.fixture
def ask(write_params) -> Asked:
    """The rows that some chunks give; `counts` is left on the function."""

    def run(*chunks: Chunk, **settings: object) -> list[dict[str, str]]:
        changes = {"max_facts_per_chunk": 0, "phrasings": 3, "searches": 0, "held_out_phrasings": 0, **settings}
        section = params.load(write_params({f"generate.{key}": value for key, value in changes.items()})).generate
        docs = [page(row) for row in chunks]
        run.counts = Counter()  # type: ignore[attr-defined]
        return [
            {**row, **wording._asdict()}
            for _, row, wording in asked(chunks, contexts.Pages(docs), section, run.counts)  # type: ignore[attr-defined]
        ]

    return run


def stated(text: str, headings: tuple[str, ...] = MANUAL) -> set[tuple[str, str, str]]:
    return {(fact.kind, fact.subject, fact.answer) for fact in facts(chunk(text, headings))}


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_answers_are_words_of_the_chunk_and_evidence_is_its_source(ask, text):
    rows = ask(chunk(text), phrasings=6)
    assert {row["style"] for row in rows} >= {"lookup", "definition", "how-to"}
    assert all(squeezed(row["output"]) in squeezed(plain(text)) for row in rows)
    assert all(row["evidence"] in text for row in rows)
    assert all(squeezed(row["output"]) in squeezed(plain(row["evidence"])) for row in rows)


def test_facts_are_those_that_the_structure_states():
    assert stated(ENGLISH) == {
        ("definition", "Lamp", "The lamp is a signal that shows whether the machine may be opened."),
        ("default", "`size`", "10"),
        ("unit", "`size`", "row"),
        ("default", "Delay", "`5`"),
        ("unit", "Delay", "ms"),
        ("stated", "gauge", "shows the level"),
        ("meaning", "`lamp`", "tells whether it is on"),
        ("code", "How to switch the lamp on", "```sh\nmake lamp  # comment\n```"),
        ("steps", "Order", "1. open the lid\n2. close the lid"),
    }


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("参数 | 单位 | 默认值", "额定功率 | MW | 12", {("unit", "额定功率", "MW"), ("default", "额定功率", "12")}),
        (
            "Name | Accepted | Type",
            "`mode` | a or b | text",
            {("accepted", "`mode`", "a or b"), ("type", "`mode`", "text")},
        ),
        ("引脚 | 维度", "Vin | 3×1", {("dimension", "Vin", "3×1")}),
        ("Setting | Meaning", "`a_b` | what *it* is \\| was", {("meaning", "`a_b`", "what it is | was")}),
        ("序号 | 名称 | 单位", "1 | 气压 | Pa", {("unit", "气压", "Pa")}),
    ],
)
def test_a_column_says_which_kind_of_attribute_its_cells_are(header, row, expected):
    assert stated(table(header, row)) >= expected


def test_a_merged_cell_is_the_one_above_and_quotes_both_rows():
    text = table("Name | Unit", "Speed | m/s", "Pace | ^")
    found = next(fact for fact in facts(chunk(text)) if fact.subject == "Pace")
    assert (found.answer, found.evidence) == ("m/s", "| Speed | m/s |\n| Pace | ^ |")


def test_an_html_table_is_read_with_its_spans():
    text = (
        "<table><tr><th>Name</th><th>Unit</th></tr><tr><td>Speed</td><td rowspan='2'>m/s</td></tr>"
        "<tr><td>Pace</td></tr></table>"
    )
    assert [[cell.text for cell in row] for row in grids.from_html(text).rows] == [["Speed", "m/s"], ["Pace", "m/s"]]


def test_a_table_that_is_indented_too_far_is_read_all_the_same():
    text = "Text before.\n\n" + "\n".join(f"    {line}" for line in table("Name | Unit", "Speed | m/s").split("\n"))
    assert ("unit", "Speed", "m/s") in stated(text)


def test_columns_of_one_heading_are_no_facts():
    text = table("Bus | Result | Result | Error", "B1 | 1.5 | 2.5 | 0.1")
    assert {answer for _, _, answer in stated(text)} == {"0.1"}


def test_a_table_of_things_beside_each_other_is_asked_about_the_things():
    text = table("Property | Pump A | Pump B", "Weight | 12 kg | 15 kg")
    found = {(fact.subject, fact.attribute, fact.answer) for fact in facts(chunk(text))}
    assert found == {("Pump A", "Weight", "12 kg"), ("Pump B", "Weight", "15 kg")}


def test_numbered_rows_are_named_by_as_many_columns_as_tell_them_apart():
    text = table("From | To | Loss", "1 | 2 | 0.25", "1 | 3 | 0.75")
    assert {(s, a) for _, s, a in stated(text)} == {("From 1, To 2", "0.25"), ("From 1, To 3", "0.75")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("泵为什么不转？\n:   请检查电源。", ("faq", "泵为什么不转？", "请检查电源。")),
        ("如何启动泵\n\n:   按下绿色按钮。", ("faq", "如何启动泵", "按下绿色按钮。")),
        ("仿真报错：缺少母线\n:   请添加母线。", ("symptom", "仿真报错：缺少母线", "请添加母线。")),
        ("**Does it run in rain?**\n\nYes, it is sealed.", ("faq", "Does it run in rain?", "Yes, it is sealed.")),
    ],
)
def test_questions_and_terms_have_what_follows_as_their_answer(text, expected):
    assert expected in stated(f"{text}\n\n水泵有几种？\n:   共有两种。\n")
    assert ("faq", "水泵有几种？", "共有两种。") in stated(f"{text}\n\n水泵有几种？\n:   共有两种。\n")


def test_a_member_of_an_interface_has_a_type_and_a_meaning():
    text = "##### [Pump.speed](#)[Float!](../float.mdx)\n\nrounds in a minute\n"
    assert stated(text) == {("type", "`Pump.speed`", "Float!"), ("meaning", "`Pump.speed`", "rounds in a minute")}


def test_a_paragraph_is_answered_with_as_far_as_it_points_nowhere():
    text = "水泵把水从低处送到高处。水压由转速决定。效果如下图所示。"
    assert {answer for _, _, answer in stated(text, ("手册", "水泵"))} == {"水泵把水从低处送到高处。水压由转速决定。"}


@pytest.mark.parametrize("text", ["下图是水泵的外形。", "详见水泵的说明文档。", "本节将按以上分类介绍。", "参数如下："])
def test_a_paragraph_that_only_points_elsewhere_is_no_fact(text):
    assert stated(text, ("手册", "水泵")) == set()


def test_lists_of_changes_are_no_procedures():
    text = "1. 新增水泵元件\n2. 修改阀门参数\n3. 删除旧页面\n"
    assert {kind for kind, _, _ in stated(text, ("2031.1.2 更新日志", "平台更新至 v2"))} == {"members"}


def test_headings_that_are_clauses_and_commands_make_sentences(ask):
    text = "This command stops the pump:\n\n```sh\npump stop\n```\n"
    rows = ask(chunk(text, ("Manual", "How to mend it")), phrasings=6)
    assert all(re.search(r"stops the pump", row["instruction"]) for row in rows)
    rows = ask(chunk("1. open it\n2. close it\n", ("Manual", "How to mend it")), phrasings=6)
    assert rows and all(" mend it" in row["instruction"] and "How to" not in row["instruction"] for row in rows)
    rows = ask(
        chunk(
            "The pump reads the level of the water first. The pressure comes second.", ("Manual", "What the pump reads")
        ),
        phrasings=6,
    )
    assert rows and all("what the pump reads" in row["instruction"] for row in rows)


@pytest.mark.parametrize(
    ("language", "asked_as"),
    [
        ("console", "shell code"),
        ("shell-session", "shell code"),
        ("ps1", "PowerShell code"),
        ("log", None),
    ],
)
def test_code_is_asked_for_by_the_name_that_its_language_has_in_a_sentence(ask, language, asked_as):
    rows = ask(chunk(f"To drain the pump, run:\n\n```{language}\npump drain --slowly\n```\n"), phrasings=12)
    questions = " ".join(row["instruction"] for row in rows)
    assert "drain the pump" in questions and "  " not in questions
    assert asked_as is None or asked_as in questions
    assert "console code" not in questions and "log code" not in questions


def test_a_question_names_what_lies_between_latin_and_chinese_with_a_space(ask):
    rows = ask(chunk(table("参数 | 单位", "`speed` | rpm"), ("Pump 泵",)), phrasings=6)
    assert rows
    assert not [
        row["instruction"] for row in rows if re.search(r"`[\u4e00-\u9fff]|[\u4e00-\u9fff]`|  ", row["instruction"])
    ]


def test_what_has_a_unit_is_not_asked_for_its_type():
    assert {kind for kind, _, _ in stated(table("Name | Type | Unit", "speed | real | m/s"))} == {"unit"}


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("1.2 Pumps", "Pumps"),
        ("3. Pumps", "Pumps"),
        ("步骤 2. 安装水泵", "安装水泵"),
        ("第三步：安装水泵", "安装水泵"),
        ("（一）水泵", "水泵"),
        ("10 kV 母线", "10 kV 母线"),
        ("2031.1.2 更新日志", "2031.1.2 更新日志"),
        ("**Pumps** [here](x.md)", "Pumps here"),
    ],
)
def test_a_heading_loses_its_number_and_nothing_else(heading, expected):
    assert heading_name(heading) == expected


def test_a_question_in_the_middle_of_an_answer_ends_it():
    text = "水泵为什么不转？\n请检查电源。\n阀门为什么不开？\n请检查气压。\n"
    assert stated(text) == {("faq", "水泵为什么不转？", "请检查电源。")}


def test_numbered_questions_are_no_procedure():
    text = "1. 如何打开水泵？按下按钮。\n2. 如何关闭水泵？松开按钮。\n"
    assert "steps" not in {kind for kind, _, _ in stated(text, ("手册", "操作步骤"))}


def test_a_list_of_pictures_is_no_answer():
    assert stated("1. open it\n2. ![a](a.png)\n3. close it\n") == set()


def test_empty_cells_and_dashes_are_no_facts():
    assert not {
        fact for fact in stated(table("Name | Unit", "size | -", "width | ", "height | 无")) if fact[0] == "unit"
    }


@pytest.mark.parametrize("phrasings", [1, 3, 12])
@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_each_fact_is_asked_in_as_many_families_as_asked_for_and_held_out_in_further_ones(ask, text, phrasings):
    rows = ask(chunk(text), phrasings=phrasings, held_out_phrasings=2)
    for held_out, count in ((False, phrasings), (True, 2)):
        asked = [row for row in rows if row["held_out"] is held_out]
        by_fact = Counter((row["evidence"], row["output"], row["style"]) for row in asked)
        assert set(by_fact.values()) <= {count * n for n in (1, 2)}
    assert len({row["instruction"] for row in rows}) == len(rows)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_a_held_out_family_is_trained_for_no_fact_and_shares_no_phrase_with_one_that_is(ask, text):
    rows = ask(chunk(text), phrasings=24, held_out_phrasings=6)
    trained, held_out = ({row["family"] for row in rows if row["held_out"] is flag} for flag in (False, True))
    assert trained and held_out and not trained & held_out
    families = english.PHRASINGS.families | chinese.PHRASINGS.families
    slots = {flag: {one.slot() for one in families.values() if one.held_out is flag} for flag in (False, True)}
    assert not slots[False] & slots[True]


@pytest.mark.parametrize("grammar", [chinese, english])
def test_every_kind_of_fact_has_two_dozen_families_and_no_two_kinds_share_a_phrase(grammar):
    kinds = grammar.PHRASINGS.kinds
    assert set(KINDS) <= set(kinds)
    for kind in KINDS:
        families = [name for flag in (False, True) for name, *_ in grammar.PHRASINGS.fitting(kind, flag)]
        assert len(families) >= 24, kind
    spread = Counter(
        phrase
        for kind, slots in kinds.items()
        for slot, phrases in slots.items()
        if slot in ("question", "asked", "situation")
        for phrase in set(phrases) - {"{q}"}  # the question as its page asks it
    )
    assert [phrase for phrase, count in spread.items() if count > 1] == []


@pytest.mark.parametrize("grammar", [chinese, english])
def test_frames_and_phrases_have_no_braces_that_nothing_fills(grammar):
    slots = {slot for phrases in grammar.PHRASINGS.kinds.values() for slot in phrases}
    for family in grammar.PHRASINGS.families.values():
        assert set(re.findall(r"\{(\w+)\}", family.say)) <= {"c", "s", family.slot(), family.slot().capitalize()}
        assert family.slot() in slots
    texts = [text for slots in grammar.PHRASINGS.kinds.values() for phrases in slots.values() for text in phrases]
    assert {brace for text in texts for brace in re.findall(r"\{(.*?)\}", text)} <= set("sacnq")


@pytest.mark.parametrize("grammar", [chinese, english])
def test_only_phrases_that_always_get_a_place_demand_one(grammar):
    bare = {
        kind
        for kind, slots in grammar.PHRASINGS.kinds.items()
        for phrases in slots.values()
        for phrase in phrases
        if "{c}" in re.sub(r"\[[^\]]*\]", "", phrase)
    }
    assert bare <= set(contexts.PARTS_OF_A_PAGE)


@pytest.mark.parametrize(
    ("text", "setting", "lang"),
    [
        (CHINESE, "auto", "zh"),
        (ENGLISH, "auto", "en"),
        (ENGLISH, "zh", "zh"),
        (CHINESE, "en", "en"),
        ("设置 `max_tokens` 参数可以限制长度。", "auto", "zh"),
    ],
)
def test_questions_are_in_the_language_of_the_chunk_unless_the_params_say_otherwise(ask, text, setting, lang):
    asked = [row["instruction"] for row in ask(chunk(text), language=setting)]
    assert asked
    without_names = [re.sub(r"`.*?`|Manual|手册", "", question) for question in asked]
    letters = {"zh": re.compile(r"[\u4e00-\u9fff]"), "en": re.compile("[a-z]{2}")}
    assert [question for question in without_names if not letters[lang].search(question)] == []


def test_a_question_names_its_page_without_markup(ask):
    rows = ask(chunk(ENGLISH, ("The [Lamp](lamp.md) *manual*", "Lamp")))
    assert rows and all("The Lamp manual" in row["instruction"] for row in rows)


def test_equal_names_in_two_sections_are_told_apart_by_the_section(ask):
    rows = ask(
        chunk(table("Name | Default", "size | 10"), ("Manual", "Lamp")),
        chunk(table("Name | Default", "size | 20"), ("Manual", "Door")),
    )
    assert {"Lamp" in row["instruction"] for row in rows if row["output"] == "10"} == {True}
    assert {"Door" in row["instruction"] for row in rows if row["output"] == "20"} == {True}


def test_pages_of_the_same_title_are_told_apart_by_what_they_belong_to(ask):
    rows = ask(
        chunk(table("Name | Default", "size | 10"), ("Reference",), "tools/pump/reference.md"),
        chunk(table("Name | Default", "size | 20"), ("Reference",), "tools/valve/reference.md"),
    )
    assert {"Pump" in row["instruction"] for row in rows if row["output"] == "10"} == {True}
    assert {"Valve" in row["instruction"] for row in rows if row["output"] == "20"} == {True}


def test_what_all_pages_of_a_title_say_is_asked_once_and_of_the_title(ask):
    rows = ask(
        chunk(table("Name | Default", "size | 10", "depth | 3"), ("Reference",), "tools/pump/reference.md"),
        chunk(table("Name | Default", "size | 10", "width | 4"), ("Reference",), "tools/valve/reference.md"),
    )
    by_answer = {answer: [row["instruction"] for row in rows if row["output"] == answer] for answer in ("10", "3", "4")}
    assert [len(asked) for asked in by_answer.values()] == [3, 3, 3]
    assert not [question for question in by_answer["10"] if "Pump" in question or "Valve" in question]
    assert all("Pump" in question for question in by_answer["3"])
    assert all("Valve" in question for question in by_answer["4"])


def test_what_every_page_says_is_asked_of_none(ask):
    said = "The part has the same colour as all the others have. Its size is that of the machine."
    rows = ask(*(chunk(said, (f"Part {n}",), f"{n}.md") for n in range(extractive.MAX_CHUNKS_OF_PROSE + 1)))
    assert rows == []
    assert ask.counts["facts_boilerplate"] == extractive.MAX_CHUNKS_OF_PROSE + 1


def test_what_nothing_tells_apart_is_not_asked_but_counted(ask):
    rows = ask(chunk(table("Name | Default", "size | 10", "size | 20"), ("Manual",)))
    assert not {row["output"] for row in rows} & {"10", "20"}
    assert ask.counts["facts_ambiguous"] >= 2


def test_no_question_has_two_answers_and_none_is_asked_twice(ask):
    chunks = [chunk(ENGLISH, ("Manual", name), f"{name}.md") for name in ("Lamp", "Door", "Lamp ")]
    rows = ask(*chunks, chunk(CHINESE), chunk(CHINESE, ("手册", "元件"), "copy.md"))
    asked = Counter(row["instruction"] for row in rows)
    assert set(asked.values()) == {1}


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, table("Name | Meaning", "lamp | the lamp", "a | tells of lamp a")])
def test_no_question_contains_its_answer(ask, text):
    rows = ask(chunk(text), phrasings=6)
    assert rows and not [row for row in rows if gives_away(row["instruction"], row["output"])]


def test_the_most_valuable_facts_come_first_when_they_are_limited(ask):
    text = "Lead of the section.\n\n" + table("Name | Default | Meaning", "`size` | 10 | how large it is")
    assert {row["output"] for row in ask(chunk(text), max_facts_per_chunk=1)} == {"10"}
    assert ask.counts["facts_beyond_limit"] > 0
    assert len({row["output"] for row in ask(chunk(text), max_facts_per_chunk=0)}) > 1


def test_searches_keep_every_name_in_code_and_no_word_of_closed_classes(ask):
    text = table("Setting | Default", "`pump.speed_max` | 30 rpm", "`pump.delay` | 4 s")
    rows = [row for row in ask(chunk(text), searches=3) if row["family"] == "search"]
    assert len(rows) == 2 * 2  # two words, the name and the attribute, have two orders
    for row in rows:
        assert ("pump.speed_max" in row["instruction"]) == (row["output"] == "30 rpm")
        assert not {"what", "is", "the", "of"} & set(row["instruction"].split())
        assert not row["held_out"]


def test_a_search_for_a_whole_question_has_two_thirds_of_its_words(ask):
    text = "## How do I empty the boiler before a long frost?\n\nOpen the drain valve and the vent on the top floor."
    rows = [row["instruction"] for row in ask(chunk(text), searches=5) if row["family"] == "search"]
    assert len(rows) == len(set(rows)) == 5
    words = {"empty", "boiler", "before", "long", "frost"}
    for row in rows:
        assert len(words & set(row.split())) >= 2


def test_placeholders_stay_and_tags_go():
    text = "Call https://<HOST_NAME>/v1 as <user>, <b>not</b> as <Owner id='1'>root</Owner>.<br>Wait."
    assert plain(text) == "Call https://<HOST_NAME>/v1 as <user>, not as root. Wait."


def test_a_search_names_page_and_section_as_one_types_them(ask):
    rows = ask(chunk(table("Name | Weight class", "lamp | a heavy one"), ("Manual", "Lamps")), phrasings=24)
    raw = [row for row in rows if english.PHRASINGS.families[row["family"]].raw]
    assert raw and all("Manual Lamps" in row["instruction"] for row in raw)


def test_what_would_be_markup_without_its_backticks_keeps_them_in_a_search(ask):
    rows = ask(chunk(table("Component | Default", "`<Lamp>` | on", "`lamp.size` | 3")), phrasings=24)
    typed = {row["instruction"] for row in rows if row["family"] in ("typed", "keywords")}
    assert typed and all("`<Lamp>`" in question or "`" not in question for question in typed)
    assert any("`<Lamp>`" in question for question in typed) and any("lamp.size" in question for question in typed)


@pytest.mark.parametrize("line", ["**Type**: number", "**Type:** number", "Type: number"])
def test_a_label_may_end_before_or_behind_its_colon(line):
    assert ("type", "`depth`", "number") in stated(f"## `depth`\n\n{line}")


MARKS = "|\\`*_$[]<>~&!:："  # markup comes from CELL alone: a lone mark may belong to one further on
LETTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters=MARKS)
WORD = st.text(LETTERS, min_size=1, max_size=8)
PHRASE = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
CELL = st.one_of(PHRASE, st.sampled_from(["^", ">", "-", "", "12", "`a_b`", "**bold**", "[link](x.md)", "p\\.u\\."]))
PIECES = st.one_of(
    st.lists(st.lists(CELL, min_size=3, max_size=3).map(" | ".join), min_size=1, max_size=4).map(
        lambda rows: table("Name | Unit | Meaning", *rows)
    ),
    st.tuples(PHRASE, PHRASE).map(lambda pair: f"- **{pair[0]}**: {pair[1]}"),
    st.lists(PHRASE, min_size=2, max_size=4).map(lambda steps: "\n".join(f"{n}. {s}" for n, s in enumerate(steps, 1))),
    st.tuples(PHRASE, PHRASE).map(lambda pair: f"{pair[0]}？\n:   {pair[1]}。"),
    PHRASE.map(lambda name: f"## {name}"),
    PHRASE,
)


@pytest.mark.slow
@given(texts=st.lists(st.lists(PIECES, min_size=1, max_size=5).map("\n\n".join), min_size=1, max_size=3))
def test_whatever_the_pages_hold_each_pair_is_grounded_and_each_question_has_one_answer(texts):
    chunks = {row["chunk_id"]: row for n, text in enumerate(texts) for row in [chunk(text, ("Page", f"Part {n % 2}"))]}
    section = params.load(ROOT / "params.yaml").generate
    pages = contexts.Pages([page(row) for row in chunks.values()])
    rows = asked(chunks.values(), pages, section, Counter())
    assert len({row["instruction"] for _, row, _ in rows}) == len(rows)
    for source, row, _ in rows:
        assert squeezed(row["evidence"]) in squeezed(source["text"])
        assert squeezed(row["output"]) in squeezed(plain(source["text"].replace("\\|", "|")))
        assert row["instruction"].strip() and not gives_away(row["instruction"], row["output"])


@pytest.mark.parametrize(
    ("loose", "tidy"),
    [
        ("水泵的 “流量” 是多少 ？", "水泵的“流量”是多少？"),
        ("水泵的的流量？？", "水泵的流量？"),
        ("在 “`pump`” 里", "在 `pump` 里"),
        ("说明（水泵（乙厂））。", "说明（水泵，乙厂）。"),
        ("““水泵””是什么？", "“水泵”是什么？"),
    ],
)
def test_chinese_questions_have_full_width_marks_without_spaces_and_nothing_doubled(loose, tidy):
    assert chinese.tidy(loose) == tidy


def test_two_facts_never_share_the_words_of_a_question(ask):
    text = "- 交流线路故障：单相短路等。\n- 直流线路故障：极间短路等。\n\n"
    text += "## 交流线路故障\n\n交流线路故障发生在线路的某一个位置上，持续时间可以设置。故障类型也可以设置。\n"
    rows = ask(chunk(text, ("故障事件",)), phrasings=24)
    assert {row["style"] for row in rows} == {"lookup", "summary"}
    assert len({row["instruction"] for row in rows}) == len(rows)


def test_braces_and_brackets_in_the_documentation_are_no_template(ask):
    rows = ask(chunk("**a {x} [y]**: the text of {c}\n", ("{s}", "{a}")), phrasings=6, language="en")
    assert len(rows) == 6
    assert all("a {x} [y]" in row["instruction"] and "{s}" in row["instruction"] for row in rows)


def test_an_answer_of_a_whole_block_has_a_limit():
    long = "word " * 500
    assert stated(f"{long}\n\n1. {long}\n2. {long}\n\n**term**: {long}\n") == set()


@pytest.mark.parametrize(
    ("notice", "kind"),
    [("> **Warning**\n>\n> Never open it hot.", "caution"), ("> **提示：保存**\n>\n> 修改后需要手动保存。", "section")],
)
def test_an_admonition_is_asked_about(notice, kind):
    found = next(fact for fact in facts(chunk(f"Some words.\n\n{notice}\n")) if fact.kind == kind)
    assert found.evidence == notice
    assert found.answer == notice.rpartition("> ")[2]


def test_the_stage_writes_pairs_with_their_chunk_and_counts_the_facts(write_params):
    write_params({"generate.backend": "extractive", "generate.phrasings": 2, "generate.max_facts_per_chunk": 0})
    chunks = [chunk(ENGLISH), chunk(CHINESE, path="b.md"), chunk("???", path="c.md")]
    write_jsonl(paths.CHUNKS, chunks)
    write_jsonl(paths.DOCS, [page(row) for row in chunks])
    generate.main()
    pairs = list(read_jsonl(paths.PAIRS))
    ids = [row["chunk_id"] for row in chunks]
    assert {pair["chunk_id"] for pair in pairs} == set(ids[:2])
    assert [ids.index(pair["chunk_id"]) for pair in pairs] == sorted(ids.index(pair["chunk_id"]) for pair in pairs)
    assert {pair["request_key"] for pair in pairs} == {""}
    assert len({pair["pair_id"] for pair in pairs}) == len(pairs)
    report = read_json(paths.REPORTS / "generate.json")
    assert report["pairs"] == len(pairs)
    assert report["chunks_without_pair"] == 1
    assert {pair["held_out"] for pair in pairs} == {True, False}
    trained = [pair for pair in pairs if not pair["held_out"]]
    assert report["facts"]["facts"] * 2 >= len(trained) > report["facts"]["facts"]


def test_text_that_comes_back_to_the_page_is_neither_its_beginning_nor_a_section_of_its_title():
    below = "\n\nFilling takes a minute. Boiling takes four more minutes.\n\n```sh\nkettle --fill --boil\n```"
    text = "A kettle is a pot that boils water.\n\n### Gas\n\nLight the flame." + "\n\n# Fill the kettle" + below
    first = chunk(text, ("Fill the kettle",))
    assert {fact.kind for fact in facts(first)} <= {"definition", "introduction"}
    assert not [fact for fact in facts(first) if "kettle --fill" in fact.answer or "minutes" in fact.answer]
    again = chunk(below.strip(), ("Fill the kettle",))
    assert [*facts(again)] and not [*facts(again, before=first)]


GUIDE = ("Guide", "Kettle")


def codes(text: str, headings: tuple[str, ...] = GUIDE) -> set[str]:
    return {fact.subject for fact in facts(chunk(text, headings)) if fact.kind == "code"}


@pytest.mark.parametrize(
    ("lead", "subject"),
    [
        (
            "To fill a kettle far from the tap,\nuse the hose:",
            "How to fill a kettle far from the tap",
        ),
        ("You can empty the\nkettle with the following command:", "How to empty the kettle"),
        ("The kettle is hot. Clean your kettle as follows:", "How to clean my kettle"),
    ],
)
def test_code_is_asked_for_by_the_whole_sentence_that_announces_it_or_by_what_it_tells_how_to_do(lead, subject):
    assert codes(f"The kettle boils water.\n\n{lead}\n\n```sh\nkettle\n```") == {subject}


@pytest.mark.parametrize(
    "lead",
    [
        "The kettle might look\nsomewhat like this:",
        "Old `kettle.yml`:",
        "Imagine the kettle is hot as in the following:",
        "You might encounter an empty kettle:",
        "Use a kettle:",
        "The kettle was sold to a friend, who paints it as follows:",
        "It looks like this:",
        "In a terminal, run:",
        "See the example below:",
        "Then we call it:",
        "On the left side:",
        "Example from a kettle that boils:",
        "To wire our new sensor into the kettle, use this command:",
        "To start out, use this command:",
        "Every kettle with a sensor\ncan report the level of its water:",
        "To pick a kettle, then paint it, use this command:",
    ],
)
def test_code_behind_a_sentence_that_says_nothing_by_itself_is_not_asked_for(lead):
    assert codes(f"The kettle boils water.\n\n{lead}\n\n```sh\nkettle\n```") == set()


def test_code_that_is_half_of_what_is_shown_or_named_by_a_file_of_a_program_is_not_asked_for():
    lead = "To show the heat of the kettle on a page, bind its value:"
    script, template = "```js\nconst heat = ref(0)\n```", "```html\n<b>{{ heat }}</b>\n```"
    assert codes(f"{lead}\n\n{script}\n\nIt is a number.\n\n{template}") == {
        "How to show the heat of the kettle on a page"
    }
    assert codes(f"{lead}\n\n{script}\n\n{template}") == set()
    named = "It boils.\n\n**{}**\n\n```js\nconst heat = ref(0)\n```"
    assert codes(named.format("kettle.js")) == set() and codes(named.format("kettle.config.js")) == {
        "`kettle.config.js`"
    }


def test_what_is_left_of_a_text_that_points_elsewhere_counts_as_that_little_of_its_section():
    kept = "Because a kettle is a vessel that boils its water, it has to be filled with care by whoever uses it."
    cut = "But what if we want to boil milk? In this section we will see how to do that with a pan of copper."
    assert ("section", "Kettle", kept) in stated(kept, GUIDE)
    assert stated(f"{kept} {cut}", GUIDE) == set()


def test_a_box_with_a_question_as_its_title_is_asked_that_and_a_box_of_links_nothing():
    assert stated("> **Does a kettle need a lid?**\n>\n> A lid keeps the water hot for an hour.\n", GUIDE) == {
        ("faq", "Does a kettle need a lid?", "A lid keeps the water hot for an hour.")
    }
    assert stated("> **See also**\n>\n> Kettles of copper, which are kept in a cellar of their own.\n", GUIDE) == set()


def test_a_section_is_answered_with_the_list_that_it_announces():
    text = "A kettle has two parts:\n\n- a lid\n- a handle\n"
    assert ("section", "Kettle", "A kettle has two parts:\n- a lid\n- a handle") in stated(text, GUIDE)


@pytest.mark.parametrize(
    "text",
    [
        "In this section we will look at kettles and at how they are made.",
        "This was the last of the kettles that anybody made in the town.",
        "There are several ways in which one can fill a kettle, whatever its size or its colour may be.",
        "There are various ways to fill a kettle. Some of them take long, and others need a funnel or a hose.",
        "Ah yes, the good old kettle. It boils water for tea and for many other things in the house.",
        "Boiling water is easy! Everybody loves a kettle, and so will you when you have one of your own!",
        "Using this lid keeps the water hot for hours. It closes by itself as soon as the water boils.",
        "想看看水壶怎样工作？我将在后面的内容里演示如何从零开始做一个水壶，请大家做好准备。",
        "Let’s build a kettle with a lid and a handle that does not get hot.",
        "For kettles see the manual that comes with each of them in the box.",
        "A kettle costs {{price}} in any shop that has kettles on its shelves.",
        "- [Lids](lids.md)\n- [Handles](handles.md)",
        "- https://kettles.example\n- https://lids.example",
    ],
)
def test_a_text_that_needs_what_stands_around_it_or_says_nothing_is_no_answer(text):
    assert stated(text, GUIDE) == set()


def test_lines_of_attributes_are_looked_up_and_the_meaning_is_what_follows_them():
    text = "**type:** `number`  \n**default:** `4`\n\nHow many cups the kettle fills.\n"
    assert stated(text, ("Guide", "Options", "`cups`")) == {
        ("type", "`cups`", "`number`"),
        ("default", "`cups`", "`4`"),
        ("meaning", "`cups`", "How many cups the kettle fills."),
    }


@pytest.mark.parametrize(("header", "kind"), [("Required", "required"), ("必填项", "required"), ("Insulated", "yesno")])
def test_a_column_of_yes_and_no_is_asked_as_such(header, kind):
    assert (kind, "`lid`", "no") in stated(table(f"Name | {header}", "`lid` | no", "`handle` | yes"))


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("`cups` iOS", "`cups` (iOS)"),
        ("`cups` (macOS)", "`cups` (macOS)"),
        ("Required**`cups`**", "`cups`"),
        ("cupSize Required", "cupSize"),
        ("cupSize (deprecated)", "cupSize"),
        ("cupSize（必填）", "cupSize"),
        ("Cups (with a lid)", "Cups (with a lid)"),
    ],
)
def test_a_badge_stands_apart_from_the_name(heading, name):
    assert heading_name(heading) == name


def test_a_badge_in_a_cell_is_what_it_says_of_the_name_and_no_part_of_it():
    text = table("Name | Type", "cupSize (Required) | number", "`lid` Optional | object", "`spout` iOS | object")
    assert stated(text) == {
        ("required", "cupSize", "Required"),
        ("type", "cupSize", "number"),
        ("required", "`lid`", "Optional"),
        ("type", "`lid`", "object"),
        ("type", "`spout` (iOS)", "object"),
    }
    with_column = table("Name | Required | Type", "cupSize (Required) | yes | number", "lid | no | object")
    assert ("required", "cupSize", "yes") in stated(with_column)
    assert ("required", "cupSize", "Required") not in stated(with_column)


def test_a_table_of_attributes_below_a_name_is_about_that_name():
    assert stated(table("Type | Default", "number | 4"), ("Guide", "`cups`")) == {
        ("type", "`cups`", "number"),
        ("default", "`cups`", "4"),
    }


def test_numbered_statements_are_no_procedure():
    assert not {fact for fact in stated("1. The lid closes.\n2. The water boils.\n") if fact[0] == "steps"}


@pytest.mark.parametrize(
    "items",
    [
        "1. Lids MUST close by themselves.\n2. Handles SHOULD stay cold.\n",
        "1. If it boils, the lid opens.\n2. If it is empty, the lid closes.\n",
        "2. Fill the kettle.\n3. Close the lid.\n",
    ],
)
def test_rules_conditions_and_the_rest_of_a_procedure_are_none(items):
    assert not {fact for fact in stated(items, ("Guide", "Tea")) if fact[0] == "steps"}


def test_a_table_without_names_of_columns_says_what_its_names_are():
    text = "|  |  |\n| --- | --- |\n| `lid` | keeps the water hot |\n| (nothing) | leaves the kettle open |\n"
    assert stated(text) == {("stated", "`lid`", "keeps the water hot")}


@pytest.mark.parametrize(
    "shown",
    ["| Tea | Cups |\n| --- | --- |\n| green | seven cups |", "- **Green tea**: a sample of green tea"],
)
def test_what_a_fence_shows_as_a_sample_is_no_fact(shown):
    assert stated(shown) and not stated(f"```md\n{shown}\n```\n\n{shown}\n") - {("code", "", "")}


def test_a_term_goes_on_to_the_next_one_and_ends_with_its_paragraph():
    text = "**Lid** - A lid is a cover that\nkeeps the water hot.\n**Spout** - A spout is a tube.\n\nKettles are old.\n"
    assert stated(text) >= {
        ("stated", "Lid", "A lid is a cover that keeps the water hot."),
        ("stated", "Spout", "A spout is a tube."),
    }
    text = "Lid\n: keeps the water hot for hours\n\nKettles are old.\n"
    assert ("stated", "Lid", "keeps the water hot for hours") in stated(text)


def test_a_heading_with_a_question_mark_asks_only_with_a_word_that_asks():
    text = "水壶的容量不同，壶嘴的长度也不同，其余部分都是相同的。"
    assert ("faq", "两种水壶有何不同？", text) in stated(text, ("指南", "两种水壶有何不同？"))
    assert stated(text, ("指南", "想买水壶？")) == set()


def test_half_of_an_enumeration_is_no_answer():
    text = "Buy a kettle if:\n\n- you drink tea\n- you have a stove\n\nKeep your pot if:\n\n- you have none\n"
    assert not {fact for fact in stated(text, ("Guide", "Should I buy a kettle?")) if fact[0] == "faq"}


def test_a_heading_that_is_a_question_without_its_mark_is_asked_as_one():
    text = "The whistle shows that the water boils."
    assert ("faq", "Why does it whistle", text) in stated(text, ("Guide", "Why does it whistle"))


def test_a_page_in_a_language_without_wordings_is_asked_nothing_and_told(write_params, capsys):
    write_params({"generate.backend": "extractive"})
    row = chunk("Der Kessel ist ein Topf, in dem Wasser kocht.", ("Kessel",))
    write_jsonl(paths.CHUNKS, [row])
    write_jsonl(paths.DOCS, [{**page(row), "language": "de"}])
    generate.main()
    assert list(read_jsonl(paths.PAIRS)) == []
    assert "no questions about pages in de (1)" in capsys.readouterr().out


def test_a_name_is_also_asked_for_in_words_and_by_its_description_where_only_one_has_them(ask):
    rows = ask(
        chunk(
            table(
                "Setting | Default | Meaning",
                "`cup_size` | 4 | how much water fits in",
                "`lid_size` | 2 | shared words of two",
            )
        )
        | {"path": "a.md"},
        chunk(table("Setting | Default | Meaning", "`lidSize` | 3 | shared words of two"), ("Other",), "b.md"),
        phrasings=24,
    )
    asked = [row["instruction"] for row in rows if row["output"] == "4"]
    assert all(any(name in question for question in asked) for name in ("cup size", "how much water fits in"))
    assert not [row for row in rows if row["output"] in ("2", "3") and row["family"] in ("in_words", "described")]


@pytest.mark.slow
@pytest.mark.skipif(not CLOUDPSS.is_dir(), reason="needs the CloudPSS documentation beside the repository")
def test_on_the_reference_documentation_pairs_are_many_distinct_and_grounded(write_params):
    from stages.chunk import __main__ as chunk_stage
    from stages.ingest import __main__ as ingest

    write_params({"docs.path": str(CLOUDPSS), "generate.phrasings": 2})  # of each fact: all take minutes
    ingest.main()
    chunk_stage.main()
    generate.main()
    unquoted = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)  # an admonition's answer is what stands in the quote
    texts = {row["chunk_id"]: squeezed(plain(unquoted.sub("", row["text"]))) for row in read_jsonl(paths.CHUNKS)}
    sources = {row["chunk_id"]: squeezed(row["text"]) for row in read_jsonl(paths.CHUNKS)}
    pairs = list(read_jsonl(paths.PAIRS))
    assert len({pair["instruction"] for pair in pairs}) == len(pairs) >= 8000
    assert not [pair for pair in pairs if gives_away(pair["instruction"], pair["output"])]
    assert not [pair for pair in pairs if squeezed(pair["evidence"]) not in sources[pair["chunk_id"]]]
    ungrounded = [
        pair
        for pair in pairs
        if not any(squeezed(answer) in texts[pair["chunk_id"]] for answer in (pair["output"], plain(pair["output"])))
    ]
    assert len(ungrounded) <= 0.001 * len(pairs), ungrounded[:3]
    bad = re.compile("^的|在里|的的|“”")
    assert not [pair["instruction"] for pair in pairs if bad.search(pair["instruction"])]


@pytest.mark.parametrize("fault", ["raises", "time", "memory"])
def test_a_chunk_that_cannot_be_read_costs_itself_alone_and_is_named(fault, monkeypatch, write_params):
    """Whichever of the two walks over the chunks meets it."""

    def spread(fact):
        if "bad" in fact.subject and fault == "time":
            while True:
                pass
        if "bad" in fact.subject:
            bytearray(1 << 40) if fault == "memory" else [][1]
        return 0

    monkeypatch.setattr(extractive, "sameness", spread)
    monkeypatch.setattr(budget, "MAX_SECONDS", 0.2)
    section = params.load(write_params({})).generate
    chunks = [chunk(table("Name | Default", f"`{name}_size` | 10"), (name,)) for name in ("good", "bad")]
    chunks = [{**row, "path": f"{row['headings'][0]}.md"} for row in chunks]
    skipped = budget.Skipped("generate")
    pages = contexts.Pages([{**page(row), "path": row["path"]} for row in chunks])
    rows = list(extractive.rows(lambda _: chunks, pages, section, OwnWordings(), Counter(), skipped))
    assert {row["path"] for row, *_ in rows} == {"good.md"}
    assert list(skipped.report()["skipped"]) == ["bad.md"]
    assert {"raises": "IndexError", "time": "CPU time", "memory": "GB of memory"}[fault] in skipped.reasons["bad.md"]


def test_characters_that_stand_for_what_is_held_stand_for_themselves_in_a_text():
    for text in ("4 MB \ue0000\ue001 a `call`", "\ue0009\ue001 *at* `most`", "`\ue0000\ue001` _is_ one", "\ue000"):
        assert plain(text) == re.sub(r"[*_]", "", text)
    assert plain("*At* &#xE000;0&#57345; `most`") == "At &#xE000;0&#57345; `most`"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Name | 2.0", "speed | fast and safe"),  # a version
        ("Name | What moved", "speed | from the lid to the base"),
        ("Name | Broken?", "speed | partly so"),
        ("名称 | 取值 / 按钮", "速度 | 打开按钮"),
        ("Name | Value", "token | <your-pump-token>"),
        ("名称 | 示例", "密码 | `{{password}}`"),
        ("Name | Date", "TBD | in June"),
        ("Setting | Meaning", "`pump.oil.level` | Oil level"),
        ("名称 | 说明", "密码 | 输入水泵的密码"),
    ],
)
def test_a_cell_that_names_or_says_nothing_is_not_asked_for(header, row):
    assert not stated(table(header, row))


def test_properties_of_one_thing_are_stated_of_it_and_not_looked_for():
    text = table("Aspect | Description", "Drive | mains of 50 Hz or generators")
    assert stated(text) == {("stated", "Drive", "mains of 50 Hz or generators")}


@pytest.mark.parametrize("said", ["[source](a.md) – [manual](b.md)", "<https://example.org/pump>"])
def test_links_alone_are_no_answer(said):
    assert not stated(f"- **Pump**: {said}\n- **Valve**: [code](c.md)")


def test_a_section_that_has_but_a_label_is_not_summed_up():
    assert not stated("位置：`pump-room/conf/pump.yaml`", ("手册", "水泵服务的配置"))


def test_names_of_several_lines_are_one_and_numbers_of_rows_are_none():
    broken = table("Option | Default", "`pump.` `oil-` `level` | 3")
    assert ("default", "`pump.oil-level`", "3") in stated(broken)
    numbered = table("序号 | 参数 | 备注", "1 | 油压 | 在泵前测量", "2 | 油压 | 在泵后测量")
    assert {subject for _, subject, _ in stated(numbered)} == {"油压"}


@pytest.mark.parametrize(("header", "noun"), [("Label", "label"), ("Name", "name"), ("标签", "标签"), ("名称", "名称")])
def test_what_is_looked_for_by_its_meaning_is_called_what_its_column_says(ask, header, noun):
    said = "描述水泵背后的油位高度" if not header.isascii() else "marks the level of the oil"
    meaning = "Meaning" if header.isascii() else "含义"
    rows = ask(chunk(table(f"{header} | {meaning}", f"`oil_mark` | {said}")), phrasings=3)
    assert [row for row in rows if row["style"] == "reverse" and noun in row["instruction"]]


@pytest.mark.parametrize(
    ("headings", "text"),
    [
        (("When to use the Pump",), "The Pump is a machine that moves water out of the cellar."),
        (("水泵",), "此示例将实现一个可以远程打开的阀门，并在打开之后通知管理员。"),
        (("水泵",), "介绍水泵如何安装以及怎样使用各项设置的方法。"),
        (("水泵",), "水泵在地下室里的安装与日常维护说明。"),
    ],
)
def test_what_is_said_of_something_else_or_of_the_page_is_no_answer(headings, text):
    assert not stated(text, headings)


def test_an_introduction_begins_behind_what_says_what_the_page_is_about():
    said = "水泵把地下室里的水抽到屋外的水沟中，并且在水位过低的时候自动停止。它由一台电动机带动。"
    assert {answer for kind, _, answer in stated(f"介绍水泵怎样工作。\n\n{said}", ("水泵",))} == {said}


def test_of_several_that_are_counted_not_only_the_first_is_an_answer():
    lead = "Pumps need some oil before every run, or the seal wears out within days. "
    text = lead + "There are two cases. The first is a dry pump that stood for weeks in the cold."
    assert {answer for _, _, answer in stated(text, ("Guide", "Oil of the pump"))} <= {lead.strip()}
    both = text + " The second is a wet one, which needs half of it."
    assert {answer for _, _, answer in stated(both, ("Guide", "Oil of the pump"))} == {both}


def test_a_list_lacks_nothing_that_it_announces():
    nested = "1. Open the lid:\n   - left screw\n   - right screw\n2. Close the lid"
    for margin in ("", "  ", "   "):  # as components and quotes leave lists
        assert ("steps", "Order", nested) in stated(indent(nested, margin), ("Guide", "Order"))
    assert not stated("1. Open the lid as it is shown:\n\n   ![](lid.png)\n2. Close the lid", ("Guide", "Order"))


def test_a_question_about_it_names_the_page_and_a_page_that_has_no_name_has_none(ask):
    text = "It fits wherever water stands in a cellar that has current."
    asks = "Where in the whole of my house does it fit?"
    rows = ask(chunk(text, ("Pump", asks)))
    assert rows and all("Pump" in row["instruction"] for row in rows if asks[:-1] in row["instruction"])
    assert not ask(chunk(text, ("Overview", asks), path="index.md"))
    assert ask(chunk(text, ("Overview", asks), path="garden/water-pump.md"))


def test_a_name_of_one_word_is_asked_with_its_section(ask):
    rows = ask(chunk("- `level`: how high the oil stands in the pump", ("Pump", "Read the oil")), phrasings=2)
    assert rows and all("Read the oil" in row["instruction"] for row in rows)


def test_an_answer_with_a_mask_is_none():
    assert not stated("- **Help desk**: write to [e-mail] and wait for the answer")


@pytest.mark.parametrize(
    "text",
    ["水泵目前仅能处理以下两种异常的情况，其余的需要人工处理。", "水泵由电动机带动，具体可查看水泵的实现原理这一篇。"],
)
def test_what_leads_on_to_what_follows_is_no_answer_in_chinese(text):
    assert not stated(text, ("手册", "水泵的支持"))


@pytest.mark.parametrize("heading", ["使用样例", "Example", "请求示例"])
def test_values_of_a_sample_are_asked_of_nobody(heading):
    text = table("Pump | Address", "pump-3 | cellar 7") + "\n\n- **Pump 4**: stands in the attic of the house"
    assert stated(text, ("Guide", "Cellar"))
    assert not stated(text, ("Guide", heading))


@pytest.mark.parametrize(
    "heading", ["`oil_mark` (since v2.1)", "`oil_mark` 从 v2.0.2 版本开始引入", "`oil_mark` macOS Windows Readonly"]
)
def test_a_name_in_code_is_called_so_without_its_versions_and_badges(heading):
    assert heading_name(heading) == "`oil_mark`"


def test_a_sentence_names_no_row_and_a_command_alone_states_nothing():
    rows = table("场景 | 优势", "水泵日夜运行，且没有人照看。需要自动停止。 | 省电并且安静")
    assert not stated(rows)
    assert not stated("- **Restart the pump**: `pump restart --now`\n- **Stop the pump**: `pump stop --now`")


@pytest.mark.parametrize("goal", ["To pass other options, call", "To write the code, use"])
def test_a_goal_that_is_none_without_the_text_before_it_is_not_asked_for(goal):
    assert not stated(f"{goal} it like this:\n\n```sh\npump --oil 3\n```", ("Guide", "Pump"))


def test_a_table_without_a_heading_above_its_rows_compares_its_columns():
    text = table(
        " | Hand pump | Power pump", "Drive | by hand | from the mains", "Noise | none at all | loud and clear"
    )
    assert ("cell", "Power pump", "loud and clear") in stated(text)


def test_a_task_is_not_defined_by_what_is_said_of_its_command():
    text = "该命令是一个不可撤销的命令，执行之后水泵中的油会被全部排空。"
    assert {kind for kind, _, _ in stated(text, ("手册", "获取水泵的油位"))} <= {"section"}
    assert {kind for kind, _, _ in stated(text, ("手册", "排油"))} == {"definition"}


def test_what_a_column_of_names_is_called_is_what_they_are(ask):
    rows = ask(chunk(table("Valve name | Meaning", "`oil_mark` | lets the oil out of the tank")), phrasings=3)
    assert [row for row in rows if row["style"] == "reverse" and "valve" in row["instruction"]]


def test_what_only_sets_two_things_side_by_side_is_asked_of_neither():
    sides = table("Pump | Turbine", "gives pressure | takes pressure", "cheap | dear")
    assert not stated(sides, ("Manual", "Pump vs. Turbine"))
    calls = stated(table("Pump | Turbine", "`pump.run()` | `turbine.turn()`"), ("From Pump to Turbine",))
    assert {(subject, answer) for _, subject, answer in calls} == {("`pump.run()`", "`turbine.turn()`")}


def test_what_a_comparison_answers_with_yes_or_no_is_asked_so():
    compared = table("Feature | Pump | Turbine", "Runs dry | no | ✅ Always", "Colour | red | true")
    kinds = {(subject, answer): kind for kind, subject, answer in stated(compared)}
    assert [kinds["Pump", "no"], kinds["Turbine", "✅ Always"]] == ["yesno", "yesno"]
    assert [kinds["Pump", "red"], kinds["Turbine", "true"]] == ["cell", "cell"]


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (
            ("inner | blue | 4", "inner | red | 5"),
            {"Valve “inner” and Colour “blue”", "Valve “inner” and Colour “red”"},
        ),
        (("1 | 2 | 4", "1 | 3 | 5"), {"Valve 1, Colour 2", "Valve 1, Colour 3"}),
    ],
)
def test_a_name_of_two_words_from_two_columns_marks_each(rows, names):
    assert {subject for _, subject, _ in stated(table("Valve | Colour | Litres", *rows))} == names


def test_three_words_from_three_columns_name_nothing():
    rows = ("inner | blue | up | 4 l", "inner | blue | down | 5 l", "inner | red | up | 6 l")
    assert not stated(table("Valve | Colour | Side | Flow", *rows))


@pytest.mark.parametrize(
    "text",
    [
        f"```sh\npump --list\n```\n\n{table('Pump | Litres', 'cellar pump | 40')}",
        table("pump_name | litres_sum", "cellar pump | 40", "roof pump | 30"),
    ],
    ids=["below a command", "columns named as in code"],
)
def test_what_a_command_or_a_query_printed_is_no_fact(text):
    assert not [kind for kind, *_ in stated(text) if kind != "code"]


def test_a_heading_of_a_column_in_the_plural_or_with_a_verb_is_not_bent_into_a_sentence(ask):
    rows = ask(chunk(table("Placeholder | Replaces", "`{oil}` | `{engine.oil.level}`")), phrasings=20)
    assert rows
    assert not [row for row in rows if re.search(r"(?:what|which|the) replaces", row["instruction"])]


def test_a_marked_question_in_a_list_is_a_reader_s(ask):
    listed = "- **Why is the pump so loud?**: Air is in its pipe, which the valve lets out."
    assert ("faq", "Why is the pump so loud?", "Air is in its pipe, which the valve lets out.") in stated(listed)
    assert not [
        kind
        for kind, *_ in stated("一个常见的问题是，水泵为什么这么响？\n\n管道里有空气，要从阀门放掉。")
        if kind == "faq"
    ]


@pytest.mark.parametrize("said", ["`oil`, `oil4`, `oil6`", "2020-01-31"])
def test_names_in_code_or_a_date_state_nothing(said):
    assert not stated(f"- Oil: {said}\n- Water: comes from the well behind the house") - {
        ("stated", "Water", "comes from the well behind the house")
    }


def test_a_sentence_that_only_opens_sections_of_its_own_is_not_what_they_say():
    sentence = "The pump of the house behind the hill is used by a great number of people in many ways each day."
    assert not stated(f"## Uses\n\n{sentence}\n\n### Garden\n\n- water", ("Pump", "Uses"))
    assert stated(sentence, ("Pump", "The pump of the house"))


def test_the_beginning_of_a_section_speaks_for_it_only_if_it_names_what_the_heading_names():
    rest = "- " + "Only what stands in this list tells how the oil is changed in a pump of that kind. " * 2
    about = "Oil changes of a pump take an hour. They need a new ring each time, and a pail for the oil."
    other = "Many houses have a cellar. Some of them are wet in spring, and others are so in autumn."
    kinds = [{kind for kind, *_ in stated(f"{text}\n\n{rest}", ("Manual", "Oil changes"))} for text in (about, other)]
    assert kinds == [{"section"}, set()]


def test_the_page_s_title_as_its_first_heading_introduces_the_page():
    text = "Moves water out of the cellar as soon as its level is high. The pump stops by itself when it runs dry."
    assert {kind for kind, *_ in stated(text, ("pump (command)", "pump"))} == {"introduction"}


def test_what_a_name_does_is_not_said_by_a_condition_on_another_name():
    other = "When `pump_oil` is on, the level of the water is read from the left to the right."
    assert not stated(other, ("Manual", "`pump_strict`"))
    assert stated(other.replace("pump_oil", "pump_strict"), ("Manual", "`pump_strict`"))


def test_a_path_within_a_project_names_its_page_in_the_question(ask):
    rows = ask(chunk("- `pump/src/oil.py`: reads the level of the oil", ("Build a Pump",)), phrasings=5)
    assert rows
    assert all("Build a Pump" in row["instruction"] or "pump" in row["family"] for row in rows)


def test_code_below_a_label_that_several_sections_have_is_asked_for_by_neither(ask):
    parts = [chunk(f"```sh\npump {word}\n```", ("Pump", word, "Pump in a shell script")) for word in ("on", "off")]
    assert not ask(*parts)
    assert ask(parts[0])


def test_a_name_that_tells_its_row_apart_needs_no_other_column():
    rows = [f"part {n} | left | {n}" for n in range(9)] + ["ring | left | 20", "ring | right | 21"]
    names = {subject for _, subject, _ in stated(table("Name | Side | Weight", *rows))}
    assert {"part 3", "Name “ring” and Side “left”"} <= names


def test_a_page_whose_title_says_what_every_page_does_goes_by_its_file(ask):
    pages = [chunk(f"- `--oil-{name}`: shows the level", ("Name",), f"manual/pump-{name}.md") for name in ("on", "off")]
    asked = [row["instruction"] for row in ask(*pages, chunk(ENGLISH, path="manual/lamp.md"), phrasings=9)]
    assert not [question for question in asked if "Name" in question or "in manual" in question]


def test_a_label_with_a_picture_is_no_name():
    assert not stated("- ✅ Quick: starts within a second of the call\n- ✅ Small: fits into a pocket of a coat")


def test_of_two_models_that_are_counted_the_first_alone_is_no_answer():
    text = (
        "A pump has two modes. First, it can run in “dry mode”, which is like that of other pumps. It needs no water."
    )
    assert not stated(text, ("Manual", "Modes of the pump"))


def test_what_any_thing_of_a_kind_must_do_defines_nothing():
    said = "- **Flush the pump**: Any water between the ring and the valve of the pump must be let out."
    assert {kind for kind, *_ in stated(said)} == {"stated"}


@pytest.mark.parametrize(
    ("lead", "subject"),
    [
        ("可以用以下命令打开地下室的水泵：", "打开地下室的水泵"),
        ("将以下内容添加到水泵的配置文件中：", ""),
        ("先来试试水泵的开关：", ""),
        ("在水泵的目录中写入以下内容：", ""),
        ("水泵的开关很简单，一行就够：", ""),
    ],
)
def test_a_chinese_lead_keeps_its_object_and_is_no_talk(lead, subject):
    assert codes(f"水泵抽水。\n\n{lead}\n\n```sh\npump\n```", ("手册", "水泵")) == ({subject} - {""})


def test_a_box_that_is_all_its_section_says_is_no_hint_on_it():
    box = "> **Note**\n>\n> - The valve shows the level of the oil.\n> - The lever lets the water out of the pump."
    assert {kind for kind, *_ in stated(box, ("Manual", "Valve"))} == {"section"}
    rest = "\n\nThe valve of the pump stands open as long as water runs through it, and closes by itself."
    assert {kind for kind, *_ in stated(box + rest, ("Manual", "Valve"))} == {"tip"}


def test_cards_that_lead_on_state_nothing():
    card = "- **Wash the pump**: Learn of brushes for every pump"
    assert not stated(card, ("Pump", "Next steps"))
    assert stated(card.replace("Learn of", "takes one of the"), ("Pump", "Care"))


def test_a_long_question_that_its_author_puts_is_no_reader_s():
    asked = "水泵响了，阀门也开了，水还是不流，这是为什么？"
    assert not [kind for kind, *_ in stated(f"{asked}\n\n管道里有空气。") if kind == "faq"]
    assert [kind for kind, *_ in stated("水泵为什么不出水？\n\n管道里有空气，要放掉。") if kind == "faq"]


def test_what_says_its_name_again_with_an_article_adds_nothing():
    assert not stated("- `number_of_pumps`: The number of pumps")


def test_a_question_for_what_a_thing_is_has_no_steps():
    steps = "1. open the lid of the pump\n2. close the lid of the pump"
    assert not [kind for kind, *_ in stated(steps, ("Manual", "What is the lid?")) if kind == "steps"]


def test_a_sentence_on_code_that_it_leaves_behind_is_not_what_its_section_says():
    text = "Every pump of the house takes its level of water from the one call that the valve makes when it is opened."
    assert stated(text, ("Manual", "Level of a pump"))
    assert not [
        one for one in stated(f"{text}\n\n```py\npump()\n```", ("Manual", "Level of a pump")) if one[0] == "section"
    ]


def test_the_site_is_no_name_of_its_pages(ask):
    pages = [chunk(f"- `--oil-{n}`: shows the level", ("Overview",), f"site/part{n}/page.md") for n in range(20)]
    assert not [row for row in ask(*pages, phrasings=6) if "Site" in row["instruction"]]


@pytest.mark.parametrize(("header", "noun"), [("Key | Meaning", "key"), ("按键 | 含义", "键")])
def test_a_column_of_keys_has_keys_and_no_settings(ask, header, noun):
    said = "moves the handle of the pump up" if header.isascii() else "把水泵的把手抬到最高的位置"
    asked = [row["instruction"] for row in ask(chunk(table(header, f"`u` | {said}")), phrasings=9)]
    assert [question for question in asked if noun in question]
    assert not [question for question in asked if "setting" in question or "配置项" in question]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Name | Guide", "pump | pump/README.md"),
        ("名称 | 机房", "水泵 | 同上"),
        ("Name | Room", "pump | ditto"),
    ],
)
def test_a_cell_that_leads_to_a_document_or_to_the_row_above_says_nothing(header, row):
    assert not stated(table(header, row))


def test_who_gave_money_is_nobody_s_question():
    text = table("Name | Sum", "Ada | 30 crowns", "Bob | 50 crowns")
    assert not stated(text, ("Manual", "Sponsors")) and not stated(text, ("手册", "捐赠名单"))
    assert stated(text, ("Manual", "Prices"))


@pytest.mark.parametrize("heading", ["References", "Further reading", "What's next?", "参考资料", "延伸阅读"])
def test_a_section_that_only_says_what_stands_elsewhere_states_nothing(heading):
    books = (
        "- Pumps of the north, with pictures of wells\n- A cellar and its water\n- On the height of water in pipes\n"
    )
    assert stated(books, ("Manual", "Kinds of books"))
    assert not stated(books, ("Manual", heading))


def test_a_box_below_the_label_of_a_tab_is_about_that_tab_alone():
    box = "> **Warning**\n>\n> The valve of the pump must be shut before the lid is opened."
    assert stated(box, ("Manual", "Opening"))
    assert not stated(f"**Linux**\n\n{box}", ("Manual", "Opening"))


@pytest.mark.parametrize("lead", ["以下方的水泵设置为例：", "在水泵中引：", "水泵提供了如下的开关：", "有两个水泵："])
def test_a_chinese_statement_or_half_of_one_is_no_name_of_code(lead):
    assert not codes(f"水泵抽水。\n\n{lead}\n\n```sh\npump\n```", ("手册", "水泵"))


def test_of_several_functions_in_a_heading_the_code_belongs_to_the_one_that_it_calls():
    heading = "`lift()` and `pump.drain()`"
    assert codes("```py\npump.drain(3)\n```", ("Manual", heading)) == {"`pump.drain`"}
    assert "`lift`" not in codes("```py\nwash(3)\n```", ("Manual", "`lift()`"))


def test_a_folder_that_holds_most_pages_and_a_page_called_like_its_file_name_nothing(ask):
    pages = [chunk(f"- `--oil-{n}`: shows the level", ("Overview",), f"docs/part{n}/page.md") for n in range(3)]
    rest = [chunk(ENGLISH, ("Lamp",), "lamp.md"), chunk("- `lid`: opens it wide", ("docs",), "docs/docs.md")]
    asked = [row["instruction"] for row in ask(*pages, *rest, phrasings=6)]
    assert asked and not [question for question in asked if re.search(r"\bdocs\b", question)]


@pytest.mark.parametrize(
    "text",
    [
        "水泵只支持冷水，要抽热水就需要换上耐热的密封圈和管道。",
        "该方法返回的水位会写进日记，每小时一次，供值班的人员查看。",
    ],
)
def test_a_limit_is_no_purpose_and_a_text_on_what_stood_before_no_section(text):
    heading = "水泵" if text.startswith("水泵") else "水位的记录"
    assert not {kind for kind, *_ in stated(text, ("手册", heading))} & {
        "purpose",
        *(["section"] * (heading != "水泵")),
    }


def test_an_answer_loses_its_mark_and_a_list_of_labelled_links_is_none():
    faq = stated("**Does the pump stop?**\n\n**Answer:** Yes, when the tank is full.")
    assert {answer for _, _, answer in faq} == {"Yes, when the tank is full."}
    links = "- Source: [#12](a.md)\n- Tracking: [#13](b.md)"
    assert not [kind for kind, *_ in stated(links, ("Manual", "Valves")) if kind == "members"]


def test_a_title_with_the_part_of_the_site_behind_it_names_that_in_brackets(ask):
    asked = [row["instruction"] for row in ask(chunk("- `lid`: opens it wide", ("Pump | Config",)), phrasings=9)]
    assert [question for question in asked if "Pump (Config)" in question]
    assert not [question for question in asked if "|" in question]


def test_a_size_above_a_column_is_no_attribute_and_a_qualified_one_is():
    assert not stated(table("Pump | 32 GiB of RAM", "small | 840"))
    assert stated(table("水泵 | 水位单位 | 水位帮助描述", "小泵 | 厘米 | 离地面多高")) == {
        ("unit", "小泵", "厘米"),
        ("meaning", "小泵", "离地面多高"),
    }


def test_a_link_whose_picture_goes_leaves_nothing():
    assert plain("Pump [![badge](a.svg)](https://example.org)") == "Pump"


def test_a_name_in_code_is_no_plural_of_things():
    assert not stated("- turns the pump on\n- turns it off", ("Manual", "maxPumps"))
    assert stated("- turns the pump on\n- turns it off", ("Manual", "Levers"))


@pytest.mark.parametrize("said", ["阀门的用法对此有详细解释，请自行了解。", "水泵的性能可以参阅 #1234 里的比较。"])
def test_an_answer_that_only_tells_where_it_is_told_is_none(said):
    assert not stated(f"水泵为什么响？\n\n{said}")


def test_a_default_that_must_be_given_is_none_and_a_sentence_that_only_turns_is_cut():
    assert not stated(table("Name | Default", "lid | Required by the pump"))
    text = "The pump empties the cellar by itself whenever water comes in, and stops afterwards. Be warned, however."
    rest = "It draws the water through a sieve that keeps the leaves of the garden out of all of its pipes."
    assert not [answer for _, _, answer in stated(f"{rest} {text}", ("Manual", "Cellar")) if "however" in answer]


def test_what_one_is_told_to_do_instead_is_no_goal_and_a_remark_behind_one_no_part_of_it():
    def goals(lead):
        return codes(f"Pumps move water.\n\n{lead}\n\n```sh\npump\n```", ("Manual", "Pump"))

    assert not goals("To instead open the valve, run:")
    assert goals("You can open the valve of the pump (since 2.1):") == {"How to open the valve of the pump"}
