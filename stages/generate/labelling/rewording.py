"""Questions in other words: wordings that are trained, and wordings of a family of their own that never are; and
answers in other words.

The second kind is what eval_seen asks. It comes from another prompt, another kind of asker and another temperature, so
that a model cannot pass by having learned how the first kind sounds. A fact whose answer is always the same sentence is
learned as that sentence (PA-RAG, arXiv:2502.08356).
"""

import re
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
from stages.generate.labelling.answer import AnswerWordings, wordings_schema
from stages.generate.labelling.languages import Languages, name, named, prompt_language

NAMES = ("question", "count", "language")  # what prompts/paraphrase.*.md may use
HELD_OUT_NAMES = ("question", "language", "persona")  # what prompts/held-out.*.md may use
ANSWER_NAMES = ("question", "answer", "count", "language")  # what prompts/answer.*.md may use
HELD_OUT_TEMPERATURE = 1.0
# Answers with something in them that curate can hold another wording against: a number, a name, or all of a few words.
VALUE = re.compile(r"\d|`[^`]+`|\w_\w|--\w|[a-z][A-Z]")
FEW = 60  # characters


class Wording(NamedTuple):
    """A request for other wordings of a question, or of its answer: how many are wanted, and the family that they
    belong to."""

    wanted: int
    family: str
    held_out: bool
    key: str
    of: str = "question"


class Rewording:
    """The requests of `generate.paraphrases`, `answer_paraphrases` and `held_out` about questions and answers."""

    def __init__(self, section: Generate, languages: Languages) -> None:
        self.section, self.languages = section, languages
        self.trained = self.load("paraphrase", NAMES) if section.paraphrases else {}
        self.held_out = self.load("held-out", HELD_OUT_NAMES) if section.held_out else {}
        self.answers = self.load("answer", ANSWER_NAMES) if section.answer_paraphrases else {}
        self.known: dict[tuple[int, str], str] = {}  # keys by question, language and kind

    def load(self, kind: str, names: tuple[str, ...]) -> dict[str, prompts.Prompt]:
        directory = Path(self.section.prompts)
        return {lang: prompts.load(directory / f"{kind}.{lang}.md", names) for lang in self.languages.prompts()}

    def __bool__(self) -> bool:
        return bool(self.trained or self.held_out)  # no answers without other wordings of their questions

    def asks_about(self, of: str) -> bool:
        """Whether other wordings are wanted of a question, or of an answer."""
        return bool(self.answers) if of == "answer" else bool(self)

    def for_each(self) -> float:
        """Requests for each question, on average."""
        return bool(self.trained) + (self.section.held_out if self.held_out else 0.0)

    def systems(self) -> Iterator[str]:
        """The system parts of the prompts."""
        values: dict[str, object] = {"question": "", "answer": "", "count": 1, "language": ""}
        for prompt in (*self.trained.values(), *self.held_out.values(), *self.answers.values()):
            yield prompt.messages(values, persona="")[0]["content"]

    def requests(self, pair: Pair, chunk: Chunk | None = None) -> Iterator[tuple[Wording, Callable[[], Request]]]:
        """What is asked about a pair, each with what makes the request; it depends on the question alone, or on it and
        its answer."""
        question = pair["instruction"]
        language = self.languages.of_question(question, chunk)
        if self.trained:
            make = lambda: self.paraphrase(question, language)  # noqa: E731
            yield Wording(self.section.paraphrases, "", False, self.key(question, language, "", make)), make
        if self.held_out and share("fact", fact_id(pair)) < self.section.held_out:
            persona = self.persona(question, language)
            held = lambda: self.unlike(question, language, persona)  # noqa: E731
            yield (
                Wording(1, f"asked by {persona or 'another'}", True, self.key(question, language, "held out", held)),
                held,
            )
        if self.answers and is_checkable(pair["output"]):
            said = lambda: self.reanswer(question, pair["output"], language)  # noqa: E731
            key = self.key(question, language, f"answer {pair['output']}", said)
            yield Wording(self.section.answer_paraphrases, "", False, key, "answer"), said

    def key(self, question: str, language: str, kind: str, make: Callable[[], Request]) -> str:
        place = hash((question, kind)), language
        if place not in self.known:
            self.known[place] = make().key()
        return self.known[place]

    def paraphrase(self, question: str, language: str) -> Request:
        prompt, count = self.trained[prompt_language(language)], self.section.paraphrases
        messages = prompt.messages({"question": question, "count": count, "language": name(language)})
        return Request.of(self.section, named(messages, language, prompt.uses), wordings_schema(count))

    def reanswer(self, question: str, answer: str, language: str) -> Request:
        prompt, count = self.answers[prompt_language(language)], self.section.answer_paraphrases
        values: dict[str, object] = {"question": question, "answer": answer, "count": count, "language": name(language)}
        messages = named(prompt.messages(values), language, prompt.uses)
        return Request.of(self.section, messages, wordings_schema(count, AnswerWordings))

    def persona(self, question: str, language: str) -> str:
        """Who asks a held-out wording: one of the prompt's parts `# persona NAME`."""
        names = self.held_out[prompt_language(language)].names("persona")
        return max(names, key=lambda persona: share("held-out persona", question, persona), default="")

    def unlike(self, question: str, language: str, persona: str) -> Request:
        prompt = self.held_out[prompt_language(language)]
        messages = prompt.messages({"question": question, "language": name(language)}, persona=persona)
        request = Request.of(self.section, named(messages, language, prompt.uses), wordings_schema(1))
        return replace(request, sampling={**request.sampling, "temperature": HELD_OUT_TEMPERATURE})


def is_checkable(answer: str) -> bool:
    """Whether another wording of an answer can be told from another answer; steps, lists and code are left as they
    are."""
    return "\n" not in answer.strip() and (len(answer) <= FEW or bool(VALUE.search(answer)))
