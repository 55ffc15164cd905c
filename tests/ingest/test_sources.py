"""sources: which files are read, in which encoding, converted by what; and that nothing hostile stops the others."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.records.files import read_json, read_jsonl
from stages.common.records.rows import Doc
from stages.ingest import __main__ as ingest
from stages.ingest.sources import converters, manifest
from stages.ingest.sources.decoding import DecodingError, decode
from stages.ingest.sources.report import LONGEST_LIST, Report
from stages.ingest.sources.walk import find
from support.repository import CLOUDPSS, ROOT
from support.settings import docs_section

MARKDOWN = ["**/*.md", "**/*.mdx"]


def write(files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        file = Path("docs") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def read(include: tuple[str, ...] = ("**/*.md", "**/*.mdx"), max_bytes: int = 100_000) -> tuple[list[Doc], dict]:
    """The rows of docs/ and the report."""
    report = Report()
    section = docs_section(path="docs", include=list(include), exclude=[], max_bytes=max_bytes)
    manifest.write(section)
    ingest.write_docs(section, report)
    return list(read_jsonl(paths.DOCS)), report.as_json()


def paths_of(rows: list[Doc]) -> list[str]:
    return [row["path"] for row in rows]


def test_a_link_to_a_directory_inside_the_docs_is_followed():
    write({"real/a.md": "text a", "other.md": "text"})
    Path("docs/linked").symlink_to("real")
    found = find(Path("docs"), MARKDOWN, [])
    assert [file.path for file in found] == ["linked/a.md", "other.md", "real/a.md"]
    rows, _ = read()
    assert next(row["also_in"] for row in rows if row["path"] == "linked/a.md") == ["real/a.md"]


@pytest.mark.parametrize("target", ["docs", "docs/a", "docs/a/b", "docs/a/b/loop"])
def test_a_link_in_circles_is_refused_and_reported(target):
    write({"a/b/c.md": "text"})
    Path("docs/a/b/loop").symlink_to(Path.cwd() / target)
    rows, report = read()
    assert paths_of(rows) == ["a/b/c.md"]
    assert report["skipped"] == ({"link_loop": ["a/b/loop"]} if target != "docs/a/b/loop" else {})


def test_links_that_lead_to_each_other_end():
    write({"a/x.md": "text x", "b/y.md": "text y"})
    Path("docs/a/to_b").symlink_to(Path("docs/b").resolve())
    Path("docs/b/to_a").symlink_to(Path("docs/a").resolve())
    rows, report = read()
    assert sorted({row["text"] for row in rows}) == ["text x", "text y"]
    assert report["skipped_link_loop"] >= 1


def test_links_cannot_multiply_the_work():
    for level in range(24):
        write({f"{level}/page.md": f"text of level {level}"})
        for name in ("left", "right"):
            Path(f"docs/{level}/{name}").symlink_to(Path(f"docs/{level + 1}").resolve())
    rows, report = read()
    assert len(rows) == 24
    assert report["files"] < 1000


def test_names_with_spaces_and_chinese_and_signs_of_globs_are_full_paths():
    names = ["a b/中文 页.md", "[x].md", "#a.md", "sub/!b.md", "ü*.md", "x\ny.md"]
    write({name: f"text of {number}" for number, name in enumerate(names)})
    assert paths_of(read()[0]) == sorted(names)


def test_a_pipe_is_not_waited_for():
    write({"good.md": "text"})
    os.mkfifo("docs/pipe.md")
    rows, report = read()
    assert paths_of(rows) == ["good.md"]
    assert report["skipped"] == {"not_a_file": ["pipe.md"]}


def test_a_directory_that_looks_like_a_page_is_no_page():
    write({"dir.md/inner.md": "text"})
    assert paths_of(read()[0]) == ["dir.md/inner.md"]


def test_a_tree_deeper_than_the_stack_is_walked():
    write({"a.md": "text"})
    here = os.open("docs", os.O_RDONLY)
    try:
        for _ in range(900):  # one by one: the path itself would be too long for the system
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
    finally:
        os.close(here)
    assert paths_of(read()[0]) == ["a.md"]


def test_a_file_above_max_bytes_is_skipped_with_its_reason():
    write({"big.md": "word " * 30, "good.md": "text"})
    rows, report = read(max_bytes=100)
    assert paths_of(rows) == ["good.md"]
    assert report["skipped"] == {"over_max_bytes": ["big.md"]}


def test_an_empty_include_list_means_no_pages_and_says_so(write_params, capsys):
    write({"a.md": "text"})
    write_params({"docs.include": []})
    ingest.main()
    assert list(read_jsonl(paths.DOCS)) == []
    assert read_json(paths.REPORTS / "ingest.json")["pages"] == 0
    assert capsys.readouterr().out == "ingest: docs.include is empty, so there are no pages\n"


def test_docs_of_which_no_file_is_a_page_are_an_error_that_says_why(write_params):
    write({"a.md": "# Title\n", "b.md": "\0"})
    write_params()
    with pytest.raises(ParamsError, match=r"1 skipped_only_title, 1 skipped_binary"):
        ingest.main()


CHINESE = "# 参数\n\n仿真步长的默认值是五十微秒，可以在参数卡中修改。\n"
TEXTS = {
    "gb18030": [CHINESE, "中文说明", "# 状态栏\n", "操作模块", "欧元 € 与 𠮷"],
    "big5": ["設定檔請放在專案的根目錄。預設值為十秒，連線中斷時會再試一次。"],
    "shift_jis": ["設定ファイルはプロジェクトのルートに置いてください。既定値は十秒です。"],
    "euc_jp": ["設定ファイルはプロジェクトのルートに置いてください。既定値は十秒です。"],
    "euc_kr": ["설정 파일은 프로젝트의 루트에 두십시오. 기본값은 십 초입니다."],
    "cp1251": ["Файл настроек лежит в корне проекта."],
    "koi8_r": ["Файл настроек лежит в корне проекта."],
    "cp1252": ["Der übliche Wert beträgt zehn Sekunden, größere Werte müssen begründet werden."],
    "utf-16": [CHINESE, "text"],
    "utf-32": [CHINESE],
    "utf-8-sig": [CHINESE],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_a_text_comes_back_from_any_encoding(encoding, text):
    assert decode(text.replace("\n", "\r\n").encode(encoding)) == (text, encoding)


def test_encodings_are_told_apart_in_one_corpus_and_reported():
    write(
        {
            f"{name}.md": f"{name}\n{texts[0]}".encode(name)
            for name, texts in TEXTS.items()
            if not name.startswith("utf")
        }
    )
    write({"utf.md": "# 另一页\n\n另一页的正文。\n"})
    rows, report = read()
    assert {row["path"]: row["text"] for row in rows if row["path"] != "utf.md"} == {
        f"{name}.md": f"{name}\n{texts[0]}" for name, texts in TEXTS.items() if not name.startswith("utf")
    }
    assert report["encodings"] == {name: 1 for name in sorted(TEXTS) if not name.startswith("utf")} | {"utf-8": 1}
    assert {(row["path"], row["encoding"]) for row in report["not_utf8"]} == {
        (f"{name}.md", name) for name in TEXTS if not name.startswith("utf")
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        ("中文说明".encode() + b"\xff" + "中文说明".encode(), "undecodable"),
        (CHINESE.encode() * 9 + "中文说明".encode("gb18030"), "undecodable"),
        (bytes(range(1, 256)) * 4, "undecodable"),
        (b"\xff\xfea", "undecodable"),
    ],
)
def test_what_is_no_text_in_any_one_encoding_is_refused(data, reason):
    with pytest.raises(DecodingError, match=reason):
        decode(data)


def test_a_partial_in_another_encoding_is_inlined():
    write({"a.md": "import P from './_p.md'\n\n<P />\n", "_p.md": CHINESE.encode("gb18030")})
    (row,), _ = read()
    assert "仿真步长的默认值是五十微秒" in row["text"]


@pytest.mark.parametrize(
    ("others", "pages"),
    [
        ({}, ["a.md"]),
        ({"part.md": "---\ntitle: A page\n---\npart\n"}, ["a.md", "part.md"]),
        ({"b.md": "see [it](./part.md#there)\n"}, ["a.md", "b.md", "part.md"]),
        ({"sub/b.md": "see [it](../part)\n"}, ["a.md", "part.md", "sub/b.md"]),
        ({"b.md": "text\n\n[it]: /part.md\n"}, ["a.md", "b.md", "part.md"]),
    ],
)
def test_a_file_that_is_only_imported_makes_no_page(others, pages):
    write({"part.md": "the part\n", "a.md": "text a\n\nimport P from './part.md'\n\n<P />\n"} | others)
    rows, report = read()
    assert paths_of(rows) == pages
    assert "the part" in rows[0]["text"] or "part" in rows[0]["text"]
    assert report.get("skipped_partial", 0) == ("part.md" not in pages)


def test_an_index_page_that_others_import_stays_a_page():
    write({"d/index.md": "the part\n", "a.md": "text\n\nimport P from './d/index.md'\n\n<P />\n"})
    assert paths_of(read()[0]) == ["a.md", "d/index.md"]


def test_pages_with_the_same_content_are_one_row_that_names_them_all():
    same = "# Same\n\nThe same words.\n"
    write({"b.md": same, "a.md": f"\n{same}\n", "c.md": same, "d.md": f"---\ntitle: Other\n---\n{same}"})
    rows, report = read()
    assert {row["path"]: row["also_in"] for row in rows} == {"a.md": ["b.md", "c.md"], "d.md": []}
    assert (report["files"], report["pages"], report["duplicates"]) == (4, 2, 2)


def test_a_report_lists_every_skip_up_to_a_limit_and_counts_them_all():
    report = Report()
    for number in range(LONGEST_LIST + 5):
        report.skip(f"{number}.md", "empty")
    assert report.as_json()["skipped_empty"] == LONGEST_LIST + 5
    assert len(report.as_json()["skipped"]["empty"]) == LONGEST_LIST


def test_unresolved_imports_are_listed_with_their_place():
    write({"a.md": "text\n\nimport P from './_gone.md'\n\n<P />\n"})
    _, report = read()
    assert report["unresolved"] == [{"path": "a.md", "line": 5, "module": "./_gone.md", "problem": "missing"}]


@pytest.mark.parametrize("module", ["@site/docs/_p.md", "/docs/_p.md", "@site/_p.md", "/_p.md"])
def test_imports_from_the_site_are_found_from_the_site_or_from_its_docs(module):
    write({"_p.md": "the part\n", "deep/a.md": f"import P from '{module}'\n\n<P />\n"})
    (row,), _ = read()
    assert row["partials"] == ["_p.md"]


RST = """
Title
=====

.. contents::

Words with ``code`` and :ref:`a name <target>` and :py:func:`mod.call`.

.. note::
   A note.

.. code-block:: python

   x = 1  # <Foo/>

.. versionadded:: 2.0
   Since then.

.. mystery:: Argument words
   :option: gone

   Its content.

====  =====
Key   Value
====  =====
a     1
====  =====

Section
-------

- item
"""


def test_rst_becomes_markdown_and_loses_no_words():
    pytest.importorskip("docutils")
    write({"a.rst": RST})
    (row,), _ = read(("**/*.rst",))
    text = row["text"]
    assert (row["title"], row["path"]) == ("Title", "a.rst")
    for part in (
        "a name",
        "mod.call",
        "A note.",
        "Since then.",
        "Argument words",
        "Its content.",
        "## Section",
        "- item",
    ):
        assert part in text
    assert "```python\nx = 1  # <Foo/>\n```" in text
    assert "| a | 1 |" in text


LABELLED = """
.. _rope-care:
.. _care of ropes:

Care of *ropes* and :ref:`hooks <hook>`
=======================================

Dry them. See :ref:`hook`, :doc:`sub/crane`, :doc:`/sub/crane` and :ref:`no-such-place`.

.. _chart:

.. image:: chart.png

.. _hook:

===========
``Hook``
===========

As :ref:`Chart` and :ref:`care of  Ropes` say, :numref:`hook` and :ref:`the big hook <hook>` bear four tons.
"""


def test_a_reference_without_words_shows_the_title_of_what_it_leads_to():
    pytest.importorskip("docutils")
    crane = "(jib)=\n# The crane\n\nSee {ref}`hook`, [](../a.rst), [](#jib), {doc}`gone` and {any}`jib`.\n"
    write({"conf.py": "project = 'Cranes'\n", "a.rst": LABELLED, "sub/crane.md": crane})
    rows, report = read(("**/*.rst", "**/*.md"))
    texts = {row["path"]: " ".join(row["text"].split()) for row in rows}
    assert "See Hook, The crane, The crane and no such place." in texts["a.rst"]
    assert "As Chart and Care of ropes and hooks say, hook and the big hook bear" in texts["a.rst"]
    assert (
        "See Hook, [Care of ropes and hooks](../a.rst), [The crane](#jib), gone and The crane." in texts["sub/crane.md"]
    )
    assert report["account"]["lost"] == 0


def test_rst_reads_no_other_file(tmp_path):
    pytest.importorskip("docutils")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    write(
        {"a.rst": f"Words.\n\n.. include:: {tmp_path}/secret.txt\n\n.. raw:: html\n   :file: {tmp_path}/secret.txt\n"}
    )
    (row,), _ = read(("**/*.rst",))
    assert "secret" not in row["text"].replace("secret.txt", "")


def test_html_becomes_markdown_without_what_is_around_its_content():
    pytest.importorskip("markdownify")
    page = """<html><head><title>T</title><style>x{}</style></head><body><nav>menu</nav><main><h2>Part</h2><p>Words
    <b>here</b></p><pre><code class="language-sh">ls -l</code></pre><table><tr><th>a</th></tr><tr><td>1</td></tr>
    </table><script>alert()</script></main><footer>foot</footer></body></html>"""
    write({"a.html": page})
    (row,), _ = read(("**/*.html",))
    assert row["text"].startswith("# T\n\n## Part\n\nWords\n**here**\n\n```sh\nls -l\n```")
    assert "| a |" in row["text"]
    assert not any(word in row["text"] for word in ("menu", "alert", "foot", "x{}"))


def test_a_notebook_is_text_code_and_output():
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"output_type": "stream", "text": ["1\n"]}]},
        {"cell_type": "code", "source": "fig", "outputs": [{"data": {"image/png": "iVBO", "text/plain": "<Figure>"}}]},
        {"cell_type": "code", "source": "1/0", "outputs": [{"output_type": "error", "traceback": ["no"]}]},
    ]
    write({"a.ipynb": json.dumps({"cells": cells, "metadata": {}, "nbformat": 4})})
    (row,), _ = read(("**/*.ipynb",))
    fences = "```python\nprint(1)\n```\n\n```text\n1\n```\n\n```python\nfig\n```\n\n```text\n<Figure>\n```"
    assert row["text"] == f"# Title\nwords\n\n{fences}\n\n```python\n1/0\n```\n"


@pytest.mark.parametrize("content", ["no json", "[]", '{"cells": 1}', '{"cells": [{}]}', "[" * 100_000])
def test_a_notebook_that_is_none_is_a_counted_skip(content):
    write({"a.ipynb": content, "b.md": "text"})
    rows, report = read(("**/*.md", "**/*.ipynb"), max_bytes=1_000_000)
    assert paths_of(rows) == ["b.md"]
    assert report["skipped"] == {"not_convertible": ["a.ipynb"]}


def test_plain_text_is_kept_as_it_is():
    write({"a.txt": "import x from 'y'\n\n<Foo> :::tip\n"})
    (row,), _ = read(("*.txt",))
    assert row["text"] == "import x from 'y'\n\n<Foo> :::tip\n"


@pytest.mark.parametrize(("name", "package"), [("a.rst", "docutils"), ("a.html", "markdownify")])
def test_a_missing_converter_is_one_line_with_what_to_type(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.core", None)
    write({name: "text"})
    with pytest.raises(UserError, match=r"pip install 'doclore\[sources\]'") as caught:
        read((f"*{Path(name).suffix}",))
    assert "\n" not in str(caught.value)


def test_deeply_nested_html_and_rst_are_rows_or_counted_skips():
    pytest.importorskip("docutils")
    write({"a.html": "<div>" * 5000 + "x", "b.rst": "- " * 3000 + "x", "c.rst": "*" * 9000, "d.rst": ".. a::\n" * 900})
    write({"good.md": "text"})
    rows, report = read(("*.html", "*.rst", "*.md"))
    assert report["files"] == 5 == len(rows) + report["duplicates"] + sum(map(len, report["skipped"].values()))


N = 10_000
HOSTILE = {
    "one line of 5 MB": "word " * 1_000_000,
    "5 MB without a space": "x" * 5_000_000,
    "brackets": "<" * 1_000_000 + "{" * 1_000_000 + "[" * 100_000 + "x",
    "tags that never close": "<Card a={\n" * N,
    "attributes that never close": '<Card a="\n' * N,
    "comments that never close": "<!-- a\n" * N + "{/* b\n" * N,
    "every other comment closes": "<!-- a -->\n<!-- b\n" * N,
    "lists in lists": "".join(f"{'  ' * n}- item\n" for n in range(1500)),
    "50,000 lists in a line": "- " * 50_000 + "x",
    "50,000 quotes in a line": "> " * 50_000 + "x",
    "a fence that never closes": "```\n" + "code\n" * N,
    "front matter that never closes": "---\n" + "a: b\n" * N,
    "deep front matter": f"---\na: {'[' * 50_000}\n---\ntext\n",
    "growing front matter": "---\na0: &a0 [x, x]\n"
    + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    + "title: *a39\n---\ntext\n",
    "admonitions that never close": ":::tip\ntext\n" * N,
    "admonitions in admonitions": ":::tip\n" * N + "text\n" + ":::\n" * N,
    "admonitions of MkDocs": "".join(f"{'    ' * n}!!! note\n" for n in range(500)),
    "tabs that never close": '<Tabs>\n<TabItem label="a">\ntext\n' * N,
    "tabs in a line": '<Tabs><TabItem label="a">' * N,
    "tabs behind tabs": "# h\n" + '<Tabs>\n<TabItem label="a">\n## q\nt\n</TabItem>\n</Tabs>\n\n' * 3000,
    "imports": "import A from './a.md'\n" * N + "<A />\n" * N + "x",
    "snippets": '--8<-- "x.md"\n' * N + "--8<--\n" * N,
    "a table of 10,000 rows": "| a | b |\n| - | - |\n" + "| 1 | 2 |\n" * N,
    "blank lines": "\n" * 300_000 + "x",
    "spaces in a heading": "# a" + " " * 200_000 + "{#a",
    "backticks of many lengths": " ".join("`" * (n % 700 + 1) for n in range(5000)) + "x",
}  # fmt: skip


@pytest.mark.slow
def test_hostile_pages_are_rows_or_counted_skips_without_much_work():
    """The limit is on CPU seconds: one page that took quadratic time would need minutes."""
    write({f"{name}.md": text for name, text in HOSTILE.items()})
    done = subprocess.run(
        [sys.executable, "-m", "stages.ingest"], env=environment(), capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (120, 120)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rows, report = list(read_jsonl(paths.DOCS)), read_json(paths.REPORTS / "ingest.json")
    pages = {path for row in rows for path in (row["path"], *row["also_in"])}
    skips = {path for listed in report["skipped"].values() for path in listed}
    assert pages | skips == {f"{name}.md" for name in HOSTILE}
    assert not pages & skips
    assert skips == set()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _defaults(write_params):
    write_params({"docs.max_bytes": 20_000_000})


def memory_of(files: int) -> int:
    """The largest memory in KB, VmHWM, of ingest over so many tiny files; a tenth of them repeats others. (ru_maxrss of
    a child begins at what its parent had.)"""
    for number in range(files):
        if number % 1000 == 0:
            Path(f"docs/{number // 1000}").mkdir(parents=True, exist_ok=True)
        Path(f"docs/{number // 1000}/page-{number}.md").write_text(f"page {number % (files * 9 // 10)}\n", "utf-8")
    peak = "print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    code = f"import re; from pathlib import Path; from stages.ingest.__main__ import main; main(); {peak}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )  # fmt: skip
    report = read_json(paths.REPORTS / "ingest.json")
    assert (report["pages"], report["duplicates"]) == (files * 9 // 10, files // 10)
    with paths.DOCS.open(encoding="utf-8") as rows:
        assert sum(1 for _ in rows) == report["pages"]
    return int(done.stdout.split()[-1])


@pytest.mark.slow
def test_a_tiny_file_takes_less_than_two_kilobytes_of_memory_however_many_there_are():
    """100,000 take about 220 MB."""
    few = memory_of(1_000)
    assert memory_of(20_000) - few < 35_000


@pytest.mark.slow
@pytest.mark.skipif(not CLOUDPSS.is_dir(), reason="CloudPSS/docs is not beside this repository")
def test_a_real_corpus_resolves_every_import_and_reports_every_file(write_params):
    write_params({"docs.path": str(CLOUDPSS)})
    ingest.main()
    report = read_json(paths.REPORTS / "ingest.json")
    assert report["partials_inlined"] > 850
    assert report["unresolved"] == []
    skipped = sum(count for name, count in report.items() if name.startswith("skipped_"))
    assert report["files"] == report["pages"] + report["duplicates"] + skipped > 2300
    assert set(report["encodings"]) == {"utf-8"}
    fence = False
    for row in read_jsonl(paths.DOCS):
        for line in row["text"].split("\n"):
            fence ^= line.lstrip("> ").startswith(("```", "~~~"))
            assert fence or not line.strip().startswith((":::", "<Tab", "</Tab")), row["path"]
        fence = False


def test_the_suffixes_with_a_converter_are_those_that_need_one():
    assert [bool(converters.converter(name)) for name in ("a.md", "a.MDX", "a.txt", "a.RST", "b.html", "c.ipynb")] == [
        *(False, False, False, False, True, True),
    ]
