"""What sites of all kinds write in their own ways reads alike: definitions, lists of HTML, fences, values of
expressions, and the generators that have a few signs of their own."""

from pathlib import Path

import pytest

from stages.ingest.dialects import literals, rst
from stages.ingest.dialects.expansion import expand, phrase
from stages.ingest.dialects.flavours import detection
from stages.ingest.dialects.lines import to_text
from stages.ingest.dialects.page import Findings
from stages.ingest.sources.tree import Tree


def read(text: str, flavour: str, path: str = "page.md", **files: str) -> tuple[list[str], Findings]:
    """The lines of a page that are not blank; files are given with __ for / and the last _ for the dot."""
    for name, content in files.items():
        file = Path(".".join(name.replace("__", "/").rsplit("_", 1)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    root = Path.cwd().resolve()
    reader = rst.expand if path.endswith(".rst") else expand
    lines, found = reader(text, path, Tree(root, 100_000, root), detection.detected(root, flavour))
    return [line for line in to_text(lines).split("\n") if line.strip(" >")], found


DEFINITIONS = [
    ("Pulley\n:   A wheel with a rope.\n\n    It turns.", ["- **Pulley**: A wheel with a rope.", "  It turns."]),
    ("Hoist\nWinch\n: Lifts.\n: Lowers.", ["- **Hoist, Winch**: Lifts.", "  Lowers."]),
    ("`depth`\n\n: How deep.\n\nText.", ["- `depth`: How deep.", "Text."]),
    ("Why?\n: Because.", ["Why?", ": Because."]),
    ("Repair\n: It needs:\n\n  ## Oil\n\n  Daily.", ["**Repair**", "It needs:", "## Oil", "Daily."]),
    ("| a | b |\n|---|---|\n| 1 | 2 |\n\n: Caption", ["| a | b |", "|---|---|", "| 1 | 2 |", ": Caption"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS)
@pytest.mark.parametrize("flavour", ["mkdocs", "sphinx", "hugo", "jekyll", "plain"])
def test_a_definition_list_is_one_of_terms_with_their_meaning(text, expected, flavour):
    assert read(text, flavour)[0] == expected


HTML = [
    ("<dl>\n<dt><code>depth</code></dt>\n<dd>How <b>deep</b>.</dd>\n</dl>", ["- `depth`: How deep."]),
    ("<dl><dt>a rope</dt><dt>a line</dt><dd>Holds.</dd></dl>", ["- **a rope, a line**: Holds."]),
    ("<ul>\n<li>one</li>\n<li>two <code>x</code></li>\n</ul>", ["- one", "- two `x`"]),
    ("<ol><li>one</li><li>two</li></ol>", ["1. one", "2. two"]),
    ("<ul><li>open<li>end</ul>", ["- open", "- end"]),
    ('<pre><code class="language-sh">ls &lt;x&gt;\n</code></pre>', ["```sh", "ls <x>", "```"]),
    ("| a |\n|---|\n| <ul><li>one</li><li>two</li></ul> |", ["| a |", "|---|", "| one; two;  |"]),
    ("<?code-excerpt 'x'?>\n\nText.", ["Text."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HTML)
def test_lists_terms_and_code_of_html_read_like_those_of_markdown(text, expected):
    assert read(text, "plain")[0] == expected


FENCES = [
    ("docusaurus", '```js title="crane.js" {1,3} showLineNumbers\na\n```', ["**crane.js**", "```js", "a", "```"]),
    ("docusaurus", 'Run it:\n\n```js title="a.js" {1}\na\n```', ["Run it:", '```js title="a.js"', "a", "```"]),
    ("docusaurus", "```js\n// highlight-next-line\na\n```", ["```js", "a", "```"]),
    ("vitepress", "```ts:line-numbers {1}\na // [!code ++]\n```", ["```ts", "a", "```"]),
    ("mkdocs", '``` { .yaml .annotate title="c.yml" }\na: 1 # (1)!\n```', ["**c.yml**", "```yaml", "a: 1", "```"]),
    ("mdbook", "```rust,ignore\nfn a() {}\n```", ["```rust", "fn a() {}", "```"]),
    ("mintlify", "```bash Linux shell\na\n```", ["**Linux shell**", "```bash", "a", "```"]),
    ("plain", "```sh keep these words\na\n```", ["```sh keep these words", "a", "```"]),
    ("plain", "- ```sh title=\"x\"\n  a\n  ```", ["- **x**", "  ```sh", "  a", "  ```"]),
    ("plain", "```@docs\nlift\n```\n\nText.", ["Text."]),
    ("plain", "```@example a\nlift()\n```", ["```julia", "lift()", "```"]),
]  # fmt: skip


@pytest.mark.parametrize(("flavour", "text", "expected"), FENCES)
def test_a_fence_keeps_its_language_and_its_title_is_text(flavour, text, expected):
    assert read(text, flavour)[0] == expected


FIELDS = [
    (":param load: Tons.\n:param int depth: Metres.\n:returns: The time.",
     ["- `load`: Tons.", "- `depth` (int): Metres.", "- **Returns**: The time."]),
    (":raises ValueError: Too heavy.\n:rtype: int",
     ["- **Raises `ValueError`**: Too heavy.", "- **Return type**: int"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FIELDS)
@pytest.mark.parametrize("path", ["page.md", "page.rst"])
def test_a_field_list_names_what_it_tells_of(text, expected, path):
    assert read(f"Text.\n\n{text}\n", "sphinx", path)[0] == ["Text.", *expected]


RST = [
    (":orphan:\n:author: Crew\n\nT\n=\n\nText.", ["# T", "Text."]),
    ("rope\n  Holds.\n\nhook : noun\n  Grips.", ["- **rope**: Holds.", "- **hook (noun)**: Grips."]),
    (".. glossary::\n\n   rope\n   line\n      Holds.", ["- **rope, line**: Holds."]),
    (".. confval:: depth\n   :type: int\n   :default: 4\n\n   How deep.",
     ["- `depth` (`int`, default: `4`): How deep."]),
    ("Choose :guilabel:`&Open`.", ["Choose Open."]),
    (".. csv-table:: Loads\n   :header: a, b\n\n   1, 2", ["**Loads**", "| a | b |", "| --- | --- |", "| 1 | 2 |"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RST)
def test_rst_lists_and_parts_of_programs(text, expected):
    assert read(f"{text}\n", "sphinx", "page.rst")[0] == expected


@pytest.mark.parametrize("path", ["page.md", "page.rst"])
def test_a_table_of_sphinx_may_have_its_values_in_a_file(path):
    directive = ".. csv-table:: Loads\n   :file: loads.csv\n   :header-rows: 1\n"
    fence = "```{csv-table} Loads\n:file: loads.csv\n:header-rows: 1\n```\n"
    kept, _ = read(fence if path.endswith(".md") else directive, "sphinx", path, loads_csv="name,tons\njib,4\n")
    assert [line.replace(" ", "") for line in kept if "---" not in line] == ["**Loads**", "|name|tons|", "|jib|4|"]


def test_a_part_of_a_program_in_myst_is_a_term_with_its_meaning():
    text = "```{confval} depth\n:type: int\n:default: 4\n\nHow deep.\n```\n\nSee {numref}`Figure %s <crane>`."
    assert read(text, "sphinx")[0] == ["- `depth` (int, default: `4`): How deep.", "See Figure."]


def test_authors_and_revision_of_asciidoc_are_no_text_and_values_between_commas_are_a_table():
    text = "= Crane\nAda Rope <ada@example.org>\nv2, 2026-01-02\n:x: y\n\nText.\n\n,===\na,b\n1,2\n,===\n"
    assert read(text, "antora", "page.adoc")[0] == ["# Crane", "Text.", "| a | b |", "| --- | --- |", "| 1 | 2 |"]


def test_substitutions_around_every_page_of_sphinx_are_known():
    files = {"conf_py": "rst_epilog = '''\n.. |hook| replace:: the big hook\n'''\n"}
    assert read("Use |hook|.\n", "sphinx", "page.rst", **files)[0] == ["Use the big hook."]


VALUES = [
    ("{crane.name} lifts {crane.load.tons} t", "Aurora lifts 40 t"),
    ("{crane['top-speed']} and {crane.hooks[1]}", "7 and big"),
    ("{crane.hooks.join(' or ')}, {crane.hooks.length}", "small or big, 2"),
    ("{`v${crane.load.tons}`} {crane.none || 'nothing'}", "v40 nothing"),
    ("{crane.hooks.map(hook => <b>{hook}!</b>)}", "small! big!"),
    ("{crane.parts.map(({name, kg}) => <span>{name} {kg} kg</span>)}", "jib 12 kg mast 90 kg"),
    ("{site.owner} {data.port} {data.list[0]}", "Crew 81 a"),
    ("{crane.start()}", "{{crane.start()}}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_an_expression_shows_what_the_page_its_imports_and_its_loops_tell(text, expected):
    page = (
        "import data from './data.json'\nimport {owner as who, site} from './site.js'\n\n"
        "export const crane = {\n  name: 'Aurora', load: {tons: 40, of: () => 3}, 'top-speed': 7,\n"
        "  hooks: ['small', \"big\"], parts: [{name: 'jib', kg: 12}, {name: 'mast', kg: 90}],\n}\n\n"
        f"Seen: {text}."
    )
    files = {"data_json": '{"port": 81, "list": ["a"]}', "site_js": "export const site = {owner: 'Crew'};\n"}
    assert " ".join(" ".join(read(page, "docusaurus", "page.mdx", **files)[0]).split()) == f"Seen: {expected}."


def test_objects_and_lists_that_an_import_passes_on_are_known_in_the_imported_file():
    part = "The {props.crane.name} has {props.hooks.join(', ')}."
    page = (
        "import Part from './_part.mdx'\n\nexport const crane = {name: 'Aurora'}\n\n"
        "<Part crane={crane} hooks={['small', 'big']} />"
    )
    assert read(page, "docusaurus", "page.mdx", _part_mdx=part)[0] == ["The Aurora has small, big."]


@pytest.mark.parametrize("text", ["{a: " * 3_000, "[" * 5_000, "{'a': `" + "x" * 90_000, "{a: f(" + "(" * 20_000])
def test_what_is_no_literal_has_no_value_however_it_is_nested(text):
    assert literals.constants("x", text) == {}


DOCFX = [
    ("[!INCLUDE [x](inc/a.md)]", ["From the file."]),
    ("Before [!INCLUDE [x](inc/a.md)] behind.", ["Before From the file. behind."]),
    ("[!code-csharp[Main](x.cs?range=1-1)]", ["```csharp", "class A {}", "```"]),
    (':::image type="content" source="x.png" alt-text="The jib of the crane.":::', ["![The jib of the crane.](x.png)"]),
    (':::zone pivot="a"\nShown.\n:::zone-end', ["Shown."]),
    ("## H\n\n### [Linux](#tab/l)\n\na\n\n### [Mac](#tab/m)\n\nb\n\n---\n\nc",
     ["## H", "### Linux", "a", "### Mac", "b", "## H", "c"]),
    ("See <xref:System.IO.File>.", ["See `File`."]),
    ('> [!div class="checklist"]\n> * one', ["> * one"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DOCFX)
def test_docfx(text, expected):
    assert read(text, "docfx", inc__a_md="From the file.\n", x_cs="class A {}\nclass B {}\n")[0] == expected


DOCSIFY = [
    ("?> Mind the gap.", ["> **Tip**", "> Mind the gap."]),
    ("[x](part.md ':include')", ["The part."]),
    ("## H :id=h {docsify-ignore}\n\n![a](b.png ':size=50')", ["## H", "![a](b.png)"]),
    ("## H\n\n<!-- tabs:start -->\n\n#### **Linux**\n\na\n\n<!-- tabs:end -->", ["## H", "### Linux", "a"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DOCSIFY)
def test_docsify(text, expected):
    assert read(text, "docsify", part_md="The part.\n")[0] == expected


NUXT = [
    ("::warning\nHot.\n::", ["> **Warning**", "> Hot."]),
    ('::card{title="Jib" icon="x"}\nLong.\n::', ["- **Jib**: Long."]),
    ("::card-group\n  :::card{title='Jib'}\n  Long.\n  :::\n::", ["  - **Jib**: Long."]),
    ("::alert\n---\ntype: danger\ntitle: Wind\n---\nStay in.\n::", ["> **Danger: Wind**", "> Stay in."]),
    ("::a\n  :::b\n    ::::c\n    ```md\n    ::d\n    ```\n    ::::\n  :::\n::", ["```md", "::d", "```"]),
    ("A `::` and a ratio 3::4.", ["A `::` and a ratio 3::4."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NUXT)
def test_nuxt_content(text, expected):
    assert read(text, "nuxt")[0] == expected


def test_data_of_githubs_documentation_stands_in_the_place_of_its_name():
    files = {
        "data__variables__crane_yml": "name: 'the *Aurora*'\n",
        "data__reusables__care__oil_md": "Oil {% data variables.crane.name %} daily.\n",
        "content__care_md": "---\ntitle: Care of cranes\n---\n",
    }
    text = "{% data reusables.care.oil %}\n\nSee {% data variables.crane.name %} in [AUTOTITLE](/care#x)."
    kept, found = read(text, "github", **files)
    assert kept == ["Oil the *Aurora* daily.", "See the *Aurora* in [Care of cranes](/care#x)."]
    assert not found.unread
    root = Path.cwd().resolve()
    site = detection.detected(root, "github")
    assert phrase("On {% data variables.crane.name %}", "", "a.md", Tree(root, 9_999, root), site) == "On the *Aurora*"


ADMONISHED = [
    ('```admonish warning title="Wind"\nStay in.\n```', ["> **Warning: Wind**", "> Stay in."]),
    ("## H\n\n{{#tabs }}\n{{#tab name=\"Linux\" }}\na\n{{#endtab }}\n{{#endtabs }}", ["## H", "### Linux", "a"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ADMONISHED)
def test_preprocessors_of_mdbook(text, expected):
    assert read(text, "mdbook")[0] == expected


LIQUID = [
    ("a {% comment %}hidden{% endcomment %} b", ["a  b"]),
    ("1. TOC\n{:toc}\n\nText.", ["Text."]),
    ('{% assign load = "40" %}Lifts {{ load }} t.', ["Lifts 40 t."]),
    ("{% if x %}Old{% else %}New{% endif %}", ["Old New"]),
    ('{% swagger-parameter in="query" name="depth" type="Integer" required="true" %}\nHow deep.\n'
     "{% endswagger-parameter %}", ["- `depth` (Integer, required): How deep."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LIQUID)
def test_liquid_hides_what_it_hides_and_knows_what_it_is_told(text, expected):
    assert read(text, "jekyll")[0] == expected


def test_an_embedded_block_of_a_list_is_that_item_alone():
    other = "- first\n- second ^here\n"
    assert read("- ![[Other#^here]]", "obsidian", Other_md=other)[0] == ["- second"]


QUARTO = [
    ("```{r}\n#| label: lift\n#| fig-cap: |\n#|   Load over\n#|   time.\nplot(load)\n```\n\nText.",
     ["```r", "plot(load)", "```", "Load over time.", "Text."]),
    ("```{python}\n#| echo: false\nimport crane\n```\n\nText.", ["Text."]),
    ("As @sec-safe-loads and [@fig-boom] say, write to ada@fig-boom.org.",
     ["As section “safe loads” and (figure “boom”) say, write to ada@fig-boom.org."]),
    ("It lifts `r max(load)` tons, `r` is no code.", ["It lifts {{max(load)}} tons, `r` is no code."]),
    ("::: callout-note\nOil it.\n:::", ["> **Note**", "> Oil it."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), QUARTO)
def test_quarto_shows_what_its_cells_and_references_show(text, expected):
    kept, found = read(text, "plain", "page.qmd")
    assert kept == expected
    assert [one.kind for one in found.unread] == ["expression"] * ("max" in text)


@pytest.mark.parametrize("flavour", ["docusaurus", "plain"])
def test_code_that_only_looks_like_a_computed_value_stays(flavour):
    text = "Run `python lift.py` or `r load`."
    assert read(text, flavour) == ([text], Findings())


@pytest.mark.parametrize("flavour", ["docusaurus", "plain"])
def test_words_of_code_that_are_to_be_coloured_are_no_title(flavour):
    text = '```js [[1, 3, "<Crane />"], [2, 4, "load"]] crane.js\nlift();\n```'
    assert read(text, flavour, "page.mdx")[0] == ["**crane.js**", "```js", "lift();", "```"]


def test_a_macro_that_is_called_with_an_object_keeps_its_values_by_their_names():
    text = 'Run:\n\n{{ crane_tabs({\n    tool: "crane",\n    args: ["--load", "40"],\n    comment: "Lift it"\n}) }}\n'
    kept, found = read(text, "plain")
    assert kept == ["Run:", "- tool: `crane`", "- args: `--load 40`", "- comment: Lift it"]
    assert [one.kind for one in found.unread] == ["macro"]


ANTORA = [
    ("modules/lift/pages/deep/a.adoc", "example$boom.txt", "modules/lift/examples/boom.txt"),
    ("modules/lift/pages/a.adoc", "winch:partial$oil.adoc", "modules/winch/partials/oil.adoc"),
    ("modules/lift/pages/a.adoc", "2.0@yard:winch:page$oil.adoc", "modules/winch/pages/oil.adoc"),
    ("a.adoc", "example$../examples/boom.txt", "examples/boom.txt"),
]


@pytest.mark.parametrize(("path", "named", "file"), ANTORA)
def test_antora_names_files_by_module_and_family(path, named, file):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text("The boom is long.\n", encoding="utf-8")
    root = Path.cwd().resolve()
    lines, found = expand(f"include::{named}[]\n", path, Tree(root, 100_000, root), detection.detected(root, "antora"))
    if path == "a.adoc":
        assert [one.problem for one in found.unresolved] == ["leaves_docs"]
    else:
        assert (to_text(lines).strip(), found.inlined) == ("The boom is long.", [file])


def test_cells_of_asciidoc_that_hold_listings_show_them_as_code():
    text = "|===\n|Sign |Code\n\n|Link\na|\n[source,asciidoc]\n----\nxref:crane.adoc[the crane]\n----\n|===\n"
    assert read(text, "antora", "page.adoc")[0][-1] == "| Link | `xref:crane.adoc[the crane]` |"


NAMED = [
    ("[#boom]\n== The boom\n\nText.\n\nSee <<boom>>.", ["## The boom", "Text.", "See The boom."]),
    (".Lift slowly\n[#ex-lift]\n----\nlift\n----\n\n<<ex-lift>> lifts, xref:ex-lift[] too, <<ex-other>> does not.",
     ["**Lift slowly**", "```", "lift", "```", "Lift slowly lifts, Lift slowly too, ex other does not."]),
    ("A [.term]*boom* and [.path]`/crane`.\n\n* [*] oiled\n* [ ] cleaned",
     ["A **boom** and `/crane`.", "- [x] oiled", "- [ ] cleaned"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NAMED)
def test_references_of_asciidoc_are_titles_and_roles_are_no_words(text, expected):
    assert read(text, "antora", "page.adoc")[0] == expected
