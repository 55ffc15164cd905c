"""The texts of the passages that stand before a question, cut to the room that there is."""

from collections.abc import Iterable, Iterator
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.passages import Context, passage
from stages.common.chat.templates import Chat
from stages.common.records.files import read_jsonl
from stages.common.records.masking import masked
from stages.common.records.rows import Chunk
from stages.common.text.wording import language


def with_context(rows: Iterable[Any], chat: Chat, hide: bool) -> Iterator[Any]:
    """The rows, those with `passages` with their texts in `context`; `hide`: what is private is masked. The chunks are
    read when the first such row comes."""
    chunks: dict[str, Chunk] = {}
    for row in rows:
        if not row.get("passages"):
            yield row
            continue
        chunks = chunks or {chunk["chunk_id"]: chunk for chunk in read_jsonl(paths.CHUNKS)}
        shown = tuple(masked(text)[0] if hide else text for text in texts(row, chunks, chat))
        yield {**row, "context": Context(getattr(chat.section.passages, language(row["instruction"])), shown)}


def texts(row: Any, chunks: dict[str, Chunk], chat: Chat) -> Iterator[str]:
    budget = chat.section.passages.max_tokens // len(row["passages"])
    for place in row["passages"]:
        if place["chunk_id"] not in chunks:
            raise UserError(f"{paths.DATASET}: pair {row['pair_id']} has a passage that {paths.CHUNKS} does not; "
                            "run `dvc repro`")  # fmt: skip
        yield passage(chunks[place["chunk_id"]], place["quote"], chat.tokenizer, budget)
