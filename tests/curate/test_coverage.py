"""Coverage: what no surviving pair asks about is listed, counted and plotted."""

import numpy as np

from stages.common.base import paths
from stages.common.records.files import read_json, read_jsonl
from stages.curate import coverage
from support.curation import corpus, pair, run


def test_every_chunk_is_either_asked_about_or_listed_with_the_reason(write_params):
    pairs, chunks = corpus(range(12))
    chunks = [{**of, "path": f"{'guide' if n < 9 else 'api'}/p{n}.md"} for n, of in enumerate(chunks)]
    bare, faulty = chunks[9]["chunk_id"], chunks[3]["chunk_id"]
    kept = [row for row in pairs if row["chunk_id"] not in (bare, faulty)]
    parts = run([*kept, pair(chunks[3], "What?", "300 kg")], chunks, write_params, holdout_pages=0.0)
    asked = {row["chunk_id"] for name in paths.SPLITS for row in parts[name]}
    listed = {row["chunk_id"]: row["rejected_by"] for row in read_jsonl(paths.UNCOVERED)}
    assert asked | listed.keys() == {of["chunk_id"] for of in chunks} and not asked & listed.keys()
    assert listed == {faulty: {"question_length": 1}, bare: {}}
    assert read_json(paths.REPORTS / "curate.json")["coverage"] == {
        "chunks": 12, "chunks_uncovered": 2, "headings": 12, "headings_uncovered": 2, "pages": 12, "pages_uncovered": 2,
    }  # fmt: skip
    assert read_json(paths.REPORTS / "coverage.json") == [
        {"section": "api", "pages": 3, "covered": 0.6667},
        {"section": "guide", "pages": 9, "covered": 0.8889},
    ]


def test_a_page_is_covered_when_one_of_its_chunks_or_a_copy_of_it_is():
    _, chunks = corpus(range(4))
    chunks[0]["also_in"] = ["copy.md"]
    chunks[1] |= {"path": chunks[0]["path"], "headings": ["Manual", "Else"]}
    figures = coverage.places(chunks, np.array([False, True, True, True])).figures
    assert (figures["pages"], figures["pages_uncovered"]) == (4, 2)
    assert (figures["headings"], figures["headings_uncovered"]) == (4, 3)


def test_sections_lie_as_deep_as_they_are_few():
    few = [f"docs/{part}/{page}.md" for part in "abc" for page in range(9)]
    assert {coverage.section(path, coverage.section_depth(few)) for path in few} == {"docs/a", "docs/b", "docs/c"}
    many = [f"docs/{part}/{page}/x.md" for part in "abc" for page in range(40)]
    assert coverage.section_depth(many) == 2
    assert coverage.section("index.md", coverage.section_depth(["index.md"])) == "."
