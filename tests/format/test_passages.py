"""Questions with passages: one text in training and evaluation, cut around what matters, masked, without loss."""

import pyarrow.parquet as pq
import pytest

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.chat.passages import passage as cut_of
from stages.common.chat.templates import chat_for
from stages.common.models.base import pretrained
from stages.common.records.files import read_json, write_jsonl
from stages.evaluate import cells
from stages.format import __main__ as format_stage
from support.formatting import row
from support.lamps import chunk

LAMP = chunk("Filler about wicks. " * 80 + "The lamp draws 40 W. " + "More filler. " * 80)
OTHER = chunk("Write to ann.lee@gmail.com about lanterns.", ("Manual", "Lantern"))


def passage(of: dict, quote: str) -> dict:
    return {"chunk_id": of["chunk_id"], "path": of["path"], "line_start": 1, "line_end": 1, "quote": quote}


@pytest.fixture
def run(tiny_model, write_params):
    def formatted(*rows: dict, **changes: object) -> list[dict]:
        write_params({"model.name": str(tiny_model), "format.max_length": 2048,
                      **{f"format.{key}": value for key, value in changes.items()}})  # fmt: skip
        for name, part in zip(paths.SPLITS, (rows, [], []), strict=True):
            write_jsonl(paths.DATASET / f"{name}.jsonl", part)
        write_jsonl(paths.CHUNKS, [LAMP, OTHER])
        format_stage.main()
        return pq.read_table(paths.FORMATTED / "train.parquet").to_pylist()

    return formatted


def read(question: str = "What does the lamp draw?") -> dict:
    passages = [passage(OTHER, ""), passage(LAMP, "The lamp draws 40 W.")]
    return row(question, "40 W", form="gold", passages=passages, evidence="The lamp draws 40 W.") | {
        "chunk_id": LAMP["chunk_id"]
    }


def test_a_row_is_asked_behind_its_passages_and_only_its_answer_bears_loss(run, tiny_model):
    (made, closed) = run(read(), row("What burns?", "oil"))
    text = made["text"]
    order = [
        text.index(part) for part in ("Documentation:", "Lantern", "The lamp draws 40 W.", "Question: What", "40 W<")
    ]
    assert order == sorted(order)
    tokenizer = pretrained.tokenizer(params.load().model)
    learned = tokenizer.decode([token for token in made["labels"] if token != -100])
    assert learned.startswith("40 W") and "lamp" not in learned
    assert "Documentation" not in closed["text"]
    assert read_json(paths.REPORTS / "format.json")["train"]["forms"] == {"closed_book": 1, "gold": 1}


def test_evaluate_asks_in_the_very_text_that_was_trained(run):
    (made,) = run(read() | {"passages": [passage(LAMP, "The lamp draws 40 W.")]})
    settings = params.load()
    chat = chat_for(pretrained.tokenizer(settings.model), settings.format)
    section = settings.evaluate.model_copy(update={"max_context_tokens": settings.format.passages.max_tokens})
    turns = cells.messages("tuned_gold", cells.Question(read(), LAMP, []), chat, section)
    assert turns and made["text"].startswith(chat.texts([turns], prompt=True)[0])


def test_what_is_private_in_a_passage_is_masked(run):
    assert "[e-mail]" in run(read())[0]["text"]
    write = run(read(), row("What burns?", "oil"))
    assert not any("ann.lee" in made["text"] for made in write)


def test_passages_share_their_room(run):
    short = run(read(), **{"passages.max_tokens": 64})[0]
    assert "The lamp draws 40 W." in short["text"]
    assert len(short["input_ids"]) < len(run(read(), **{"passages.max_tokens": 512})[0]["input_ids"])


def test_a_cut_begins_at_a_line_where_one_begins_before_the_quote(run):
    long = chunk("Filler about wicks.\n" * 60 + "The lamp draws 40 W.\n" + "More filler.\n" * 60)
    run(read())
    chat = chat_for(pretrained.tokenizer(params.load().model), params.load().format)
    text = cut_of(long, "The lamp draws 40 W.", chat.tokenizer, 200)
    assert text.startswith("Manual > Lamp\n\nFiller about wicks.\n") and "The lamp draws 40 W." in text
    assert len(chat.tokenizer(text, add_special_tokens=False).input_ids) <= 205


def test_a_chinese_question_has_the_chinese_text_around_it(run):
    assert "文档：\n" in run(read("灯的功率是多少？"))[0]["text"]


def test_a_passage_that_is_gone_is_named(run):
    with pytest.raises(UserError, match="dvc repro"):
        run(read() | {"passages": [passage(LAMP, "") | {"chunk_id": "gone"}]})


@pytest.mark.parametrize("text", ["{question} {passages}", "{passages}", "{passages} {question} {question}", "{a} {b}"])
def test_a_text_without_both_places_is_refused(write_params, text):
    with pytest.raises(ParamsError, match=r"format\.passages\.en"):
        params.load(write_params({"format.passages.en": text}))
