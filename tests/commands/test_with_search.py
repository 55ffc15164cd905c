"""Answers behind what a search finds: those of evaluate's cell tuned_retrieved, with page and lines."""

import json
import threading
from types import SimpleNamespace

import openai
import pytest

from stages.commands import serve
from stages.commands.main import parser
from stages.commands.serving import openai_server
from stages.commands.serving.passages import Passages
from stages.commands.serving.talk import Ending, Talker, trained_tokenizer
from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.base.printable import printable
from stages.common.records.files import write_jsonl
from stages.evaluate import answers, cells
from support.evaluation import question
from support.serving import serving

ASKED = "What is the size of part 7?"


def chunk(number: int) -> dict:
    text = f"Filler of part {number}.\nThe size of part {number} is {number * 7}."
    place = {"path": f"page{number}.md", "headings": ["Parts", f"Part {number}"], "line_start": 3, "line_end": 9}
    return {"chunk_id": f"c{number}", **place, "tokens": 5, "text": text, "also_in": [], "partials": []}


def chunks(number: int = 9) -> list[dict]:
    return [chunk(n) for n in range(number)]


class Echo:
    """A talker whose answer is its prompt."""

    ending = Ending(1, 1, True)

    def __init__(self) -> None:
        self.chat = SimpleNamespace(tokenizer=words, section=params.load().format)

    def prompt(self, turns: list[dict], system: str | None = None, context=None) -> str:
        return "\n\n".join(context.passages) if context else turns[-1]["content"]

    def room(self, prompt: str) -> int:
        return 1 << 20

    def answer(self, prompt: str, max_new_tokens: int, sampling: dict):
        yield prompt


def words(text: str, **_: object) -> SimpleNamespace:
    places = [(at, at + 1) for at in range(len(text))]
    return SimpleNamespace(input_ids=places, offset_mapping=places)


def test_a_reply_has_the_passages_that_were_found_as_sources_whole_and_at_a_streams_end(write_params):
    write_params()
    write_jsonl(paths.CHUNKS, chunks())
    talker, passages = Echo(), Passages(params.load().evaluate)
    body = {"model": "m", "messages": [{"role": "user", "content": ASKED}]}
    asked = openai_server.read(body, talker, "m", passages)
    first = asked.sources[0]
    assert first == {"path": "page7.md", "line_start": 3, "line_end": 9, "headings": ["Parts", "Part 7"]}
    assert len(asked.sources) == 2 and "The size of part 7 is 49." in asked.prompt
    reply = openai_server.whole(talker, asked, threading.Lock(), {})
    assert reply["sources"] == asked.sources
    pieces = [json.loads(line[6:]) for line in openai_server.events(talker, asked, threading.Lock(), {}) if "{" in line]
    assert [piece["sources"] for piece in pieces if "sources" in piece] == [asked.sources]
    assert "sources" not in openai_server.whole(talker, openai_server.read(body, talker, "m"), threading.Lock(), {})


def test_a_search_without_anything_to_search_or_a_server_that_cannot_is_told_in_one_line(write_params):
    write_params({"evaluate.retrieved_chunks": 0})
    with pytest.raises(UserError, match=r"evaluate\.retrieved_chunks is 0"):
        Passages(params.load().evaluate)
    write_params()
    write_jsonl(paths.CHUNKS, [])
    with pytest.raises(UserError, match="no chunk to search"):
        Passages(params.load().evaluate)
    with pytest.raises(UserError, match="leave --backend out"):
        serve.with_search("vllm")
    assert serve.with_search("auto") == "transformers"


@pytest.mark.slow
def test_served_and_in_the_terminal_the_answer_is_the_one_that_evaluate_measured(trained, capsys):
    write_jsonl(paths.CHUNKS, chunks())
    settings, tokenizer = params.load(), trained_tokenizer()
    talker = Talker("tuned", settings, tokenizer)
    library = cells.Library(chunks(), settings.evaluate)
    (asked,) = library.questions([question("`49`", ASKED).row])
    turns = cells.messages("tuned_retrieved", asked, talker.chat, settings.evaluate)
    prompt = talker.chat.texts([turns], prompt=True)[0]
    assert "The size of part 7 is 49." in prompt and "Be brief." in prompt
    expected = answers.generate(talker.model, tokenizer, [prompt], 12, 1)[0].text
    arguments = parser().parse_args(["chat", "--search", "-p", ASKED, "--max-new-tokens", "12"])
    arguments.run(arguments)
    said, _, told = capsys.readouterr().out.partition("\nSources:\n")
    assert said.strip() == printable(expected).strip() and told.startswith("  page7.md:3-9  Parts › Part 7\n")
    with serving("--search") as (url, _):
        client = openai.OpenAI(base_url=url, api_key="right", max_retries=0)
        turn = [{"role": "user", "content": ASKED}]
        reply = client.chat.completions.create(model="models/merged", messages=turn, max_completion_tokens=12)
        assert reply.choices[0].message.content.strip().rstrip("\ufffd") == expected
        assert reply.sources[0]["path"] == "page7.md"
