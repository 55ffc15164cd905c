"""bench/chunking_oracle.py sees what chunks do to a page: each planted fault is counted, and nothing else is."""

import sys

import pytest

from stages.common.base import paths
from stages.common.records.files import read_jsonl
from stages.ingest import __main__ as ingest
from support.repository import CLOUDPSS, ROOT

sys.path.insert(0, str(ROOT / "bench"))

import chunking
import chunking_oracle as oracle
import chunking_tools

TABLE = "| a | b |\n| - | - |\n| row one | value |\n| row two | value |\n| row three | value |"
CODE = "```py\n# no heading\nx = 1\n```"
QUOTE = "> **Tip: heat**\n>\n> It is hot."
FORMULA = "$$\na\n=\nb\n$$"
PROSE = "First words. More of\nthe same."
TEXT = "\n\n".join(["# Top", PROSE, "## Part", TABLE, CODE, QUOTE, "Setext\n===", FORMULA, "Last.\n"])


@pytest.fixture
def page() -> oracle.Page:
    return oracle.scan(TEXT, "Title")


def test_regions_and_headings_are_found(page):
    lines = TEXT.split("\n")
    found = {region.kind: "\n".join(lines[region.first : region.last + 1]) for region in page.regions}
    assert found == {"table": TABLE, "code": CODE, "admonition": QUOTE, "formula": "$$\na\n=\nb\n$$"}
    paths = {line: path for line, path in zip(lines, page.paths, strict=True) if line}
    assert paths["First words. More of"] == ("Top",)
    assert paths["x = 1"] == ("Top", "Part")
    assert paths["Last."] == ("Setext",)


def test_a_cut_region_is_one_that_no_chunk_holds_whole(page):
    assert oracle.cut_regions(page, [TEXT]) == []
    half = TEXT.index("| row two")
    assert [region.kind for region in oracle.cut_regions(page, [TEXT[:half], TEXT[half:]])] == ["table"]
    indented = "\n".join(f"  {line}" for line in TEXT.split("\n"))
    assert oracle.cut_regions(page, [indented]) == []


def test_continuations_need_the_header(page):
    (table,) = (region for region in page.regions if region.kind == "table")
    head, rows = TABLE.split("\n")[:2], TABLE.split("\n")[2:]
    plain = ["\n".join(head + rows[:1]), *rows[1:]]
    assert oracle.continuations(page, table, plain) == (2, 0)
    repeated = ["\n".join([*head, row]) for row in rows]
    assert oracle.continuations(page, table, repeated) == (2, 2)


def test_a_start_inside_a_sentence_is_seen(page):
    def inside(text: str) -> bool:
        (start,) = oracle.starts(page, [text])
        return oracle.mid_sentence(page, start)

    assert inside("words. More of")
    assert inside("the same.")
    assert inside("two | value |")
    assert not inside("First words.")
    assert not inside("More of\nthe same.")
    assert not inside("| row two | value |")
    assert oracle.in_code(page, oracle.place(page, ["x = 1"], 0))
    assert not oracle.in_code(page, oracle.place(page, ["Last."], 0))


def test_a_heading_above_that_is_missing_is_seen(page):
    (start,) = oracle.starts(page, ["| row two | value |"])
    assert not oracle.lost_headings(page, start, ["Title", "Top", "Part"], "| row two | value |")
    assert not oracle.lost_headings(page, start, ["Title", "Top"], "## Part\n\n| row two | value |")
    assert oracle.lost_headings(page, start, ["Title", "Part"], "| row two | value |")


def test_words_in_no_chunk_are_seen(page):
    assert list(oracle.lost_words(page, [["Title"]], [TEXT])) == []
    assert list(oracle.lost_words(page, [["Title"]], [TEXT.replace("Last", "")])) == ["Last"]


@pytest.mark.slow
@pytest.mark.skipif(not CLOUDPSS.is_dir(), reason="CloudPSS/docs is not beside this repository")
def test_the_chunks_of_a_real_corpus_keep_what_they_promise(write_params):
    write_params({"docs.path": str(CLOUDPSS)})
    ingest.main()
    docs = list(read_jsonl(paths.DOCS))
    texts = {doc["path"]: doc["text"] for doc in docs}
    pages = {doc["path"]: oracle.scan(doc["text"], doc["title"]) for doc in docs}
    for cap in (2048, 512):
        figures = chunking.measure(pages, texts, list(chunking_tools.doclore(docs, cap)), cap)
        kept = ["U+FFFD", "over budget", "path lost", "lost words", *(f"{kind} avoidable" for kind in chunking.KINDS)]
        assert {name: figures[name] for name in kept} == dict.fromkeys(kept, 0)
        assert figures["with header"] == figures["continuations"] > 0
        assert figures["mid-sentence"] <= 0.002 * figures["chunks"]
        assert figures["under 64"] <= 0.02 * figures["chunks"]
