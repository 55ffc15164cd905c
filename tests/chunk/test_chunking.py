"""chunking: what belongs together stays together, what must be cut is cut where a reader would, and nothing is lost."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.chunk import prose
from stages.common.markdown.blocks import blocks
from stages.common.text import tokens
from stages.common.text.wording import sentences
from support.chunking import count, cut, cut_pages, doc, section

SERIAL = re.compile(r"[hw]\d+x")  # every word that the generator writes is another one


@dataclass
class Page:
    """A page under construction: its source and, for each of its words and blocks, the headings above it."""

    number: int = 0
    parts: list[str] = field(default_factory=list)
    blocks: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    path: list[tuple[int, str]] = field(default_factory=list)
    above: dict[str, tuple[str, ...]] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n\n".join(self.parts) + "\n"

    def word(self, letter: str = "w") -> str:
        self.number += 1
        word = f"{letter}{self.number}x"
        self.above[word] = tuple(name for _, name in self.path)
        return word

    def words(self, most: int) -> str:
        return " ".join(self.word() for _ in range(most))

    def sentence(self, size: int) -> str:
        return self.words(size) + (". " if size % 2 else "。")

    def heading(self, level: int) -> None:
        self.path = [(above, name) for above, name in self.path if above < level]
        name = self.word("h")
        self.path.append((level, name))
        self.parts.append("#" * level + " " + name)

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.blocks.append((text, tuple(name for _, name in self.path)))

    def block(self, kind: str, sizes: list[int]) -> None:
        """A block of a kind, with as many parts as there are sizes."""
        lines = [self.words(size) for size in sizes]
        if kind == "paragraph":
            self.add("".join(self.sentence(size) for size in sizes).strip())
        elif kind == "lead":
            self.add(lines[0] + "：")
        elif kind == "table":
            header = f"| {self.word()} | {self.word()} |\n| --- | :-: |"
            self.headers.append(header)
            self.add("\n".join([header, *(f"| {line} | {self.word()} |" for line in lines)]))
        elif kind == "fence":
            self.add(
                "\n".join(
                    ["```py", *("\n" * (n % 4 == 3) + "  " * (n % 3) + line for n, line in enumerate(lines)), "```"]
                )
            )
        elif kind == "list":
            self.add("\n".join(f"{'  ' * (n % 3)}- {line}" for n, line in enumerate(lines)))
        elif kind == "steps":
            self.add("\n\n".join(f"{n}. {line}\n\n   {self.sentence(2).strip()}" for n, line in enumerate(lines, 1)))
        elif kind == "quote":
            self.add("\n>\n".join(["> **Note**", *(f"> {line}。" for line in lines)]))
        elif kind == "formula":
            self.add("\n".join(["$$", *(rf"\text{{{line}}} = 1 \\" for line in lines), "$$"]))
        elif kind == "html":
            rows = "\n".join(f"<tr><td>{line}</td></tr>" for line in lines)
            self.add(f"<table>\n<tr><th>{self.word()}</th></tr>\n{rows}\n</table>")


KINDS = ["paragraph", "lead", "table", "fence", "list", "steps", "quote", "formula", "html"]


@st.composite
def pages(draw: st.DrawFn) -> Page:
    page = Page()
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.booleans()):
            page.heading(draw(st.integers(1, 4)))
        if draw(st.integers(0, 5)):
            kind = draw(st.sampled_from(KINDS))
            page.block(kind, draw(st.lists(st.integers(1, 9), min_size=1, max_size=25)))
    return page


CAPS = st.sampled_from([96, 128, 200, 512])
many = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def in_order(wanted: str, text: str) -> bool:
    """Whether the characters of `wanted` are in `text` in order, white space apart."""
    found = iter(re.sub(r"\s", "", text))
    return all(character in found for character in re.sub(r"\s", "", wanted))


@many
@given(pages(), CAPS, st.sampled_from([0, 40, 64]), st.sampled_from([0, 20]))
def test_chunks_one_after_the_other_give_back_the_page(page, cap, min_tokens, overlap):
    """Every word in its order, once but for what is repeated; and every sign outside headings."""
    rows = cut(page.text, max_tokens=cap, min_tokens=min_tokens, overlap_tokens=overlap)
    found = [word for row in rows for word in SERIAL.findall(" ".join([*row["headings"], row["text"]]))]
    assert list(dict.fromkeys(found)) == SERIAL.findall(page.text)
    body = "\n".join(line for line in page.text.split("\n") if not line.startswith("#"))
    assert in_order(body, "\n".join(row["text"] for row in rows))


@many
@given(pages(), CAPS, st.sampled_from([0, 40, 64]), st.sampled_from([0, 20]))
def test_every_chunk_is_within_budget_and_under_all_headings_of_its_words(page, cap, min_tokens, overlap):
    for row in cut(page.text, max_tokens=cap, min_tokens=min_tokens, overlap_tokens=overlap):
        assert row["tokens"] == count(" > ".join(row["headings"]) + "\n\n" + row["text"]) <= cap
        known = set(row["headings"])
        for word in SERIAL.findall(row["text"]):
            known.add(word)
            assert set(page.above[word]) <= known


@many
@given(pages(), CAPS, st.sampled_from([0, 40, 64]), st.sampled_from([0, 20]))
def test_a_block_that_fits_is_never_cut(page, cap, min_tokens, overlap):
    texts = [row["text"] for row in cut(page.text, max_tokens=cap, min_tokens=min_tokens, overlap_tokens=overlap)]
    for text, path in page.blocks:
        if count(" > ".join(["Title", *path]) + "\n\n" + text + "\n\n") < cap:
            assert any(text in found for found in texts), text


@many
@given(pages(), CAPS)
def test_rows_of_a_table_stand_under_its_header_in_every_chunk(page, cap):
    rows = cut(page.text, max_tokens=cap, min_tokens=40)
    for header in page.headers:
        whole = next(text for text, _ in page.blocks if text.startswith(header))
        for row in rows:
            here = [line for line in whole.split("\n")[2:] if line in row["text"]]
            assert not here or row["text"].index(header) < row["text"].index(here[0])


@many
@given(
    st.text(alphabet="#|-`$>*[]()<1.:\\~ \n\t中。a\u0301👩\u200d", max_size=400), st.sampled_from(["markdown", "fixed"])
)
def test_any_text_is_cut_within_budget_without_losing_a_letter(text, strategy):
    rows = cut("b " + text, max_tokens=64, min_tokens=16, strategy=strategy)
    assert all(row["tokens"] <= 64 for row in rows)
    kept = Counter("".join("".join([*row["headings"], row["text"]]) for row in rows))
    wanted = Counter(character for character in text if character.isalnum())
    assert not wanted - kept


def texts(source: str, **limits: int) -> list[str]:
    return [row["text"] for row in cut(source, **limits)]


FILLER = " ".join(f"Filler sentence number {n} stands here." for n in range(7))


@pytest.mark.parametrize(
    "lead",
    [
        "The settings are:",
        "参数如下：",
        "**设置如下：**",
        "**Label**",
        "__Label__:",
        "参数如下表所示。",
        "The settings are as follows.",
    ],
)
@pytest.mark.parametrize(
    "block",
    ["| a | b |\n| - | - |\n| c | d |", "```\ncode\n```", "- one\n- two", "$$\na\n$$", "> quote", "Some words."],
)
def test_what_introduces_a_block_stays_with_it(lead, block):
    found = texts(f"{FILLER}\n\n{lead}\n\n{block}\n", max_tokens=count(f"Title\n\n{FILLER}\n\n{lead}\n\n") + 2)
    assert found == [FILLER, f"{lead}\n\n{block}"]


def test_the_signs_of_a_formula_stay_with_it():
    formula = "$$\nP = U I\n$$\n\n其中，$U$ 是电压。"
    assert texts(f"{FILLER}\n\n{formula}\n", max_tokens=count(FILLER) + 20) == [FILLER, formula]


@pytest.mark.parametrize(
    ("block", "following"),
    [
        ("- one\n- two", "  What step two means."),
        ("Press the button.", "![The button](button.png)"),
        ("10. ten", "   Why ten."),
    ],
)
def test_what_continues_or_illustrates_a_block_stays_with_it(block, following):
    cap = count(f"Title\n\n{FILLER}\n\n{block}\n\n") + 2
    assert texts(f"{FILLER}\n\n{block}\n\n{following}\n", max_tokens=cap) == [FILLER, f"{block}\n\n{following}"]


def test_a_lead_in_stays_with_the_first_part_of_a_table_that_is_split():
    table = "| a | b |\n| - | - |\n" + "\n".join(f"| row {n} | value {n} |" for n in range(40))
    lead = FILLER.replace(".", ",") + " and all rows:"
    first, *_, last = texts(f"{FILLER}\n\n{lead}\n\n{table}\n", max_tokens=128)[1:]
    assert first.startswith(f"{lead}\n\n| a | b |\n| - | - |\n| row 0 |")
    assert last.endswith("| row 39 | value 39 |")


def test_a_small_beginning_stays_with_a_block_that_is_split_anyway():
    table = "| a | b |\n| - | - |\n" + "\n".join(f"| row {n} | value {n} |" for n in range(40))
    assert texts(f"Short.\n\n{table}\n", max_tokens=128, min_tokens=32)[0].startswith("Short.\n\n| a | b |")


HTML_ROWS = [f"  <tr>\n    <td>row {n}</td>\n    <td>value {n}</td>\n  </tr>" for n in range(30)]


@pytest.mark.parametrize(
    "head",
    [
        "<table>\n  <thead>\n  <tr><th>a</th><th>b</th></tr>\n  </thead>\n  <tbody>",
        "<table>\n  <tr><th>a</th><th>b</th></tr>",
        "<table>\n  <tr>\n    <td>**a**</td>\n    <td>**b**</td>\n  </tr>",
    ],
    ids=["thead", "th", "bold cells"],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"], ids=["", "blank lines"])
def test_an_html_table_is_split_between_rows_with_its_header_and_its_end_repeated(head, gap):
    tail = "  </tbody>\n</table>" if "<tbody>" in head else "</table>"
    found = texts("\n".join([head, gap.join(HTML_ROWS), tail]), max_tokens=200)
    assert len(found) > 2
    assert all(text.startswith(head) and text.endswith("</table>") for text in found)
    assert re.findall(r"row \d+", "".join(found)) == [f"row {n}" for n in range(30)]
    assert all(text.count("<tr>") == text.count("</tr>") for text in found)


def test_rows_that_a_cell_spans_stay_together():
    groups = [
        f'<tr><td rowspan="3">g{n}</td><td>a{n}</td></tr>\n<tr><td>b{n}</td></tr>\n<tr><td>c{n}</td></tr>'
        for n in range(12)
    ]
    for cap in range(110, 230, 10):
        found = texts("<table>\n<tr><th>x</th><th>y</th></tr>\n" + "\n".join(groups) + "\n</table>", max_tokens=cap)
        assert len(found) > 2
        assert all(re.findall(r">([abc])\d", text) == ["a", "b", "c"] * text.count("rowspan") for text in found)


def test_text_behind_an_html_table_stands_once():
    found = texts("<table>\n" + "\n".join(HTML_ROWS) + "\n</table><p>behind</p>", max_tokens=200)
    assert "".join(found).count("behind") == 1


def test_code_is_cut_at_blank_lines():
    functions = [f"def f{n}(x):\n    y = x + {n}\n    return y * {n}\n" for n in range(12)]
    found = texts("```python\n" + "\n".join(functions) + "```\n", max_tokens=100)
    assert len(found) > 2
    assert all(re.match(r"```python\ndef f\d+", text) and text.endswith("\n```") for text in found)


def test_a_list_is_cut_between_its_items_and_numbers_stay():
    items = [f"{n}. Step {n} says what to do.\n\n    And why it is done in step {n}." for n in range(1, 20)]
    found = texts("\n\n".join(items), max_tokens=100)
    assert len(found) > 2
    assert "\n\n".join(found).split() == "\n\n".join(items).split()
    assert all(re.match(r"\d+\. Step", text) for text in found)


def test_a_long_item_repeats_its_first_paragraph_above_what_is_nested_in_it():
    nested = "\n".join(f"   - nested item {n} with some words" for n in range(40))
    found = texts(f"1. first\n2. second, which has:\n{nested}\n3. third\n", max_tokens=120)
    assert len(found) > 3
    assert all("2. second, which has:\n   - nested item" in text for text in found[1:-1])
    assert re.findall(r"nested item (\d+)", "".join(found)) == [str(n) for n in range(40)]


def test_a_long_item_without_a_short_beginning_keeps_its_mark():
    found = texts("7. " + " ".join(f"This is sentence {n} of the item." for n in range(40)), max_tokens=96)
    assert found[0].startswith("7. This is sentence 0")
    assert all(text.startswith("7. …\n   This is sentence") for text in found[1:])


def test_an_admonition_is_cut_between_its_blocks_with_its_label_repeated():
    rows = "\n".join(f"> | row {n} | value {n} |" for n in range(30))
    quote = f"> **Warning: hot**\n>\n> First paragraph.\n>\n> | a | b |\n> | - | - |\n{rows}"
    found = texts(quote, max_tokens=120)
    assert len(found) > 2
    assert found[0].startswith("> **Warning: hot**\n>\n> First paragraph.\n>\n> | a | b |")
    assert all(text.startswith("> **Warning: hot**\n>\n> | a | b |\n> | - | - |\n> | row") for text in found[1:])
    assert all(line.startswith(">") for text in found for line in text.split("\n"))


@pytest.mark.parametrize(
    ("opening", "closing"), [("$$", "$$"), ("\\[", "\\]"), ("$$\\begin{aligned}", "\\end{aligned}\n$$")]
)
def test_a_long_formula_is_cut_between_lines_with_its_marks_repeated(opening, closing):
    lines = [f"x_{{{n}}} &= y_{{{n}}} + z_{{{n}}} \\\\" for n in range(40)]
    found = texts("\n".join([opening, *lines, closing]), max_tokens=128)
    assert len(found) > 2
    assert all(text.startswith(opening + "\n") and text.endswith(closing) for text in found)
    assert [line for text in found for line in text.split("\n") if "&=" in line] == lines


def test_indented_tables_keep_their_header_too():
    table = "    | a | b |\n    | - | - |\n" + "\n".join(f"    | row {n} | value {n} |" for n in range(40))
    found = texts(table, max_tokens=128)
    assert len(found) > 2
    assert all(text.startswith("    | a | b |\n    | - | - |\n    | row") for text in found)


@pytest.mark.parametrize(
    "text",
    [
        "See e.g. this page. And i.e. that one.",
        "In v1. it was so. In v2.1 it is not.",
        "It is 3.5 kW. It was 1.5 before.",
        "J. Smith et al. say so. Others do not.",
        "他说：“好。”然后走了。",
        "最大值是 3.14。不是 3.15！真的？是的；好",
    ],
)
def test_sentences_end_where_they_end(text):
    wanted = {
        "See": ["See e.g. this page.", " And i.e. that one."],
        "In ": ["In v1. it was so.", " In v2.1 it is not."],
        "It ": ["It is 3.5 kW.", " It was 1.5 before."],
        "J. ": ["J. Smith et al. say so.", " Others do not."],
        "他说：": ["他说：“好。”", "然后走了。"],
        "最大值": ["最大值是 3.14。", "不是 3.15！", "真的？", "是的；", "好"],
    }
    assert sentences(text) == wanted[text[:3]]


@pytest.mark.parametrize(
    "whole",
    [
        "[a link. With a stop.](https://example.org/a. b)",
        "[![an image. Here.](a.png)](b. c)",
        "`code. With. Stops.`",
        "``code ` 。with a tick``",
        "$a. b。c$",
        "$$x。 y. z$$",
        "\\(a. b。 c\\)",
        "**粗体。里面。**",
        '<span title="a. b. c">',
        "e\u0301\u0302",
        "👩\u200d👩\u200d👧",
        "🇨🇳",
        "👍🏽",
    ],
)
@pytest.mark.parametrize("room", [48, 50, 53])
def test_no_cut_goes_through(whole, room):
    for shift in range(0, 40, 3):
        text = "字" * shift + f"{whole}。" + "数据" * 40 + whole + "字" * 40
        pieces = prose.cut(text, room, count)
        assert "".join(pieces) == text
        assert sum(piece.count(whole) for piece in pieces) == 2
        assert all(count(piece) <= room for piece in pieces)


def test_headings_without_text_stand_in_a_chunk():
    source = "# Title\n\n## Empty\n\n## Full\n\nwords\n\n### Below\n\n#### Deep\n\nmore words\n\n## Last\n"
    for min_tokens in (0, 64):
        rows = cut(source, min_tokens=min_tokens)
        said = " ".join(" ".join([*row["headings"], row["text"]]) for row in rows)
        assert {"Empty", "Full", "Below", "Deep", "Last"} <= set(said.replace("#", "").split())
    assert texts("## One\n\n## Two\n") == ["## One\n\n## Two"]


def test_a_page_of_one_heading_that_is_not_its_title_is_a_chunk():
    (row,) = cut("## Only this\n")
    assert (row["headings"], row["text"]) == (["Title"], "## Only this")


def test_a_small_last_section_joins_the_one_before_it():
    (row,) = cut(f"## Long\n\n{FILLER}\n\n## Short\n\nfew words\n", min_tokens=32)
    assert row["text"] == f"## Long\n\n{FILLER}\n\n## Short\n\nfew words"


def test_a_small_section_joins_the_neighbour_that_shares_more_headings():
    source = f"## A\n\n{FILLER}\n\n### Note\n\nfew words\n\n## B\n\nB: {FILLER}\n"
    first, second = cut(source, min_tokens=32)
    assert (first["headings"], second["headings"]) == (["Title", "A"], ["Title", "B"])
    assert first["text"].endswith("### Note\n\nfew words")


def test_text_that_comes_back_to_the_page_stands_under_its_title():
    (row,) = cut("## By hand\n\nTurn the valve.\n\n# Title\n\nEither way the tank fills in an hour.\n", min_tokens=32)
    assert row["text"].endswith("Turn the valve.\n\n# Title\n\nEither way the tank fills in an hour.")
    assert (row["headings"], row["line_start"], row["line_end"]) == (["Title"], 1, 7)


def test_headings_before_a_section_that_takes_nothing_in_join_the_one_before_them():
    long = " ".join(f"Long sentence number {n} stands here." for n in range(14))
    cap = count(f"Title > C\n\n{long}") + 2
    rows = cut(f"## A\n\n{FILLER}\n\n## X\n\n## Y\n\n## C\n\n{long}\n", max_tokens=cap, min_tokens=32)
    assert [row["text"] for row in rows] == [f"## A\n\n{FILLER}\n\n## X\n\n## Y", long]


def test_a_block_in_an_item_that_fits_without_what_is_repeated_stays_whole():
    table = "  | a | b |\n  | - | - |\n" + "\n".join(f"  | row {n} | value {n} |" for n in range(9))
    lead = "Words that stand before it, and some more of them."
    for cap in range(count(table) + 10, count(table) + 40, 4):
        assert any(table in text for text in texts(f"- {lead}\n\n{table}\n\n  {FILLER}", max_tokens=cap))


def test_the_last_part_of_a_split_block_is_not_left_small():
    rows = [f"| row {n} | value {n} |" for n in range(23)]
    for last in range(3, 23):
        found = texts("\n".join(["| a | b |", "| - | - |", *rows[:last]]), max_tokens=96, min_tokens=48)
        assert all(count(text) >= 48 for text in found) or len(found) == 1


def test_overlap_repeats_whole_sentences_of_the_chunk_before():
    text = " ".join(f"Sentence {n} is about the number {n}." for n in range(60))
    plain, found = cut(text, max_tokens=128), cut(text, max_tokens=128, overlap_tokens=30)
    assert len(found) > len(plain)
    for before, row in itertools.pairwise(found):
        repeated, own = row["text"].split("\n\n")
        assert before["text"].endswith(repeated)
        assert 10 <= count(repeated) <= 30
        assert repeated.startswith("Sentence")
        assert not before["text"].endswith(own[:20])
        assert row["tokens"] <= 128


def test_overlap_repeats_whole_blocks_and_none_of_another_section():
    parts = [f"- item {n} of the list, with words" for n in range(3)]
    source = "\n\nParagraph between.\n\n".join(["\n".join(parts)] * 9) + "\n\n## Next\n\nOther words.\n"
    *found, other = cut(source, max_tokens=96, overlap_tokens=40)
    assert other["text"] == "Other words."
    for before, row in itertools.pairwise(found):
        whole = row["text"].split("\n\n")
        assert any(before["text"].endswith("\n\n".join(whole[:n])) for n in (1, 2))


def test_overlap_cuts_no_block_that_fits_without_it():
    fence = "```\n" + "\n".join(f"line {n} of code" for n in range(14)) + "\n```"
    found = texts(f"{FILLER}\n\n{fence}\n\n{FILLER}\n", max_tokens=count(fence) + 8, overlap_tokens=30)
    assert any(fence in text for text in found)


def test_fixed_slices_overlap_by_as_many_tokens():
    text = "".join(f"word{n} 数据 " for n in range(200))
    found = texts(text, max_tokens=64, strategy="fixed", overlap_tokens=16)
    ends = 0
    for text_before, slice_text in itertools.pairwise(found):
        ends = max(n for n in range(len(slice_text)) if text_before.endswith(slice_text[:n]))
        assert 10 <= count(slice_text[:ends]) <= 17


@pytest.mark.parametrize("letter", ["e\u0301\u0302", "🇨🇳", "👍🏽"])
def test_fixed_slices_part_no_letter_from_its_marks(letter):
    for cap in (64, 65, 66, 67):
        found = texts(letter * 150, max_tokens=cap, strategy="fixed")
        assert all(text.count(letter) * len(letter) == len(text) for text in found)


def test_the_lines_of_overlap_and_of_merged_headings_are_those_of_the_page():
    text = "## A\n\nshort\n\n## B\n\n" + "\n".join(f"Sentence {n} is here." for n in range(60)) + "\n"
    lines = text.split("\n")
    rows = cut(text, max_tokens=96, min_tokens=24, overlap_tokens=20)
    assert rows[0]["line_start"] == 1
    for row in rows:
        numbers = re.findall(r"Sentence (\d+)", row["text"])
        assert numbers == re.findall(r"Sentence (\d+)", "\n".join(lines[row["line_start"] - 1 : row["line_end"]]))


def test_a_table_or_formula_in_a_list_is_a_block_of_its_own():
    kinds = [
        block.kind
        for block in blocks("a\n$$\nb\n$$\n\\[\nc\n=\nd\n\\]\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\\[ unclosed\n")
    ]
    assert kinds == ["paragraph", "formula", "formula", "table", "paragraph"]


def test_a_heading_path_that_leaves_no_room_is_shortened_and_stands_in_the_text():
    name = "".join(f"A heading that goes on, {n} and on, " for n in range(30))
    rows = cut(f"# {name}\n\n## Below\n\nwords\n\n## Next\n\nother words\n", max_tokens=96)
    assert all(row["tokens"] <= 96 for row in rows)
    assert all("…" in row["headings"][1] for row in rows)
    assert in_order(name.strip(), "".join(row["text"] for row in rows))
    assert rows[-1]["headings"][-1] == "Next"


HOSTILE = {
    "empty": "",
    "one line without spaces": "x" * 100_000,
    "one line of words": "word xyz " * 12_000,
    "one line of Chinese": "数据切分，参数默认。" * 5_000,
    "nested lists": "- " * 3_000 + "x",
    "nested numbers": "1. " * 3_000 + "x",
    "nested quotes": ">" * 50_000 + " x",
    "nested lines": "\n".join("  " * n + f"- x{n}" for n in range(200)),
    "quotes in lists": "- > " * 3_000 + "x",
    "fence without end": "```py\n" + "x = 1\n" * 5_000,
    "fence with a long first line": "```" + "y" * 10_000 + "\n" + "x = 1\n" * 1_000,
    "admonition without end": ":::tip\n" + "text here.\n" * 3_000,
    "comment without end": "<!-- " + "x y\n\n" * 3_000,
    "table of 10,000 rows": "| a | b |\n|---|---|\n" + "".join(f"| {n} | value {n} |\n" for n in range(10_000)),
    "table with a long row": "| a | b |\n|---|---|\n| " + "x y. " * 10_000 + " | z |\n",
    "html table in one line": "<table>" + "<tr><td>x</td></tr>" * 5_000 + "</table>",
    "html table that one cell spans": "<table>\n" + "<tr><td rowspan=9999>1</td></tr>\n" * 1_000 + "</table>",
    "html tables without end": "<table>\n<tr>\n\n" * 2_000,
    "heading without end": "# " + "very long heading words " * 3_000 + "\n\ntext\n\n## b\n\ntext",
    "headings": "".join(f"## h {n}\n\n" for n in range(3_000)),
    "formula in one line": "$$" + "a+b\\\\ " * 5_000 + "$$",
    "formulas without end": "$$ a\n\n" * 3_000 + "\\[ b\n" * 3_000,
    "lead-ins": "text:\n\n" * 3_000,
    "backticks": "`a " * 10_000,
    "brackets": "[[[" * 10_000 + "a",
    "links without end": "[a](b " * 10_000,
    "other white space": "a\x00b\x0c\u2028c \x85" * 3_000,
}


@pytest.mark.parametrize("strategy", ["markdown", "fixed"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_end_in_chunks_within_budget(name, strategy):
    rows = cut(HOSTILE[name], max_tokens=256, min_tokens=32, strategy=strategy)
    assert bool(rows) == bool(HOSTILE[name])
    assert all(row["tokens"] <= 256 for row in rows)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_on_a_hostile_page_grows_with_its_length_not_with_its_square(name, monkeypatch):
    """Twice the page, at most somewhat more than twice the characters whose tokens are counted."""
    seen: list[int] = []
    monkeypatch.setattr(tokens, "count", lambda text, encoding: seen.append(len(text)) or len(text) // 4 + 1)

    def work(text: str) -> int:
        seen.clear()
        cut(text, max_tokens=256, min_tokens=32)
        return sum(seen)

    assert work(HOSTILE[name] * 2) < 2.6 * work(HOSTILE[name]) + 100_000


@pytest.mark.slow
@pytest.mark.parametrize("line", ["x", "word xyz ", "数据切分，参数默认。"])
def test_a_line_of_five_megabytes_ends_in_chunks(line):
    text = line * (5_000_000 // len(line.encode()))
    rows = cut(text, max_tokens=1024)
    assert all(row["tokens"] <= 1024 for row in rows)


@pytest.mark.slow
def test_fifty_thousand_nested_levels_end_in_chunks():
    for text in ("- " * 50_000 + "x", "> " * 50_000 + "x", "1. " * 50_000 + "x"):
        assert all(row["tokens"] <= 1024 for row in cut(text, max_tokens=1024))


def test_pages_are_read_one_at_a_time_and_their_text_is_not_kept():
    """However many pages there are, only a few are alive at once."""
    import gc
    import weakref

    class Text(str):
        pass

    alive: list[weakref.ref[Text]] = []

    def docs(number: int):
        for n in range(number):
            page = doc("", f"{n}.md")
            page["text"] = Text(f"Page {n} holds this.")
            alive.append(weakref.ref(page["text"]))
            yield page
            del page

    rows = cut_pages(docs(500), section())
    gc.collect()
    assert len(rows) == 500
    assert sum(reference() is not None for reference in alive) < 5
