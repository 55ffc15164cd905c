"""flavours: the syntax of each site generator becomes the same Markdown, and what is not understood is counted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from stages.common.schema import docs
from stages.ingest.dialects import rst
from stages.ingest.dialects.expansion import expand
from stages.ingest.dialects.flavours import detection
from stages.ingest.dialects.lines import to_text
from stages.ingest.dialects.outline import fences
from stages.ingest.dialects.page import Findings
from stages.ingest.sources.imports import Names, names_in, only_imported, parts, text_of
from stages.ingest.sources.tree import RefusedError, Tree


def read(text: str, flavour: str = "auto", path: str = "page.md", **files: str) -> tuple[str, Findings]:
    """A page of the docs in the working directory as text; files are given with __ for / and the last _ for the dot."""
    for name, content in files.items():
        file = Path(".".join(name.replace("__", "/").rsplit("_", 1)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    root = Path.cwd().resolve()
    site = detection.detected(root, flavour)
    reader = rst.expand if path.endswith(".rst") else expand
    lines, found = reader(text, path, Tree(root, 100_000, root), site)
    return to_text(lines), found


def named(paths: list[str], tree: Tree) -> Callable[[], list[Names]]:
    """What files name, as often as it is asked."""
    return lambda: [names_in(text_of(path, tree)) for path in paths]


def lines(text: str, flavour: str = "auto", path: str = "page.md", **files: str) -> list[str]:
    """The lines that are not blank, without the indentation that only lays out."""
    return [line for line in read(text, flavour, path, **files)[0].split("\n") if line.strip()]


SITES = {
    "docusaurus": "docusaurus.config.ts", "mkdocs": "mkdocs.yml",
    "vitepress": ".vitepress/config.mts", "hugo": "hugo.toml",
    "jekyll": "_config.yml", "gitbook": ".gitbook.yaml", "mdbook": "book.toml", "sphinx": "conf.py",
    "starlight": "astro.config.mjs", "mintlify": "docs.json", "nextra": "theme.config.tsx",
    "obsidian": ".obsidian/app.json",
}  # fmt: skip


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize("below", ["", "content/en"])
def test_a_site_is_told_by_its_own_file_in_the_docs_or_above_them_in_the_repository(name, below):
    Path(".git").mkdir()
    file = Path(SITES[name])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("", encoding="utf-8")
    Path(below).mkdir(parents=True, exist_ok=True)
    assert detection.detected(Path(below).resolve()).flavour.name == name
    assert detection.detected(Path(below).resolve(), "plain").flavour.name == "plain"


def test_a_file_above_the_repository_makes_no_site_of_it():
    Path("mkdocs.yml").write_text("", encoding="utf-8")
    Path("repository/.git").mkdir(parents=True)
    assert detection.detected(Path("repository").resolve()).flavour.name == "plain"


def test_every_flavour_of_the_params_is_one_that_there_is():
    assert set(get_args(docs.Flavour)) - {"auto"} == set(detection.FLAVOURS)


COMPONENTS = [
    ('<Card title="Crane" icon="x">Lifts 4 tons.</Card>', ["- **Crane**: Lifts 4 tons."]),
    ('<LinkCard title="Crane" description="Lifts loads" href="/c" />', ["- **Crane**: Lifts loads"]),
    ('<Steps>\n<Step title="Pull">\nPull it.\n</Step>\n<Step title="Push">\n- a\n- b\n</Step>\n</Steps>',
     ["1. **Pull**: Pull it.", "2. **Push**", "   - a", "   - b"]),
    ('<ParamField path="depth" type="number" required>\n  How deep.\n</ParamField>',
     ["- `depth` (number, required): How deep."]),
    ('<ResponseField name="id" type="string" default="none" />', ["- `id` (string, default: `none`)"]),
    ('<Callout type="warning" title="Hot">\n    Do not touch.\n</Callout>',
     ["> **Warning: Hot**", ">", "> Do not touch."]),
    ("<Tip>Keep dry.</Tip>", ["> **Tip**", ">", "> Keep dry."]),
    ('## Q\n\n<Accordion title="Why?">\n\nBecause.\n\n</Accordion>', ["## Q", "### Why?", "Because."]),
    ('## Q\n\n<CodeGroup>\n```sh npm\nnpm i\n```\n```sh yarn\nyarn\n```\n</CodeGroup>',
     ["## Q", "### npm", "```sh", "npm i", "```", "### yarn", "```sh", "yarn", "```"]),
    ('<Update label="1.2" description="Ropes" />', ["**1.2**: Ropes"]),
    ('### `height` <Badge text="new" />', ["### `height`  (new)"]),
    ('### `height` <span class="badge blue">iOS</span>', ["### `height` (iOS)"]),
    ("<details><summary>More</summary>\n\nwords\n\n</details>", ["**More**", "words"]),
    ("<Tabs items={['a', 'b']}>\n<Tabs.Tab>\nx\n</Tabs.Tab>\n<Tabs.Tab>\ny\n</Tabs.Tab>\n</Tabs>",
     ["## a", "x", "## b", "y"]),
    ("Put <YOUR_KEY> and <Name> there.", ["Put <YOUR_KEY> and <Name> there."]),
    ("<script setup>\nconst a = 1\n</script>\n\nwords", ["words"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COMPONENTS)
def test_text_in_attributes_is_text_in_reading_order(text, expected):
    assert lines(f"{text}\n", path="page.mdx") == expected


def test_a_component_that_shows_what_cannot_be_known_is_counted():
    text, found = read("# T\n\n<Chart data={[1]} />\n\nwords\n", path="page.mdx")
    assert text.split() == ["#", "T", "words"]
    assert [(one.line, one.kind, one.text) for one in found.unread] == [(3, "component", "<Chart />")]


MDX = """---
title: Winch
owner: Ada
---
import Part from './_part.mdx'
import Code from '!!raw-loader!./run.sh'
export const load = 40;

{frontMatter.owner} lifts {load} tons, {'now'}; {unknown} stays.

<Part what="rope" />

<CodeBlock language="bash" title="run.sh">{Code}</CodeBlock>

{items.map((item) => item)}
"""


def test_expressions_are_filled_in_where_they_are_known_and_counted_where_not():
    text, found = read(MDX, path="page.mdx", _part_mdx="One {props.what} {what}.", run_sh="./winch up")
    assert [line for line in text.split("\n") if line.strip()] == [
        *("Ada lifts 40 tons, now; {{unknown}} stays.", "One rope rope.", "**run.sh**", "```bash", "./winch up", "```"),
    ]
    assert [one.text for one in found.unread if one.kind == "expression"] == [
        "{unknown}",
        "{items.map((item) => item)}",
    ]


def test_two_imports_on_one_line_are_two_and_an_escaped_underscore_is_one():
    text = "import A from 'x'; import B from 'y';\nimport Part from './\\_part.mdx';\n\n<Part />\n"
    assert lines(text, path="page.mdx", _part_mdx="the part") == ["the part"]


@pytest.mark.parametrize("fence", ["```js\na\n\nb\n```", "~~~\na\n~~~"])
def test_a_fence_in_a_component_is_one_however_deep_it_is_indented(fence):
    inside = "\n".join(f"      {line}" if line else "" for line in fence.split("\n"))
    text = f'## A\n\n<Tabs>\n  <Tab title="One">\n{inside}\n  </Tab>\n</Tabs>\n\n## B\n'
    assert read(text, path="page.mdx")[0].split() == ["##", "A", "###", "One", *fence.split(), "##", "B"]


MKDOCS = [
    ("/// warning | Wind\nStay in.\n///", ["> **Warning: Wind**", ">", "> Stay in."]),
    ("/// details | Why?\n    type: tip\nSo.\n///", ["> **Why?**", ">", "> So."]),
    ("/// tab | One\na\n///\n/// tab | Two\nb\n///", ["## One", "a", "## Two", "b"]),
    ("Press ++ctrl+s++ :material-check: now", ["Press Ctrl+S now"]),
    ("[Go](x.md){ .md-button }", ["[Go](x.md)"]),
    ("A ABC.\n\n*[ABC]: words", ["A ABC."]),
    ('1. a\n\n    === "x"\n\n        one\n\n2. b', ["1. a", "    **x**", "    one", "2. b"]),
    ("C++ and G++ stay", ["C++ and G++ stay"]),
]


@pytest.mark.parametrize(("text", "expected"), MKDOCS)
def test_mkdocs(text, expected):
    assert lines(f"{text}\n", "mkdocs") == expected


def test_mkdocs_shows_files_as_code_and_counts_those_that_are_not_there():
    text, found = read(
        "{* src/a.py ln[2:3] *}\n\n```py\n{!src/a.py!}\n```\n\n{* gone.py *}\n\n```\n{!gone.py!}\n```\n",
        "mkdocs", src__a_py="one\ntwo\nthree\n",
    )  # fmt: skip
    assert text.split() == ["```python", "two", "three", "```", "```py", "one", "two", "three", "```"]
    assert [(one.line, one.module) for one in found.unresolved] == [(7, "./gone.py"), (10, "./gone.py")]


VITEPRESS = [
    ("<<< @/a.conf", ["```", "x = 1", "# region b", "y = 2", "# endregion b", "```"]),
    ("<<< ./a.conf#b{1 ini}[A]", ["**A**", "```ini", "y = 2", "```"]),
    ("@[code{3-3} ini:no-line-numbers](@/a.conf)", ["```ini", "y = 2", "```"]),
    ("@[code](./a.conf)", ["```", "x = 1", "y = 2", "```"]),
    ("@[codes](./a.conf)", ["@[codes](./a.conf)"]),
    ("<!--@include: ./part.md{2,}-->", ["second"]),
    ("::: code-group\n```sh [npm]\nx\n```\n```sh [pnpm]\ny\n```\n:::",
     ["## npm", "```sh", "x", "```", "## pnpm", "```sh", "y", "```"]),
    ("::: details Why\nSo.\n:::", ["> **Why**", ">", "> So."]),
    ("::: v-pre\nwords\n:::", ["words"]),
    ("---\nunit: kg\n---\nIn {{ $frontmatter.unit }}.", ["In kg."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), VITEPRESS)
def test_vitepress(text, expected):
    conf = "x = 1\n# region b\ny = 2\n# endregion b\n"
    expected = [line for line in expected if "region" not in line]
    assert lines(f"{text}\n", "vitepress", a_conf=conf, part_md="first\nsecond\n") == expected


HUGO = [
    ("{{< note >}}\nStay.\n{{< /note >}}", ["> **Note**", ">", "> Stay."]),
    ('{{% alert title="Wet" color="warning" %}}\nStay.\n{{% /alert %}}', ["> **Warning: Wet**", ">", "> Stay."]),
    ('{{< tabs >}}{{% tab name="A" %}}\nx\n{{% /tab %}}{{< /tabs >}}', ["## A", "x"]),
    ('{{< tabpane lang="go" >}}\n{{< tab header="A" >}}\nx := 1\n{{< /tab >}}\n{{< /tabpane >}}',
     ["## A", "```go", "x := 1", "```"]),
    ('A {{< tooltip text="valve" id="v" >}} opens.', ["A valve opens."]),
    ("{{< wrapper >}}\ninner\n{{< /wrapper >}}", ["inner"]),
    ('{{< figure src="a.png" caption="The valve is open" >}}', ["The valve is open"]),
    ("{{< highlight go >}}\nx := 1\n{{< /highlight >}}", ["```go", "x := 1", "```"]),
    ("{{< code-toggle file=x >}}\n[[a.b]]\nx = 1\n{{< /code-toggle >}}", ["```", "[[a.b]]", "x = 1", "```"]),
    ('[x]({{< ref "a.md" >}})', ["[x](a.md)"]),
    ("{{% comment %}}\nhidden\n{{% /comment %}}\nshown", ["shown"]),
    ("Version {{< param release >}}.", ["Version 7."]),
    ("Write {{</* note */>}}.", ["Write `{{< note >}}`."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HUGO)
@pytest.mark.parametrize("flavour", ["hugo", "plain"])
def test_hugo(text, expected, flavour):
    assert lines(f"---\nrelease: 7\n---\n{text}\n", flavour) == expected


def test_hugo_counts_shortcodes_that_show_what_is_not_in_the_page_and_files_that_are_not_there():
    text, found = read('a\n\n{{< weather >}}\n\n{{< include "gone.md" >}}\n', "hugo")
    assert text.split() == ["a"]
    assert ([one.kind for one in found.unread], [one.line for one in found.unresolved]) == (["shortcode"], [5])


LIQUID = [
    ('{% hint style="warning" %}\nHot.\n{% endhint %}', ["> **Warning**", ">", "> Hot."]),
    ('{% tabs %}\n{% tab title="A" %}\nx\n{% endtab %}\n{% endtabs %}', ["## A", "x"]),
    ('{% code title="a.sh" %}\n```sh\nx\n```\n{% endcode %}', ["**a.sh**", "```sh", "x", "```"]),
    ("{% highlight go linenos %}\nx := 1\n{% endhighlight %}", ["```go", "x := 1", "```"]),
    ("{% raw %}a{% endraw %}", ["a"]),
    ("[x]({% link _docs/a.md %})", ["[x](_docs/a.md)"]),
    ("{% if a %}\nx\n{% endif %}", ["x"]),
    ("{: .note }\nStay.", ["> **Note**", ">", "> Stay."]),
    ("By {{ page.author }} of {{ site.team | upcase }}.", ["By Ada of ropes."]),
    ('{% include note.html content="Stay in." %}', ["Stay in."]),
    ("{% include part.md %}", ["the part"]),
]


@pytest.mark.parametrize(("text", "expected"), LIQUID)
def test_liquid_of_jekyll_and_gitbook(text, expected):
    files = {"_config_yml": "team: ropes\n", "_includes__part_md": "the part\n"}
    assert lines(f"---\nauthor: Ada\n---\n{text}\n", "jekyll", **files) == expected


MDBOOK = [
    ("{{#include part.rs}}", ["fn a() {}", "fn b() {}", "fn c() {}"]),
    ("{{#include part.rs:3}}", ["fn b() {}"]),
    ("{{#include part.rs:mid}}", ["fn b() {}"]),
    ("{{#include part.rs:5:}}", ["fn c() {}"]),
    ("{{#rustdoc_include part.rs:1:1}}", ["fn a() {}"]),
    ("\\{{#include part.rs}}", ["{{#include part.rs}}"]),
    ("{{#template t.md name=crane}}", ["A crane."]),
]


@pytest.mark.parametrize(("text", "expected"), MDBOOK)
@pytest.mark.parametrize("fence", [True, False])
def test_mdbook(text, expected, fence):
    part = "fn a() {}\n// ANCHOR: mid\nfn b() {}\n// ANCHOR_END: mid\nfn c() {}\n"
    shown = lines(f"```rust\n{text}\n```\n" if fence else f"{text}\n", "mdbook", part_rs=part, t_md="A [[#name]].\n")
    assert shown == (["```rust", *expected, "```"] if fence else expected)


def test_mdbook_counts_a_file_that_is_not_there_and_leaves_no_empty_fence():
    text, found = read("a\n\n```rust\n{{#include gone.rs}}\n```\n", "mdbook")
    assert text.split() == ["a"]
    assert [(one.line, one.problem) for one in found.unresolved] == [(4, "missing")]


def test_mdbook_shows_no_hidden_lines_of_rust():
    assert lines("```rust\n# fn main() {\nlet a = 1;\n# }\n```\n", "mdbook") == ["```rust", "let a = 1;", "```"]


MYST = [
    ("(a:b)=\n# T", ["# T"]),
    (":::{warning}\nHot.\n:::", ["> **Warning**", ">", "> Hot."]),
    ("```{admonition} Mind\n:class: tip\nHot.\n```", ["> **Tip: Mind**", ">", "> Hot."]),
    ("````{note}\n```{tip}\nDeep.\n```\n````", ["> **Note**", "> > **Tip**", "> > Deep."]),
    ("See {ref}`the rope <r>`, {doc}`../crane-care`, {func}`~a.b.c`, {math}`x^2`.",
     ["See the rope, crane care, `c`, $x^2$."]),
    ("[](a/hook.md)", ["[hook](a/hook.md)"]),
    ("```{code-cell} ipython3\n:tags: [x]\nprint(1)\n```", ["```python", "print(1)", "```"]),
    ("```{code-block} ini\n:caption: a.ini\nx = 1\n```", ["**a.ini**", "```ini", "x = 1", "```"]),
    ("::::{tab-set}\n:::{tab-item} A\nx\n:::\n::::", ["## A", "x"]),
    ("```{list-table}\n:header-rows: 1\n* - a\n  - b\n* - 1\n  - 2\n```", ["| a | b |", "| --- | --- |", "| 1 | 2 |"]),
    ("```{literalinclude} a.py\n:lines: 2\n```", ["```python", "two", "```"]),
    ("```{include} part.md\n```", ["the part"]),
    ("```{toctree}\na\nb\n```\nwords", ["words"]),
    ("```{py:function} lift(load)\nLifts.\n```", ["- `lift(load)`: Lifts."]),
    ("---\nmyst:\n  substitutions:\n    tons: 4\n---\nLifts {{ tons }}.", ["Lifts 4."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MYST)
def test_myst(text, expected):
    shown = lines(f"{text}\n", "sphinx", a_py="one\ntwo\nthree\n", part_md="the part\n")
    assert [line for line in shown if line.strip("> ")] == [line for line in expected if line != ">"]


RST = [
    (".. code-block:: ini\n   :caption: a.ini\n   :emphasize-lines: 1\n\n   x = 1",
     ["**a.ini**", "```ini", "x = 1", "```"]),
    (".. literalinclude:: a.py\n   :lines: 2-\n   :caption: A", ["**A**", "```python", "two", "three", "```"]),
    (".. include:: part.rst", ["the part"]),
    (".. lamp:example::\n\n   def light():\n       on = True", ["```", "def light():", "    on = True", "```"]),
    (".. lamp:note::\n\n   The lamp is hot.", ["The lamp is hot."]),
    (".. versionadded:: 2.1\n   Ropes.", ["New in version 2.1: Ropes."]),
    (".. seealso:: The hook.", ["> **See also**", "> The hook."]),
    ("See :ref:`the rope <r>`, :doc:`/crane-care`, :meth:`~a.b.c`.", ["See the rope, crane care, `c`."]),
    ("Pull :meth:`.Rope.pull` with :ropearg:`~.Rope.pull.force`.", ["Pull `Rope.pull` with `force`."]),
    ("Edit :file:`.crane.env`.", ["Edit `.crane.env`."]),
    (".. function:: lift(load)\n\n   Lifts.", ["- `lift(load)`: Lifts."]),
    (".. toctree::\n\n   a\n\nwords", ["words"]),
    ("Release |release|.", ["Release 3.2."]),
    (".. tab:: Linux\n\n   x", ["**Linux**", "x"]),
    ("T\n=\n\nwords\n\nS\n-\n\nwords", ["# T", "words", "## S", "words"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RST)
def test_rst_of_sphinx(text, expected):
    pytest.importorskip("docutils")
    shown = lines(
        f"{text}\n", path="page.rst", conf_py="release = '3.2'\n", a_py="one\ntwo\nthree\n", part_rst="the part\n"
    )
    assert [line for line in shown if line != ">"] == expected


def test_rst_substitutions_of_substitutions_are_refused_before_they_grow():
    bomb = (
        "|a0|\n\n"
        + "".join(f".. |a{n}| replace:: |a{n + 1}| |a{n + 1}|\n" for n in range(40))
        + ".. |a40| replace:: x\n"
    )
    with pytest.raises(RefusedError, match="not_convertible"):
        read(bomb, path="page.rst")


OBSIDIAN = [
    ("[[Rope care|care]], [[Hook]], [[Hook#Size]], [[#Size]]", ["care, Hook, Hook, Size"]),
    ("> [!tip]- Mind\n> Hot.", ["> **Tip: Mind**", ">", "> Hot."]),
    ("![[Hook#Size]]", ["4 cm."]),
    ("![[Hook#^b1]]", ["A block."]),
    ("![[a.png]]\n\nwords", ["words"]),
    ("a %%hidden%% b\n\n%%\nhidden\n%%", ["a  b"]),
    ("A block. ^name", ["A block."]),
    ("A ==bright== word", ["A bright word"]),
]


@pytest.mark.parametrize(("text", "expected"), OBSIDIAN)
def test_obsidian(text, expected):
    hook = "# Hook\n\n## Size\n\n4 cm.\n\n## Other\n\nA block. ^b1\n"
    assert lines(f"{text}\n", "obsidian", notes__Hook_md=hook) == expected


MACROS = [
    ('The {{Glossary("rope", "ropes")}} and {{cssxref("hook-size")}}.', ["The ropes and `hook-size`."]),
    ('{{EmbedLiveSample("x", 1, 2)}}\n\nwords', ["words"]),
    ('- {{domxref("Crane.lift()")}}', ["- `Crane.lift()`"]),
    ("a {{optional_inline}}", ["a (optional)"]),
]


@pytest.mark.parametrize(("text", "expected"), MACROS)
def test_macros_of_mdn(text, expected):
    assert lines(f"{text}\n", "mdn") == expected


REFERENCES = [
    ("See [the `rope`][r] and [Hook].\n\n[r]: a.md\n[hook]: b.md 'B'", ["See [the `rope`](a.md) and [Hook](b.md)."]),
    ("![Alt][i]\n\n[i]: a.png", ["![Alt](a.png)"]),
    ("[none] and [x] stay\n\n[y]: a.md", ["[none] and [x] stay"]),
    ("a[^1]\n\n[^1]: A note.", ["a[^1]", "[^1]: A note."]),
    (f"![a](data:image/png;base64,{'A' * 300})", ["![a](data:)"]),
]


@pytest.mark.parametrize(("text", "expected"), REFERENCES)
def test_links_by_reference_are_links_and_images_in_base64_are_none(text, expected):
    assert lines(f"{text}\n") == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{{ some.thing }}", "variable"),
        ("a [[b]] c", "wikilink"),
        ("{% x %}", "liquid"),
        ("A <Gone a='x' b>", "component"),
    ],
)
def test_syntax_of_another_generator_is_counted_with_its_place(text, kind):
    found = read(f"# T\n\n{text}\n", "mdbook")[1]
    assert [(one.path, one.line, one.kind) for one in found.unread] == [("page.md", 3, kind)]


def test_braces_of_a_formula_are_no_variable():
    text = "# T\n\nWith $a = {{b_c}}$ it is\n\n$$\n\\dfrac{1}{{{d_e}}} + {{f_g}}\n$$\n\nand {{h_i}}, for $5.\n"
    assert [one.text for one in read(text, "mdbook")[1].unread] == ["{{h_i}}"]


def test_includes_reach_the_checkout_but_no_hidden_file_and_nothing_outside():
    Path("src").mkdir()
    Path("listing.rs").write_text("fn a() {}\n", encoding="utf-8")
    Path(".env").write_text("KEY=secret\n", encoding="utf-8")
    site = detection.Site(detection.FLAVOURS["mdbook"])
    tree = Tree(Path("src").resolve(), 1_000, Path.cwd().resolve())
    text = "".join(f"{{{{#include {name}}}}}\n\n" for name in ("../listing.rs", "../.env", "../../../etc/hostname"))
    shown, found = expand(text, "page.md", tree, site)
    assert to_text(shown).split() == ["fn", "a()", "{}"]
    assert [one.problem for one in found.unresolved] == ["leaves_docs", "leaves_docs"]


def test_an_underscore_makes_no_part_where_the_generator_makes_pages_of_such_files():
    pages = {
        "a.md": '# A\n\n--8<-- "_part.md"\n\n[Go](_alone.md)\n',
        "_part.md": "part\n",
        "_alone.md": "# It\n\nText.\n",
    }
    for name, text in pages.items():
        Path(name).write_text(text, encoding="utf-8")
    tree = Tree(Path.cwd().resolve(), 1_000)
    assert parts([*pages], named([*pages], tree), tree, underscored=True) == {"_part.md"}
    assert parts([*pages], named([*pages], tree), tree, underscored=False) == {"_part.md", "_alone.md"}


def test_a_section_page_is_none_where_names_with_an_underscore_are_parts():
    pages = {"a.md": "import P from './_p.md'\n\n<P />\n", "_p.md": "part\n", "b/_index.md": "words\n"}
    for name, text in pages.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    tree = Tree(Path.cwd().resolve(), 1_000)
    assert "b/_index.md" in only_imported([*pages], named([*pages], tree), tree)
    assert "b/_index.md" not in only_imported(["b/_index.md"], named(["b/_index.md"], tree), tree)


HOSTILE = {
    "spaces in a title": ":::note a" + " " * 200_000 + "b\ntext\n:::\n",
    "spaces in an import": "import {" + " " * 200_000 + "}\n",
    "an import of spaces": "import a" + " " * 200_000 + "x\n",
    "tags with braces": "<A {" * 50_000,
    "braces": "{a " * 100_000,
    "titles in brackets": ":::note [" + "]" * 100_000 + "x\n:::\n",
    "openings of slashes": "/// note | a\n" * 5_000,
    "shortcodes that never close": "{{< a " * 50_000,
    "tags that never close": "{% a " * 50_000,
    "brackets": "[" * 200_000,
    "links": "[a][" * 50_000 + "\n\n[a]: b\n",
    "wikilinks": "[[a|" * 50_000,
    "comments": "%%a " * 50_000,
    "roles": "{a}`" * 50_000,
    "scripts": "<script>\n" * 20_000,
    "directives": "```{note}\n" * 5_000,
    "a number of TOML": "+++\ntitle = 0x" + "F" * 20_000 + "\n+++\n",
    "callouts": "> [!note] " + " " * 100_000 + "\n" + "> a\n" * 1_000,
    "attribute lists": "{ .a " * 50_000,
    "keys": "++a+" * 50_000,
    "macros": '{{a("' * 50_000,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_no_input_takes_much_longer_than_its_length(name):
    """Twice the text takes no four times the steps: CPU seconds that only a quadratic reader would need."""
    start = time.process_time()
    read(f"{HOSTILE[name]}\n\nwords\n", path="page.mdx")
    assert time.process_time() - start < 20


ASCIIDOC = [
    ("= T\n:tons: 4\n\n== S\n\nLifts {tons}.", ["# T", "## S", "Lifts 4."]),
    ("NOTE: Hot.", ["> **Note**", ">", "> Hot."]),
    ("[WARNING]\n====\nHot.\n====", ["> **Warning**", ">", "> Hot."]),
    (".a.sh\n[source,sh]\n----\nx {y}\n----", ["**a.sh**", "```sh", "x {y}", "```"]),
    ("* a\n** b\n+\nmore\n. c", ["- a", "  - b", "    more", "1. c"]),
    ("hook:: Holds the rope.", ["- **hook**: Holds the rope."]),
    ('[cols="1,1"]\n|===\n|a |b\n\n|1\n|2\n|===', ["| a | b |", "| --- | --- |", "| 1 | 2 |"]),
    ("See link:a.html[A], xref:b.adoc[B], <<c,C>>, https://d.example[D] and *bold* `*code*`.",
     ["See [A](a.html), [B](b.adoc), C, [D](https://d.example) and **bold** `*code*`."]),
    ("include::part.adoc[tag=x]", ["the part"]),
    ("// hidden\n////\nhidden\n////\n[[id]]\nwords\nkbd:[Ctrl+S]", ["words", "Ctrl+S"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ASCIIDOC)
def test_asciidoc(text, expected):
    part = "other\n// tag::x[]\nthe part\n// end::x[]\n"
    assert lines(f"{text}\n", path="page.adoc", part_adoc=part) == expected


def test_a_fence_of_mdx_right_behind_a_paragraph_is_a_fence_at_any_depth():
    text = '**The gate**\n    ```python title="Gate"\n    if wide:\n        shut()\n\n    wait()\n    ```\n\nThen.\n'
    assert fences(text, indented_code=False) == [(1, 7)]
    assert fences(text.replace("**The gate**", "- an item"), indented_code=False) == [(1, 7)], "as in its item"


def test_what_a_loop_would_show_and_what_is_filled_in_from_code_is_noted_and_goes():
    text = (
        "# Lamps\n\n{% for lamp in lamps %}\n## {{ lamp }}\n\nLit.\n{% endfor %}\n\n::: tower.Lamp\n    options:\n"
        "        members: [light]\n\n{% raw %}\n\n```jinja\n{% for x in y %}{{ x }}\n```\n\n{% endraw %}\n"
    )
    lines, found = expand(text, "page.md", Tree(Path.cwd().resolve(), 1_000), detection.detected(Path.cwd(), "mkdocs"))
    shown = [line.text for line in lines if line.text.strip()]
    assert shown == ["# Lamps", "Lit.", "```jinja", "{% for x in y %}{{ x }}", "```"]
    assert [(one.kind, one.line) for one in found.unread] == [("variable", 4), ("autodoc", 9)]


@pytest.mark.parametrize(
    ("flavour", "text", "expected"),
    [
        ("mkdocs", "^^Lit^^ lamps^2^", "Lit lamps²"),
        ("plain", "[[toc]]", ""),
        ("plain", "[TOC]", ""),
        ("plain", "[oil][o]\n\n[o]: <the oil.md>", "[oil](<the oil.md>)"),
        ("plain", "{{Lamps}} {{lit(\"oil\", \"Oil\")}} burns", "Oil burns"),
        ("plain", "{{Lamps}} burn", "{{Lamps}} burn"),
        ("plain", '<h1 align="center">The <b>Lamp</b></h1>', "# The Lamp"),
        ("hugo", '{{< tabs items="Gas,Oil" >}}{{< tab >}}Turn.{{< /tab >}}{{< tab >}}Pour.{{< /tab >}}{{< /tabs >}}',
         "## Gas Turn. ## Oil Pour."),
        ("hugo", "{{< mermaid >}}\na --> b\n{{< /mermaid >}}", "```mermaid a --> b ```"),
        ("hugo", '{{< code lang="sh" >}}\nlight\n{{< /code >}}', "```sh light ```"),
        ("sphinx", "```{versionadded} 2.1\nOil.\n```", "> **New in version 2.1** > > Oil."),
        ("plain", '<img src="lamp.png" alt="A lamp"> <img src="x.png"/>', "![A lamp](lamp.png)"),
        ("docusaurus", '<Tooltip tip="it burns">Oil</Tooltip> is dear.', "Oil (it burns) is dear."),
    ],
)  # fmt: skip
def test_signs_of_one_line_are_read(flavour, text, expected):
    tree = Tree(Path.cwd().resolve(), 10_000)
    lines, _ = expand(
        text, "page.mdx" if flavour == "docusaurus" else "page.md", tree, detection.detected(Path.cwd(), flavour)
    )
    assert " ".join(to_text(lines).split()) == expected


def test_comments_of_an_embedded_note_are_none_of_the_page_either():
    Path("Oil.md").write_text("Oil burns %%dearly%% well.\n\n%%\nhidden\n%%\n", encoding="utf-8")
    tree = Tree(Path.cwd().resolve(), 10_000)
    lines, _ = expand("![[Oil]]\n", "Lamp.md", tree, detection.detected(Path.cwd(), "obsidian"))
    assert to_text(lines).split() == ["Oil", "burns", "well."]


def test_a_playground_is_code():
    Path("lamp.rs").write_text("fn light() {}\n", encoding="utf-8")
    tree = Tree(Path.cwd().resolve(), 10_000)
    lines, _ = expand("{{#playground lamp.rs}}\n", "page.md", tree, detection.detected(Path.cwd(), "mdbook"))
    assert to_text(lines).split("\n") == ["```rust", "fn light() {}", "```", ""]


def test_parts_of_antora_and_mintlify_are_known_by_their_places_and_put_where_they_are_named():
    pages = {
        "modules/ROOT/pages/a.adoc": "= A\n\ninclude::partial$b.adoc[]\n", "modules/ROOT/partials/b.adoc": "Oil.\n",
        "c.mdx": '# C\n\n<Snippet file="d.mdx" />\n', "snippets/d.mdx": "Gas.\n",
    }  # fmt: skip
    for name, text in pages.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    tree = Tree(Path.cwd().resolve(), 1_000)
    assert parts([*pages], named([*pages], tree), tree, underscored=False) == {
        "modules/ROOT/partials/b.adoc",
        "snippets/d.mdx",
    }
    lines, _ = expand(pages["c.mdx"], "c.mdx", tree, detection.detected(Path.cwd(), "mintlify"))
    assert to_text(lines).split() == ["#", "C", "Gas."]
