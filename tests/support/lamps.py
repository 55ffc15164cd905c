"""Chunks about numbered lamps, a teacher that knows them, and the generate stage asking it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from stages.common.base import paths
from stages.common.records.files import digest, read_json, read_jsonl, write_jsonl
from stages.common.records.rows import Chunk, Pair
from stages.generate import __main__ as generate
from support.repository import ROOT

PAIR = {"instruction": "Which lamp?", "input": "", "output": "Number 1.", "evidence": "Lamp 1"}


def chunk(text: str, headings: tuple[str, ...] = ("Manual", "Lamp"), tokens: int = 100) -> Chunk:
    return {
        "chunk_id": digest(headings, text),
        "path": "page.md",
        "headings": list(headings),
        "line_start": 1,
        "line_end": 1,
        "tokens": tokens,
        "text": text,
        "also_in": [],
        "partials": [],
    }


def lamps(size: int) -> list[Chunk]:
    return [chunk(f"Lamp {n} is number {n}.") for n in range(size)]


def teacher(body: dict) -> str:
    """Answers a request for pairs with one whose question tells the style, and a request for wordings with two."""
    text = body["messages"][1]["content"]
    if "Kind of question" not in text:
        question = text.split("\n")[1]
        return json.dumps({"questions": [f"{question} (first)", f"{question} (second)"]})
    style = re.search(r"Kind of question: (.*?)[.,]", text)[1]
    lamp = re.search(r"Lamp (\d+)", text)[1]
    return json.dumps({"pairs": [{**PAIR, "instruction": f"Lamp {lamp}, {style}?", "output": f"Number {lamp}."}]})


def prepare(write_params: Callable[..., Path], chunks: list[Chunk], **settings: object) -> None:
    """Write params.yaml and data/chunks.jsonl for a run with a language model."""
    fixed = {"backend": "llm", "model": "teacher", "prompts": str(ROOT / "prompts"), "max_retries": 0}
    fixed |= {"held_out": 0.0, **settings}
    write_params({f"generate.{name}": value for name, value in fixed.items()})
    write_jsonl(paths.CHUNKS, chunks)


def run(write_params: Callable[..., Path], chunks: list[Chunk], **settings: object) -> list[Pair]:
    """Run the stage on chunks, in this process; the pairs it wrote."""
    prepare(write_params, chunks, **settings)
    generate.main()
    return list(read_jsonl(paths.PAIRS))


def report() -> dict:
    return read_json(paths.REPORTS / "generate.json")
