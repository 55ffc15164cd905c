"""What is asked about single chunks beside the passes, a request for each: passages in other words, and questions
without an answer."""

from collections.abc import Callable, Iterator
from typing import Any

from stages.common.llm.acceptance import AnswerType
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.generate.labelling.absence import COUNT, Absence, AbsentQuestions
from stages.generate.labelling.answer import stored
from stages.generate.labelling.languages import Languages
from stages.generate.labelling.rewriting import Rewrite, Rewriting


class Beside:
    """The requests by name, and the rows that their stored answers make."""

    def __init__(
        self, section: Generate, store: Store, chunks: Callable[[], Iterator[Chunk]], languages: Languages
    ) -> None:
        self.store, self.chunks = store, chunks
        self.askers: dict[str, Rewriting | Absence] = {
            "rewrites": Rewriting(section, languages),
            "absent": Absence(section, languages),
        }

    def requests(self, name: str) -> Iterator[tuple[Chunk, Request]]:
        asker = self.askers[name]
        for chunk in self.chunks() if asker.prompts else ():
            for request in asker.requests(chunk):
                yield chunk, request

    def keys(self) -> Iterator[str]:
        return (request.key() for name in self.askers for _, request in self.requests(name))

    def replies(self, name: str, form: type[AnswerType]) -> Iterator[tuple[dict[str, str], AnswerType]]:
        """The stored replies, each with the place and the key that a row of it has."""
        for chunk, request in self.requests(name):
            if answer := self.store.get(request.key()):
                place = {"chunk_id": chunk["chunk_id"], "path": chunk["path"], "request_key": request.key()}
                yield place, stored(form, answer, request.key())

    def rewritten(self) -> Iterator[Any]:
        """The rows of data/rewritten.jsonl."""
        for place, reply in self.replies("rewrites", Rewrite):
            yield {"chunk_id": place["chunk_id"], "path": place["path"], "text": reply.text,
                   "request_key": place["request_key"]}  # fmt: skip

    def absent(self) -> Iterator[Any]:
        """The rows of data/absent.jsonl: questions, each with what the documentation lacks."""
        for place, reply in self.replies("absent", AbsentQuestions):
            for one in reply.questions[:COUNT]:
                yield {**place, "question": one.question.strip(), "missing": one.missing.strip()}
