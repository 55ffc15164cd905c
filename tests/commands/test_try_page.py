"""One chunk to the language model: prompt, reply, pairs and verdicts, and nothing paid twice."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from stages.commands.trying import asked
from stages.common.base import params
from stages.common.base.errors import UserError
from stages.generate import __main__ as generate
from support.lamps import PAIR, chunk, prepare

ONE = {"styles": {"fact": 1}, "paraphrases": 0}


def shown(page: str, number: int = 1) -> str:
    console = Console(file=io.StringIO(), width=300)
    asked.ask(Path(page), number, params.load(), console)
    return console.file.getvalue()


def test_a_chunk_is_asked_and_its_prompt_reply_pairs_and_verdicts_are_shown(endpoint, write_params):
    good = {**PAIR, "instruction": "Which number has the lamp in the hall?", "output": "The lamp is number 1."}
    wrong = {
        **PAIR,
        "instruction": "Which lamp stands in the cellar of the house?",
        "output": "It is number 999 there.",
    }
    endpoint.reply = lambda body: json.dumps({"pairs": [good, wrong]})
    prepare(write_params, [chunk("Lamp 1 is number 1."), chunk("Lamp 2 is number 2.")], **ONE)
    text = shown("docs/page.md")
    assert "strict annotator" in text and "<passage>" in text and '"instruction"' in text
    assert "kept" in text and "rejected by" in text and "Lamp 2" not in text
    assert f"evidence: {PAIR['evidence']}" in text and "left out" not in text
    assert len(endpoint.requests) == 1
    shown("page.md")
    generate.main()
    assert len(endpoint.requests) == 2  # the other chunk


def test_a_reply_is_shown_as_it_was_said_and_what_of_it_is_left_out(endpoint, write_params):
    pairs = [{**PAIR, "instruction": f"Which lamp stands in room {n} of the house?"} for n in range(3)]
    endpoint.reply = lambda body: f"<think>Three rooms.</think>{json.dumps({'pairs': pairs})}"
    prepare(write_params, [chunk("Lamp 1 is number 1.")], **ONE, pairs_per_chunk=2)
    said = shown("page.md")
    assert "Three rooms." in said and "1 left out: beyond asked" in said
    assert "Three rooms." not in shown("page.md") and len(endpoint.requests) == 1


def test_a_reply_that_was_refused_is_shown_with_the_reason(endpoint, write_params):
    endpoint.reply = lambda body: "I would rather not."
    prepare(write_params, [chunk("Lamp 1 is number 1.")], **ONE, max_retries=1)
    console = Console(file=io.StringIO(), width=300)
    with pytest.raises(UserError, match="no answer to 1 of 1"):
        asked.ask(Path("page.md"), 1, params.load(), console)
    assert "I would rather not." in console.file.getvalue()


@pytest.mark.parametrize(
    ("page", "number", "settings", "line"),
    [
        ("other.md", 1, ONE, "has no chunk"),
        ("page.md", 7, ONE, "from 1 to 1"),
        ("page.md", 1, {"backend": "extractive"}, "no model is asked"),
    ],
)
def test_what_cannot_be_tried_is_one_line(endpoint, write_params, page, number, settings, line):
    prepare(write_params, [chunk("Lamp 1 is number 1.")], **settings)
    with pytest.raises(UserError, match=line):
        shown(page, number)
    assert endpoint.requests == []
