"""Elements of HTML that Markdown has signs for: lists, terms with their definitions, code, images."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape

from stages.ingest.dialects import marks
from stages.ingest.dialects.attributes import MARKUP, attributes, first
from stages.ingest.dialects.definitions import bold
from stages.ingest.dialects.prose import PARAGRAPH_END
from stages.ingest.dialects.tags import MAX_TAG, Tag

TERMS = re.compile(r"(?:<dt\b[^<>]*>(?:[^<]|<(?!/?d[tdl]\b)){0,2000}</dt>\s*)+")
TERM = re.compile(r"<dt\b[^<>]*>(.*?)</dt>", re.DOTALL)
CODE = re.compile(r"<(code|kbd|samp|var)\b[^<>]*>(.*?)</\1>", re.DOTALL)
PRE = re.compile(r"<pre\b([^<>]*)>(?:\s*<code\b([^<>]*)>)?(.{0,20000}?)(?:</code>\s*)?</pre>", re.DOTALL)
INLINE = re.compile(
    r"<(?:code|samp|tt)(?:\s[^<>]*)?>(?=[^<>]*[A-Za-z_])([^<>`{}\n]{1,200})</(?:code|samp|tt)>"
)  # a number reads as well
LANGUAGE = re.compile(r"\b(?:language|lang|highlight)[-=]\"?([\w+-]+)")
LISTS, ENTRIES = ("ul", "ol", "dl"), ("li", "dd")

# 10<sup>3</sup> without its tags would be 103. Letters stay as they are, K<sub>p</sub> is Kp.
SCRIPT = re.compile(r"<(su[bp])>([\d+=()-]+)</\1>", re.ASCII)
SCRIPTS = {
    "sup": str.maketrans("0123456789+-=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾"),
    "sub": str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎"),
}
HEADING = re.compile(r"<h([1-6])\b[^<>]*>(.{1,1000}?)</h\1>", re.DOTALL)
IMAGE = re.compile(r"<img\b([^<>]*)>")
SUMMARY = re.compile(r"<summary\b[^<>]*>(.{0,5000}?)</summary>", re.DOTALL)
PATH = re.compile(r"[\"'`]([^\"'`\s]+\.(?:png|jpe?g|svg|gif|webp|avif))[\"'`]")


@dataclass
class Level:
    """A list that is open: whether it stands within a line, how many items it has, and whether one of them is open."""

    name: str
    inline: bool
    number: int = 0
    item: bool = False


@dataclass
class Lists:
    """The lists of HTML in one file."""

    levels: list[Level] = field(default_factory=list)

    def open(self, name: str, alone: bool) -> str:
        """What stands in the place of a start tag of a list or an item."""
        if name in LISTS:
            self.levels.append(Level(name, inline=not alone))
            return marks.block("") if alone else ""
        if not self.levels or self.levels[-1].inline or name != "li":
            return ""
        level = self.levels[-1]
        level.number += 1
        return self.close_item() + self.item(f"{level.number}." if level.name == "ol" else "-")

    def item(self, words: str) -> str:
        self.levels[-1].item = True
        return marks.mark(marks.ITEM, words)

    def close_item(self) -> str:
        if not self.levels or not self.levels[-1].item:
            return ""
        self.levels[-1].item = False
        return marks.mark(marks.ITEM_END)

    def close(self, name: str) -> str:
        """What stands in the place of an end tag."""
        if name in ENTRIES:
            return "; " if name == "li" and self.levels and self.levels[-1].inline else self.close_item()
        closing = self.close_item()
        if self.levels:
            self.levels.pop()
        return closing

    def terms(self, source: str) -> str:
        """What stands in the place of the terms of one definition."""
        words = ", ".join(filter(None, map(text_of, TERM.findall(source))))
        if not words or not self.levels or self.levels[-1].inline:
            return words
        return self.close_item() + self.item(f"- {bold(words)}")

    def replacement(self, tag: Tag, alone: bool) -> str:
        return self.close(tag.name) if tag.closes else self.open(tag.name, alone)


def element(prose: str, start: int, alone: Callable[[], bool], lists: Lists) -> tuple[str, int] | None:
    """What stands in the place of an element of HTML, as far as Markdown has signs for it, and the place behind it."""
    if script := SCRIPT.match(prose, start):
        return script[2].translate(SCRIPTS[script[1]]), script.end()
    if image := IMAGE.match(prose, start):
        return picture(attributes(image[1])), image.end()
    if inline := INLINE.match(prose, start):
        return f"`{unescape(inline[1]).strip()}`", inline.end()
    if (terms := TERMS.match(prose, start)) and lists.levels:
        return lists.terms(terms[0]), terms.end()
    if summary := SUMMARY.match(prose, start):
        words = " ".join(MARKUP.sub("", summary[1]).split())
        return marks.block(f"\n\n**{words}**\n\n") if words else "", summary.end()
    if (heading := HEADING.match(prose, start)) and (words := text_of(heading[2])) and alone():
        return marks.block(f"\n\n{'#' * int(heading[1])} {words}\n\n"), heading.end()
    return preformatted(prose, start) if prose.startswith("<pre", start) and alone() else None


def text_of(source: str) -> str:
    """The words of a piece of HTML on one line, its code in backticks."""
    return " ".join(MARKUP.sub("", CODE.sub(r"`\2`", source)).split())


def preformatted(prose: str, start: int) -> tuple[str, int] | None:
    """A block of <pre> as a fence, and the place behind it."""
    found = PRE.match(prose, start)
    if found is None:
        return None
    language = LANGUAGE.search(f"{found[1]} {found[2] or ''}")
    text = found[3].strip("\n")
    if text.strip()[:2] == "{`" and text.strip()[-2:] == "`}":
        text = text.strip()[2:-2].strip("\n")
    code = unescape(MARKUP.sub("", text))
    sign = "````" if "```" in code else "```"
    return marks.block(f"\n\n{sign}{language[1] if language else ''}\n{code}\n{sign}\n\n"), found.end()


def is_list(tag: Tag) -> bool:
    return tag.name in LISTS or tag.name in ENTRIES


def picture(values: dict[str, str]) -> str:
    """An image of HTML in Markdown; one without words for it shows nothing to a reader of text."""
    words, address = first(values, "alt", "title"), values.get("src", "")
    if address.startswith("{"):
        path = PATH.search(address)
        address = path[1] if path else ""
    if not words or " " in address:
        return words
    return f"![{words}]({address})"


def formula_end(prose: str, position: int) -> int:
    """Behind a formula between $$ that opened before `position`, or that itself when none closes in the paragraph."""
    end = prose.find("$$", position, position + MAX_TAG)
    return position if end < 0 or PARAGRAPH_END.search(prose, position, end) else end + 2
