"""What ingest lost is counted by what a reader of the source would see, and what costs a page costs no other."""

from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.base.budget import OverBudgetError, budget
from stages.common.base.errors import UserError
from stages.common.records.files import read_json, read_jsonl
from stages.common.records.rows import Doc
from stages.ingest import __main__ as ingest
from stages.ingest import pages
from stages.ingest.sources import characters, identity, kinds, losses, manifest, references
from stages.ingest.sources.languages import language
from stages.ingest.sources.report import Report
from stages.ingest.sources.shown import shown, source_text
from support.settings import docs_section


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        file = Path("docs", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def read(files: dict[str, str], **changes: object) -> tuple[dict[str, Doc], dict]:
    write(files)
    report, section = Report(), docs_section(path="docs", **changes)
    manifest.write(section)
    ingest.write_docs(section, report)
    return {row["path"]: row for row in read_jsonl(paths.DOCS)}, report.as_json()


SHOWN = [
    ("Plain words stay.", "plain words stay"),
    ("# A heading {#its-id}", "heading"),
    ("[label](https://example.org/path/to.html)", "label"),
    ("[label][reference]", "label"),
    ("[reference]: https://example.org/x", ""),
    ("https://example.org/path", ""),
    ("![alternative](image.png)", "alternative"),
    ("<!-- a comment -->words", "words"),
    ("{/* a comment */}words", "words"),
    ("import Part from './_part.md'", ""),
    ('<Card title="Prose of it" icon="rocket">inside</Card>', "prose of it inside"),
    ('<Card title="中文" className="big and red" />', "中 文"),
    ('<Img alt="Words here" src="a b.png"\n  style={{color: "dark red"}} />', "words here"),
    ("`code span` and\n\n```js title=x\nlet code = 1\n```", "code span and let code"),
    (':::tip[Words of it]\ninside\n:::', "words of it inside"),
    ('!!! note "Words of it"\n    inside', "words of it inside"),
    ('{{< figure src="a.png" caption="Words of it" >}}', "words of it"),
    ("{% include x.html %}text", "text"),
    ("--8<-- 'part.md'", ""),
    ("```\n{{#include ../a.rs}}\n```", ""),
    ("See {ref}`words of it <label>`, {ref}`label`.", "see words of it"),
    ("See :doc:`words of it <page>` and :ref:`label`.", "see words of it and"),
    (".. code-block:: python\n   :linenos:\n\n   code here", "code here"),
    ("| Column | Other |\n|---|:-:|\n| one | two |", "column other one two"),
    ("---\ntitle: Title\n---\nText.", "text"),
    ("![x](data:image/png;base64,AAAABBBBCCCC)", ""),
    ("[lamp]: data:image/png;base64,AAAABBBBCCCC", ""),
    ('<Listing number="2-4" file-name="lamp.rs" caption="Lighting the lamp">', "lighting the lamp"),
    ('{{< term text="lamp" id="of-lamp" note="It is lit" >}}', "it is lit"),
    ("<Tab value=\"a\" label=\"Don't touch it\">", "don touch it"),
    ("import A from 'a'; import {B} from 'b';\nimport {\n  C,\n  D,\n} from 'c'\nLamps.", "lamps"),
    ("```{admonition} Words of it\n:class: tip\nThe lamp [is](lit.md).\n```", "words of it the lamp is"),
    ("```{code-cell} ipython3\n:tags: [hide-input]\nlight()\n```", "light"),
    ("```sh title=\"In the tower\" {1,3}\nlight\n```\n```sh [Tower]\nlight\n```", "in the tower light"),
    ("(of-lamps)=\n# Lamps", "lamps"),
    ("![[Lamps#Oil]] and [[Lamps#Oil|oil]] of [[Lamps#Oil]]. ^of-lamps", "and oil of lamps"),
    ("Lit by {frontmatter.keeper} and {props.height}.", "lit by and"),
]  # fmt: skip


def test_the_oracle_knows_the_signs_of_asciidoc():
    source = (
        ":keeper: Ada\n\n= Lamps\n\n[source,sh]\n----\nlight\n----\n\ninclude::partial$oil.adoc[]\n\n"
        '[cols="1,2"]\n|===\n|Name\n|===\n\nNOTE: See xref:oil.adoc#gas[the gas].\n'
    )
    shown_words = losses.word_counts(source_text("a.adoc", source))
    assert set(shown_words) == {"lamps", "light", "name", "see", "the", "gas"}


@pytest.mark.parametrize(("source", "expected"), SHOWN)
def test_the_oracle_counts_what_a_reader_would_see(source, expected):
    assert set(losses.word_counts(shown(source))) == set(losses.word_counts(expected))


@pytest.mark.parametrize("source", [source for source, _ in SHOWN])
def test_the_oracle_keeps_the_lines(source):
    assert shown(source).count("\n") == source.count("\n")


def test_words_that_a_reader_drops_are_counted_with_file_line_and_reason(monkeypatch):
    monkeypatch.setattr(pages.Reader, "lines", dropping(pages.Reader.lines, "inside the card"))
    _, report = read({"a.md": "# A\n\nFirst words.\n\n<Card>inside the card</Card>\n", "b.md": "# B\n\nText.\n"})
    account = report["account"]
    assert account["lost"] == 3
    assert account["by_reason"] == {"component": 3}
    assert [(row["path"], row["line"], row["lost"]) for row in account["worst"]] == [("a.md", 5, 3)]


def dropping(lines, words):
    """A reader that loses some words."""

    def broken(self, *arguments, **options):
        found, partials = lines(self, *arguments, **options)
        return [line.with_text(line.text.replace(words, "")) for line in found], partials

    return broken


def test_nothing_is_lost_where_all_is_read():
    files = {
        "a.md": "---\ntitle: A\ndescription: What it is.\n---\n\nimport P from './_p.md'\n\n"
        "# A\n\n<P />\n\n`x` **bold** [l](b.md)\n",
        "_p.md": "Words of the part.\n\n| a1 | b2 |\n|---|---|\n| c3 | d4 |\n",
        "b.md": "# B\n\n:::tip[Title of it]\n\nInside.\n\n:::\n",
    }  # fmt: skip
    _, report = read(files)
    assert report["account"]["lost"] == 0 and report["account"]["words"] > 10


def test_a_partial_that_a_page_names_and_none_shows_is_lost_and_one_that_none_names_is_left_out():
    _, report = read({
        "a.md": "# A\n\nText.\n\n<Unknown of='_named.md' />\n",
        "_named.md": "Four words in here.\n", "_alone.md": "Three words here.\n",
    })  # fmt: skip
    account = report["account"]
    assert account["by_reason"].get("partial") == 4 and account["left_out"] == {"partial that no page names": 3}


def test_pages_left_out_on_purpose_are_counted_apart():
    _, report = read({
        "a.md": "# A\n\nText.\n", "b.md": "---\ndraft: true\n---\nTwo words.\n", "CHANGELOG.md": "# Changes\n\nOne.\n",
    })  # fmt: skip
    assert report["account"]["left_out"] == {"unpublished": 2, "kind_changelog": 2}
    assert report["account"]["lost"] == 0
    assert {name: report["skipped"][name] for name in ("unpublished", "kind_changelog")} == {
        "unpublished": ["b.md"], "kind_changelog": ["CHANGELOG.md"]
    }  # fmt: skip


def test_the_switches_take_them_in():
    rows, _ = read(
        {"a.md": "# A\n\nText.\n", "b.md": "---\ndraft: true\n---\nTwo words.\n", "CHANGELOG.md": "# It\n\nOne.\n"},
        unpublished=True, page_kinds=["manual", "changelog"],
    )  # fmt: skip
    assert set(rows) == {"a.md", "b.md", "CHANGELOG.md"}


def test_one_language_of_a_site_can_be_chosen():
    german = (
        "# Kessel\n\nDer Kessel fasst neun Liter Wasser. Er wird oben gefüllt, und das Ventil lässt den Dampf heraus.\n"
    )
    english = (
        "# Boiler\n\nThe boiler holds nine litres of water. It is filled at the top, and a valve lets the steam out.\n"
    )
    files = {"de/a.md": german, "en/a.md": english, "de/short.md": "# Kurz\n\n30 V\n"}
    rows, report = read(files, languages=["de"])
    assert set(rows) == {"de/a.md", "de/short.md"} and report["languages"] == {"de": 2}
    rows, _ = read(files)
    assert rows["de/a.md"]["group"] == rows["en/a.md"]["group"] != rows["de/short.md"]["group"]


def test_ingest_fails_above_the_share_that_may_be_lost_and_names_the_worst_files(write_params, monkeypatch):
    monkeypatch.setattr(pages.Reader, "lines", dropping(pages.Reader.lines, "inside the card"))
    card = "<Card>" + "inside the card\n" * 10 + "</Card>\n"
    write({"a.md": f"# A\n\nFirst.\n\n{card}"})
    write_params({"docs.max_unread": 0.99})
    ingest.main()
    write_params({"docs.max_unread": 0.1})
    with pytest.raises(UserError, match=r"docs\.max_unread.*a\.md:5 \(30 of "):
        ingest.main()
    assert read_json(paths.REPORTS / "ingest.json")["account"]["lost"] == 30


def test_a_few_lost_words_stop_no_small_corpus_unless_none_may_be_lost(write_params, monkeypatch, capsys):
    monkeypatch.setattr(pages.Reader, "lines", dropping(pages.Reader.lines, "inside the card"))
    write({"a.md": "# A\n\nFirst.\n\n<Card>inside the card</Card>\n"})
    write_params({"docs.max_unread": 0.1})
    ingest.main()
    assert "warning" in capsys.readouterr().out
    write_params({"docs.max_unread": 0})
    with pytest.raises(UserError, match=r"docs\.max_unread.*a\.md:5 \(3 of "):
        ingest.main()


def test_a_directory_of_drafts_alone_says_which_setting_reads_them_and_reports_them(write_params):
    write({"a.md": "---\ndraft: true\n---\n# A\n\nText.\n"})
    write_params({})
    with pytest.raises(UserError, match=r"docs\.unpublished: true"):
        ingest.main()
    assert read_json(paths.REPORTS / "ingest.json")["skipped"] == {"unpublished": ["a.md"]}


def test_the_screen_shows_at_most_five_lines(capsys, write_params):
    write({
        "a.md": "# A\n\nText {{ unknown }} and [[b]] and <Unknown />\n", "b.md": "---\nx: [\n---\nText \x07 here.\n",
        "c.md": "", "CHANGELOG.md": "# Changes\n\nOne.\n",
    })  # fmt: skip
    Path("docs/gone.md").symlink_to("nowhere.md")
    write_params({})
    ingest.main()
    assert len(capsys.readouterr().out.splitlines()) <= 5


@pytest.mark.parametrize("error", [ValueError, RecursionError, KeyError, MemoryError, AttributeError])
def test_a_page_that_raises_anything_costs_no_other_and_is_named(monkeypatch, error):
    def kind(path: str, *_: object) -> str:
        if path == "bad.md":
            raise error("of the reader")
        return "manual"

    monkeypatch.setattr(pages, "kind", kind)
    rows, report = read({"a.md": "# A\n\nText.\n", "bad.md": "# Bad\n\nText.\n"})
    reason = "over_budget" if error is MemoryError else "failed"
    assert set(rows) == {"a.md"} and report["skipped"][reason] == ["bad.md"]
    assert report["failures"][0]["path"] == "bad.md" and (
        "of the reader" in report["failures"][0]["error"] or error is MemoryError
    )


def test_a_page_over_its_budget_of_time_costs_no_other(monkeypatch):
    def kind(path: str, *_: object) -> str:
        while path == "slow.md":
            pass
        return "manual"

    monkeypatch.setattr(pages, "kind", kind)
    monkeypatch.setattr(pages, "MAX_SECONDS", 0.05)
    rows, report = read({"a.md": "# A\n\nText.\n", "slow.md": "# Slow\n\nText.\n"})
    assert set(rows) == {"a.md"} and report["skipped"]["over_budget"] == ["slow.md"]


def test_a_budget_ends_a_regular_expression_too():
    import re

    with pytest.raises(OverBudgetError), budget(0.05):
        re.match(r"(a+)+$", "a" * 60 + "b")


@pytest.mark.parametrize(
    ("head", "line", "title"),
    [
        ("title: Boiler Guide: Filling and heating", 2, "Boiler Guide: Filling and heating"),
        ("title: @boiler/guide", 2, "@boiler/guide"),
        ("title: Tabs\n\tdescription: with a tab", 3, "Tabs"),
        ("title: 'Quoted: yes'\ntags: [a, b", 3, "Quoted: yes"),
    ],
)
def test_broken_front_matter_is_named_with_its_line_and_loses_only_itself(head, line, title):
    rows, report = read({"a.md": f"---\n{head}\n---\n\nThe boiler holds nine litres.\n"})
    assert (rows["a.md"]["title"], rows["a.md"]["text"].strip()) == (title, "The boiler holds nine litres.")
    found = report["broken_front_matter"]
    assert [row["path"] for row in found] == ["a.md"]
    assert abs(found[0]["line"] - line) <= 1  # parsers differ in whether they name the line or the next


def test_a_number_of_thousands_of_digits_costs_its_key_only():
    rows, _ = read({"a.md": "+++\ntitle = 0x" + "F" * 5000 + "\n+++\n# A\n\nText.\n"})
    assert rows["a.md"]["title"] == "A"


@pytest.mark.parametrize(
    "text",
    [
        "![Panel](data:image/png;base64,{})",
        "![Panel][img]\n\n[img]: data:image/png;base64,{}",
        '<img alt="Panel" src="data:image/svg+xml;base64,{}">',
        "Panel\n\n{}",
    ],
)
def test_base64_reaches_no_page(text):
    data = "iVBORw0KGgoAAAANSUhEUgAA" * 60
    rows, report = read({"a.md": f"# A\n\nThe lamp is blue.\n\n{text.format(data)}\n\nMore words.\n"})
    assert "iVBOR" not in rows["a.md"]["text"] and "More words." in rows["a.md"]["text"]
    assert report["account"]["lost"] <= 1


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("a\x07b", "ab", "control"),
        ("a\x1b[31mb\x1b[0m", "ab", "control"),
        ("a\x1b]0;title\x07b", "ab", "control"),
        ("a\u2028b", "a b", "control"),
        ("a\u200bb", "ab", "zero_width"),
        ("a\u202eb\u202c", "ab", "bidirectional"),
        ("a\ue0000\ue001b", "a0b", "private_use"),
        ("a\U000f1234b", "ab", "private_use"),
        ("a\ufdd0b", "ab", "noncharacter"),
    ],
)
def test_characters_that_are_no_text_are_taken_out_and_counted(text, expected, kind):
    rows, report = read({"a.md": f"# A\n\nWord {text}.\n\n```\n{text}\n```\n"})
    assert rows["a.md"]["text"].count(expected) == 2 and not characters.ANY.search(rows["a.md"]["text"])
    assert report["characters"]["pages"] == {"a.md": {kind: report["characters"]["counts"][kind]}}


@pytest.mark.parametrize("text", ["👩‍🔬", "می‌خواهم", "क्‍ष", "naïve — “quoted” 中文 \t tab"])
def test_characters_that_scripts_and_emoji_need_stay(text):
    assert characters.cleaned(text) == (text, {})


REPEATED = (
    '<!-- {/* {#_ %% {% {{ {{! {{</* <style> ` `_ ]( ](a( [ [[ <a_ <a_b=" <A_{ .._| :a - _ \n > >_ A1 a/ a. & ```\n |-'
    " import_{\n #_v1.0_"
)


@pytest.mark.parametrize("sign", [sign.replace("_", " ") for sign in REPEATED.split(" ")])
def test_no_repeated_sign_takes_more_than_the_budget_of_a_page(sign):
    text = "# T\n\nText.\n\n" + sign * (200_000 // len(sign)) + "8<x"
    with budget(pages.MAX_SECONDS):
        losses.word_counts(shown(text))
        references.names(text)
        characters.cleaned(text)
        identity.page("a.md", "en", text)
        language(text)
        kinds.kind("a.md", {}, "T", text)
