"""ingest: every file is a page or a counted skip, prose loses only website syntax, code loses nothing."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.base.errors import ParamsError
from stages.common.records.files import read_json, read_jsonl
from stages.common.records.rows import Doc, page_lines
from stages.ingest import __main__ as ingest
from stages.ingest.dialects.expansion import expand
from stages.ingest.dialects.lines import to_text
from stages.ingest.sources import manifest
from stages.ingest.sources.report import Report
from stages.ingest.sources.tree import Tree
from support.repository import ROOT
from support.settings import docs_section

EVERYTHING = ["**/*.md", "**/*.mdx"]


def write(files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        file = Path("docs") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def read(
    include: list[str] = EVERYTHING, exclude: tuple[str, ...] = (), max_bytes: int = 1_000_000
) -> tuple[dict[str, Doc], Counter[str]]:
    """The rows of docs/ by path, and the counts."""
    report = Report()
    section = docs_section(path="docs", include=include, exclude=list(exclude), max_bytes=max_bytes)
    manifest.write(section)
    ingest.write_docs(section, report)
    return {row["path"]: row for row in read_jsonl(paths.DOCS)}, report.counts


def page(text: str | bytes, name: str = "page.md", **others: str | bytes) -> Doc:
    """The row of one page; other files are given as partial=… for docs/_partial.md."""
    write({name: text, **{f"_{other}.md": content for other, content in others.items()}})
    return read()[0][name]


def skipped(counts: Counter[str]) -> int:
    return sum(count for name, count in counts.items() if name.startswith("skipped_"))


def test_a_byte_order_mark_is_no_text():
    row = page(b"\xef\xbb\xbf---\ntitle: Marked\n---\nText\n")
    assert row["title"] == "Marked"
    assert "\ufeff" not in row["text"]


def test_line_ends_of_any_system_become_line_feeds():
    texts = {page(f"# A{end}{end}one{end}two{end}")["text"] for end in ("\n", "\r\n", "\r")}
    assert texts == {"# A\n\none\ntwo\n"}


def test_a_file_that_cannot_be_decoded_is_counted_and_loses_no_other_page():
    broken = "中文说明 in UTF-8, but for one byte: ".encode() + b"\xff"
    write({"broken.md": broken, "good.md": "# Good\n\nText.\n"})
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert counts["skipped_undecodable"] == 1


def test_an_empty_file_is_counted():
    write({"nothing.md": "", "blank.md": " \n\n", "good.md": "# Good\n\nText.\n"})
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert counts["skipped_empty"] == 2


def test_a_partial_file_makes_no_page_of_its_own():
    write({"_alone.md": "# Alone\n", "deep/_too.mdx": "text", "good.md": "# Good\n\nText.\n"})
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert counts["skipped_partial"] == 2


def test_files_are_pages_plus_skips():
    write(
        {"a.md": "# A\n\nText.\n", "b.md": "", "_c.md": "c", "d.md": b"\xff\xfe", "e/f.mdx": "text", "g.txt": "no page"}
    )
    Path("docs/away.md").symlink_to("/etc/hostname")
    rows, counts = read()
    assert counts["files"] == 6
    assert counts["pages"] == len(rows) == 2
    assert counts["files"] == counts["pages"] + skipped(counts)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["**/*.md"], [], ["a.md", "build/c.md", "guide/b.md", "guide/deep/d.md"]),
        (["**/*.md", "**/*.mdx"], [], ["a.md", "build/c.md", "guide/b.md", "guide/deep/d.md", "guide/e.mdx"]),
        (["guide/**/*.md"], [], ["guide/b.md", "guide/deep/d.md"]),
        (["**/*.md"], ["**/build/**"], ["a.md", "guide/b.md", "guide/deep/d.md"]),
        (["**/*.md"], ["build/", "guide/deep"], ["a.md", "guide/b.md"]),
        (["**/*.md"], ["b.md", "/a.md"], ["build/c.md", "guide/deep/d.md"]),
        (["/*.md"], [], ["a.md"]),
        (["*.txt"], [], ["t.txt"]),
    ],
)
def test_a_file_is_read_when_an_include_glob_matches_and_no_exclude_glob_does(include, exclude, expected):
    names = ["a.md", "guide/b.md", "guide/deep/d.md", "guide/e.mdx", "build/c.md", "t.txt"]
    write({name: f"text of {name}" for name in names})
    rows, counts = read(include, tuple(exclude))
    assert sorted(rows) == expected
    assert counts["files"] == len(expected)


def test_a_link_that_leaves_the_docs_is_refused_and_counted(tmp_path):
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    write({"good.md": "# Good\n\nText.\n"})
    Path("docs/link.md").symlink_to(tmp_path / "secret.md")
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert counts["skipped_link_leaves_docs"] == 1


def test_a_link_inside_the_docs_is_another_path_of_the_same_page():
    write({"good.md": "# Good\n\nText.\n"})
    Path("docs/link.md").symlink_to("good.md")
    rows, _ = read()
    assert {path: row["also_in"] for path, row in rows.items()} == {"good.md": ["link.md"]}


def test_a_dangling_link_is_counted():
    write({"good.md": "# Good\n\nText.\n"})
    Path("docs/gone.md").symlink_to("missing.md")
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert counts["skipped_unreadable"] == 1


def test_a_link_to_itself_is_counted():
    write({"good.md": "# Good\n\nText.\n"})
    Path("docs/loop.md").symlink_to("loop.md")
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert skipped(counts) == 1


def test_a_linked_directory_is_not_skipped_silently(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.md").write_text("secret", encoding="utf-8")
    write({"good.md": "# Good\n\nText.\n"})
    Path("docs/linked").symlink_to(tmp_path / "elsewhere")
    rows, counts = read()
    assert list(rows) == ["good.md"]
    assert skipped(counts) == 1


def test_a_file_name_that_is_not_utf8_does_not_stop_the_others(write_params):
    write({"good.md": "# Good\n\nText.\n"})
    Path(os.fsdecode(b"docs/\xd6\xd0.md")).write_text("# Text\n", encoding="utf-8")
    write_params()
    ingest.main()
    assert "good.md" in [row["path"] for row in read_jsonl(paths.DOCS)]
    assert read_json(paths.REPORTS / "ingest.json")["files"] == 2


def test_pages_come_in_one_order_however_the_disk_lists_them():
    names = ["b.md", "a/z.md", "a.md", "a/b.md", "c.md"]
    write({name: f"text of {name}" for name in names})
    first = list(read()[0])
    for name in names:
        Path("docs", name).unlink()
    write({name: f"text of {name}" for name in reversed(names)})
    assert list(read()[0]) == first


def test_two_runs_are_byte_identical(write_params):
    write_params()
    write({f"{name}.md": f"# {name}\n\ntext\n" for name in "bcdefgh"})
    write(
        {
            "a.md": "---\ntags: [x, y]\n---\nimport P from './_p.md'\n\n<P />\n",
            "_p.md": "part\n",
            "中.md": "# 中文\n\n文\n",
        }
    )
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "stages.ingest"], env=environment, capture_output=True, check=True)
        outputs.add((paths.DOCS.read_bytes(), (paths.REPORTS / "ingest.json").read_bytes()))
    assert len(outputs) == 1
    assert "中文".encode() in outputs.pop()[0]


def test_a_missing_docs_directory_is_one_line_that_names_it(write_params):
    write_params({"docs.path": "nowhere"})
    with pytest.raises(ParamsError, match=r"params.yaml: docs.path = 'nowhere': accepted is an existing directory"):
        ingest.main()


@pytest.mark.parametrize("key", ["docs.include", "docs.exclude"])
def test_a_glob_that_is_none_is_one_line(write_params, key):
    write({"a.md": "# A\n\nText.\n"})
    write_params({key: ["!"]})
    with pytest.raises(ParamsError, match=r"params.yaml: docs.include, docs.exclude: accepted are globs"):
        ingest.main()


def test_docs_without_a_page_are_an_error_that_leaves_the_previous_output_alone(write_params):
    write({"a.md": "# A\n\nText.\n"})
    write_params()
    ingest.main()
    before = paths.DOCS.read_bytes()
    write_params({"docs.include": ["*.rst"]})
    with pytest.raises(ParamsError, match=r"no page matches docs.include"):
        ingest.main()
    assert paths.DOCS.read_bytes() == before


def test_docs_of_another_format_are_told_with_the_glob_to_add(write_params):
    write({"guide/a.rst": "A\n=\n", "guide/b.rst": "B\n=\n", "theme.html": "<p>x</p>"})
    write_params()
    with pytest.raises(ParamsError, match=r"; there are 2 \.rst files: add '\*\*/\*\.rst' to it$"):
        ingest.main()


def test_front_matter_gives_title_description_and_tags_and_leaves_the_text():
    row = page("---\ntitle: 标题\ndescription: One line\ntags: [a, 2]\n---\n\n# Heading\n\nText\n")
    assert (row["title"], row["description"], row["tags"]) == ("标题", "One line", ["a", "2"])
    assert row["text"] == "\n\n\n\n\n\n# Heading\n\nText\n"


def test_breadcrumbs_are_the_titles_of_the_directories_that_hold_a_page():
    write(
        {
            "index.md": "# Site\n\nWelcome.",
            "tools/index.md": "---\ntitle: Tools\n---\n",  # a page with a title alone makes no row
            "tools/pump/README.md": "# Pump\n\nIt pumps.",
            "tools/pump/parts.md": "# Parts\n\nMany parts.",
            "tools/bare/page.md": "# Page\n\nNo index beside it.",
        }
    )
    found = {path: row["breadcrumbs"] for path, row in read()[0].items()}
    assert found == {
        "index.md": [],
        "tools/pump/README.md": ["Site", "Tools"],
        "tools/pump/parts.md": ["Site", "Tools", "Pump"],
        "tools/bare/page.md": ["Site", "Tools"],
    }


def test_a_description_that_says_more_than_the_page_stands_in_the_text_on_its_own_line():
    head = "---\ntitle: Pump\ndescription: >-\n  Moves water\n  uphill by turning.\n---\n\n"
    row = page(head + "# Pump\n\nText\n")
    assert row["text"].split("\n")[2:4] == ["Moves water uphill by turning.", ""]
    assert page_lines(row["spans"], 3, 3) == (3, 3)
    said = page(head + "Moves water uphill by turning. It is blue.\n")["text"]
    assert said.count("Moves water") == 1


@pytest.mark.parametrize(
    ("tags", "expected"), [("tags: word", ["word"]), ("tags: [a, b]", ["a", "b"]), ("tags:", []), ("x: 1", [])]
)
def test_tags_are_a_list_however_they_are_written(tags, expected):
    assert page(f"---\n{tags}\n---\ntext\n")["tags"] == expected


def test_a_title_may_have_a_capital_as_hugo_allows():
    assert page("---\nTitle: Pump\n---\n\nText of it\n")["title"] == "Pump"


@pytest.mark.parametrize(
    "broken", ["title: [unclosed", "\tx: 1", "date: 2024-13-45", "- a list", "just text", "? {[a]: b}"]
)
def test_broken_front_matter_costs_its_own_values_only(broken):
    row = page(f"---\n{broken}\n---\n# Heading\n\nText\n")
    assert row["title"] == ("a: b" if broken == "title: a: b" else "Heading")
    assert row["text"].split("\n")[3:] == ["# Heading", "", "Text", ""]


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("title: Valves: care and repair\ntags: [x]", "Valves: care and repair"),
        ("title: @team/valves\ndescription: `a` b: c", "@team/valves"),
        ("title: 'Valves'\n\tauthor: me", "Valves"),
    ],
)
def test_what_can_be_read_of_broken_front_matter_is_read_and_the_place_is_reported(head, title):
    assert page(f"---\n{head}\n---\ntext\n")["title"] == title
    report = Report()
    ingest.write_docs(docs_section(path="docs"), report)
    assert [place["path"] for place in report.unread["front_matter"]["places"]] == ["page.md"]


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("page.md", "---\ntitle: Front\n---\n# Heading\n", "Front"),
        ("page.md", "---\ntitle: 2024\n---\n", "2024"),
        ("page.md", "---\ntitle:\n---\n# Heading\n", "Heading"),
        ("page.md", "Text\n\n# Heading {#anchor}\n", "Heading"),
        ("page.md", "```sh\n# comment\n```\n\n# Heading\n", "Heading"),
        ("page.md", "## Second level only\n", "Second level only"),
        ("page.md", "## First part\n\ntext\n\n## Second part\n", "page"),
        ("guide/index.md", "text\n", "guide"),
        ("guide/README.md", "text\n", "guide"),
        ("index.md", "text\n", "index"),
    ],
)
def test_the_title_falls_back_from_front_matter_to_heading_to_file_name(name, text, title):
    assert page(f"{text}\ntext\n", name)["title"] == title


USING = "# Page\n\nimport Part from './_part.md'\n\nbefore\n\n<Part />\n\nafter\n"


def test_a_partial_stands_where_its_component_stood():
    row = page(USING, part="| a | b |\n| - | - |\n| 1 | 2 |\n")
    assert row["text"] == "# Page\n\n\n\nbefore\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\nafter\n"
    assert row["partials"] == ["_part.md"]
    assert row["spans"] == [
        {"line": 1, "path": "page.md", "start": 1, "at": 1},
        {"line": 7, "path": "_part.md", "start": 1, "at": 7},
        {"line": 10, "path": "page.md", "start": 8, "at": 8},
    ]


def test_partials_of_partials_are_inlined():
    inner = "import Inner from './_inner.md'\n\nouter start\n\n<Inner />\n\nouter end\n"
    row = page(USING, part=inner, inner="innermost\n")
    assert [line for line in row["text"].split("\n") if line] == [
        *("# Page", "before", "outer start", "innermost", "outer end", "after"),
    ]
    assert row["partials"] == ["_inner.md", "_part.md"]
    assert [(span["path"], span["line"], span["start"], span["at"]) for span in row["spans"]] == [
        ("page.md", 1, 1, 1),
        ("_part.md", 7, 1, 7),
        ("_inner.md", 11, 1, 7),
        ("_part.md", 12, 6, 7),
        ("page.md", 14, 8, 8),
    ]


def test_a_partial_is_imported_relative_to_its_page_or_from_the_root():
    uses = "import Part from '{}'\n\n<Part />\n"
    imports = {
        "a/near.md": "./_part.md",
        "a/up.md": "../_part.md",
        "a/site.md": "@site/_part.md",
        "a/abs.md": "/_part.md",
    }
    write({"_part.md": "from the root", "a/_part.md": "from a"})
    write({name: f"{uses.format(module)}\nin {name}\n" for name, module in imports.items()})
    texts = {name: row["text"].split("\n")[2] for name, row in read()[0].items()}
    assert texts == {**dict.fromkeys(imports, "from the root"), "a/near.md": "from a"}


def test_a_partial_loses_its_own_front_matter_and_website_syntax():
    row = page(USING, part="---\ntitle: Part\n---\n<Wide>kept</Wide> <!-- gone -->\n")
    assert "title: Part" not in row["text"]
    assert "kept" in row["text"]
    assert not re.search("Wide|gone", row["text"])


@pytest.mark.parametrize("use", ["<Part name='x' />", '<Part toc={["a"]} />', "<Part></Part>", "  <Part/>"])
def test_a_partial_is_inlined_however_its_component_is_written(use):
    assert "the partial" in page(USING.replace("<Part />", use), part="the partial\n")["text"]


def test_a_component_in_a_code_fence_is_no_use_of_its_partial():
    fence = "```mdx\nimport Part from './_part.md'\n\n<Part />\n```\n"
    row = page(f"import Part from './_part.md'\n\n{fence}", part="the partial\n")
    assert fence in row["text"]
    assert row["partials"] == []


def test_a_partial_that_imports_itself_is_counted_and_ends():
    write({"page.md": USING, "_part.md": "start\n\nimport Other from './_other.md'\n\n<Other />\n"})
    write({"_other.md": "import Part from './_part.md'\n\n<Part />\n"})
    rows, counts = read()
    assert "start" in rows["page.md"]["text"]
    assert counts["partials_unresolved"] == 1
    assert counts["partials_inlined"] == 2


def test_a_missing_partial_is_counted_and_the_rest_of_the_page_stays():
    write({"page.md": USING})
    rows, counts = read()
    assert rows["page.md"]["text"] == "# Page\n\n\n\nbefore\n\n\n\nafter\n"
    assert counts["partials_unresolved"] == 1
    assert rows["page.md"]["partials"] == []


@pytest.mark.parametrize("module", ["../secret.md", "/../secret.md", "./_link.md"])
def test_a_partial_outside_the_docs_is_not_read(tmp_path, module):
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    write({"page.md": USING.replace("./_part.md", module)})
    Path("docs/_link.md").symlink_to(tmp_path / "secret.md")
    rows, counts = read()
    assert "secret" not in rows["page.md"]["text"]
    assert counts["partials_unresolved"] == 1


WEBSITE_SYNTAX = {
    "import": "import Tabs from '@theme/Tabs';",
    "named import": 'import {A, B} from "x"',
    "style import": "import './style.css'",
    "import of several lines": "import {\n  A,\n  B,\n} from 'x';",
    "export": "export const a = 1;",
    "export of a component": "export const Badge = (props) => <><span className={props.class}>{props.text}</span></>",
    "export of several lines": "export const Details = ({ open }) => {\n  const [a] = useState(open);\n"
    "  return (\n    <b>{a}</b>\n  );\n};",
    "export of a function": "export default function Page() {\n  return null;\n}",
    "comment": "<!-- comment -->",
    "comment of several lines": "<!-- comment\n\nof several\nlines -->",
    "comment around a fence": "<!--\n```sh\ncommented code\n```\n-->",
    "expression comment": "{/* comment */}",
    "expression comment of several lines": "{/* comment\nof several lines */}",
    "expression comment around a fence": "{/*\n```sh\ncommented code\n```\n*/}",
    "opening tag": "<Tabs>",
    "tag": "<Gauge unit='a' size={3} />",
    "tag of several lines": "<Gauge\n  unit='a'\n  size={3}\n/>",
    "tag with an arrow function": "<Card onClick={() => open()} />",
    "closing layout tag": "</div>",
    "layout tag": '<div class="row">',
    "line break": "<br/>",
}


@pytest.mark.parametrize("name", WEBSITE_SYNTAX)
def test_website_syntax_alone_leaves_nothing_but_its_lines(name):
    source = f"before\n\n{WEBSITE_SYNTAX[name]}\n\nafter\n"
    text = page(source)["text"]
    assert text.split() == ["before", "after"]
    assert text.count("\n") == source.count("\n")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Press <kbd>Ctrl</kbd> now <!-- note -->", "Press Ctrl now "),
        ("## Heading {#anchor}\n\ntext", "## Heading\n\ntext"),
        ("<Wide>careful</Wide>", "careful"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("give a <value> and an <file-name>", "give a <value> and an <file-name>"),
        ("the import of data from 'x'", "the import of data from 'x'"),
        ("important: exports are fine", "important: exports are fine"),
        ("see <https://example.org/A>", "see <https://example.org/A>"),
    ],
)
def test_the_words_around_website_syntax_stay(line, kept):
    assert page(f"# T\n\n{line}\n")["text"] == f"# T\n\n{kept}\n"


CODE = """import A from './a'
export const b = 1
<Foo bar={1}>text</Foo> <!-- comment --> {/* comment */}
<TabItem label="x">
# heading {#anchor}

---
title: none
---"""


def indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in text.split("\n"))


FENCES = {
    "backticks": f"```jsx\n{CODE}\n```",
    "tildes": f"~~~\n{CODE}\n~~~",
    "longer, with a shorter inside": f"````md\n```\n{CODE}\n```\n{CODE}\n````",
    "tildes with backticks inside": f"~~~md\n```\n{CODE}\n~~~",
    "in a quote": indented(f"```\n{CODE}\n```", "> ").replace("\n\n", "\n>\n"),
    "in a bullet": "- item\n\n" + indented(f"```\n{CODE}\n```", "  "),
    "behind a bullet": "- " + indented(f"```\n{CODE}\n```", "  ").strip(),
    "in a step": "1. step\n\n" + indented(f"```\n{CODE}\n```", "   "),
    "in a step with two digits": "10. step\n\n" + indented(f"```\n{CODE}\n```", "    "),
    "in a bullet of a bullet": "- item\n  - item\n\n" + indented(f"```\n{CODE}\n```", "    "),
    "behind a step": "1. " + indented(f"```\n{CODE}\n```", "   ").strip(),
    "closed with a blank behind": f"```\n{CODE}\n```  ",
    "closed with a tab behind": f"```\n{CODE}\n```\t",
    "closed by a longer one": f"```\n{CODE}\n`````",
}


@pytest.mark.parametrize("name", FENCES)
def test_a_code_fence_stays_byte_identical_and_ends_where_it_ends(name):
    text = page(f"# T\n\n{FENCES[name]}\n\n<Gone>kept</Gone>\n")["text"]
    assert FENCES[name] in text
    assert text.endswith("\n\nkept\n")


def test_an_unclosed_fence_reaches_to_the_end_of_the_page():
    text = f"# T\n\n```\n{CODE}\n"
    assert page(text)["text"] == text


@pytest.mark.parametrize(
    "code",
    [
        "`<Foo bar={1}>`",
        "`<div>` and `</div>`",
        "``a ` b <Foo/>``",
        "`` `<Foo/>` ``",
        '`<TabItem label="x">`',
        "`<!-- truncate -->`",
        "`{/* comment */}`",
        "`{#anchor}`",
        "```<Foo/>```",
    ],
)
def test_inline_code_stays_byte_identical(code):
    assert (
        page(f"# T\n\nWrite {code} here, <Gone>then</Gone> go on\n")["text"]
        == f"# T\n\nWrite {code} here, then go on\n"
    )


def test_inline_code_at_the_start_of_a_line_opens_no_fence():
    text = page("# T\n\n```Data``` is a parameter\n\nimport A from 'a'\n\n<Gone>kept</Gone>\n")["text"]
    assert text == "# T\n\n```Data``` is a parameter\n\n\n\nkept\n"


def test_a_comment_mark_in_inline_code_takes_no_code_along():
    text = "# T\n\nA comment opens with `<!--` in HTML.\n\n```mermaid\nA --> B\n```\n\nend\n"
    assert page(text)["text"] == text


def test_lines_keep_their_numbers_when_there_is_no_partial():
    text = f"""---
title: T
---
import A from 'a'
line 5 <!-- comment
of two lines --> line 6

export const b = 1

{{/* a comment
with a blank line

in it */}}
line 14

```jsx
{CODE}
```
<Tabs>
line 28
</Tabs>
line 30
"""
    lines = page(text.replace("\n", "\r\n"))["text"].split("\n")
    assert len(lines) == len(text.split("\n"))
    numbered = {int(number): n for n, line in enumerate(lines, 1) for number in re.findall(r"line (\d+)", line)}
    assert numbered == {n: n for n in (5, 6, 14, 28, 30)}


def test_cleaning_twice_changes_nothing():
    tree = Tree(Path.cwd(), 10_000)
    source = f"---\ntitle: T\n---\n<A>text</A> <!-- c -->\n\n```\n{CODE}\n```\n"
    once = to_text(expand(source, "a.mdx", tree)[0])
    assert to_text(expand(once, "a.mdx", tree)[0]) == once
