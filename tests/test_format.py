"""What is trained: the text is the template's, and loss lies on the answer and the token that ends it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import ROOT

from stages import format as format_stage
from stages.shared import paths
from stages.shared.errors import UserError
from stages.shared.formatting import templates
from stages.shared.formatting.conversations import conversation
from stages.shared.formatting.encoding import Encoder
from stages.shared.formatting.examples import examples
from stages.shared.formatting.labels import IGNORED
from stages.shared.formatting.templates import chat_for
from stages.shared.params import load
from stages.shared.records import write_jsonl

MODES = ("chat", "alpaca", "token_level")


def row(instruction: str, output: str, extra: str = "") -> dict:
    return {
        "pair_id": f"id-{instruction}",
        "chunk_id": "c",
        "instruction": instruction,
        "input": extra,
        "output": output,
        "evidence": output,
        "style": "lookup",
        "request_key": "",
        "fact_id": "f",
        "path": "page.md",
        "line_start": 3,
        "line_end": 4,
    }


ROWS = [
    row("What is the default of `lora.r`?", "`32`"),
    row("默认的秩是多少？", "秩为 32。\n可以修改。"),
    row("Fix this code", "print(1)", "print 1"),
]


@pytest.fixture
def run_format(tiny_model, write_params):
    """Run the stage on rows with the tiny model's tokenizer; give the training rows and the tokenizer."""

    def run(rows=ROWS, **changes):
        write_params({"model.name": str(tiny_model), **{f"format.{key}": value for key, value in changes.items()}})
        for name in paths.SPLITS:
            write_jsonl(paths.DATASET / f"{name}.jsonl", rows if name == "train" else rows[:1])
        format_stage.main()
        return pq.read_table(paths.FORMATTED / "train.parquet").to_pylist()

    return run


@pytest.fixture(scope="session")
def tokenizer(tiny_model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def supervised(formatted: dict) -> list[int]:
    return [label for label in formatted["labels"] if label != IGNORED]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("system", ["", "Answer briefly."])
def test_loss_lies_on_the_answer_and_its_end_token_alone(run_format, tokenizer, mode, system):
    for formatted, source in zip(run_format(mode=mode, system_prompt=system), ROWS, strict=True):
        assert tokenizer.decode(supervised(formatted)) == source["output"] + "<|im_end|>"
        assert len(formatted["labels"]) == len(formatted["input_ids"])
        trained = [(i, x) for i, x in zip(formatted["input_ids"], formatted["labels"], strict=True) if x != IGNORED]
        assert all(token == label for token, label in trained)


@pytest.mark.parametrize("mode", MODES)
def test_the_shipped_template_reproduces_the_trained_text_byte_for_byte(run_format, tokenizer, mode):
    formatted = run_format(mode=mode, system_prompt="Be exact.")
    tokenizer.chat_template = paths.CHAT_TEMPLATE.read_text("utf-8")
    for trained, source in zip(formatted, ROWS, strict=True):
        messages = conversation(source, chat_for(tokenizer, load().format))
        assert trained["text"] == tokenizer.apply_chat_template(messages, tokenize=False)
        assert tokenizer.decode(trained["input_ids"]) == trained["text"]


@pytest.mark.parametrize("mode", MODES)
def test_the_prompt_is_trained_as_a_server_tokenises_it(run_format, tokenizer, mode):
    formatted = run_format(mode=mode)
    template = paths.CHAT_TEMPLATE.read_text("utf-8")
    for trained, source in zip(formatted, ROWS, strict=True):
        messages = conversation(source, chat_for(tokenizer, load().format))[:-1]
        prompt = tokenizer.apply_chat_template(messages, chat_template=template, add_generation_prompt=True).input_ids
        assert trained["input_ids"][: len(prompt)] == list(prompt)
        assert set(trained["labels"][: len(prompt)]) == {IGNORED}


def test_alpaca_text_has_the_three_blocks(run_format):
    texts = [formatted["text"] for formatted in run_format(mode="alpaca")]
    assert texts[0] == "### Instruction:\nWhat is the default of `lora.r`?\n\n### Response:\n`32`<|im_end|>\n\n"
    assert "### Instruction:\nFix this code\n\n### Input:\nprint 1\n\n### Response:\nprint(1)" in texts[2]


@pytest.mark.parametrize("mode", ["chat", "token_level"])
def test_a_non_blank_input_joins_the_instruction_behind_one_newline(run_format, mode):
    assert "<|im_start|>user\nFix this code\nprint 1<|im_end|>\n" in run_format(mode=mode)[2]["text"]


def test_rows_over_the_limit_are_dropped_and_counted(run_format):
    formatted = run_format([*ROWS, row("Long?", "word " * 200)], max_length=100)
    assert len(formatted) == len(ROWS)
    assert json.loads(Path("reports/format.json").read_text())["train"]["dropped"] == 1


def test_a_truncated_row_keeps_its_length_and_has_no_end_token(run_format, tokenizer):
    formatted = run_format([*ROWS, row("Long?", "word " * 200)], max_length=100, overlong="truncate")[-1]
    assert len(formatted["input_ids"]) == 100
    assert formatted["labels"][-1] not in (IGNORED, tokenizer.eos_token_id)
    assert json.loads(Path("reports/format.json").read_text())["train"]["truncated"] == 1


def test_when_every_row_is_too_long_the_error_names_the_limit(run_format):
    with pytest.raises(UserError, match=r"format\.max_length = 16"):
        run_format(max_length=16)


def test_an_answer_without_a_token_fails_the_audit_with_its_page(run_format):
    with pytest.raises(UserError, match=r"no token of the answer carries loss in pair id-Empty\? \(page\.md:3"):
        run_format([*ROWS, row("Empty?", "")])


def encoder_for(tokenizer, template: str = "", **changes) -> Encoder:
    """An encoder for the settings of params.yaml with changes, and for a template if one is given."""
    section = load(ROOT / "params.yaml").format.model_copy(update=changes)
    return Encoder(chat_for(tokenizer, section, template or None))


def test_a_text_without_an_end_of_turn_is_a_problem(tokenizer):
    encoder = encoder_for(tokenizer, "{% for m in messages %}{{ m.role + ':' + m.content + '\n' }}{% endfor %}"
                                     "{% if add_generation_prompt %}assistant:{% endif %}")  # fmt: skip
    with pytest.raises(UserError, match="no end-of-turn token behind the answer in pair id-Why"):
        list(examples(encoder, [row("Why?", "So.")]))


def test_a_token_across_the_boundary_of_prompt_and_answer_is_tokenised_as_at_inference(tokenizer):
    known = (word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha() and len(word) == 2)
    first, second = next(word for word in known if tokenizer.tokenize(word) == [word])
    template = "{% for m in messages %}{% if m.role == 'assistant' %}" + first + "{{ m.content + eos_token }}{% else %}"
    template += "{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}" + first + "{% endif %}"
    encoder = encoder_for(tokenizer, template)
    (example,) = examples(encoder, [row("Q ", second)])
    prompt = tokenizer("Q " + first, add_special_tokens=False).input_ids
    answer = tokenizer(second + "<|im_end|>", add_special_tokens=False).input_ids
    assert example.labelled.input_ids == prompt + answer
    assert example.labelled.labels == [IGNORED] * len(prompt) + answer


def test_two_runs_write_the_same_bytes(run_format):
    run_format()
    first = (paths.FORMATTED / "train.parquet").read_bytes()
    run_format()
    assert (paths.FORMATTED / "train.parquet").read_bytes() == first


def test_a_tokenizer_without_template_is_refused_with_a_way_out(write_params):
    class Bare:
        chat_template = None

    write_params()
    with pytest.raises(UserError, match=r"-S format\.mode=alpaca"):
        templates.template_for(load().format, Bare())


def test_a_template_starts_with_bos_when_the_tokenizer_does(write_params):
    class Adding:
        chat_template, bos_token_id, unk_token_id, eos_token = None, 1, 0, "</s>"

        def __call__(self, text):
            return type("Encoded", (), {"input_ids": [1, 5]})

    write_params({"format.mode": "alpaca"})
    assert templates.template_for(load().format, Adding()).startswith("{{ bos_token }}")
