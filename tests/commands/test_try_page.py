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
    assert len(endpoint.requests) == 1
    shown("page.md")
    generate.main()
    assert len(endpoint.requests) == 2  # the other chunk


@pytest.mark.parametrize(
    ("page", "number", "settings", "line"),
    [
        ("other.md", 1, ONE, "has no chunk"),
        ("page.md", 7, ONE, "from 1 to 1"),
        ("page.md", 1, {"backend": "extractive"}, "asks no model"),
    ],
)
def test_what_cannot_be_tried_is_one_line(endpoint, write_params, page, number, settings, line):
    prepare(write_params, [chunk("Lamp 1 is number 1.")], **settings)
    with pytest.raises(UserError, match=line):
        shown(page, number)
    assert endpoint.requests == []
