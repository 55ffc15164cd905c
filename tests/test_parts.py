"""Outputs in parts through the data half: the same dataset to the byte, and an edit rewrites the parts of its page."""

from pathlib import Path

import pytest

from stages.chunk import __main__ as chunk_stage
from stages.commands.reviewing.queue import Queue
from stages.commands.tracing import sources
from stages.common.base import paths
from stages.common.records.files import parts, read_jsonl
from stages.curate import __main__ as curate_stage
from stages.generate import __main__ as generate_stage
from stages.ingest import __main__ as ingest_stage

SHARDED = (paths.DOCS, paths.CHUNKS, paths.PAIRS)
DATA = (*(paths.DATASET / f"{name}.jsonl" for name in paths.SPLITS), paths.REJECTED, paths.UNCOVERED)


@pytest.fixture
def run(write_params):
    """Write pages and run the stages, with so many rows in a file; the bytes of the dataset."""
    Path("docs").mkdir()
    for number in range(14):
        facts = "".join(f"| Drawer {number}x{n} | {number * 7 + n} mm |\n" for n in range(2))
        text = f"# Cabinet {number}\n\nThe cabinet {number} holds drawers.\n\n| Name | Depth |\n| --- | --- |\n{facts}"
        Path(f"docs/cabinet{number}.md").write_text(text, "utf-8")

    def stages(most: int) -> list[bytes]:
        write_params({"scale.rows_per_shard": most, "generate.phrasings": 3, "curate.forms.unanswerable_exam": 0})
        for stage in (ingest_stage, chunk_stage, generate_stage, curate_stage):
            stage.main()
        return [file.read_bytes() for file in DATA]

    return stages


def contents() -> dict[Path, bytes]:
    return {part: part.read_bytes() for file in SHARDED for part in parts(file)}


def test_the_dataset_is_the_same_from_parts_and_from_files_and_both_are_swapped(run):
    single = run(100_000)
    rows = {file: list(read_jsonl(file)) for file in SHARDED}
    assert all(file.is_file() for file in SHARDED) and len(rows[paths.PAIRS]) > 40
    assert run(10) == single
    assert all(file.is_dir() for file in SHARDED)
    assert {file: list(read_jsonl(file)) for file in SHARDED} == rows
    assert run(100_000) == single and all(file.is_file() for file in SHARDED)


def test_an_edit_rewrites_the_parts_of_its_page_alone_and_commands_read_them(run):
    run(10)
    before = contents()
    page = Path("docs/cabinet9.md")
    page.write_text(page.read_text("utf-8").replace("mm", "cm"), "utf-8")
    run(10)
    after = contents()
    changed = [part for part in after if after[part] != before.get(part)]
    assert before.keys() == after.keys() and sorted(part.parent for part in changed) == sorted(SHARDED)
    queue, pair = Queue(), next(row for row in read_jsonl(paths.PAIRS) if row["output"].endswith("cm"))
    chunk = sources.chunk_of(pair["chunk_id"])
    assert chunk and sources.page_of(chunk["path"])["path"] == "cabinet9.md"
    assert "at" not in chunk and queue.row(pair["pair_id"])["chunk"] == chunk
    assert {one["path"] for one in sources.feed("cabinet9.md", "docs").chunks} == {"cabinet9.md"}
