"""The recipe: which questions a chunk is asked for, by which prompts, and what becomes of the answers."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.llm import replies
from stages.common.llm.requests import Request
from stages.common.records.files import digest
from stages.common.records.rows import Chunk, Pair
from stages.generate.labelling import recipe
from stages.generate.labelling.answer import Answer, Wordings
from stages.generate.labelling.languages import Languages
from support.lamps import PAIR, chunk, lamps, report, run, teacher
from support.repository import ROOT

STYLES = {"fact": 3, "how-to": 2, "lookup": 3, "definition": 2, "comparison": 1, "troubleshooting": 1, "reverse": 2}


RICH = "Some steps.\n\n1. open\n2. close\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nIf it fails, compare both.\n"
RICH_CHUNKS = [chunk(f"{RICH}\nNumber {n}.") for n in range(3000)]


@pytest.fixture
def section(write_params) -> Callable[..., schema.Generate]:
    def load(**settings: object) -> schema.Generate:
        fixed = {"prompts": str(ROOT / "prompts"), "model": "teacher", **settings}
        return params.load(write_params({f"generate.{name}": value for name, value in fixed.items()})).generate

    return load


def chosen(section: schema.Generate, chunks: list[Chunk]) -> list[list[str]]:
    return [recipe.styles(row, section) for row in chunks]


def made(section: schema.Generate, row: Chunk) -> list[tuple[recipe.Task, Request]]:
    return list(recipe.Recipe(section, Languages(section)).requests(row))


def keys(section: schema.Generate, *chunks: Chunk) -> list[str]:
    return [task.key for row in chunks for task, _ in made(section, row)]


def prompt_of(section: schema.Generate, row: Chunk, place: int = 0) -> str:
    """System and user part of one request about a chunk."""
    return "\n".join(turn["content"] for turn in made(section, row)[place][1].messages)


def test_styles_are_drawn_by_their_weights(section):
    drawn = Counter(style for (style,) in chosen(section(styles=STYLES, styles_per_chunk=1), RICH_CHUNKS))
    assert set(drawn) == set(STYLES)
    for style, weight in STYLES.items():
        expected = len(RICH_CHUNKS) * weight / sum(STYLES.values())
        assert abs(drawn[style] - expected) < 5 * math.sqrt(expected)


def test_a_chunk_is_asked_in_as_many_different_styles_as_params_say(section):
    for count in (1, 3, 7):
        assert all(
            len(set(row)) == len(row) == count
            for row in chosen(section(styles=STYLES, styles_per_chunk=count), RICH_CHUNKS[:50])
        )
    assert len(recipe.styles(RICH_CHUNKS[0], section(styles=STYLES, styles_per_chunk=99))) == len(STYLES)


def test_what_stands_beside_a_chunk_changes_none_of_its_requests(section):
    alone = keys(section(), RICH_CHUNKS[7])
    assert alone == keys(section(), *RICH_CHUNKS[:8])[-len(alone) :]
    moved = {**RICH_CHUNKS[7], "path": "other.md", "line_start": 99, "also_in": ["third.md"]}
    assert keys(section(), moved) == alone


def test_more_styles_per_chunk_keep_those_that_were_asked(section):
    few, many = (chosen(section(styles=STYLES, styles_per_chunk=n), RICH_CHUNKS[:200]) for n in (2, 4))
    assert [row[:2] for row in many] == few


def test_a_changed_weight_moves_chunks_only_into_or_out_of_that_style(section):
    before = chosen(section(styles=STYLES, styles_per_chunk=2), RICH_CHUNKS)
    after = chosen(section(styles={**STYLES, "reverse": 4}, styles_per_chunk=2), RICH_CHUNKS)
    moved = [(old, new) for old, new in zip(before, after, strict=True) if set(old) != set(new)]
    assert 0 < len(moved) < len(RICH_CHUNKS) / 4
    assert all(set(new) - set(old) == {"reverse"} for old, new in moved)


def test_a_weight_of_nothing_switches_a_style_off_and_moves_only_its_chunks(section):
    before = chosen(section(styles=STYLES, styles_per_chunk=1), RICH_CHUNKS)
    after = chosen(section(styles={**STYLES, "fact": 0}, styles_per_chunk=1), RICH_CHUNKS)
    assert ["fact"] in before and ["fact"] not in after
    assert all(new == old for old, new in zip(before, after, strict=True) if old != ["fact"])


@pytest.mark.parametrize(
    ("style", "suits", "does_not"),
    [
        ("lookup", "| a | b |\n|---|:-:|\n| 1 | 2 |", "a | b in a sentence, and a rule:\n\n---\n\nmore"),
        ("lookup", "- **rate**: 5\n- **delay**: 6", "- **rate**: 5, the only one"),
        ("lookup", "`rate`：速率\n`delay`：延时", "速率：5"),
        ("how-to", "1. 打开\n2. 关闭", "版本 1.2 与 2.3"),
        ("how-to", "Type:\n\n```sh\nmake\n```", "It was made in 2019."),
        ("how-to", "第一步 打开\n第二步 关闭", "第一名"),
        ("comparison", "模式 A 与模式 B 的区别在于速度。", "模式 A 很快。"),
        ("comparison", "- fast mode\n- slow mode", "- the only mode"),
        ("troubleshooting", "若编译失败，检查路径。", "编译很快。"),
        ("troubleshooting", "The run fails when the file is locked.", "The run is quick."),
        ("troubleshooting", ":::warning\nHot.\n:::", "A warming lamp."),
    ],
)
def test_a_style_is_asked_only_of_chunks_that_it_suits(section, style, suits, does_not):
    own = section(styles={style: 1, "fact": 1}, styles_per_chunk=2)
    assert style in recipe.styles(chunk(suits), own)
    assert style not in recipe.styles(chunk(does_not), own)


def test_several_things_are_put_together_only_where_there_are_several(section):
    own = section(styles={"multi-step": 1, "fact": 1}, styles_per_chunk=2)
    assert "multi-step" not in recipe.styles(chunk("Short.", tokens=20), own)
    assert "multi-step" in recipe.styles(chunk("Long.", tokens=900), own)


def test_every_chunk_is_asked_something_with_the_default_recipe(section):
    assert all(len(recipe.styles(chunk(text, tokens=5), section())) >= 3 for text in ("Lamp.", "灯。", "| a |"))


def test_a_recipe_without_any_style_is_one_line(section):
    with pytest.raises(ParamsError, match=r"^params.yaml: generate.styles: accepted is at least one weight above 0$"):
        section(styles={"fact": 0, "reverse": 0.0})


def test_a_style_of_the_users_own_needs_only_a_part_in_the_prompts(section):
    own = copied_prompts(lambda text: f"{text}\n# style riddle\nAsk in riddles.\n")
    assert "Ask in riddles." in prompt_of(section(styles={"riddle": 1}, prompts=own), chunk("Lamp."))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"styles": {"riddle": 1}},
            "params.yaml: generate.styles: {}/generate.zh.md has no part `# style riddle`; it has fact, ",
        ),
        (
            {"personas": ["king"]},
            "params.yaml: generate.personas: {}/generate.zh.md has no part `# persona king`; it has newcomer, ",
        ),
    ],
)
def test_a_style_or_persona_that_the_prompts_do_not_describe_is_one_line(section, settings, line):
    with pytest.raises(ParamsError) as caught:
        recipe.Recipe(section(**settings), Languages(section(**settings)))
    assert str(caught.value).startswith(line.format(ROOT / "prompts"))


def test_only_the_prompt_of_the_chosen_language_has_to_be_there(section):
    own = copied_prompts(str)
    Path(own, "generate.en.md").unlink()
    assert keys(section(prompts=own, language="zh"), chunk("Lamp."))
    with pytest.raises(ParamsError, match=r"generate.en.md"):
        recipe.Recipe(section(prompts=own), Languages(section(prompts=own)))


def copied_prompts(edit: Callable[[str], str], directory: str = "own") -> str:
    """The repository's prompts, edited, in a directory of their own."""
    Path(directory).mkdir(exist_ok=True)
    for file in (ROOT / "prompts").iterdir():
        Path(directory, file.name).write_text(edit(file.read_text(encoding="utf-8")), encoding="utf-8")
    return directory


def test_an_edit_to_one_style_asks_nothing_of_the_others(section):
    own = copied_prompts(lambda text: text.replace("# style reverse\n", "# style reverse\nBe brief. "))
    settings = {"styles": STYLES, "styles_per_chunk": 7}
    before, after = keys(section(**settings), RICH_CHUNKS[0]), keys(section(**settings, prompts=own), RICH_CHUNKS[0])
    changed = [
        style
        for style, old, new in zip(recipe.styles(RICH_CHUNKS[0], section(**settings)), before, after, strict=True)
        if old != new
    ]
    assert changed == ["reverse"]


def test_the_passage_stands_before_what_differs_between_styles_so_that_servers_can_reuse_it(section):
    texts = [prompt_of(section(), RICH_CHUNKS[0], place) for place in range(3)]
    common = texts[0].index("</passage>")
    assert len(set(texts)) == 3
    assert {text[:common] for text in texts} == {texts[0][:common]}


def test_personas_are_spread_over_the_chunks_and_may_be_left_out(section):
    own = section(styles={"fact": 1})
    drawn = Counter(recipe.persona(row, "fact", own) for row in RICH_CHUNKS)
    assert set(drawn) == {"newcomer", "engineer", "support"}
    assert min(drawn.values()) > len(RICH_CHUNKS) / 4
    nobody = prompt_of(section(styles={"fact": 1}, personas=[]), RICH_CHUNKS[0])
    assert "Who asks" not in nobody and "$" not in nobody


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_prompts_describe_the_default_recipe_and_forbid_pointing_at_the_source(section, lang):
    own = section(language=lang)
    text = "\n".join(prompt_of(own, RICH_CHUNKS[0], place) for place in range(3))
    forbidden = {"zh": ["上文", "该片段", "根据提供的文本"], "en": ["the text above", "the passage"]}[lang]
    assert all(phrase in text for phrase in [*forbidden, "Manual > Lamp", "evidence", '{"pairs": [']), text
    example = re.search(r'\{"pairs".*\}', text)
    assert example and json.loads(example[0])["pairs"][0].keys() == {"instruction", "input", "output", "evidence"}


@pytest.mark.parametrize(("tokens", "asked"), [(1, 1), (100, 1), (400, 2), (401, 3), (1000, 5)])
def test_the_number_of_pairs_may_follow_the_length(section, tokens, asked):
    row = chunk("Lamp.", tokens=tokens)
    assert recipe.pairs(row, section(pairs_per_1k_tokens=5)) == asked
    assert recipe.pairs(row, section(pairs_per_chunk=4)) == 4
    ((_, request), *_) = made(section(pairs_per_1k_tokens=5), row)
    assert request.schema["properties"]["pairs"]["maxItems"] == asked


@pytest.mark.parametrize(
    ("reply", "outputs"),
    [
        ({"pairs": [PAIR, {**PAIR, "output": " "}]}, ["Number 1.", " "]),
        ({"pairs": [{"instruction": "Why?"}, PAIR]}, ["", "Number 1."]),
        ({"pairs": [7, PAIR]}, ["", "Number 1."]),
        ({"pairs": [{**PAIR, "output": ["1. open", "2. close"]}]}, ["1. open\n2. close"]),
        ({"pairs": [{**PAIR, "difficulty": "easy"}]}, ["Number 1."]),
        ({"pairs": [{**PAIR, "input": None}]}, ["Number 1."]),
    ],
)
def test_a_pair_that_is_no_use_does_not_cost_the_others(reply, outputs):
    answer = replies.read(json.dumps(reply), Answer)
    assert [pair.output for pair in answer.pairs] == outputs
    assert Answer.model_validate_json(answer.model_dump_json()) == answer


@pytest.mark.parametrize("reply", ['{"questions": []}', '{"questions": ["", 3]}', '{"questions": 3}', "[]", '{"a": 1}'])
def test_wordings_without_a_wording_are_no_answer(reply):
    with pytest.raises((ValueError, TypeError, KeyError)):
        replies.read(reply, Wordings)


@pytest.mark.parametrize("reply", ['{"questions": [" a ", "", "b"]}', '```json\n{"questions": ["a", "b"]}\n```'])
def test_wordings_are_found_in_a_reply(reply):
    assert replies.read(reply, Wordings).questions == ["a", "b"]


@pytest.fixture
def ask(write_params) -> Callable[..., list[Pair]]:
    return partial(run, write_params)


def test_a_pair_has_the_style_it_was_asked_in(endpoint, ask):
    endpoint.reply = teacher
    pairs = ask(lamps(20), paraphrases=0)
    assert {(pair["style"], pair["instruction"].split(", ")[1]) for pair in pairs} == {
        ("fact", "a fact?"),
        ("definition", "explaining a term?"),
        ("reverse", "the other way round?"),
    }
    assert report()["styles"] == {"definition": 20, "fact": 20, "reverse": 20}


def test_each_question_gets_its_other_wordings_with_the_same_answer_and_evidence(endpoint, ask):
    endpoint.reply = teacher
    pairs = ask(lamps(2), styles_per_chunk=1, paraphrases=2)
    first = pairs[0]["instruction"]
    assert [pair["instruction"] for pair in pairs[:3]] == [first, f"{first} (first)", f"{first} (second)"]
    assert len({(p["chunk_id"], p["output"], p["evidence"], p["style"]) for p in pairs[:3]}) == 1
    assert len({pair["pair_id"] for pair in pairs}) == 6
    assert len({pair["request_key"] for pair in pairs[:3]}) == 2
    assert (report()["calls"], report()["pairs"]) == (4, 6)


def test_wordings_depend_on_the_question_alone_and_are_paid_once(endpoint, ask):
    endpoint.reply = teacher
    ask(lamps(3), styles_per_chunk=1)
    endpoint.requests.clear()
    moved = [{**row, "path": "moved.md"} for row in reversed(lamps(3))]
    assert len(ask(moved, styles_per_chunk=1)) == 9
    assert endpoint.requests == []
    same_questions = [
        {**row, "chunk_id": digest(row["text"], "new"), "text": f"{row['text']} Really."} for row in moved
    ]
    ask(same_questions, styles={"fact": 1})
    ask(same_questions, styles={"fact": 1}, personas=["engineer"])
    wordings = [request for request in endpoint.requests if "Kind of question" not in str(request)]
    assert len({str(request["messages"]) for request in wordings}) == len(wordings)


def test_wordings_are_in_the_language_of_the_question(endpoint, ask):
    pair = {**PAIR, "instruction": "一号灯的编号是多少？"}
    endpoint.reply = lambda body: json.dumps({"pairs": [pair]} if "passage" in str(body) else {"questions": ["几号？"]})
    ask([chunk("一号灯是第一盏。")], styles={"fact": 1})
    assert "请写出 2 个不同的说法" in endpoint.requests[1]["messages"][1]["content"]


def test_oddities_are_counted_and_stay_counted_when_everything_is_stored(endpoint, ask):
    def odd(body: dict) -> str:
        lamp = int(re.search(r"Lamp (\d+)", str(body))[1])
        rows = [{**PAIR, "instruction": f"Lamp {lamp}, {n}?"} for n in range(5)]
        answers = {
            0: [],  # empty
            1: rows[:1],  # fewer than asked
            2: rows,  # more than asked
            3: [rows[0], rows[0], rows[1]],  # one repeated
            4: [rows[0], {**rows[1], "output": ""}, rows[2]],  # one blank
            5: [{**row, "output": "long " * 99, "evidence": ""} for row in rows[:3]],
        }
        return json.dumps({"pairs": answers[lamp]})

    endpoint.reply = odd
    for _ in range(2):
        assert len(ask(lamps(6), styles={"fact": 1}, paraphrases=0)) == 0 + 1 + 3 + 2 + 2 + 3
        assert report()["answers"] == {"empty": 1, "fewer_pairs_than_asked": 1, "more_pairs_than_asked": 1}
        assert report()["pairs_dropped"] == {"blank": 1, "beyond_asked": 2, "repeated": 1}
        assert report()["pairs_doubtful"] == {"longer_than_chunk": 3, "without_evidence": 3}
        assert report()["chunks_without_pair"] == 1
    assert report()["calls"] == 0


def test_a_colleague_with_the_outputs_alone_asks_nothing_in_either_pass(endpoint, ask, tmp_path):
    endpoint.reply = teacher
    ask(lamps(4))
    before = paths.PAIRS.read_bytes(), paths.RESPONSES.read_bytes()
    endpoint.requests.clear()
    for file in (tmp_path / ".cache").glob("responses.sqlite*"):
        file.unlink()
    ask(lamps(4))
    assert endpoint.requests == []
    assert (paths.PAIRS.read_bytes(), paths.RESPONSES.read_bytes()) == before


def test_a_prompt_of_ones_own_without_styles_asks_each_chunk_once(endpoint, ask):
    Path("own").mkdir()
    for lang in ("zh", "en"):
        Path("own", f"generate.{lang}.md").write_text("# system\nx\n\n# user\n$text\n", encoding="utf-8")
    endpoint.reply = lambda body: json.dumps({"pairs": [PAIR]})
    assert len(ask(lamps(3), prompts="own", paraphrases=0)) == 3
    assert len(endpoint.requests) == 3


def test_a_missing_prompt_for_wordings_is_one_line_before_any_request(endpoint, ask):
    own = copied_prompts(str)
    Path(own, "paraphrase.zh.md").unlink()
    with pytest.raises(UserError, match=r"generate.prompts: own/paraphrase.zh.md: No such file"):
        ask(lamps(1), prompts=own)
    assert endpoint.requests == []
