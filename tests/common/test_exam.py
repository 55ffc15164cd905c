"""The exam in data/exam/: three kinds of file hold the same questions, and what is no question is told by its line."""

import json

import pytest

from stages.commands.main import parser
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.exam import questions
from stages.common.records.files import write_jsonl

ONE = {"question": "How bright may it get?", "reference": "At most `300` lux,\n\nmeasured.", "page": "lamps/ring.md",
       "key_values": ["300 lux"], "tags": ["support", "May"]}  # fmt: skip
TWO = {"question": "灯怎么重置？", "reference": "按住按钮五秒。"}


def write(name: str, text: str, encoding: str = "utf-8") -> None:
    file = paths.EXAM / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode(encoding))


def fields(rows: list) -> list[dict]:
    return [{key: row[key] for key in ONE} for row in rows]


KINDS = {
    "a.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in (ONE, TWO)) + "\n\n",
    "b.csv": "\ufeffquestion;reference;page;key_values;tags;ticket\r\n"
    '"How bright may it get?";"At most `300` lux,\n\nmeasured.";lamps/ring.md;`300 lux`;support, May;17\r\n'
    "灯怎么重置？;按住按钮五秒。;;;;\r\n",
    "c.csv": '问题,参考答案,页面,关键值,标签\n"How bright may it get?","At most `300` lux,\n\nmeasured.",lamps/ring.md,'
    '300 lux,support，May\n灯怎么重置？,按住按钮五秒。,,,\n',
    "d.md": "# Asked in May\n\nFor people.\n\n## How bright may it get?\n\nAt most `300` lux,\n\nmeasured.\n\n"
    "- page: lamps/ring.md\n- Key values: `300 lux`\n- tags: support, May\n\n## 灯怎么重置？\n按住按钮五秒。\n",
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_holds_the_same_questions(name):
    write(name, KINDS[name])
    rows = questions.questions()
    assert fields(rows) == [ONE, {**TWO, "page": "", "key_values": [], "tags": []}]
    assert rows[0]["exam_id"] != rows[1]["exam_id"]
    assert all(row["path"] == f"data/exam/{name}" for row in rows)
    first = KINDS[name].split("\n")[rows[1]["line_start"] - 1]
    assert TWO["question"] in first


def test_the_id_of_a_question_does_not_depend_on_its_place():
    write("a.jsonl", KINDS["a.jsonl"])
    before = [row["exam_id"] for row in questions.questions()]
    (paths.EXAM / "a.jsonl").unlink()
    write("deep/z.md", KINDS["d.md"])
    assert [row["exam_id"] for row in questions.questions()] == before


def test_no_exam_is_no_question_and_no_fault():
    assert questions.read() == questions.Exam([], [])
    write("README.md", "# How this works")
    write(".gitkeep", "")
    assert questions.read() == questions.Exam([], [])


def test_a_heading_in_a_code_block_is_no_question_and_a_list_in_an_answer_stays():
    write("a.md", "## How?\n\n```md\n## not one\n```\n\n- first\n- page of it\n- tags: x\n")
    (row,) = questions.questions()
    assert row["reference"] == "```md\n## not one\n```\n\n- first\n- page of it" and row["tags"] == ["x"]


FAULTS = [
    ("a.jsonl", '{"question": "Q?", "reference": "R"}\n{"question": "Q2?"}\n', "a.jsonl:2: reference is missing"),
    ("a.jsonl", '\n{"question": "Q?", "reference": " "}\n', "a.jsonl:2: reference is missing or blank"),
    ("a.jsonl", '{"question": "Q?" "reference": "R"}\n', "a.jsonl:1: not JSON"),
    ("a.jsonl", '["Q?", "R"]\n', "a.jsonl:1: a question is an object"),
    ("a.jsonl", '{"question": "Q?", "referense": "R"}\n', "a.jsonl:1: 'referense' is not a field; did you mean"),
    ("a.jsonl", '{"question": "Q?", "reference": 7}\n', "a.jsonl:1: reference is not text"),
    ("a.jsonl", '{"question": "Q?", "reference": "R", "key_values": [7]}\n', "a.jsonl:1: key_values is not a list"),
    ("a.jsonl", '{"question": "Q?", "reference": "R"}\n{"question": "q", "reference": "S"}\n',
     "a.jsonl:2: the question is that of data/exam/a.jsonl:1"),
    ("a.csv", 'question,reference\n"two\nlines?",R\nQ?,a,b\n', "a.csv:4: 3 cells below 2 columns"),
    ("a.csv", 'question,reference\nQ?,"R\n', "a.csv:2: not CSV"),
    ("a.csv", "what,reference\nQ?,R\n", "a.csv:2: question is missing"),
    ("a.md", "# Title\n\nText.\n", "a.md:1: no question"),
    ("a.md", "## Q?\n\n- page: x.md\n", "a.md:1: reference is missing"),
    ("a.xlsx", "x", "a.xlsx:1: .xlsx file is not read; accepted are .jsonl, .csv and .md"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line"), FAULTS)
def test_what_is_no_question_is_told_in_one_line_with_its_place(name, text, line):
    write(name, text)
    with pytest.raises(UserError) as error:
        questions.questions()
    assert str(error.value).startswith(f"data/exam/{line}") and "\n" not in str(error.value)


def test_a_file_that_is_not_utf_8_is_told_with_the_remedy():
    write("a.csv", KINDS["c.csv"], "gbk")
    (fault,) = questions.read().faults
    assert fault.startswith("data/exam/a.csv:1: the text is not UTF-8") and "iconv" in fault


def doclore(*words: str) -> None:
    arguments = parser().parse_args(["exam", *words])
    arguments.run(arguments)


def test_a_question_that_is_added_is_listed_and_cannot_be_added_twice(capsys):
    doclore("add", ONE["question"], ONE["reference"], "--page", ONE["page"], "--key-value", "300 lux", "--tag", "May")
    (row,) = questions.questions()
    assert row["key_values"] == ["300 lux"] and row["tags"] == ["May"]
    with pytest.raises(UserError, match=r"already in .*questions\.jsonl:1"):
        doclore("add", "how bright may it get", "x")
    with pytest.raises(UserError, match="reference is missing"):
        doclore("add", "Q?", " ")
    with pytest.raises(UserError, match=r"--file other\.jsonl"):
        doclore("add", "Q?", "R", "--file", "other.jsonl")
    capsys.readouterr()
    doclore("list", "--tag", "May")
    assert "1 questions" in capsys.readouterr().out
    doclore()
    assert "How bright" in capsys.readouterr().out


def chunk(name: str, path: str, text: str) -> dict:
    return {"chunk_id": name, "path": path, "headings": ["Lamps"], "text": text, "also_in": [], "line_start": 3,
            "line_end": 9}  # fmt: skip


def test_check_tells_which_questions_no_page_answers(capsys):
    write_jsonl(paths.CHUNKS, [chunk("a", "lamps/ring.md", "The brightness is at most 300 lux."),
                               chunk("b", "lamps/other.md", "A lamp that is dim has a button.")])  # fmt: skip
    rows = [ONE, {"question": "How long does the lamp last?", "reference": "9 years"},
            {"question": "Is it dim?", "reference": "yes", "page": "gone.md"}]  # fmt: skip
    write("a.jsonl", "\n".join(map(json.dumps, rows)) + "\nbroken")
    with pytest.raises(UserError, match="1 unusable entry in data/exam"):
        doclore("check")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("data/exam/a.jsonl:4: not JSON")
    assert lines[1].startswith("data/exam/a.jsonl:3: gone.md is not a page")
    assert lines[2].startswith("data/exam/a.jsonl:2: no page answers 'How long") and "looked for: 9" in lines[2]
    assert lines[3].startswith("3 questions; 1 are answered") and len(lines) == 4


def test_the_command_says_how_to_begin_where_there_is_no_exam(capsys):
    doclore()
    assert "doclore exam add" in capsys.readouterr().out
