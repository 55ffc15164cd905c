"""`doclore chat` gives evaluate's answers, says where they come from, and a mistake is one line."""

import pytest
from test_train import prepared  # noqa: F401

from stages import merge, train
from stages.commands import chat
from stages.commands.main import parser
from stages.shared import params
from stages.shared.errors import UserError
from stages.shared.evaluation import answers
from stages.shared.records import read_jsonl
from stages.shared.serving.talk import Talker, trained_tokenizer


@pytest.fixture
def trained(prepared):  # noqa: F811
    prepared(train__max_steps=3, format__system_prompt="Be brief.")
    train.main()
    merge.main()


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
    from stages.shared.formatting.conversations import conversation

    return conversation(row, talker.chat)


def test_base_and_tuned_answer_side_by_side_and_why_leads_to_page_and_lines(trained, capsys):
    run("-p", "What is the size of part 3?", "--compare", "--why", "--max-new-tokens", "4")
    out = capsys.readouterr().out
    assert "base" in out and "tuned" in out
    assert "page3.md, lines 1 to 2; pair p3" in out


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


@pytest.mark.parametrize("arguments", [("-p", "  "), ("-p", "x", "--max-new-tokens", "0")])
def test_a_wrong_argument_is_one_line(arguments):
    with pytest.raises(UserError):
        chat.run(parser().parse_args(["chat", *arguments]))
