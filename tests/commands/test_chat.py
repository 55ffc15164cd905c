"""`doclore chat` gives evaluate's answers, says where they come from, and a mistake is one line."""

import shutil

import pytest
import torch

from stages.commands import chat
from stages.commands.main import parser
from stages.commands.serving.talk import NAMES, Talker, trained_tokenizer, without_half_character
from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_jsonl, write_jsonl
from stages.evaluate import answers
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from support.training import dataset_row


@pytest.fixture
def trained(after):
    after(train, merge, train__max_steps=3, format__system_prompt="Be brief.")


def run(*arguments: str) -> None:
    found = parser().parse_args(["chat", *arguments])
    found.run(found)


def test_a_question_gets_the_answer_that_evaluate_reads_from_the_trained_prompt(trained, capsys):
    tokenizer = trained_tokenizer()
    talker = Talker("tuned", params.load(), tokenizer)
    prompt = talker.prompt([{"role": "user", "content": "What is the size of part 1?"}])
    row = next(row for row in read_jsonl(train.paths.DATASET / "train.jsonl") if "part 1?" in row["instruction"])
    text = talker.chat.texts([chat_row(row, talker)])[0]
    assert text.startswith(prompt), "the prompt is the beginning of the trained text"
    expected = answers.generate(talker.model, tokenizer, [prompt], 12, 1)[0].text
    run("-p", "What is the size of part 1?", "--max-new-tokens", "12")
    assert capsys.readouterr().out.strip() == expected


def chat_row(row: dict, talker: Talker) -> list[dict]:
    from stages.common.chat.conversations import conversation

    return conversation(row, talker.chat)


def test_base_and_tuned_answer_side_by_side_and_why_leads_to_page_and_lines(trained, capsys):
    run("-p", "What is the size of part 3?", "--compare", "--why", "--max-new-tokens", "4")
    out = capsys.readouterr().out
    assert out.startswith("base:\n") and "\n\ntuned:\n" in out, "plain text where there is no terminal"
    found = out.partition("Nearest training rows:")[2]
    assert found.index("What is the size of part 3?\n→ `21`\n  pair      p3\n  page      page3.md:1-2\n") == 2
    assert found.count("→") == 3


def test_why_names_headings_and_partials_of_a_chinese_page(trained, capsys):
    row = dataset_row(99) | {"chunk_id": "c99", "instruction": "额定电压的默认值是多少？", "output": "220 千伏"}
    write_jsonl(paths.DATASET / "train.jsonl", [*(dataset_row(i) for i in range(9)), row])
    partial = {"path": "_参数.md", "line_start": 3, "line_end": 4}
    chunk = {"chunk_id": "c99", "headings": ["手册", "参数"], "tokens": 9, "partials": [partial], "also_in": []}
    write_jsonl(paths.CHUNKS, [chunk])
    write_jsonl(paths.DOCS, [{"path": "page99.md", "title": "变压器", "rev": "abc123"}])
    run("-p", "默认的额定电压有多大？", "--why", "--max-new-tokens", "2")
    first = capsys.readouterr().out.partition("Nearest training rows:")[2].split("\n\n")[1]
    assert "额定电压的默认值是多少？\n→ 220 千伏" in first
    for line in ("headings  手册 › 参数", "page      page99.md:1-2", "partials  _参数.md:3-4", "revision  abc123"):
        assert line in first


def test_the_adapter_is_the_merged_model_but_for_rounding_and_not_the_base(prepared):
    prepared(train__max_steps=20, train__learning_rate=0.02)
    train.main()
    merge.main()
    tokenizer = trained_tokenizer()
    ids = tokenizer("What is the size of part 3?", return_tensors="pt").input_ids
    with torch.inference_mode():
        tuned, adapter, base = (Talker(name, params.load(), tokenizer).model(ids).logits for name in NAMES)
    assert (adapter - tuned).abs().max() < 0.1 * (adapter - base).abs().max()


def test_a_dialogue_remembers_until_it_starts_afresh_and_survives_an_empty_line(trained, monkeypatch, capsys):
    lines = iter(["first", "", "second", "/new", "third"])
    prompts = []

    def typed(_: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", typed)
    original = Talker.prompt
    monkeypatch.setattr(Talker, "prompt", lambda *a: prompts.append(original(*a)) or prompts[-1])
    run("--max-new-tokens", "2")
    assert ["first" in prompt for prompt in prompts] == [True, True, False]
    assert len(prompts) == 3


def test_without_a_model_chat_says_what_to_type(write_params):
    write_params()
    with pytest.raises(UserError, match="make run"):
        run("-p", "hello")


def test_without_adapter_or_training_rows_chat_says_what_to_type(trained):
    shutil.rmtree(paths.ADAPTER)
    with pytest.raises(UserError, match="dvc repro train"):
        run("-p", "hello", "--model", "adapter")
    write_jsonl(paths.DATASET / "train.jsonl", [])
    with pytest.raises(UserError, match="has no row"):
        run("-p", "hello", "--why")


@pytest.mark.parametrize("arguments", [("-p", "  "), ("-p", "x", "--max-new-tokens", "0")])
def test_a_wrong_argument_is_one_line(arguments):
    with pytest.raises(UserError):
        chat.run(parser().parse_args(["chat", *arguments]))


@pytest.mark.parametrize(
    "text", ["on \ufffd", "on\ufffd\n", "a\ufffd b", " 第一\n\n第\ufffd\ufffd", "", "\ufffd", "done. \n"]
)
def test_an_answer_in_pieces_is_the_one_that_evaluate_reads(text):
    for size in (1, 2, 100):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert "".join(without_half_character(pieces)).strip() == answers.Answer.of(text, False).text.strip()
