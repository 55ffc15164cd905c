"""Pages in, chunks out: pieces of at most `chunk.max_tokens`, each under its full heading path.

Reads data/docs.jsonl; writes data/chunks.jsonl and reports/chunk.json. Run: python -m stages.chunk
"""

import json
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from operator import itemgetter

from tqdm import tqdm

from stages.chunk import refusals
from stages.chunk.cuts import Cut, fixed_cuts, markdown_cuts
from stages.chunk.pieces import BLOCK_BREAK, Limits, path_line
from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.budget import Skipped
from stages.common.base.errors import run_stage
from stages.common.base.mapped import mapped
from stages.common.base.printable import say
from stages.common.records.files import CANONICAL, digest, read_jsonl, write_report, write_rows
from stages.common.records.rows import Chunk, Doc, page_lines, partial_lines
from stages.common.text import tokens

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"chunks": "chunks", "tokens": "tokens"}


def to_chunk(cut: Cut, doc: Doc, limits: Limits) -> Chunk:
    line_start, line_end = page_lines(doc["spans"], cut.line_start, cut.line_end)
    return {
        "chunk_id": digest(cut.headings, cut.text),
        "path": doc["path"],
        "headings": cut.headings,
        "line_start": line_start,
        "line_end": line_end,
        "tokens": limits.count(path_line(cut.headings) + BLOCK_BREAK + cut.text),
        "text": cut.text,
        "also_in": doc["also_in"],
        "partials": partial_lines(doc["spans"], cut.line_start, cut.line_end),
    }


def page_chunks(doc: Doc, section: schema.Chunk) -> Iterator[Chunk]:
    """The chunks of one page in order."""

    def count(text: str) -> int:
        return tokens.count(text, section.encoding)

    floor = section.min_tokens + 1  # a piece counts the break behind its last block, too
    limits = Limits(section.max_tokens, floor, section.overlap_tokens, count)
    if section.strategy == "markdown":
        cuts = markdown_cuts(doc, limits)
    else:
        cuts = fixed_cuts(doc, limits, tokens.encoding(section.encoding))
    return (to_chunk(cut, doc, limits) for cut in cuts)


def cut(section: schema.Chunk, doc: Doc) -> tuple[str, list[Chunk] | str]:
    """The path of a page and its chunks, or why it is left out."""
    skipped = Skipped("chunk")
    with skipped.page(doc["path"]):
        return doc["path"], list(page_chunks(doc, section))
    return doc["path"], skipped.reasons[doc["path"]]


def is_whole(result: tuple[str, list[Chunk] | str]) -> bool:
    return not isinstance(result[1], str)


def page_key(section: schema.Chunk, doc: Doc) -> bytes:
    """What the chunks of a page depend on: all of its row but the commit that holds it."""
    return CANONICAL.encode([section.model_dump(), {**doc, "rev": ""}]).encode("utf-8", "surrogatepass")


def chunks(docs: Iterable[Doc], section: schema.Chunk, counts: Counter[str], skipped: Skipped) -> Iterator[Chunk]:
    """All chunks in page order; a chunk that stands in several pages is one row with `also_in`.

    The rows wait in a temporary file until all pages are read: only then is it known where each one stands, and the
    memory that is used does not grow with the text.
    """
    first: dict[str, str] = {}  # chunk_id -> the page whose row is kept
    others: dict[str, dict[str, None]] = {}  # chunk_id -> all its pages in order, where there are several
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as waiting:
        for path, rows in mapped(partial(cut, section), docs, partial(page_key, section), lasting=is_whole):
            if isinstance(rows, str):
                skipped.reasons[path] = rows
                continue
            counts["pages" if rows else "pages_without_words"] += 1
            for row in rows:
                if row["chunk_id"] not in first:
                    first[row["chunk_id"]] = row["path"]
                    waiting.write(json.dumps(row, ensure_ascii=False) + "\n")
                if row["also_in"] or first[row["chunk_id"]] != row["path"]:
                    others.setdefault(row["chunk_id"], {}).update(dict.fromkeys([row["path"], *row["also_in"]]))
        skipped.tell(counts["pages"] + counts["pages_without_words"])
        waiting.seek(0)
        for line in waiting:
            row = json.loads(line)
            row["also_in"] = [path for path in others.get(row["chunk_id"], ()) if path != row["path"]]
            yield row


def report(sizes: list[int], counts: Counter[str], section: schema.Chunk) -> dict[str, float]:
    return {
        "pages": counts["pages"],
        "pages_without_words": counts["pages_without_words"],
        "chunks": len(sizes),
        "tokens": sum(sizes),
        "tokens_median": statistics.median(sizes) if sizes else 0,
        "tokens_max": max(sizes, default=0),
        "over_budget": sum(size > section.max_tokens for size in sizes),
        "under_min_tokens": sum(size < section.min_tokens for size in sizes),
        "shared_by_pages": counts["shared_by_pages"],
    }


def measured(rows: Iterable[Chunk], sizes: list[int], counts: Counter[str]) -> Iterator[Chunk]:
    """The rows as they pass by, their tokens noted."""
    for row in rows:
        sizes.append(row["tokens"])
        counts["shared_by_pages"] += bool(row["also_in"])
        yield row


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    section = settings.chunk
    sizes: list[int] = []
    counts: Counter[str] = Counter()
    skipped = Skipped("chunk")
    docs = tqdm(read_jsonl(paths.DOCS), desc="chunk", unit="page")
    rows = measured(chunks(docs, section, counts, skipped), sizes, counts)
    write_rows(paths.CHUNKS, rows, itemgetter("path"), settings.scale.rows_per_shard)
    figures = report(sizes, counts, section)
    write_report("chunk", {**figures, **skipped.report()}, HEADLINE)
    say("chunk:", ", ".join(f"{value} {name}" for name, value in figures.items()))


if __name__ == "__main__":
    run_stage("chunk", main)
