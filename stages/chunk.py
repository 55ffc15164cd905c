"""Pages in, chunks out: pieces of at most `chunk.max_tokens`, each under its full heading path.

Reads data/docs.jsonl; writes data/chunks.jsonl and reports/chunk.json. Run: python -m stages.chunk
"""

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from stages.shared import params, paths, tokens
from stages.shared.errors import run_stage
from stages.shared.lineage import page_lines, partial_lines
from stages.shared.markdown import splitting
from stages.shared.markdown.blocks import Block, Section, sections
from stages.shared.markdown.splitting import Count
from stages.shared.records import Chunk, Doc, digest, read_jsonl, write_json, write_jsonl

BLOCK_BREAK = "\n\n"
MIN_BUDGET = 8  # tokens that are left for text under a heading path that is itself near the limit


@dataclass(frozen=True)
class Piece:
    """Text that goes into one chunk, with the lines of the page's text that it comes from."""

    headings: tuple[str, ...]
    text: str
    line_start: int
    line_end: int


def heading_line(headings: tuple[str, ...]) -> str:
    """The heading path as it stands before a chunk in a prompt."""
    return " > ".join(headings)


def pieces_of_section(section: Section, max_tokens: int, count: Count) -> Iterator[Piece]:
    """Whole blocks packed up to the budget; only a block that exceeds it alone is split."""
    budget = max(max_tokens - count(heading_line(section.headings) + BLOCK_BREAK) - 2, MIN_BUDGET)
    packed: list[Block] = []
    size = 0
    for block in section.blocks:
        whole = count(block.text) + 1  # the break behind it
        parts = [block] if whole <= budget else splitting.split(block, budget - 1, count)
        for part in parts:
            part_size = whole if part is block else count(part.text) + 1
            if packed and size + part_size > budget:
                yield joined(section.headings, packed)
                packed, size = [], 0
            packed.append(part)
            size += part_size
    if packed:
        yield joined(section.headings, packed)


def joined(headings: tuple[str, ...], blocks: list[Block]) -> Piece:
    text = BLOCK_BREAK.join(block.text for block in blocks)
    return Piece(headings, text, blocks[0].line_start, blocks[-1].line_end)


def common_prefix(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(a for a, _ in itertools.takewhile(lambda ab: ab[0] == ab[1], zip(first, second, strict=False)))


def under(piece: Piece, headings: tuple[str, ...]) -> str:
    """The piece's text with the headings below `headings` written into it."""
    lines = [f"{'#' * min(depth, 6)} {name}" for depth, name in enumerate(piece.headings, 1) if depth > len(headings)]
    return BLOCK_BREAK.join([*lines, piece.text])


def merge_small(pieces: Iterator[Piece], section: params.Chunk, count: Count) -> Iterator[Piece]:
    """Pieces below `chunk.min_tokens` join the next piece of the page when both fit."""
    waiting: Piece | None = None
    for piece in pieces:
        if waiting is not None:
            headings = common_prefix(waiting.headings, piece.headings)
            both = Piece(
                headings,
                under(waiting, headings) + BLOCK_BREAK + under(piece, headings),
                waiting.line_start,
                piece.line_end,
            )
            if headings and count(heading_line(headings) + BLOCK_BREAK + both.text) <= section.max_tokens:
                piece = both
            else:
                yield waiting
        waiting = piece
        if count(piece.text) >= section.min_tokens:
            yield piece
            waiting = None
    if waiting is not None:
        yield waiting


def markdown_pieces(doc: Doc, section: params.Chunk, count: Count) -> Iterator[Piece]:
    found = (
        piece
        for part in sections(doc["text"], doc["title"])
        for piece in pieces_of_section(part, section.max_tokens, count)
    )
    yield from merge_small(found, section, count)


def fixed_pieces(doc: Doc, section: params.Chunk, count: Count) -> Iterator[Piece]:
    """The reference material's way: slices of so many tokens wherever they fall, but never inside a character."""
    headings, text = (doc["title"],), doc["text"]
    room = section.max_tokens - count(heading_line(headings) + BLOCK_BREAK)
    start = 0
    while start < len(text):
        end = start + splitting.longest_prefix(text[start:], max(room, 1), count)
        if text[start:end].strip():
            line = text.count("\n", 0, start) + 1
            yield Piece(headings, text[start:end], line, line + text[start:end].rstrip("\n").count("\n"))
        start = end


def to_chunk(piece: Piece, doc: Doc, count: Count) -> Chunk:
    line_start, line_end = page_lines(doc["spans"], piece.line_start, piece.line_end)
    return {
        "chunk_id": digest(piece.headings, piece.text),
        "path": doc["path"],
        "headings": list(piece.headings),
        "line_start": line_start,
        "line_end": line_end,
        "tokens": count(heading_line(piece.headings) + BLOCK_BREAK + piece.text),
        "text": piece.text,
        "also_in": list(doc["also_in"]),
        "partials": partial_lines(doc["spans"], piece.line_start, piece.line_end),
    }


def chunks(docs: Iterator[Doc], section: params.Chunk) -> list[Chunk]:
    """All chunks in page order; a chunk that stands in several pages is one row with `also_in`."""

    def count(text: str) -> int:
        return tokens.count(text, section.encoding)

    cut = markdown_pieces if section.strategy == "markdown" else fixed_pieces
    rows: dict[str, Chunk] = {}
    for doc in docs:
        for piece in cut(doc, section, count):
            row = to_chunk(piece, doc, count)
            first = rows.setdefault(row["chunk_id"], row)
            known = {first["path"], *first["also_in"]}
            first["also_in"] += [path for path in (row["path"], *row["also_in"]) if path not in known]
    return list(rows.values())


def report(rows: list[Chunk], section: params.Chunk) -> dict[str, float]:
    sizes = sorted(row["tokens"] for row in rows)
    return {
        "chunks": len(rows),
        "tokens": sum(sizes),
        "tokens_median": statistics.median(sizes) if sizes else 0,
        "tokens_max": sizes[-1] if sizes else 0,
        "over_budget": sum(size > section.max_tokens for size in sizes),
        "shared_by_pages": sum(bool(row["also_in"]) for row in rows),
    }


def main() -> None:
    section = params.load().chunk
    rows = chunks(read_jsonl(paths.DOCS), section)
    write_jsonl(paths.CHUNKS, rows)
    figures = report(rows, section)
    write_json(paths.REPORTS / "chunk.json", figures)
    print("chunk:", ", ".join(f"{value} {name}" for name, value in figures.items()))


if __name__ == "__main__":
    run_stage("chunk", main)
