"""What is trained: the text is the template's, and loss lies on the answer and the token that ends it."""

import json
import re
import shutil
from copy import copy
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.common.base import mapped, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.base.params import load
from stages.common.chat import templates
from stages.common.chat.conversations import IGNORED, conversation
from stages.common.chat.templates import chat_for
from stages.common.records.files import write_jsonl
from stages.format import __main__ as format_stage
from stages.format import batches
from stages.format.encoding import Encoder
from stages.format.examples import examples, kept
from stages.train.adapter import trained_template
from support.formatting import row
from support.repository import ROOT

MODES = ("chat", "alpaca", "token_level")


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
    known = sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha() and len(word) == 2)
    # Merged in the first turn, but not with the "w" of the second one's answer.
    fits = (word for word in known if tokenizer.tokenize(word) == [word] and word[0] + "w" not in known)
    first, second = next(fits)
    template = "{% for m in messages %}{% if m.role == 'assistant' %}" + first + "{{ m.content + eos_token }}{% else %}"
    template += "{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}" + first + "{% endif %}"
    encoder = encoder_for(tokenizer, template)
    (example,) = examples(encoder, [row("Q\n", second)])
    prompt = tokenizer("Q\n" + first, add_special_tokens=False).input_ids
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


def figures() -> dict:
    return json.loads(Path("reports/format.json").read_text())


def many(count: int) -> list[dict]:
    return [row(f"What is part {i}?", f"It is `{i}`, 第 {i} 个。") for i in range(count)]


def test_several_processes_write_the_same_bytes_as_one(run_format, monkeypatch):
    monkeypatch.setattr(batches, "ROWS", 20)
    monkeypatch.setattr(batches, "RUN", 7)
    monkeypatch.setattr(mapped, "BATCH", 2)
    contents = []
    for processes, is_kept in ((1, False), (2, False), (1, True)):
        if not is_kept:
            shutil.rmtree(".cache/kept", ignore_errors=True)
        run_format(many(110), processes=processes)
        contents.append((paths.FORMATTED / "train.parquet").read_bytes())
    assert contents[0] == contents[1] == contents[2]
    assert pq.ParquetFile(paths.FORMATTED / "train.parquet").num_row_groups == 6


def test_with_loss_on_all_every_token_is_a_label(run_format):
    assert all(one["labels"] == one["input_ids"] for one in run_format(loss="all"))


@pytest.mark.parametrize("mode", MODES)
def test_without_train_on_eos_the_end_token_alone_loses_its_loss(run_format, tokenizer, mode):
    for formatted, source in zip(run_format(mode=mode, train_on_eos=False), ROWS, strict=True):
        assert tokenizer.decode(supervised(formatted)) == source["output"]
    assert figures()["train"]["ended_share"] == 0.0


def test_overlong_raise_names_the_row_its_length_and_the_limit(run_format):
    with pytest.raises(UserError, match=r"\d+ tokens, above format\.max_length = 100, in pair id-Long\? \(page\.md:3"):
        run_format([*ROWS, row("Long?", "word " * 200)], max_length=100, overlong="raise")


@pytest.mark.parametrize("mode", MODES)
def test_every_answer_of_a_conversation_is_trained_with_its_end(run_format, tokenizer, mode):
    turns = [("user", "One?"), ("assistant", "1."), ("user", "Two?"), ("assistant", "2.")]
    talk = row("Two?", "2.", messages=[{"role": role, "content": content} for role, content in turns])
    formatted = run_format([talk, *ROWS], mode=mode)
    assert tokenizer.decode(supervised(formatted[0])) == "1.<|im_end|>2.<|im_end|>"
    assert figures()["train"]["answers"] == len(ROWS) + 2


@pytest.mark.parametrize(
    ("limit", "changes", "rows"),
    [
        ("max_dropped", {"max_length": 100}, [row("Long?", "word " * 200)]),
        ("max_truncated", {"max_length": 100, "overlong": "truncate"}, [row("Long?", "word " * 200)]),
        ("max_think_leaks", {}, [row("Think?", "I do. <think>hm</think>")]),
        ("max_replacement_characters", {}, [row("Broken?", "caf\ufffd")]),
        ("max_empty_answers", {}, [row("Blank?", "  ")]),
    ],
)
def test_a_share_above_its_limit_fails_with_the_rows_place_and_the_key(run_format, write_params, limit, changes, rows):
    audit = {f"audit.{limit}": 0.2} | changes
    with pytest.raises(UserError, match=rf"1 of 4 rows \(25\.0%\).*format\.audit\.{limit}.*page\.md:3"):
        run_format([*ROWS, *rows], **audit)
    run_format([*ROWS, *rows], **audit | {f"audit.{limit}": 0.25})


def test_an_answer_that_names_the_tags_of_a_thought_in_code_is_no_thought(run_format):
    run_format([*ROWS, row("How does a thought begin?", "With `<think>`, and it ends with `</think>`.")])
    assert figures()["train"]["think_leaks"] == 0


def test_a_thought_is_emptied_or_kept_as_thinking_says(run_format, tokenizer):
    thought = [row("Why?", "<think>\nLate.\n</think>\n\nSo."), *ROWS]
    assert tokenizer.decode(supervised(run_format(thought)[0])) == "So.<|im_end|>"
    kept = run_format(thought, thinking="keep")[0]
    assert tokenizer.decode(supervised(kept)) == "<think>\nLate.\n</think>\n\nSo.<|im_end|>"
    assert figures()["train"]["think_leaks"] == 0


def test_the_report_counts_what_the_files_hold(run_format):
    formatted = run_format([*ROWS, row("Long?", "word " * 200)], max_length=100)
    train = figures()["train"]
    assert train["rows"] == len(formatted) == 3
    assert train["tokens"] == sum(len(one["input_ids"]) for one in formatted)
    assert train["supervised_tokens"] == sum(len(supervised(one)) for one in formatted)
    assert train["length"]["max"] == max(len(one["input_ids"]) for one in formatted)
    assert train["ended_share"] == 1.0 and train["dropped"] == 1
    assert train["languages"] == {"en": 0.6667, "zh": 0.3333}
    assert figures()["stop_token"] == "<|im_end|>"


def test_two_bos_tokens_fail_the_stage_with_the_rows_place(tokenizer):
    doubled = copy(tokenizer)
    doubled.bos_token = "<|im_start|>"
    template = (
        "{% for m in messages %}{% if loop.first %}{{ bos_token + bos_token }}{% endif %}{{ m.content + eos_token }}"
    )
    encoder = encoder_for(doubled, template + "{% endfor %}")
    (example,) = examples(encoder, [row("Q?", "A.")])
    with pytest.raises(UserError, match=r"two BOS tokens in pair id-Q\? \(page\.md:3"):
        kept(example, encoder)


ALPACA = "Below is a task.\n\n{system}\n\n### Task:\n{instruction}\n\n### Data:\n{input}\n\n### Answer:\n{output}"


def test_alpacas_text_can_be_changed_and_the_shipped_template_writes_it(run_format):
    texts = [one["text"] for one in run_format(mode="alpaca", alpaca=ALPACA, system_prompt="Be exact.")]
    head = "Below is a task.\n\nBe exact.\n\n"
    assert texts[2] == (head + "### Task:\nFix this code\n\n### Data:\nprint 1\n\n### Answer:\nprint(1)<|im_end|>\n\n")
    assert texts[0].startswith(head + "### Task:\nWhat is the default of `lora.r`?\n\n### Answer:\n`32`")


def test_quotes_and_braces_in_alpacas_text_stay_what_they_are(run_format):
    odd = "A \"quoted\" {% if %} 'text' \\ {{ here }}\n\n{instruction}\n\n=> {output}"
    assert run_format(mode="alpaca", alpaca=odd)[0]["text"].startswith(
        "A \"quoted\" {% if %} 'text' \\ {{ here }}\n\nWhat is the default of `lora.r`?\n\n=> `32`<|im_end|>"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{instruction}\n\n{answer}", "{answer} is not a placeholder"),
        ("{output}", "accepted is a text with {instruction}"),
        ("{output}\n\n{instruction}", "in the order {system}, {instruction}, {input}, {output}"),
        ("{instruction} {output}", "one placeholder in a paragraph"),
        ("{instruction}\n\n{output}!", "ends in {output}"),
    ],
)
def test_a_text_of_alpaca_that_cannot_work_is_one_line(write_params, text, told):
    with pytest.raises(ParamsError, match=re.escape(told)) as caught:
        load(write_params({"format.alpaca": text}))
    assert str(caught.value).startswith("params.yaml: format.alpaca = ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
def test_train_reads_the_end_token_and_refuses_rows_of_another_template(run_format, mode):
    run_format(mode=mode)
    template, stop = trained_template(paths.FORMATTED / "train.parquet")
    assert stop == "<|im_end|>" and template == paths.CHAT_TEMPLATE.read_text("utf-8")
    paths.CHAT_TEMPLATE.write_text(template + " ", "utf-8")
    with pytest.raises(UserError, match="dvc repro --force format"):
        trained_template(paths.FORMATTED / "train.parquet")


def test_in_a_conversation_an_answer_that_would_share_a_token_is_trained_behind_its_own_prompt(tokenizer):
    known = sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha() and len(word) == 2)
    # Merged in the first turn, but not with the "w" of the second one's answer.
    fits = (word for word in known if tokenizer.tokenize(word) == [word] and word[0] + "w" not in known)
    first, second = next(fits)
    template = "{% for m in messages %}{% if m.role == 'assistant' %}" + first + "{{ m.content + eos_token }}{% else %}"
    template += "{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}" + first + "{% endif %}"
    turns = [("user", "Q\n"), ("assistant", second), ("user", "R\n"), ("assistant", "whole")]
    talk = row("R\n", "whole", messages=[{"role": role, "content": content} for role, content in turns])
    ones = list(examples(encoder_for(tokenizer, template), [talk]))
    prompt = tokenizer("Q\n" + first, add_special_tokens=False).input_ids
    assert len(ones) == 2 and ones[0].labelled.input_ids[: len(prompt)] == prompt
    trained = [[label for label in one.labelled.labels if label != IGNORED] for one in ones]
    assert trained == [tokenizer(text + "<|im_end|>").input_ids for text in (second, "whole")]
