"""Questions in other words: wordings that are trained, and wordings of a family of their own that never are.

The second kind is what eval_seen asks. It comes from another prompt, another kind of asker and another temperature, so
that a model cannot pass by having learned how the first kind sounds.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from stages.common.llm import prompts
from stages.common.llm.requests import Request
from stages.common.records.files import share
from stages.common.records.rows import Chunk, Pair
from stages.common.schema import Generate
from stages.common.text.wording import fact_id
from stages.generate.labelling.answer import wordings_schema
from stages.generate.labelling.languages import Languages, name, named, prompt_language

NAMES = ("question", "count", "language")  # what prompts/paraphrase.*.md may use
HELD_OUT_NAMES = ("question", "language", "persona")  # what prompts/held-out.*.md may use
HELD_OUT_TEMPERATURE = 1.0


class Wording(NamedTuple):
    """A request for other wordings of a question: how many are wanted, and the family that they belong to."""

    wanted: int
    family: str
    held_out: bool
    key: str


class Rewording:
    """The requests of `generate.paraphrases` and `generate.held_out` about questions."""

    def __init__(self, section: Generate, languages: Languages) -> None:
        self.section, self.languages = section, languages
        self.trained = self.load("paraphrase", NAMES) if section.paraphrases else {}
        self.held_out = self.load("held-out", HELD_OUT_NAMES) if section.held_out else {}
        self.known: dict[tuple[int, str, bool], str] = {}  # keys by question, language and kind

    def load(self, kind: str, names: tuple[str, ...]) -> dict[str, prompts.Prompt]:
        directory = Path(self.section.prompts)
        return {lang: prompts.load(directory / f"{kind}.{lang}.md", names) for lang in self.languages.prompts()}

    def __bool__(self) -> bool:
        return bool(self.trained or self.held_out)

    def for_each(self) -> float:
        """Requests for each question, on average."""
        return bool(self.trained) + (self.section.held_out if self.held_out else 0.0)

    def systems(self) -> Iterator[str]:
        """The system parts of the prompts."""
        for prompt in self.trained.values():
            yield prompt.messages({"question": "", "count": 1, "language": ""})[0]["content"]
        for prompt in self.held_out.values():
            yield prompt.messages({"question": "", "language": ""}, persona="")[0]["content"]

    def requests(self, pair: Pair, chunk: Chunk | None = None) -> Iterator[tuple[Wording, Callable[[], Request]]]:
        """What is asked about a pair's question, each with what makes the request; it depends on the question alone."""
        question = pair["instruction"]
        language = self.languages.of_question(question, chunk)
        if self.trained:
            make = lambda: self.paraphrase(question, language)  # noqa: E731
            yield Wording(self.section.paraphrases, "", False, self.key(question, language, False, make)), make
        if self.held_out and share("fact", fact_id(pair)) < self.section.held_out:
            persona = self.persona(question, language)
            held = lambda: self.unlike(question, language, persona)  # noqa: E731
            yield Wording(1, f"asked by {persona or 'another'}", True, self.key(question, language, True, held)), held

    def key(self, question: str, language: str, held_out: bool, make: Callable[[], Request]) -> str:
        place = hash(question), language, held_out
        if place not in self.known:
            self.known[place] = make().key()
        return self.known[place]

    def paraphrase(self, question: str, language: str) -> Request:
        prompt, count = self.trained[prompt_language(language)], self.section.paraphrases
        messages = prompt.messages({"question": question, "count": count, "language": name(language)})
        return Request.of(self.section, named(messages, language, prompt.uses), wordings_schema(count))

    def persona(self, question: str, language: str) -> str:
        """Who asks a held-out wording: one of the prompt's parts `# persona NAME`."""
        names = self.held_out[prompt_language(language)].names("persona")
        return max(names, key=lambda persona: share("held-out persona", question, persona), default="")

    def unlike(self, question: str, language: str, persona: str) -> Request:
        prompt = self.held_out[prompt_language(language)]
        messages = prompt.messages({"question": question, "language": name(language)}, persona=persona)
        request = Request.of(self.section, named(messages, language, prompt.uses), wordings_schema(1))
        return replace(request, sampling={**request.sampling, "temperature": HELD_OUT_TEMPERATURE})
