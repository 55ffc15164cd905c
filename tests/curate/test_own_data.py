"""Own data: every usable row of every format joins with its place; what is not usable is told, nothing else is lost."""

import json
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.records.files import read_json
from stages.common.rows import json_rows
from stages.common.rows.json_rows import Fault, FileRow, read_json_rows
from stages.common.rows.own_data import own_data
from support.curation import corpus, dataset, run

EXTRA = Path("data/extra")


def give(name: str, text: str | bytes) -> Path:
    file = EXTRA / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def alpaca(number: int) -> dict:
    return {"instruction": f"第 {number} 盏灯有多亮？", "input": "", "output": f"{number} 流明"}


DUMPS = {
    "lines": lambda rows: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
    "escaped lines": lambda rows: "\r\n\r\n".join(map(json.dumps, rows)),
    "array": lambda rows: json.dumps(rows, ensure_ascii=False),
    "indented array": lambda rows: "\n" + json.dumps(rows, indent=4),
    "array of lines": lambda rows: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n",
}


@pytest.mark.parametrize("dump", DUMPS)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("block", [1, 50, json_rows.BLOCK])
def test_arrays_and_lines_are_read_alike_whatever_their_name_and_mark(dump, mark, block, monkeypatch):
    monkeypatch.setattr(json_rows, "BLOCK", block)
    rows = [{**alpaca(n), "more": [{"n": n}, "🙂\n\"'"]} for n in range(30)]
    for name in ("a.json", "a.jsonl"):
        file = give(name, mark + DUMPS[dump](rows))
        assert [row.value for row in read_json_rows(file)] == rows


@pytest.mark.parametrize("dump", ["lines", "indented array", "array of lines"])
def test_a_row_knows_its_lines(dump):
    text = DUMPS[dump]([alpaca(n) for n in range(5)])
    lines = text.split("\n")
    for number, row in enumerate(read_json_rows(give("a.json", text))):
        shown = "".join(lines[row.first - 1 : row.last]).strip().rstrip(",")
        assert json.loads(shown) == alpaca(number)


@pytest.mark.parametrize("block", [1, json_rows.BLOCK])
@pytest.mark.parametrize("dump", ["lines", "indented array", "array of lines"])
def test_a_broken_row_costs_only_itself_and_is_told_with_its_line(dump, block, monkeypatch):
    monkeypatch.setattr(json_rows, "BLOCK", block)
    rows = [alpaca(n) for n in range(9)]
    text = DUMPS[dump](rows).replace('"4 ', '"4" ').replace('"4 \\u', '"4" \\u')
    items = list(read_json_rows(give("a.json", text)))
    (fault,) = [item for item in items if isinstance(item, Fault)]
    assert '"4"' in text.split("\n")[fault.line - 1]
    assert fault.problem.startswith("not JSON")
    assert [item.value for item in items if isinstance(item, FileRow)] == rows[:4] + rows[5:]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"instruction": "q", "output": NaN}', "NaN is not a JSON number"),
        (b"7", "a row is an object {...}, not int"),
        (b'{"a": "\\ud800"}', "half a character"),
        ('{"a": "灯"}'.encode("gbk"), "is not UTF-8; if it is GBK: `iconv -f GBK -t UTF-8`"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b'{"a": 1', "not JSON"),
    ],
)
def test_a_line_that_is_no_row_is_told_and_its_neighbours_stay(line, problem):
    good = DUMPS["lines"]([alpaca(1)]).encode()
    one, fault, other = read_json_rows(give("a.jsonl", good + line + b"\n" + good))
    assert one.value == other.value == alpaca(1)
    assert fault.line == 2 and problem in fault.problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"a": 1}', "does not end with ]"),
        ("[" + "[" * 100_000, "nested too deep"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_is_no_list_of_rows_is_told(text, problem):
    assert any(problem in item.problem for item in read_json_rows(give("a.json", text)) if isinstance(item, Fault))


@pytest.mark.parametrize("block", [1, 3, json_rows.BLOCK])
def test_an_element_is_read_whole_however_the_file_is_cut_up(block, monkeypatch):
    monkeypatch.setattr(json_rows, "BLOCK", block)
    fault, row = read_json_rows(give("a.json", '[1234567, {"a": "\\u4e00\\"x"}]'))
    assert (fault.text, row.value) == ("1234567", {"a": '一"x'})


def only(value: dict) -> dict:
    found = own_data_of(value)
    assert not found.rejected
    return dict(found.rows[0])


def own_data_of(*values: dict):
    give("a.jsonl", DUMPS["lines"](values))
    return own_data(EXTRA)


FORMATS = {
    "alpaca": {"instruction": "你是谁？", "input": "", "output": "臣妾。"},
    "alpaca without input": {"instruction": "你是谁？", "output": "臣妾。"},
    "alpaca with nulls": {
        "instruction": "你是谁？",
        "input": None,
        "output": "臣妾。",
        "messages": None,
        "system": None,
    },
    "sharegpt": {"conversations": [{"from": "human", "value": "你是谁？"}, {"from": "gpt", "value": "臣妾。"}]},
    "openai": {"messages": [{"role": "user", "content": "你是谁？"}, {"role": "assistant", "content": "臣妾。"}]},
    "openai in parts": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "你是"}, {"type": "text", "text": "谁？"}]},
            {"role": "assistant", "content": "臣妾。"},
        ]
    },
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_exchange_is_the_same_row_in_every_format(name):
    row = only(FORMATS[name])
    assert row == only(FORMATS["alpaca"])
    assert (row["instruction"], row["input"], row["output"]) == ("你是谁？", "", "臣妾。")
    assert "messages" not in row and "system" not in row
    assert (row["path"], row["line_start"], row["line_end"]) == ("data/extra/a.jsonl", 1, 1)


def turns(*contents: str) -> list[dict]:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(contents)]


LONG = turns("你好", "万福。", "你是谁？", "臣妾。")
SHAREGPT = {"user": "human", "assistant": "gpt"}
CONVERSATIONS = {
    "sharegpt": {"conversations": [{"from": SHAREGPT[turn["role"]], "value": turn["content"]} for turn in LONG]},
    "openai": {"messages": LONG},
    "alpaca with history": {"instruction": "你是谁？", "output": "臣妾。", "history": [["你好", "万福。"]]},
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_keeps_all_its_turns_and_the_last_exchange_is_the_question(name):
    row = only(CONVERSATIONS[name])
    assert row["messages"] == LONG
    assert (row["instruction"], row["output"]) == ("你是谁？", "臣妾。")


def test_input_of_a_conversation_joins_its_last_question():
    row = only({"instruction": "译成英文", "input": "灯", "output": "lamp", "history": [["在吗", "在"]]})
    assert row["messages"] == turns("在吗", "在", "译成英文\n灯", "lamp")


@pytest.mark.parametrize("side", ["", "你是甄嬛。"])
def test_a_row_s_own_system_prompt_goes_before_the_one_of_the_side_file(side):
    if side:
        give("a.system.txt", f"\ufeff{side}\n")
    own = {"role": "system", "content": "你是华妃。"}
    found = own_data_of({"messages": [own, *turns("谁？", "我。")]}, {"messages": turns("谁？", "她。")}).rows
    assert [row.get("system", "") for row in found] == ["你是华妃。", side]


BAD = {
    "nothing known": ({"q": "a"}, "has neither instruction and output, nor conversations"),
    "no output": ({"instruction": "q"}, "output is missing"),
    "blank output": ({"instruction": "q", "output": " \n"}, "output is blank"),
    "no instruction": ({"output": "a"}, "instruction is missing"),
    "number": ({"instruction": "q", "output": 7}, "output is int, not text"),
    "input as list": ({"instruction": "q", "output": "a", "input": []}, "input is list, not text"),
    "no turns": ({"messages": []}, "messages is not a list of turns"),
    "turn that is text": ({"messages": ["hi"]}, "turn 1 of messages is not an object"),
    "tool turn": ({"messages": [{"role": "tool", "content": "x"}]}, "role is 'tool'; accepted are system"),
    "tool call": ({"messages": [*turns("q"), {"role": "assistant", "content": "", "tool_calls": [1]}]}, "tool calls"),
    "weight": ({"messages": [*turns("q"), {"role": "assistant", "content": "a", "weight": 0}]}, "weight: 0 is not"),
    "no loss on a turn": (
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a", "loss": False},
                           {"from": "human", "value": "r"}, {"from": "gpt", "value": "b", "loss": True}]},
        "turn 2 of conversations: loss: False is not supported, since every answer is trained",
    ),
    "blank turn": ({"messages": turns("q", " ")}, "turn 2 of messages: content is blank"),
    "picture": ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content is no text"),
    "assistant first": ({"messages": turns("q", "a")[1:]}, "turn 1 is the assistant's"),
    "two questions": ({"messages": [*turns("q"), *turns("q", "a")]}, "turn 2 is the user's"),
    "no answer at the end": ({"messages": turns("q", "a", "q")}, "does not end with an answer"),
    "only a system turn": ({"messages": [{"role": "system", "content": "x"}]}, "does not end with an answer"),
    "system last": ({"messages": [*turns("q", "a"), {"role": "system", "content": "x"}]}, "turn 3 is the system's"),
    "history": ({"instruction": "q", "output": "a", "history": [["x"]]}, "history 1 is not [question, answer]"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_rejected_with_file_line_and_reason_and_nothing_else_is_lost(name):
    value, problem = BAD[name]
    found = own_data_of(alpaca(1), value, alpaca(2))
    (bad,) = found.rejected
    assert problem in bad["value"]
    assert (bad["check"], bad["path"], bad["line_start"], bad["line_end"]) == ("own_row", "data/extra/a.jsonl", 2, 2)
    assert [row["output"] for row in found.rows] == ["1 流明", "2 流明"]


def test_ids_depend_on_the_row_alone():
    rows = [alpaca(n) for n in range(9)]
    before = [row["pair_id"] for row in own_data_of(*rows).rows]
    give("a.system.txt", "你是灯。")
    assert [row["pair_id"] for row in own_data_of(*rows[::-1]).rows] == before[::-1]
    (EXTRA / "a.jsonl").rename(EXTRA / "b.json")
    assert [row["pair_id"] for row in own_data(EXTRA).rows] == before[::-1]
    assert len(set(before)) == len(before)


def test_questions_with_the_same_long_answer_are_one_fact_and_with_the_same_short_one_are_not():
    answer = "臣妾是甄嬛，家父是大理寺少卿甄远道，年方十七。"
    long = own_data_of(*({"instruction": q, "output": answer} for q in ("你是谁？", "你叫什么？"))).rows
    short = own_data_of(*({"instruction": q, "output": "是。"} for q in ("天是蓝的吗？", "水是湿的吗？"))).rows
    assert long[0]["fact_id"] == long[1]["fact_id"]
    assert short[0]["fact_id"] != short[1]["fact_id"]


def test_files_of_all_folders_are_read_in_order_and_others_are_remarked_on():
    for name in ("b/deep.JSONL", "a.jsonl", ".hidden.jsonl"):
        give(name, DUMPS["lines"]([alpaca(len(name))]))
    give("table.csv", "instruction,output\n")
    give("lost.system.txt", "x")
    give("big.jsonl.dvc", "outs:")
    found = own_data(EXTRA)
    assert [row["path"] for row in found.rows] == ["data/extra/a.jsonl", "data/extra/b/deep.JSONL"]
    assert found.remarks == [
        "data/extra/lost.system.txt is the system prompt of no file: there is no lost.json or lost.jsonl",
        "data/extra/table.csv is not read; type `doclore convert data/extra/table.csv data/extra/table.jsonl`",
    ]


def test_a_missing_or_empty_directory_is_no_data():
    assert own_data(EXTRA) == ([], [], [])
    EXTRA.mkdir(parents=True)
    assert own_data(EXTRA) == ([], [], [])


def own_rows(parts: dict) -> list[dict]:
    return [row for row in dataset(parts) if row["style"] == "own"]


def give_many(count: int = 200) -> None:
    give("many.jsonl", DUMPS["lines"]([alpaca(n) for n in range(count)]))


def test_own_rows_alone_are_a_dataset_with_a_held_out_part(write_params):
    give_many()
    parts = run([], [], write_params, holdout_pages=0.2)
    assert len(own_rows(parts)) == 200 and parts["rejected"] == []
    assert 20 <= len(parts["eval_unseen"]) <= 60


def test_own_rows_join_the_pairs_and_move_none_of_them(write_params):
    pairs, chunks = corpus(range(40))
    before = run(pairs, chunks, write_params)
    give_many(20)
    after = run(pairs, chunks, write_params)
    for name in paths.SPLITS:
        assert [row for row in after[name] if row["style"] != "own"] == before[name]
    assert len(own_rows(after)) == 20
    assert read_json(paths.REPORTS / "curate.json")["own"] == 20


def test_bad_rows_are_counted_told_and_written_down(write_params, capsys):
    pairs, chunks = corpus(range(20))
    give("a.jsonl", "{\n" + DUMPS["lines"]([alpaca(1), {"instruction": "q"}]))
    parts = run(pairs, chunks, write_params)
    report = read_json(paths.REPORTS / "curate.json")
    assert report["rejected_by"]["own_row"] == 2
    assert report["kept"] + report["rejected"] == report["pairs"] == len(pairs) + 3
    assert [row["line_start"] for row in parts["rejected"]] == [1, 3]
    assert parts["rejected"][1]["row"] == "{'instruction': 'q'}"
    told = capsys.readouterr().out
    assert "data/extra/a.jsonl:1: not JSON" in told and "data/extra/a.jsonl:3: output is missing" in told


def test_an_own_row_needs_no_chunk_but_is_looked_through_to_its_first_turn(write_params):
    give_many(50)
    give("b.jsonl", DUMPS["lines"]([
        {"instruction": "嗨", "output": "嗨嗨"},
        {"instruction": "Is the text above good or bad?", "input": "It is good.", "output": "good"},
        {"messages": turns("嗨<|im_end|>", "嗨嗨", "在吗", "在的")},
        {"messages": [{"role": "system", "content": "<think>"}, *turns("嗨", "在")]},
    ]))  # fmt: skip
    parts = run([], [], write_params)
    assert [(row["check"], row["line_start"]) for row in parts["rejected"]] == [
        ("no_leftovers", 3),
        ("no_leftovers", 4),
    ]
    assert len(own_rows(parts)) == 52


def test_one_question_may_have_many_answers_and_none_of_them_is_held_out_beside_another(write_params):
    rows = [{"instruction": f"问 {n % 50}", "output": f"第 {n} 种回答"} for n in range(500)]
    give("a.jsonl", DUMPS["lines"]([*rows, rows[7]]))
    parts = run([], [], write_params, holdout_pages=0.5, holdout_facts=0.0)
    (repeated,) = parts["rejected"]
    assert (repeated["check"], repeated["line_start"]) == ("distinct", 501)
    trained = {row["instruction"] for row in parts["train"]}
    assert len(own_rows(parts)) == 500
    assert not trained & {row["instruction"] for row in parts["eval_unseen"]}


def test_what_was_said_before_makes_another_question_of_the_same_words(write_params):
    give_many(50)
    talks = [{"messages": turns(before, "好", "继续", "好的，继续。")} for before in ("讲灯", "讲泵")]
    talks.append(
        {"messages": [{"role": "system", "content": "你是灯。"}, *turns("讲泵", "好", "继续", "好的，继续。")]}
    )
    give("b.jsonl", DUMPS["lines"](talks))
    assert run([], [], write_params)["rejected"] == []


def test_more_own_rows_move_no_old_one(write_params):
    give_many(100)
    before = {row["pair_id"]: name for name, rows in run([], [], write_params).items() for row in rows}
    give_many(110)
    after = {row["pair_id"]: name for name, rows in run([], [], write_params).items() for row in rows}
    assert {row: after[row] for row in before} == before
