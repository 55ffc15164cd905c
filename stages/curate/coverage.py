"""Which parts of the documentation no surviving pair asks about."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from stages.common.records.rows import Chunk, DatasetRow

MAX_SECTIONS = 30  # bars of the plot


def uncovered(
    chunks: Iterable[Chunk], kept: Iterable[DatasetRow], rejected: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Chunks without a surviving pair, in their order, with what became of the pairs that they had."""
    covered = {row["chunk_id"] for row in kept}
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rejected:
        reasons[row["chunk_id"]][row["check"]] += 1
    return [
        {
            **{name: chunk[name] for name in ("chunk_id", "path", "headings", "line_start", "line_end")},  # type: ignore[literal-required]
            "rejected_by": dict(sorted(reasons[chunk["chunk_id"]].items())),
        }
        for chunk in chunks
        if chunk["chunk_id"] not in covered
    ]


def figures(chunks: Iterable[Chunk], missing: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many chunks, headings and pages there are, and how many of each have no surviving pair."""
    chunks, without = list(chunks), {row["chunk_id"] for row in missing}
    counts = {"chunks": len(chunks), "chunks_uncovered": len(without)}
    for name, places in (("headings", by_heading(chunks)), ("pages", by_page(chunks))):
        bare = sum(ids <= without for ids in places.values())
        counts |= {name: len(places), f"{name}_uncovered": bare}
    return counts


def by_heading(chunks: Iterable[Chunk]) -> dict[tuple[str, ...], set[str]]:
    """The chunk_ids under each heading of each page. A chunk of several sections counts for where it begins."""
    places: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for chunk in chunks:
        places[chunk["path"], *chunk["headings"]].add(chunk["chunk_id"])
    return places


def by_page(chunks: Iterable[Chunk]) -> dict[str, set[str]]:
    places: dict[str, set[str]] = defaultdict(set)
    for chunk in chunks:
        for path in (chunk["path"], *chunk["also_in"]):
            places[path].add(chunk["chunk_id"])
    return places


def by_section(chunks: Iterable[Chunk], missing: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for the plot: pages of each section, and the share of them that has a surviving pair."""
    pages = by_page(chunks)
    without = {row["chunk_id"] for row in missing}
    depth = section_depth(pages)
    sections: dict[str, list[bool]] = defaultdict(list)
    for path, ids in pages.items():
        sections[section(path, depth)].append(not ids <= without)
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
    return "/".join(PurePosixPath(path).parent.parts[:depth]) or "."
