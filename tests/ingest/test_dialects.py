"""dialects: what Docusaurus, MkDocs and GitHub understand becomes plain Markdown, and every line knows its origin."""

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.common.records.rows import page_lines, partial_lines, to_spans
from stages.ingest.dialects import outline
from stages.ingest.dialects.expansion import expand
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.page import Findings
from stages.ingest.dialects.stubs import stub
from stages.ingest.sources.tree import Tree


def resolve(text: str, path: str = "page.md", max_bytes: int = 100_000, **files: str) -> tuple[list[Line], Findings]:
    """The lines of a page whose partials are given as part=… for _part.md."""
    for name, content in files.items():
        Path(f"_{name}.md").write_text(content, encoding="utf-8")
    return expand(text, path, Tree(Path.cwd().resolve(), max_bytes))


def plain(text: str, path: str = "page.md", **files: str) -> str:
    return to_text(resolve(text, path=path, **files)[0])


def words_in_order(text: str, path: str = "page.md", **files: str) -> list[str]:
    """The lines that are not blank."""
    return [line for line in plain(text, path, **files).split("\n") if line.strip()]


USING = "import Part from './_part.md'\n\n"


@pytest.mark.parametrize(
    ("page", "part", "expected"),
    [
        ("## A\n\n<Part />\n", "# P\n\ntext\n\n## Q\n", ["## A", "### P", "text", "#### Q"]),
        ("## A\n\n<Part />\n", "### P\n\ntext\n", ["## A", "### P", "text"]),
        ("# A\n\n<Part />\n", "P\n=\n\ntext\n\nQ\n-\n", ["# A", "## P", "text", "### Q"]),
        ("<Part />\n", "# P\n\ntext\n", ["# P", "text"]),
        ("###### A\n\n<Part />\n", "# P\n\n## Q\n", ["###### A", "###### P", "###### Q"]),
        ("## A\n\n<Part />\n", "```md\n# code\n```\n\n# P\n", ["## A", "```md", "# code", "```", "### P"]),
        ("## A\n\n<Part />\n\n# B\n\n<Part />\n", "# P\n", ["## A", "### P", "# B", "## P"]),
    ],
)
def test_headings_of_a_partial_move_below_the_heading_that_it_stands_under(page, part, expected):
    assert words_in_order(USING + page, part=part) == expected


def test_headings_of_partials_in_partials_move_below_both():
    outer = "import Inner from './_inner.md'\n\n# Outer\n\n<Inner />\n"
    found = words_in_order(USING + "## A\n\n<Part />\n", part=outer, inner="# Inner\n\ntext\n")
    assert found == ["## A", "### Outer", "#### Inner", "text"]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("before <Part /> after", ["before", "one line", "after"]),
        ("<Part>children</Part>", ["one line", "children"]),
        ("<div><Part /></div>", ["one line"]),
        ("- <Part />", ["- one line"]),
        ("> <Part />", ["> one line"]),
        ("| a | <Part /> |", ["| a | one line |"]),
        ("### With <Part />", ["### With one line"]),
        ("<Part /> <Part />", ["one line", "one line"]),
        ("<Part\n  a='1'\n/>", ["one line"]),
    ],
)
def test_a_component_is_replaced_wherever_it_stands(use, expected):
    assert words_in_order(f"{USING}{use}\n", part="one line\n") == expected


def test_a_partial_of_several_blocks_stays_apart_from_the_words_around_it():
    assert plain(f"{USING}before <Part /> after\n", part="| a |\n| - |\n\ntext\n").split("\n")[2:] == [
        *("before", "", "| a |", "| - |", "", "text", "", "after", ""),
    ]


def test_a_partial_in_a_list_item_stays_in_it():
    text = plain(f"{USING}1. step\n\n   <Part />\n\n2. step\n", part="a\n\n- b\n")
    assert text.split("\n")[2:] == ["1. step", "", "   a", "", "   - b", "", "2. step", ""]


def test_a_default_import_beside_named_ones_is_inlined():
    assert "the part" in plain("import Part, {toc} from './_part.md'\n\n<Part />\n", part="the part")


def test_partials_that_double_at_every_level_end(tmp_path):
    for level in range(40):
        imports = f"import A from './_{level + 1}.md'\n\n<A />\n\n<A />\n"
        Path(f"_{level}.md").write_text(imports, encoding="utf-8")
    lines, state = resolve("import A from './_0.md'\n\n<A />\n", max_bytes=20_000)
    assert len(lines) < 20_000
    assert {found.problem for found in state.unresolved} <= {"over_max_bytes", "nested_too_deep", "missing"}


def test_a_page_inlines_no_more_than_max_bytes():
    lines, state = resolve(f"{USING}<Part />\n\n<Part />\n\n<Part />\n", part="word " * 20, max_bytes=250)
    assert to_text(lines).count("word") == 40
    assert [(found.line, found.problem) for found in state.unresolved] == [(7, "over_max_bytes")]


def test_an_unresolved_import_says_where_what_and_why():
    lines, state = resolve("# A\n\nimport Part from './_gone.md'\n\n<Part />\n")
    assert [tuple(found) for found in state.unresolved] == [("page.md", 5, "./_gone.md", "missing")]
    assert to_text(lines) == "# A\n\n\n\n\n"


def test_an_import_from_outside_the_docs_says_so(tmp_path):
    (tmp_path.parent / "outside.md").write_text("secret", encoding="utf-8")
    lines, state = resolve("import Part from '../outside.md'\n\n<Part />\n")
    assert [found.problem for found in state.unresolved] == ["leaves_docs"]
    assert "secret" not in to_text(lines)


def test_every_line_of_a_page_with_partials_leads_to_its_file():
    outer = "---\ntitle: P\n---\nouter 4\n\nimport Inner from './_inner.md'\n\n<Inner />\n\nouter 10\n"
    lines, state = resolve(f"{USING}page 3\n\n<Part />\n\npage 7\n", part=outer, inner="inner 1\n\ninner 3")
    spans = to_spans("page.md", (line.origin for line in lines))
    places = {}
    for number, line in enumerate(lines, 1):
        if line.text.strip():
            partial = partial_lines(spans, number, number)
            found = (partial[0]["path"], partial[0]["line_start"]) if partial else ("page.md", 0)
            places[line.text] = (*found, page_lines(spans, number, number)[0])
    assert places == {
        "page 3": ("page.md", 0, 3),
        "outer 4": ("_part.md", 4, 5),
        "inner 1": ("_inner.md", 1, 5),
        "inner 3": ("_inner.md", 3, 5),
        "outer 10": ("_part.md", 10, 5),
        "page 7": ("page.md", 0, 7),
    }
    assert sorted(state.inlined) == ["_inner.md", "_part.md"]


TABS = """<Tabs>
<TabItem value="a" label="Linux">

on Linux

</TabItem>
<TabItem value="b" label="Windows">

on Windows

</TabItem>
</Tabs>
"""


def test_tabs_become_sections_one_level_below_the_heading_above():
    expected = ["## Install", "### Linux", "on Linux", "### Windows", "on Windows", "## Next", "text"]
    assert words_in_order(f"## Install\n\n{TABS}\n## Next\n\ntext\n") == expected


def test_what_goes_on_behind_tabs_stands_under_its_own_heading_again():
    found = words_in_order(f"## Install\n\nlead\n\n{TABS}\nmore\n\n### Detail\n")
    assert found[-4:] == ["on Windows", "## Install", "more", "### Detail"]


def test_a_deeper_heading_behind_tabs_is_no_part_of_the_last_tab():
    assert words_in_order(f"## Install\n\n{TABS}\n#### Deep\n\ntext\n")[-3:] == ["## Install", "#### Deep", "text"]


def test_tabs_without_a_heading_above_are_bold_when_text_goes_on_behind_them():
    assert words_in_order(f"{TABS}\n") == ["## Linux", "on Linux", "## Windows", "on Windows"]
    assert words_in_order(f"{TABS}\nmore\n") == ["**Linux**", "on Linux", "**Windows**", "on Windows", "more"]


def test_groups_of_tabs_in_a_row_share_the_heading_above():
    found = words_in_order(f"## A\n\n{TABS}\n{TABS}\nmore\n")
    assert found.count("## A") == 2
    assert found[-2:] == ["## A", "more"]


def test_headings_in_a_tab_move_below_its_label():
    tabs = TABS.replace("on Linux", "# Deep\n\ntext\n\n## Deeper")
    assert words_in_order(f"## A\n\n{tabs}")[1:5] == ["### Linux", "#### Deep", "text", "##### Deeper"]


def test_tabs_in_tabs_are_labelled_one_level_deeper():
    found = words_in_order(f"# A\n\n{TABS.replace('on Linux', TABS)}\nmore\n")
    assert found == [
        *("# A", "## Linux", "### Linux", "on Linux", "### Windows", "on Windows", "## Windows", "on Windows"),
        *("# A", "more"),
    ]


@pytest.mark.parametrize("indent", ["   ", "> "])
def test_tabs_in_a_list_or_quote_have_bold_labels(indent):
    inside = "\n".join(indent + line if line or indent == "> " else line for line in TABS.split("\n"))
    text = plain(f"## A\n\n1. step\n\n{inside}\n" if indent != "> " else f"## A\n\n{inside}\n")
    assert f"{indent}**Linux**" in text
    assert "### " not in text


def test_indented_tabs_are_moved_out_so_that_they_are_no_code():
    indented = "\n".join(f"    {line}" if "Tab" not in line else f"  {line}" for line in TABS.split("\n"))
    assert words_in_order(f"## A\n\n{indented}") == ["## A", "### Linux", "on Linux", "### Windows", "on Windows"]


@pytest.mark.parametrize(
    ("tabs", "labels"),
    [
        ('<Tabs><TabItem value="a">x</TabItem></Tabs>', ["a"]),
        ("<Tabs>\n<TabItem value='a' label={'With > sign'}>x</TabItem>\n</Tabs>", ["With > sign"]),
        ("<Tabs values={[{label: 'Long A', value: 'a'}]}>\n<TabItem value=\"a\">x</TabItem></Tabs>", ["Long A"]),
        ("<Tabs>\n<TabItem\n  value='a'\n  label='Over lines'\n>x</TabItem>\n</Tabs>", ["Over lines"]),
        ("<Tabs>\n<Tab title='Mint'>x</Tab>\n</Tabs>", ["Mint"]),
        ("<TabItem label='Alone'>x</TabItem>", ["Alone"]),
        ("<Tabs>\n<TabItem label='Open'>\nx", ["Open"]),
    ],
)
def test_a_tab_is_labelled_however_it_is_written(tabs, labels):
    found = words_in_order(f"## A\n\n{tabs}\n")
    assert found == ["## A", *(f"### {label}" for label in labels), "x"]


@pytest.mark.parametrize(
    ("opening", "label"),
    [
        (":::tip", "**Tip**"),
        (":::tip Title", "**Tip: Title**"),
        ("::: warning Take care", "**Warning: Take care**"),
        (":::info[In *brackets* `x`]{.wide}", "**Info: In *brackets* `x`**"),
        (':::note{title="As attribute"}', "**Note: As attribute**"),
        (":::note[A **bold** title]", "**Note: A bold title**"),
    ],
)
def test_an_admonition_becomes_a_quote_with_a_bold_label(opening, label):
    text = f"before\n\n{opening}\ntext\n\n- item\n:::\n\nafter\n"
    assert plain(text) == f"before\n\n> {label}\n>\n> text\n>\n> - item\n\n\nafter\n"


def test_admonitions_in_admonitions_are_quotes_in_quotes():
    expected = ["> **Info**", ">", "> a", ">", "> > **Tip**", "> >", "> > b", ">", "> c"]
    for inner, outer in ((":::", "::::"), (":::", ":::")):
        assert words_in_order(f"{outer}info\na\n{inner}tip\nb\n{inner}\nc\n{outer}\n") == expected


def test_an_admonition_in_a_list_item_stays_in_it():
    text = plain("1. step\n\n   :::info Title\n   text\n\n       code\n   :::\n\n2. step\n")
    expected = "1. step\n\n   > **Info: Title**\n   >\n   > text\n   >\n   >     code\n\n\n2. step\n"
    assert text == expected


def test_an_unclosed_admonition_ends_before_the_next_heading():
    assert words_in_order("## A\n\n:::tip\ntext\n\n## B\n\nmore\n") == [
        *("## A", "> **Tip**", ">", "> text", ">", "## B", "more"),
    ]


def test_an_unclosed_admonition_ends_before_the_next_one():
    found = plain(":::tip\none\n\n:::note\ntwo\n:::\n\nafter\n")
    assert found == "> **Tip**\n>\n> one\n>\n\n> **Note**\n>\n> two\n\n\nafter\n"


def test_alerts_of_github_are_labelled():
    assert plain("> [!IMPORTANT]\n> text\n") == "> **Important**\n> text\n"


MKDOCS = [
    ('!!! note "Title"\n\n    text\n\n    more\n\nafter', ["> **Note: Title**", ">", "> text", ">", "> more", "after"]),
    ("??? tip\n    text\nafter", ["> **Tip**", ">", "> text", "after"]),
    ('???+ danger inline end "T"\n    text', ["> **Danger: T**", ">", "> text"]),
    (
        "!!! note\n    a\n\n    !!! tip\n        b\n",
        ["> **Note**", ">", "> a", ">", "> > **Tip**", "> >", "> > b", ">"],
    ),
    ('## A\n\n=== "One"\n\n    first\n\n=== "Two"\n\n    second\n', ["## A", "### One", "first", "### Two", "second"]),
    ('## A\n\n=== "One"\n\n    first\n\nmore\n', ["## A", "### One", "first", "## A", "more"]),
    ("1. step\n\n    !!! note\n        text\n", ["1. step", "    > **Note**", "    >", "    > text"]),
]


@pytest.mark.parametrize(("text", "expected"), MKDOCS)
def test_admonitions_and_tabs_of_mkdocs_are_resolved(text, expected):
    assert words_in_order(text) == expected


def test_code_in_an_admonition_of_mkdocs_moves_out_and_stays_as_it_is():
    fence = "```jsx\n<Foo bar={1}>\n    deep\n```"
    block = "\n".join(f"    {line}" for line in fence.split("\n"))
    assert "\n> ".join(fence.split("\n")) in plain(f"!!! note\n\n{block}\n\n        <Bar> indented code\n")


def test_an_example_of_an_admonition_in_indented_code_stays():
    text = "text\n\n    !!! note\n        text\n    <Foo/>\n\nafter\n"
    assert plain(text) == text


def test_snippets_are_put_in_whole_or_by_lines_or_by_section():
    Path("parts").mkdir()
    Path("parts/a.md").write_text("one\n--8<-- [start:mid]\ntwo\n--8<-- [end:mid]\nthree\n", encoding="utf-8")
    assert words_in_order('--8<-- "parts/a.md"\n') == ["one", "two", "three"]
    assert words_in_order('--8<-- "parts/a.md:mid"\n') == ["two"]
    assert words_in_order('--8<-- "parts/a.md:5:5"\n') == ["three"]
    assert words_in_order("--8<--\nparts/a.md\n--8<--\n") == ["one", "two", "three"]
    assert words_in_order(';--8<-- "parts/a.md"\n') == ['--8<-- "parts/a.md"']
    fence = '```\n--8<-- "parts/a.md"\n```'
    assert plain(fence) == fence


def test_snippets_keep_their_lineage_and_what_is_missing_is_reported():
    Path("a.md").write_text("---\ntitle: A\n---\none\n", encoding="utf-8")
    lines, state = resolve('text\n\n--8<-- "a.md"\n\n--8<-- "gone.md"\n\n--8<-- "a.md:no"\n')
    assert next(tuple(line.origin) for line in lines if line.text == "one") == ("a.md", 4, 3)
    assert [(found.line, found.problem) for found in state.unresolved] == [(5, "missing"), (7, "no_such_section")]


@pytest.mark.parametrize(
    "kept",
    [
        "a generic List<T> and Map<String, T>",
        r"an escaped \<Foo> tag",
        "a <b and c> d",
        "$$ x <a b=\"c\"> y $$",
        "an `unclosed tick and <value>",
        "braces {x} and {a: 1}",
        "<table><tr><td>kept</td></tr></table>",
    ],
)  # fmt: skip
def test_what_only_looks_like_website_syntax_stays(kept):
    assert plain(f"# T\n\n{kept}\n") == f"# T\n\n{kept}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10<sup>-3</sup> m<sup>2</sup>", "10⁻³ m²"),
        ("CO<sub>2</sub>", "CO₂"),
        ("K<sub>p</sub>", "Kp"),
        ("a{' '}b", "a b"),
        ("<a name='x'></a>text", "text"),
        ("## Title {: #id .class }", "## Title"),
        ("before <!-- never closed\n\nafter", "before  never closed\n\nafter"),
        ("before {/* never closed\n\nafter", "before  never closed\n\nafter"),
    ],
)
def test_small_markup_keeps_its_meaning(text, expected):
    assert plain(f"{text}\n") == f"{expected}\n"


def test_an_unclosed_comment_does_not_turn_later_code_into_prose():
    text = "<!-- never closed\n\n```jsx\n<Foo/>\n\n<Bar/>\n```\n"
    assert plain(text) == text.replace("<!--", "")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# Title\n", "only_title"),
        ("Title\n=====\n\n## Another\n", "only_title"),
        ("# Title\n\n- [a](a.md)\n- [b](b.md)\n", "only_links"),
        ("# Title\n\n<https://example.org>\n\n[ref]: https://example.org\n", "only_links"),
        ("# Title\n\n![a picture](a.png)\n", "only_images"),
        ("# Title\n\n[![a](a.png)](b.md)\n", "only_links"),
        (" \n---\n", "empty"),
        ("# Title\n\n- [a](a.md): what it is\n", ""),
        ("# Title\n\n```\ncode\n```\n", ""),
        ("# Title\n\n$$x$$\n", ""),
        ("```sh\n# only a comment\n```\n", ""),
    ],
)
def test_a_page_that_says_nothing_is_told_by_what_it_has(text, kind):
    assert stub(text) == kind


# Lines of all that a page may hold, to be put together in any order, so also unclosed and wrongly nested. A line with
# words has the number of its place in them.
WORDS = [
    "text {}", "中文，说明 {}。", "# heading {}", "## deeper {}", "- item {}", "  - nested {}", "1. step {}",
    "> quote {}", "    indented {}", "        deep {}", "| a | {} |", ":::tip {}", "::::info[{}]", '!!! note "{}"',
    '??? tip "{}"', '=== "{}"', '<TabItem label="{}">', "a <A /> {}", "<b>{}</b>", "`code {}`", "```jsx {}", "$$ {}",
    "x<sup>2</sup> {}",
]  # fmt: skip
SIGNS = [
    "", "", "", "---", "===", "| - | - |", "```", "~~~", ":::", "::::", "<Tabs>", "</Tabs>", "</TabItem>", "<div>",
    "</div>", "import A from './_a.md'", "<A />", "- <A />", "import x from 'y'", '--8<-- "_a.md"', "--8<--",
    "> [!NOTE]", "`tick",
]  # fmt: skip
SWALLOWING = ["<Card a={", "}", "/>", "<!-- c", "-->", "{/* c", "*/}", "export const a = {", "\ufdd0I\ufdd1", "\ufdd0"]
PART = "# Part\n\npart text\n"


def pages(*pieces: str) -> st.SearchStrategy[str]:
    """Pages of such lines; the number in a line is that of the line."""
    lines = st.lists(st.sampled_from(pieces), max_size=24)
    return lines.map(lambda found: "\n".join(line.replace("{}", f"n{n}n") for n, line in enumerate(found, 1)))


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"n(\d+)n", text)]


@given(pages(*WORDS, *SIGNS, *SWALLOWING))
def test_words_are_where_their_origin_says(text):
    seen: set[int] = set()
    for line in resolve(text, a=PART)[0]:
        for number in numbers(line.text):
            if number not in seen:  # a heading may be repeated behind tabs
                assert (line.origin.path, line.origin.line, line.origin.at) == ("page.md", number, number)
            seen.add(number)


@given(pages(*WORDS, *(sign for sign in SIGNS if sign != "--8<--")))  # what stands between two of them names files
def test_no_words_are_lost_and_they_keep_their_order(text):
    assume(not text.startswith("---"))  # front matter
    found = numbers(plain(text, a=PART))
    first_seen = list(dict.fromkeys(found))
    assert first_seen == numbers(text)


@given(pages(*WORDS, *SIGNS, *SWALLOWING))
def test_lines_go_up_in_the_page(text):
    lines, _ = resolve(text, a=PART)
    places = [line.origin.at for line in lines]
    assert places == sorted(places)
    everything = set(range(1, text.count("\n") + 2))
    assert set(places) == everything if "--8<--\n" not in text else set(places) <= everything


@given(pages(*WORDS, *SIGNS), pages(*WORDS, *SIGNS, *SWALLOWING))
def test_a_fence_stays_whatever_it_holds_and_whatever_stands_behind_it(code, behind):
    fence = f"~~~~\n{code}\n~~~~"
    assert plain(f"# T\n\n{fence}\n\n{behind}", a=PART).startswith(f"# T\n\n{fence}\n")


@given(pages(*(piece for piece in WORDS if "<" not in piece and ":::" not in piece), "", "", "```", "---", "> [TODO]"))
def test_plain_markdown_stays_as_it_is(text):
    if not re.search(r"^ *(!!!|\?\?\?|===)", text, re.MULTILINE):
        assert plain(f"# T\n\n{text}") == f"# T\n\n{text}"


@pytest.mark.parametrize(
    "statements",
    [
        "import Lamp from 'lamp'; import\nPart from './\\_part.md';",
        "import {\n  Lamp,\n  Oil,\n} from 'lamps'\nimport Part, {toc} from './_part.md';",
        "import 'lamp.css'; import Part from './_part.md'",
        "import keeper from './keeper.json' with { type: 'json' }\nimport Part from './_part.md'",
        "export const height = 9;\nimport Part from './_part.md'",
    ],
)
def test_imports_stand_on_several_lines_or_several_on_one(statements):
    assert words_in_order(f"{statements}\n\n# Lamps\n\n<Part />\n", part="Oil burns.") == ["# Lamps", "Oil burns."]


@pytest.mark.parametrize(
    "prose",
    ["import the lamp from 'the tower' before dusk", "import 'oil' in barrels", "import lamps\nand oil", "import it"],
)
def test_a_sentence_that_begins_with_import_stays(prose):
    assert plain(f"{prose}\n", path="a.mdx") == f"{prose}\n"


def test_an_export_ends_where_its_brackets_do_whatever_stands_in_them():
    code = (
        "export async function Lamp() {\n  const text = `\n## Heading\n\n~~~md\nexport const a = {\n}\n~~~\n`\n\n"
        "  return <b>{text}</b>\n}\n"
    )
    fence = "```js\nexport const oil = [\n  1,\n]\n```"
    assert words_in_order(f"{code}\nOil burns.\n\n{fence}\n", path="a.mdx") == ["Oil burns.", *fence.split("\n")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{lit && <Part />}", ["Oil burns."]),
        ("{lit === 'yes' && (\n  <Note>\n  Take care.\n  </Note>\n)}", ["> **Note**", ">", "> Take care."]),
        ("{process.env.NODE_ENV !== 'production' && <Part />}", []),
    ],
)
def test_what_a_condition_shows_is_read_but_not_what_only_developers_see(expression, expected):
    assert words_in_order(f"{USING}{expression}\n", part="Oil burns.", path="a.mdx") == expected


def test_objects_in_an_expression_are_a_list_of_what_they_say():
    text = (
        "<LampGrid\n  lamps={[\n    { title: 'Oil', href: 'https://x.y', description: 'Burns\\'s slow.' },\n"
        '    { "title": "Gas", size: 3 },\n  ]}\n/>\n\n<Box style={{ color: "dark red" }} />\n'
    )
    assert words_in_order(text, path="a.mdx") == ["- **Oil**: Burns's slow.", "- **Gas**"]


def test_what_a_reader_is_told_at_a_term_stands_behind_it():
    text = 'The <abbr title="Light Emitting Diode">LED</abbr> of a <dfn title="a wick">thread</dfn>, <abbr>x</abbr>.\n'
    assert plain(text) == "The LED (Light Emitting Diode) of a thread (a wick), x.\n"


def test_a_frame_shows_its_caption():
    assert words_in_order('<Frame caption="Three lamps.">\n</Frame>\n', path="a.mdx") == ["Three lamps."]


def test_paragraphs_of_html_on_one_line_stay_apart_but_not_in_a_table():
    text = "<div><p>One.</p><p>Two.</p></div>\n\n| a | <p>b</p> c |\n|---|---|\n"
    assert words_in_order(text, path="a.mdx") == ["One.", "Two.", "| a | b c |", "|---|---|"]
    assert "svg" not in plain("Oil<svg><path d='x'/></svg> burns.\n", path="a.mdx")


PIECES = st.sampled_from([
    "# a", "## b", "text", "", "- item", "> # q", "```", "```js", "~~~", "    code", "---", "===", "  # c", "<div>",
    "1. x", "   ```", "- ```", "#x", "    ```", "<b>x</b> y",
])  # fmt: skip


@given(st.lists(PIECES, max_size=8), st.booleans())
def test_what_is_sketched_without_the_parser_is_what_the_parser_says(pieces, indented_code):
    text = "\n".join(pieces)
    sketched, parsed = outline.at_the_margin(text, indented_code), outline.outline(text, indented_code)
    assert sketched is None or (sketched.code, sketched.headings) == (parsed.code, parsed.headings)
