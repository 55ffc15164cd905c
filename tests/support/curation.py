"""Made-up corpora on their way through curate."""

from typing import Any

from stages.common.base import paths
from stages.common.records.files import digest, read_jsonl, write_jsonl
from stages.common.records.rows import Chunk, DatasetRow, Pair
from stages.common.rows.source import Source
from stages.curate import __main__ as curate
from stages.curate.duplicates.near import sought
from stages.curate.table import Rows, Table, keys

LIMITS = {
    "min_question_chars": 6,
    "max_question_chars": 40,
    "min_answer_chars": 2,
    "max_answer_chars": 60,
    "holdout_pages": 0.2,
    "holdout_facts": 0.5,
}


TEXT = "The **lamp** draws 40 W; its default level is 7 lux.\n\n灯的额定功率为 40 W，默认亮度为 7 lux。\n"


def chunk(text: str = TEXT, path: str = "page.md", also_in: tuple[str, ...] = ()) -> Chunk:
    return {
        "chunk_id": digest(path, text),
        "path": path,
        "headings": ["Manual"],
        "line_start": 3,
        "line_end": 9,
        "tokens": 1,
        "text": text,
        "also_in": list(also_in),
        "partials": [],
    }


def pair(of: Chunk, instruction: str, output: str, evidence: str = "", extra: str = "") -> Pair:
    return {
        "pair_id": digest(of["chunk_id"], instruction, extra, output),
        "chunk_id": of["chunk_id"],
        "instruction": instruction,
        "input": extra,
        "output": output,
        "evidence": evidence or of["text"].split("\n")[0],
        "style": "llm",
        "request_key": "",
    }


def pages_of(chunks: list[Chunk], **fields: object) -> list[Any]:
    """Rows of data/docs.jsonl for the pages of some chunks, without any text."""
    found = {of["path"]: of["also_in"] for of in chunks}
    return [
        {"path": path, "title": f"Title of {path}", "also_in": also_in, "language": "", "group": "", "text": "",
         "spans": [{"line": 1, "path": path, "start": 1, "at": 1}], "rev": "c0ffee", **fields}
        for path, also_in in found.items()
    ]  # fmt: skip


def run(
    pairs: list[Pair], chunks: list[Chunk], write_params, docs: list[Any] | None = None, **changes: object
) -> dict[str, list[DatasetRow]]:
    """Run the stage; its three splits, with what it rejected under `rejected`."""
    write_params({f"curate.{name}": value for name, value in {**LIMITS, **changes}.items()})
    write_jsonl(paths.CHUNKS, chunks)
    write_jsonl(paths.DOCS, docs if docs is not None else pages_of(chunks))
    write_jsonl(paths.PAIRS, pairs)
    curate.main()
    parts = {name: list(read_jsonl(paths.DATASET / f"{name}.jsonl")) for name in paths.SPLITS}
    return parts | {"rejected": list(read_jsonl(paths.REJECTED))}


def tabled(rows: list[Any], sources: dict[str, Source] | None = None, chunk_ids: list[str] | None = None) -> Rows:
    """Rows as curate holds them once they are checked."""
    table = Table()
    for row in rows:
        number = (chunk_ids or [row["chunk_id"]]).index(row["chunk_id"]) if row["chunk_id"] else -1
        table.put(row, number, keys(row, sought(row, (sources or {}).get(row["chunk_id"])), 1.0))
    return table.rows()


def corpus(pages: range, facts: int = 3, wordings: int = 4) -> tuple[list[Pair], list[Chunk]]:
    """Pages with one chunk each; every fact of a chunk is asked in several wordings."""
    pairs, chunks = [], []
    for page in pages:
        lines = [f"Part {page}x{fact} weighs {page * 100 + fact} kg." for fact in range(facts)]
        chunks.append(chunk("\n".join(lines), f"page{page}.md"))
        for fact, line in enumerate(lines):
            for wording in ["How heavy is", "What weighs", "Weight of", "Tell me of", "Mass of"][:wordings]:
                pairs.append(pair(chunks[-1], f"{wording} part {page}x{fact}?", line.split("weighs ")[1], line))
    return pairs, chunks


def dataset(parts: dict[str, list[DatasetRow]]) -> list[DatasetRow]:
    return [row for name in paths.SPLITS for row in parts[name]]


def place(parts: dict[str, list[DatasetRow]]) -> dict[str, str]:
    return {row["pair_id"]: name for name in paths.SPLITS for row in parts[name]}
