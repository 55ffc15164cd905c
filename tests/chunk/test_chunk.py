"""chunk: whatever the page, no chunk exceeds the budget, no line gets lost, and every chunk knows its place."""

import os
import random
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from stages.chunk import __main__ as chunk
from stages.chunk import splitting
from stages.common.base import budget, paths
from stages.common.base.errors import UserError
from stages.common.markdown import blocks as markdown
from stages.common.records.files import read_json, read_jsonl, write_jsonl
from stages.common.records.rows import Chunk
from stages.ingest import __main__ as ingest
from stages.ingest.sources import manifest
from stages.ingest.sources.report import Report
from support.chunking import count, cut, cut_pages, doc, section
from support.repository import CLOUDPSS, ROOT
from support.settings import docs_section

CAPS = [64, 128, 512]
SEEDS = range(12)
SERIAL = re.compile(r"s\d{5}")  # every line of prose, code and tables that the generator writes holds its own


class Pages:
    """Random Markdown from a seed: every kind of block in both languages, each line with a serial number."""

    LATIN = ("budget", "chunk", "page", "row", "x_y", "naïve", "e\u0301", "3.5", "kW·h", "`code`", "**bold**", "🙂")
    CHINESE = ("数据", "文档", "切分", "参数，默认", "值。", "𠮷")

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.serial = 0

    def words(self, most: int) -> str:
        return " ".join(self.random.choices(self.LATIN + self.CHINESE, k=self.random.randint(1, most)))

    def line(self, most: int = 9) -> str:
        self.serial += 1
        return f"s{self.serial:05} {self.words(most)}"

    def lines(self, most: int) -> list[str]:
        return [self.line() for _ in range(self.random.randint(1, most))]

    def paragraph(self) -> str:
        return "\n".join(self.lines(6))

    def bullets(self) -> str:
        return "\n".join(self.random.choice(["- ", "- ", "  - "]) + line if n else f"- {line}"
                         for n, line in enumerate(self.lines(12)))  # fmt: skip

    def steps(self) -> str:
        return "\n".join(f"{n}. {line}" for n, line in enumerate(self.lines(12), 1))

    def table(self) -> str:
        rows = [f"| {self.line(2)} | {self.words(3)} |" for _ in range(self.random.randint(1, 30))]
        return "\n".join(["| Name 名称 | Value |", "| --- | :-: |", *rows])

    def fence(self) -> str:
        mark = self.random.choice(["```", "~~~", "````"])
        code = [self.random.choice(["", "    ", "# "]) + line for line in self.lines(25)]
        return "\n".join([f"{mark}py title=x", *code, mark])

    def quote(self) -> str:
        return "\n".join(f"> {line}" for line in self.lines(4))

    def admonition(self) -> str:
        return "\n".join([f":::tip {self.line(2)}", "", *self.lines(3), "", f"::: {self.line(1)}"])

    def formula(self) -> str:
        return f"$$\n\\text{{{self.line(1)}}} = \\frac{{1}}{{2}}\n$$"

    def html(self) -> str:
        return f"<table>\n<tr><td>{self.line()}</td></tr>\n</table>"

    def block(self) -> str:
        kinds = [self.paragraph, self.bullets, self.steps, self.table, self.fence, self.quote]
        return self.random.choice([*kinds, self.admonition, self.formula, self.html])()

    def heading(self) -> str:
        self.serial += 1
        name = self.random.choice(["Part", "第二节", "How to `x`"])
        return f"{'#' * self.random.randint(1, 4)} h{self.serial:05} {name}"

    def page(self, blocks: int = 14) -> str:
        parts = [self.block()]
        for _ in range(blocks):
            if self.random.random() < 0.4:
                parts.append(self.heading())
            parts.append(self.block())
        return ("\n" * self.random.randint(2, 4)).join(parts) + "\n"


def serials(text: str) -> list[str]:
    return SERIAL.findall(text)


@pytest.mark.parametrize("strategy", ["markdown", "fixed"])
@pytest.mark.parametrize("cap", CAPS)
def test_no_chunk_exceeds_the_budget_headings_included(cap, strategy):
    for seed in SEEDS:
        for row in cut(Pages(seed).page(), max_tokens=cap, min_tokens=cap // 4, strategy=strategy):
            assert row["tokens"] == count(" > ".join(row["headings"]) + "\n\n" + row["text"])
            assert row["tokens"] <= cap, row["text"]


def noise(seed: int, size: int) -> str:
    """Text without structure: long runs of anything, cut nowhere by nature."""
    dice = random.Random(seed)
    alphabet = "aB3-_=/\\<>|#*`.,;。，；中文字🙂𠮷é\u0301\u200d\t  "
    return "".join(dice.choice(alphabet) * dice.choice([1, 1, 1, 2, 7]) for _ in range(size))


@pytest.mark.parametrize("strategy", ["markdown", "fixed"])
@pytest.mark.parametrize("cap", [64, 128])
def test_no_chunk_exceeds_the_budget_whatever_the_text(cap, strategy):
    for seed in SEEDS:
        rows = cut("x " + noise(seed, 900), max_tokens=cap, min_tokens=16, strategy=strategy)
        assert max(row["tokens"] for row in rows) <= cap


@pytest.mark.parametrize("strategy", ["markdown", "fixed"])
def test_no_chunk_exceeds_the_budget_under_a_long_heading_that_leaves_room(strategy):
    heading = "# " + "本文档的标题非常长而且没有尽头的意思 " * 2
    assert 36 < count(heading) < 56
    page = doc(f"{heading}\n\n" + "Some prose that goes on.\n" * 40, title=heading[2:].strip())
    rows = cut_pages([page], section(max_tokens=64, strategy=strategy))
    assert max(row["tokens"] for row in rows) <= 64


def test_no_chunk_exceeds_the_budget_below_a_table_header_that_fills_it():
    header = "| " + " | ".join(f"column number {n}" for n in range(12)) + " |"
    table = "\n".join([header, "|" + " --- |" * 12, *["|" + " value |" * 12] * 20])
    assert max(row["tokens"] for row in cut(table, max_tokens=64)) <= 64


def test_no_chunk_exceeds_the_budget_in_a_fence_with_a_long_info_string():
    fence = "```py title=" + "-".join(f"word{n}" for n in range(40)) + "\n" + "x = 1\n" * 60 + "```\n"
    assert max(row["tokens"] for row in cut(fence, max_tokens=64)) <= 64


@pytest.mark.parametrize("strategy", ["markdown", "fixed"])
def test_no_character_is_broken(strategy):
    for seed in SEEDS:
        for text in (Pages(seed).page(6), noise(seed, 300)):
            assert not any("\ufffd" in row["text"] for row in cut(text, max_tokens=64, strategy=strategy))


def test_a_replacement_character_of_the_page_itself_stays():
    assert "\ufffd" in cut("a \ufffd b\n")[0]["text"]


def test_the_fixed_strategy_cuts_the_whole_text_and_nothing_else():
    for seed in SEEDS:
        text = Pages(seed).page()
        assert "".join(row["text"] for row in cut(text, max_tokens=64, strategy="fixed")) == text


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("min_tokens", [0, 32])
def test_every_line_of_a_page_stands_in_a_chunk(cap, min_tokens):
    for seed in SEEDS:
        text = Pages(seed).page()
        rows = cut(text, max_tokens=cap, min_tokens=min_tokens)
        kept = "".join("".join([*row["headings"], row["text"]]) for row in rows)
        kept, lines = re.sub(r"\s", "", kept), [line.lstrip("#> ") for line in text.split("\n")]
        whole = [line for line in lines if re.sub(r"\s", "", line) in kept]
        assert [line for line in lines if not all(word in kept for word in line.split())] == []
        assert len(whole) > 0.9 * len(lines)


@pytest.mark.parametrize("cap", CAPS)
def test_no_line_stands_in_two_chunks_and_order_is_that_of_the_page(cap):
    for seed in SEEDS:
        text = Pages(seed).page()
        found = [serial for row in cut(text, max_tokens=cap) for serial in serials(row["text"])]
        assert list(dict.fromkeys(found)) == serials(text)  # a list item's first line may be repeated above its parts


@pytest.mark.parametrize(
    "lost",
    [
        "[^1]: Miller, A. A footnote.",
        "[^张三]:张三,李四.新型电力系统[J].中国电机工程学报,2024.",
        "[api]: https://example.org/api",
        "First line of a heading\nand its second line\n=======================",
        "$$\na + b\n=\nc + d\n$$",
        "$$\n\\begin{aligned}\na &= b\n\n&= c\n-\n\\end{aligned}\n$$",
    ],
    ids=["footnote", "footnote without a blank", "link definition", "heading of two lines", "formula", "long formula"],
)
def test_lines_that_are_easily_taken_for_something_else_stand_in_a_chunk(lost):
    rows = cut(f"# Title\n\nA paragraph.\n\n{lost}\n\nAnother one.\n")
    whole = "\n".join("\n".join([*row["headings"], row["text"]]) for row in rows)
    assert [line for line in lost.split("\n") if line.strip("=-") and line not in whole] == []


def test_a_formula_is_no_heading():
    rows = cut("# Title\n\nBefore.\n\n$$\na + b\n=\nc + d\n$$\n\nAfter.\n")
    assert [row["headings"] for row in rows] == [["Title"]]
    assert "$$\na + b\n=\nc + d\n$$" in rows[0]["text"]


def test_every_chunk_carries_its_full_heading_path():
    text = "lead\n\n# A\n\na\n\n## B\n\nb\n\n#### D\n\nd\n\n## C\n\nc\n\n# E #\n\ne\n\nF\n---\n\nf\n"
    assert [(row["headings"], row["text"]) for row in cut(text)] == [
        (["Title"], "lead"),
        (["Title", "A"], "a"),
        (["Title", "A", "B"], "b"),
        (["Title", "A", "B", "D"], "d"),
        (["Title", "A", "C"], "c"),
        (["Title", "E"], "e"),
        (["Title", "E", "F"], "f"),
    ]


def test_a_heading_that_repeats_the_title_stands_once():
    assert [row["headings"] for row in cut("# Title\n\na\n\n## B\n\nb\n")] == [["Title"], ["Title", "B"]]


def test_every_part_of_a_split_section_carries_the_path():
    rows = cut("# A\n\n## B\n\n" + "\n\n".join(f"Paragraph {n} of a long section." for n in range(60)), max_tokens=64)
    assert len(rows) > 5
    assert {tuple(row["headings"]) for row in rows} == {("Title", "A", "B")}


def test_a_hash_in_a_fence_is_no_heading():
    assert [row["headings"] for row in cut("# A\n\n```sh\n# comment\nls\n```\n")] == [["Title", "A"]]


@pytest.mark.parametrize("cap", [64, 128, 256])
def test_a_table_is_split_between_rows_with_its_header_repeated(cap):
    head, rows = "| Name | Value |\n| --- | :-: |", [f"| row {n} | {n * n} 值 |" for n in range(90)]
    cuts = cut("\n".join([head, *rows]), max_tokens=cap)
    assert len(cuts) > 1
    assert all(row["text"].startswith(head + "\n| row") for row in cuts)
    assert [line for row in cuts for line in row["text"].split("\n")[2:]] == rows


@pytest.mark.parametrize(("opening", "closing"), [("```python", "```"), ("~~~", "~~~"), ("````md title=x", "````")])
def test_a_fence_is_split_between_lines_closed_and_opened_again(opening, closing):
    code = [f"    value_{n} = {n}" for n in range(80)]
    cuts = cut("\n".join([opening, *code, closing]), max_tokens=128)
    assert len(cuts) > 1
    assert {(row["text"].split("\n")[0], row["text"].split("\n")[-1]) for row in cuts} == {(opening, closing)}
    assert [line for row in cuts for line in row["text"].split("\n")[1:-1]] == code


def test_a_fence_closed_by_a_longer_one_has_one_end_only():
    cuts = cut("\n".join(["```sh", *[f"echo {n}" for n in range(80)], "`````"]), max_tokens=64)
    assert [line for row in cuts for line in row["text"].split("\n")[1:-1]] == [f"echo {n}" for n in range(80)]


def test_blocks_stay_whole_as_long_as_they_fit():
    page = Pages(3)
    blocks = [page.table(), page.fence(), page.steps(), page.quote(), page.formula()]
    biggest = max(map(count, blocks))
    rows = cut("\n\n".join(blocks), max_tokens=biggest + 16)
    assert all(any(block in row["text"] for row in rows) for block in blocks)


@pytest.mark.parametrize("sentence", ["Sentence {} ends somewhere. ", "第{}句话在某处结束。"])
def test_long_prose_is_cut_at_sentence_ends(sentence):
    text = "".join(sentence.format(n) for n in range(60))
    rows = cut(text, max_tokens=64)
    assert len(rows) > 3
    assert all(row["text"].strip()[-1] in ".。" for row in rows)
    assert "".join(row["text"].replace(" ", "") for row in rows) == text.replace(" ", "")


def test_a_chunk_id_survives_renaming_the_page():
    text = Pages(1).page()
    before = cut_pages([doc(text, "old/name.md")], section(128))
    after = cut_pages([doc(text, "new.md")], section(128))
    assert [row["chunk_id"] for row in after] == [row["chunk_id"] for row in before]
    assert {row["path"] for row in after} == {"new.md"}


def test_an_edit_of_one_section_changes_the_chunks_of_that_section_only():
    text = "# A\n\none\n\n## B\n\ntwo\n\n## C\n\nthree\n"
    before, after = ({row["chunk_id"]: row for row in cut(page)} for page in (text, text.replace("two", "2")))
    assert [row["text"] for key, row in before.items() if key not in after] == ["two"]
    assert [row["text"] for key, row in after.items() if key not in before] == ["2"]


def test_the_same_chunk_in_two_pages_is_one_row_with_also_in():
    shared, pages = "## Shared\n\nThe same words.\n", ["a.md", "b.md", "c.md"]
    docs = [doc(f"Page {path}.\n\n{shared}", path) for path in pages]
    rows = cut_pages(docs, section())
    assert [(row["path"], row["also_in"]) for row in rows if row["text"] == "The same words."] == [
        ("a.md", ["b.md", "c.md"])
    ]
    assert len(rows) == 4
    assert len({row["chunk_id"] for row in rows}) == 4


def test_a_chunk_is_also_in_the_duplicates_of_its_pages():
    shared = "## Shared\n\nThe same words.\n"
    first, second, third = (doc(f"Page {path}.\n\n{shared}", path) for path in ("a.md", "b.md", "c.md"))
    first["also_in"], third["also_in"] = ["a2.md"], ["c2.md", "c3.md"]
    rows = cut_pages([first, second, third], section())
    assert len({row["chunk_id"] for row in rows}) == len(rows) == 4
    assert {row["text"]: (row["path"], row["also_in"]) for row in rows} == {
        "Page a.md.": ("a.md", ["a2.md"]),
        "The same words.": ("a.md", ["a2.md", "b.md", "c.md", "c2.md", "c3.md"]),
        "Page b.md.": ("b.md", []),
        "Page c.md.": ("c.md", ["c2.md", "c3.md"]),
    }


def test_a_section_that_a_page_repeats_is_one_row_of_that_page():
    rows = cut("## Same\n\nwords\n\n## Same\n\nwords\n")
    assert [(row["text"], row["also_in"]) for row in rows] == [("words", [])]


def test_the_lines_of_a_whole_block_are_those_of_the_page():
    for seed in SEEDS:
        text = Pages(seed).page()
        check_lines(text, cut(text, max_tokens=4096))
        check_lines(text, cut(text, max_tokens=4096, min_tokens=200))


@pytest.mark.parametrize("cap", CAPS)
def test_the_lines_of_a_split_block_are_those_of_the_page(cap):
    for seed in SEEDS:
        text = Pages(seed).page()
        check_lines(text, cut(text, max_tokens=cap))


def check_lines(text: str, rows: list[Chunk]) -> None:
    """line_start to line_end hold the serial numbers of the chunk, no fewer and no more.

    But for the line that the chunk before began, and a list item's first line repeated above its parts.
    """
    lines = text.split("\n")
    for row in rows:
        here, found = serials("\n".join(lines[row["line_start"] - 1 : row["line_end"]])), serials(row["text"])
        assert set(here[1:]) <= set(found) and len(set(found) - set(here)) <= 1
        assert lines[row["line_start"] - 1].strip()
        assert lines[row["line_end"] - 1].strip()


def test_the_lines_of_a_fixed_slice_hold_its_text():
    for seed in SEEDS:
        text = Pages(seed).page()
        lines = text.split("\n")
        for row in cut(text, max_tokens=64, strategy="fixed"):
            assert row["text"].strip("\n") in "\n".join(lines[row["line_start"] - 1 : row["line_end"]])


def test_lines_behind_an_inlined_partial_are_those_of_the_file():
    files = {
        "page.md": "---\ntitle: T\n---\n# T\n\nimport P from './_p.md'\n\nline 8\n\n<P />\n\n<P />\n\nline 14\n\n"
        "## Next\n\nline 18\n",
        "_p.md": "| a | b |\n| - | - |\n| 1 | 2 |\n",
    }
    Path("docs").mkdir()
    for name, text in files.items():
        Path("docs", name).write_text(text, encoding="utf-8")
    section_docs = docs_section(path="docs", include=["**/*.md"], exclude=[], max_bytes=100_000)
    manifest.write(section_docs)
    rows = ingest.ingest(section_docs, Report(), ingest.Site())
    first, second = cut_pages(list(rows), section())
    assert (first["line_start"], first["line_end"]) == (8, 14)
    assert (second["line_start"], second["line_end"]) == (18, 18)
    assert first["text"].count("| 1 | 2 |") == 2


def test_a_chunk_inside_a_partial_stands_where_the_partial_is_used():
    page = doc("line 1\n\n" + "\n".join(f"- item {n} of the partial" for n in range(60)) + "\n\nline 5\n")
    page["spans"] += [
        {"line": 3, "path": "_p.md", "start": 1, "at": 3},
        {"line": 63, "path": "page.md", "start": 4, "at": 4},
    ]
    rows = cut_pages([page], section(max_tokens=128))
    assert len(rows) > 3
    assert {(row["line_start"], row["line_end"]) for row in rows[1:-1]} == {(3, 3)}
    assert rows[-1]["line_end"] == 5


def test_small_sections_join_their_neighbour_under_the_headings_they_share():
    text = "# Title\n\n## A\n\nshort a\n\n### B\n\nshort b\n\n## C\n\n" + "A longer section. " * 20
    (row,) = cut(text, min_tokens=64)
    assert row["headings"] == ["Title"]
    lines = [line for line in row["text"].split("\n") if line]
    assert lines[:5] == ["## A", "short a", "### B", "short b", "## C"]


def test_small_sections_join_only_as_far_as_the_budget_goes():
    text = "".join(f"## Section {n}\n\nA few words about {n}.\n\n" for n in range(60))
    rows = cut(text, max_tokens=128, min_tokens=64)
    assert 2 < len(rows) < 30
    assert all(row["tokens"] <= 128 for row in rows)
    assert re.findall(r"about (\d+)", "".join(row["text"] for row in rows)) == [str(n) for n in range(60)]


def test_sections_of_different_pages_never_join():
    docs = [doc("tiny\n", "a.md"), doc("small\n", "b.md")]
    assert [row["text"] for row in cut_pages(docs, section(min_tokens=64))] == ["tiny", "small"]


def test_no_chunk_is_blank():
    for text in ("\n\n", "# Only a heading\n", "```\n\n\n\n```\n", "   \n\n---\n", " \n" * 500):
        for strategy in ("markdown", "fixed"):
            assert all(row["text"].strip() for row in cut(text, max_tokens=64, strategy=strategy))


@pytest.mark.parametrize("strategy", ["markdown", "fixed"])
def test_a_line_of_200_kilobytes_without_spaces_is_cut_without_loss(strategy):
    text = "".join(random.Random(5).choices("abcdefghij0123456789", k=200_000))
    rows = cut(text, max_tokens=1024, strategy=strategy)
    assert "".join(row["text"] for row in rows) == text
    assert max(row["tokens"] for row in rows) <= 1024


def test_the_work_on_a_line_without_spaces_grows_with_its_length_not_with_its_square():
    def work(length: int) -> int:
        """Characters whose tokens are counted."""
        seen: list[int] = []

        def count_letters(text: str) -> int:
            seen.append(len(text))
            return len(text) // 3 + 1

        block = markdown.Block("paragraph", "x" * length, 1, 1)
        assert "".join(part.text for part in splitting.split(block, 128, count_letters)) == block.text
        return sum(seen)

    assert work(200_000) < 2.5 * work(100_000)


def test_blocks_cover_the_page_in_order():
    for seed in SEEDS:
        text = Pages(seed).page()
        found = list(markdown.blocks(text))
        assert all(first.line_end < second.line_start for first, second in pairwise(found))
        assert all(block.text == "\n".join(text.split("\n")[block.line_start - 1 : block.line_end]) for block in found)


def test_the_report_counts_what_was_written(write_params):
    write_params({"chunk.max_tokens": 128, "chunk.min_tokens": 0})
    write_jsonl(paths.DOCS, [doc(Pages(1).page(), "a.md"), doc(Pages(1).page(), "b.md")])
    chunk.main()
    rows, report = list(read_jsonl(paths.CHUNKS)), read_json(paths.REPORTS / "chunk.json")
    assert report["chunks"] == report["shared_by_pages"] == len(rows) > 0
    assert report["tokens"] == sum(row["tokens"] for row in rows)
    assert report["tokens_max"] == max(row["tokens"] for row in rows) <= 128
    assert report["over_budget"] == 0


def run_stages(*stages: str, seed: int) -> dict[str, bytes]:
    """Run stages one after the other in a process of that hash seed and give the bytes of what they wrote."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    code = "".join(f"from stages.{stage}.__main__ import main\nmain()\n" for stage in stages)
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    outputs = [paths.DOCS, paths.CHUNKS, *(paths.REPORTS / f"{stage}.json" for stage in stages)]
    return {file.name: file.read_bytes() for file in outputs}


def test_two_runs_are_byte_identical(write_params):
    write_params({"chunk.max_tokens": 128, "chunk.min_tokens": 32})
    Path("docs").mkdir()
    for seed in range(5):
        Path(f"docs/{seed}.md").write_text(Pages(seed).page(), encoding="utf-8")
    Path("docs/again.md").write_text(Pages(0).page(), encoding="utf-8")
    assert run_stages("ingest", "chunk", seed=1) == run_stages("ingest", "chunk", seed=2)


@pytest.mark.slow
@pytest.mark.skipif(not CLOUDPSS.is_dir(), reason="CloudPSS/docs is not beside this repository")
def test_the_chunks_of_a_real_corpus_are_whole_within_budget_and_the_same_on_every_run(write_params):
    write_params({"docs.path": str(CLOUDPSS)})
    first = run_stages("ingest", "chunk", seed=1)
    ingested, chunked = (read_json(paths.REPORTS / f"{stage}.json") for stage in ("ingest", "chunk"))
    assert ingested["files"] > 2000
    assert ingested["partials_unresolved"] == 0
    assert chunked["over_budget"] == 0
    assert "\ufffd" not in first["docs.jsonl"].decode()
    assert "\ufffd" not in first["chunks.jsonl"].decode()
    assert run_stages("ingest", "chunk", seed=2) == first


def test_a_page_that_cannot_be_cut_costs_no_other_and_is_named(monkeypatch, capsys, write_params):
    pages = [doc(f"The {name} lamp is blue.\n", f"{name}.md", name) for name in ("first", "bad", "slow", "last")]
    cut_page = chunk.page_chunks

    def cut_or_fail(doc, section):
        while doc["path"] == "slow.md":
            pass
        if doc["path"] == "bad.md":
            raise IndexError("list index out of range")
        return cut_page(doc, section)

    monkeypatch.setattr(chunk, "page_chunks", cut_or_fail)
    monkeypatch.setattr(budget, "MAX_SECONDS", 0.1)
    write_params({})
    write_jsonl(paths.DOCS, pages)
    chunk.main()
    assert [row["path"] for row in read_jsonl(paths.CHUNKS)] == ["first.md", "last.md"]
    report = read_json(paths.REPORTS / "chunk.json")
    assert (report["pages"], report["pages_skipped"]) == (2, 2) and list(report["skipped"]) == ["bad.md", "slow.md"]
    assert "2 of 4 pages skipped, such as bad.md (IndexError: list index out of range)" in capsys.readouterr().out


def test_chunk_ends_with_a_line_and_writes_nothing_where_every_page_fails(monkeypatch, write_params):
    write_params({})
    write_jsonl(paths.DOCS, [doc("Text.\n", "a.md"), doc("Text.\n", "b.md")])
    monkeypatch.setattr(chunk, "page_chunks", lambda doc, section: [][1])
    with pytest.raises(UserError, match=r"2 of 2 pages skipped, such as a\.md .*; no page is left"):
        chunk.main()
    assert not paths.CHUNKS.exists()
