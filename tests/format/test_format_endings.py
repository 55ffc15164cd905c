"""A model tuned on what format wrote ends its answers by itself, in each mode, on the embedded model."""

from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.common.base import paths
from stages.common.base.params import load
from stages.common.chat.conversations import IGNORED, conversation
from stages.common.chat.templates import chat_for
from stages.common.models.base import pretrained
from stages.common.records.files import write_jsonl
from stages.evaluate.answers import generate
from stages.format import __main__ as format_stage
from support.formatting import row

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("embedded_cache")]

ROWS = 64
BATCH = 8
ROOM = 12  # tokens of an answer; the longest trained one has six


def rows() -> list[dict]:
    """Short questions with short answers of several lengths."""
    kinds = [("port", "{} "), ("size", "`{}`"), ("mode", "auto"), ("unit", "{} ms")]
    made = []
    for i in range(ROWS):
        name, answer = kinds[i % 4]
        made.append(row(f"What is the {name} of part {i}?", answer.format(i * 7).strip()))
    return made


def tuned(model: Any, tokenizer: Any) -> None:
    """Eight LoRA steps on data/formatted, as plain as can be."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear"))
    formatted = pq.read_table(paths.FORMATTED / "train.parquet").to_pylist()
    optimizer = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], lr=2e-3)
    for start in range(0, len(formatted), BATCH):
        batch = formatted[start : start + BATCH]
        ids = padded([one["input_ids"] for one in batch], tokenizer.pad_token_id)
        attended = padded([[1] * len(one["input_ids"]) for one in batch], 0)
        labels = padded([one["labels"] for one in batch], IGNORED)
        model(input_ids=ids, attention_mask=attended, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def padded(rows: list[list[int]], value: int) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([one + [value] * (width - len(one)) for one in rows])


@pytest.mark.parametrize("mode", ["chat", "alpaca", "token_level"])
def test_a_model_tuned_on_64_rows_ends_its_greedy_answers_with_the_right_token(mode, write_params):
    write_params({"format.mode": mode, "format.system_prompt": "Be brief."})
    for name in paths.SPLITS:
        write_jsonl(paths.DATASET / f"{name}.jsonl", rows() if name == "train" else rows()[:1])
    format_stage.main()
    settings = load()
    tokenizer = pretrained.tokenizer(settings.model)
    dtype, _ = pretrained.choose_dtype("auto")
    model = pretrained.causal_lm(settings.model, dtype)
    tuned(model, tokenizer)
    stop = pq.read_metadata(paths.FORMATTED / "train.parquet").metadata[b"stop_token"].decode()
    assert stop == "<|im_end|>"
    tokenizer.eos_token = stop
    tokenizer.chat_template = paths.CHAT_TEMPLATE.read_text("utf-8")
    chat = chat_for(tokenizer, settings.format, tokenizer.chat_template)
    prompts = chat.texts([conversation(source, chat)[:-1] for source in rows()], prompt=True)
    answers = generate(model, tokenizer, prompts, max_new_tokens=ROOM, batch_size=ROWS)
    ended = sum(answer.stopped for answer in answers)
    assert ended / len(answers) >= 0.99, [answer.text for answer in answers if not answer.stopped][:5]
