"""Chunks to ask about."""

from stages.common.records.files import digest
from stages.common.records.rows import Chunk


def chunk(text: str, headings: tuple[str, ...] = ("Manual", "Lamp"), path: str = "page.md") -> Chunk:
    return {
        "chunk_id": digest(headings, text),
        "path": path,
        "headings": list(headings),
        "line_start": 1,
        "line_end": text.count("\n") + 1,
        "tokens": 1,
        "text": text,
        "also_in": [],
    }
