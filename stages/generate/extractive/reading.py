"""The facts of all chunks: page by page, in any process, and kept for the next run."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from stages.common.base.budget import Skipped
from stages.common.base.mapped import mapped
from stages.common.records.files import CANONICAL
from stages.common.records.rows import Chunk
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.facts import facts


class Part(NamedTuple):
    """What the facts of a chunk depend on: heading path and text, its own and those of the chunk before on its page."""

    headings: list[str]
    text: str
    before: tuple[list[str], str] | None


def pages(chunks: Iterable[Chunk]) -> Iterator[list[Part]]:
    """The parts of each page."""
    for _, of_page in itertools.groupby(chunks, lambda chunk: chunk["path"]):
        parts: list[Part] = []
        for chunk in of_page:
            before = parts[-1][:2] if parts else None
            parts.append(Part(chunk["headings"], chunk["text"], before))
        yield parts


def of_page(parts: list[Part]) -> list[list[Fact] | str]:
    """The facts of each part of a page, or why it is left out."""
    skipped, found = Skipped("generate"), list[list[Fact] | str]()
    for part in parts:
        with skipped.page("of all parts"):
            found.append(of_part(part))
            continue
        found.append(skipped.reasons.pop("of all parts"))
    return found


def of_part(part: Part) -> list[Fact]:
    headings, text = part.before or ([], "")
    before: Any = {"path": "", "headings": headings, "text": text} if part.before else None
    chunk: Any = {"path": "", "headings": part.headings, "text": part.text}
    return list(facts(chunk, before))


def page_key(parts: list[Part]) -> bytes:
    return CANONICAL.encode(parts).encode("utf-8", "surrogatepass")


def is_whole(found: list[list[Fact] | str]) -> bool:
    return not any(isinstance(one, str) for one in found)


def of_chunks(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, list[Fact] | str]]:
    """Chunks in the order of their pages, each with its facts, or why it is left out."""
    chunks, again = itertools.tee(chunks)
    found = mapped(of_page, pages(again), page_key, lasting=is_whole)
    yield from zip(chunks, itertools.chain.from_iterable(found), strict=True)
