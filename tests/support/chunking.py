"""Pages on their way through chunk."""

from collections import Counter
from collections.abc import Iterable

from stages.chunk import __main__ as chunk
from stages.common import schema
from stages.common.base.budget import Skipped
from stages.common.records.files import digest
from stages.common.records.rows import Chunk, Doc
from stages.common.text import tokens

ENCODING = "cl100k_base"


def section(
    max_tokens: int = 1024, min_tokens: int = 0, strategy: str = "markdown", overlap_tokens: int = 0
) -> schema.Chunk:
    return schema.Chunk(
        strategy=strategy,
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        overlap_tokens=overlap_tokens,
        encoding=ENCODING,
    )


def doc(text: str, path: str = "page.md", title: str = "Title") -> Doc:
    return {
        "path": path,
        "title": title,
        "description": "",
        "tags": [],
        "language": "",
        "kind": "manual",
        "group": "",
        "text": text,
        "sha256": digest(text, length=64),
        "also_in": [],
        "partials": [],
        "spans": [{"line": 1, "path": path, "start": 1, "at": 1}],
        "file_sha256": "",
        "rev": "",
    }


def cut_pages(docs: Iterable[Doc], settings: schema.Chunk) -> list[Chunk]:
    skipped = Skipped("chunk")
    chunks = list(chunk.chunks(docs, settings, Counter(), skipped))
    assert not skipped.reasons
    return chunks


def cut(text: str, **settings: object) -> list[Chunk]:
    return cut_pages([doc(text)], section(**settings))


def count(text: str) -> int:
    return tokens.count(text, ENCODING)
