"""What a search puts before a question, as evaluate does in its cell tuned_retrieved, and where it stands."""

from typing import Any

from stages.common import schema
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.passages import Context
from stages.common.chat.templates import Chat
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Chunk
from stages.evaluate.cells import Library, context


class Passages:
    """The documentation's chunks, searched as `evaluate` says. Raises UserError when there is nothing to search."""

    def __init__(self, section: schema.Evaluate) -> None:
        if not section.retrieved_chunks:
            raise UserError("--search needs passages: evaluate.retrieved_chunks is 0; set it to 2, say")
        self.section = section
        self.documentation = Library(list(read_jsonl(paths.CHUNKS)), section)
        if not self.documentation.chunks:
            raise UserError(f"--search: {paths.CHUNKS} has no chunk to search; run `dvc repro chunk`")

    def found(self, question: str) -> list[Chunk]:
        return self.documentation.found(question)

    def before(self, question: str, chunks: list[Chunk], chat: Chat) -> Context:
        return context(chunks, question, chat, self.section)


def sources(chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Page, lines and headings of each passage."""
    fields = ("path", "line_start", "line_end", "headings")
    return [{name: chunk[name] for name in fields} for chunk in chunks]  # type: ignore[literal-required]


def told(chunks: list[Chunk]) -> str:
    """The same for people, a line each, as editors understand it."""
    return "\n".join(
        f"  {one['path']}:{one['line_start']}-{one['line_end']}  {' › '.join(one['headings'])}" for one in chunks
    )
