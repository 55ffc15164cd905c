"""Which parts of the documentation no surviving pair asks about."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stages.common.records.rows import Chunk
from stages.curate.shelf import Shelf
from stages.curate.table import Column, hashed

MAX_SECTIONS = 30  # bars of the plot


def uncovered(chunks: Sequence[Chunk] | Shelf, bare: Column, rejected: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    """Chunks without a surviving pair, in their order, with what became of the pairs that they had. `bare` says of each
    chunk whether it has none."""
    numbers = np.flatnonzero(bare).tolist()
    reasons: dict[str, Counter[str]] = {chunks[number]["chunk_id"]: Counter() for number in numbers}
    for row in rejected:
        if row["chunk_id"] in reasons:
            reasons[row["chunk_id"]][row["check"]] += 1
    for number in numbers:
        chunk = chunks[number]
        place = {name: chunk[name] for name in ("chunk_id", "path", "headings", "line_start", "line_end")}
        yield {**place, "rejected_by": dict(sorted(reasons[chunk["chunk_id"]].items()))}


class Places(NamedTuple):
    """Figures, and whether each page has a surviving pair. A chunk of several sections counts for where it begins."""

    figures: dict[str, int]
    pages: dict[str, bool]


def places(chunks: Iterable[Chunk], bare: Column) -> Places:
    """How many chunks, headings and pages there are, and how many of each have no surviving pair."""
    headings = np.zeros(len(bare), np.int64)
    pages: dict[str, bool] = {}
    for number, (chunk, without) in enumerate(zip(chunks, bare.tolist(), strict=True)):
        headings[number] = hashed(chunk["path"], *chunk["headings"])
        for path in (chunk["path"], *chunk["also_in"]):
            pages[path] = pages.get(path, False) or not without
    counts = {"chunks": len(bare), "chunks_uncovered": int(bare.sum())}
    different, covered = len(np.unique(headings)), len(np.unique(headings[~bare]))
    counts |= {"headings": different, "headings_uncovered": different - covered}
    counts |= {"pages": len(pages), "pages_uncovered": len(pages) - sum(pages.values())}
    return Places(counts, pages)


def by_section(pages: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Rows for the plot: pages of each section, and the share of them that has a surviving pair."""
    depth = section_depth(pages)
    sections: dict[str, list[bool]] = defaultdict(list)
    for path, is_covered in pages.items():
        sections[section(path, depth)].append(is_covered)
    return [
        {"section": name, "pages": len(covered), "covered": round(sum(covered) / len(covered), 4)}
        for name, covered in sorted(sections.items())
    ]


def section_depth(paths: Iterable[str]) -> int:
    """How many directories deep the sections lie: as deep as they are still few."""
    paths = list(paths)
    depth = 1
    while (
        len({section(path, depth) for path in paths})
        < len({section(path, depth + 1) for path in paths})
        <= MAX_SECTIONS
    ):
        depth += 1
    return depth


def section(path: str, depth: int) -> str:
    """The first directories of a page."""
    return "/".join(path.split("/")[:-1][:depth]) or "."
