"""AsciiDoc as Markdown, line by line: headings, lists, blocks between delimiters, tables, includes and inline macros.

What Asciidoctor's own extensions show is not known; what is not understood stays as its words.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from stages.ingest.dialects.asciidoc_files import included
from stages.ingest.dialects.asciidoc_inline import ANCHOR, shown
from stages.ingest.dialects.asciidoc_tables import grid
from stages.ingest.dialects.attributes import attributes
from stages.ingest.dialects.flavours import tables
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Flavour, Page

SUFFIXES = (".adoc", ".asciidoc", ".asc")
HEADING = re.compile(r"(={1,6})[ \t]+(\S.*)$")
SETTING = re.compile(r":(!?[\w-]+!?):(?:[ \t]+(.*))?$")
STYLE = re.compile(r"\[([^\[\]]*)\]$")
TITLE = re.compile(r"\.([^\s.].*)$")
NAMED = re.compile(r"\[\[([\w-]+)(?:,[^\[\]]*)?\]\][ \t]*$|\[[^\[\]#]{0,80}#([\w-]+)[^\[\]]{0,200}\][ \t]*$")
DELIMITER = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|\|===|!===|,===|```\w*)$")
ITEM = re.compile(r"[ \t]*(\*{1,5}|-|\.{1,5}|\d+\.)[ \t]+(\S.*)$")
TERM = re.compile(r"[ \t]*(\S.{0,200}?)(?::{2,4}|;;)(?:[ \t]+(\S.*))?$")
CALLOUT = re.compile(r"<(\d+|\.)>[ \t]+(.*)$")
NOTE = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+(.*)$")
BLOCK_MACRO = re.compile(r"(image|video|audio|toc|icon)::([^\[\s]*)\[([^\]]*)\]$")
ADMONITIONS = frozenset(("NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"))


class Style(NamedTuple):
    """What stands in brackets above a block: its kind, the values without a name and those with one."""

    kind: str
    words: tuple[str, ...]
    values: dict[str, str]


NONE = Style("", (), {})


def as_markdown(lines: list[Line], page: Page) -> list[Line]:
    """The lines of a page of AsciiDoc in Markdown, as far as there is some for them."""
    lines = included(lines, page)
    return Reader(lines, page, titles(lines)).run()


def titles(lines: list[Line]) -> dict[str, str]:
    """The titles of blocks and sections by `#id`, as `<<id>>` shows them."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        named = NAMED.match(line.text) if line.text.startswith("[") else None
        near = [lines[n].text for n in (number + 1, number - 1, number + 2) if named and 0 <= n < len(lines)]
        title = next(filter(None, (TITLE.match(text) or HEADING.match(text) for text in near)), None)
        if named and title:
            found[f"#{named[1] or named[2]}"] = title[title.lastindex or 1].strip()
    return found


@dataclass
class Reader:
    """One pass over the lines of a page."""

    lines: list[Line]
    page: Page
    settings: dict[str, str] = field(default_factory=dict)
    kept: list[Line] = field(default_factory=list)
    style: Style = NONE
    indent: str = ""  # of what goes on with an item of a list
    in_list: str = ""

    def run(self) -> list[Line]:
        number = self.header()
        while number < len(self.lines):
            number = self.step(number)
        return self.kept

    def header(self) -> int:
        """Write the title of a document without the lines on its authors and its revision; the line behind them."""
        number = next((n for n, line in enumerate(self.lines) if line.text.strip()), len(self.lines))
        title = HEADING.match(self.lines[number].text) if number < len(self.lines) else None
        if title is None or len(title[1]) > 1:
            return 0
        self.words(self.lines[number], self.lines[number].text.rstrip())
        while (number := number + 1) < len(self.lines) and (text := self.lines[number].text.rstrip()):
            if not self.metadata(self.lines[number], text):
                self.write(self.lines[number], "")
        return number

    def write(self, line: Line, text: str) -> None:
        self.kept.append(line.with_text(text))

    def step(self, number: int) -> int:
        """Write what stands in the place of a line, or of the block that begins with it; the line behind it."""
        line = self.lines[number]
        text = line.text.rstrip()
        if not text.strip():
            self.write(line, "")
            self.indent = ""
            return number + 1
        if DELIMITER.match(text):
            return self.block(number, text)
        if self.metadata(line, text):
            return number + 1
        if self.style.kind in ("source", "listing", "literal") or self.style.kind in ADMONITIONS:
            return self.paragraph(number)
        self.words(line, text)
        return number + 1

    def metadata(self, line: Line, text: str) -> bool:
        """Whether a line only says something of what follows, or of the page; a blank line stands in its place."""
        setting, style = SETTING.match(text), STYLE.match(text)
        if setting:
            self.settings[setting[1].strip("!")] = self.inline(setting[2] or "")
        elif text.startswith("//") and not text.startswith("///"):
            pass
        elif style or ANCHOR.fullmatch(text):
            self.style = styled(style[1]) if style and not text.startswith("[[") else self.style
        elif text == "+":
            self.indent = self.in_list
        elif text in ("<<<", "toc::[]"):
            pass
        else:
            return False
        self.write(line, "")
        return True

    def words(self, line: Line, text: str) -> None:
        """Write a line of text: a heading, an item, a note, the title of a block, or a line of a paragraph."""
        heading, note, title, macro = HEADING.match(text), NOTE.match(text), TITLE.match(text), BLOCK_MACRO.match(text)
        item, callout = ITEM.match(text), CALLOUT.match(text)
        term = None if item or ("::" not in text and ";;" not in text) else TERM.match(text)
        if heading:
            self.in_list = self.indent = ""
            self.write(line, f"{'#' * len(heading[1])} {self.inline(heading[2])}")
        elif note:
            for one in (f"> **{note[1].capitalize()}**", ">", f"> {self.inline(note[2])}"):
                self.write(line, self.indent + one)
        elif macro:
            self.write(line, f"{self.indent}![{macro[3].split(',')[0]}]({macro[2]})" if macro[1] == "image" else "")
        elif item:
            self.item(line, item)
        elif callout:
            self.write(line, f"- ({callout[1]}) {self.inline(callout[2])}")
        elif term:
            self.in_list = "  "
            self.write(line, f"- **{self.inline(term[1])}**" + (f": {self.inline(term[2])}" if term[2] else ""))
            if not term[2]:
                self.write(line, "")
                self.indent = "  "
        elif title:
            self.write(line, f"{self.indent}**{self.inline(title[1])}**")
            self.write(line, "")
        elif text.strip() in ("'''", "***", "---"):
            self.write(line, "---")
        else:
            lead = self.indent or ("" if not text.startswith(" ") else text[: len(text) - len(text.lstrip())])
            self.write(line, lead + self.inline(text.strip().removesuffix(" +")))

    def item(self, line: Line, found: re.Match[str]) -> None:
        sign = "1." if found[1][0] in ".0123456789" else "-"
        depth = len(found[1]) if found[1][0] in "*." else 1
        white = " " * ((3 if sign == "1." else 2) * (depth - 1))
        self.in_list, self.indent = white + " " * (len(sign) + 1), ""
        self.write(line, f"{white}{sign} {self.inline(found[2].replace('[*] ', '[x] ', 1))}")

    def block(self, number: int, sign: str) -> int:
        """Write what stands between two delimiters; the line behind the second."""
        close = "```" if sign.startswith("```") else sign
        behind = range(number + 1, len(self.lines))
        end = next((n for n in behind if self.lines[n].text.rstrip() == close), len(self.lines))
        line, body = self.lines[number], self.lines[number + 1 : end]
        style, self.style = self.style, NONE
        lead = self.indent
        if sign[0] in "-.`" and sign != "--":
            language = (
                sign.lstrip("`")
                if sign[0] == "`"
                else (style.words[0] if style.kind == "source" and style.words else "")
            )
            written = [line.with_text(f"```{language}"), *body, line.with_text("```")]
        elif sign.endswith("==="):
            written = (
                self.table(body, line, style, sign[0]) if sign[0] in "|!," else self.inner(body, line, style, sign)
            )
        elif sign[0] in "/+":
            written = [one.with_text("") for one in body]
        else:
            written = self.inner(body, line, style, sign)
        last = self.lines[min(end, len(self.lines) - 1)]
        for one in (line.with_text(""), *written, last.with_text("")):
            self.kept.append(one.with_text(lead + one.text if one.text else ""))
        return end + 1

    def inner(self, body: list[Line], line: Line, style: Style, sign: str) -> list[Line]:
        """What a block of text holds: of a note or a quote with its signs."""
        inside = Reader(body, self.page, self.settings).run() if len(sign) < 200 else body
        if style.kind in ADMONITIONS:
            return [line.with_text(f":::{style.kind.lower()}"), *inside, line.with_text(":::")]
        if sign[0] == "_":
            return [one.with_text(f"> {one.text}".rstrip()) for one in inside]
        return inside

    def paragraph(self, number: int) -> int:
        """Write the paragraph that a style stands above, as code or as a note."""
        behind = range(number, len(self.lines))
        end = next((n for n in behind if not self.lines[n].text.strip()), len(self.lines))
        style, self.style = self.style, NONE
        line, body = self.lines[number], self.lines[number:end]
        if style.kind in ADMONITIONS:
            written = self.inner(body, line, style, "=")
        else:
            written = [line.with_text(f"```{style.words[0] if style.words else ''}"), *body, body[-1].with_text("```")]
        self.kept += [one.with_text(self.indent + one.text if one.text else "") for one in written]
        return end

    def table(self, body: list[Line], line: Line, style: Style, sign: str) -> list[Line]:
        """A table of Markdown, from cells or, below `,===`, from values between commas."""
        rows = [one.text for one in body if one.text.strip()]
        values = tables.csv_rows("\n".join(rows)) if sign == "," else grid(rows, style.values.get("cols", ""))
        return [line.with_text(text) for text in tables.markdown([[self.inline(c) for c in row] for row in values])]

    def inline(self, text: str) -> str:
        """A text with its macros and marks as those of Markdown."""
        return shown({**self.page.values, **self.settings}, text)


def styled(text: str) -> Style:
    """What stands in brackets above a block: `source,python`, `NOTE`, `cols="1,2"`."""
    words = [part.strip().strip("\"'") for part in text.split(",") if "=" not in part]
    kind = re.split(r"[.#%]", words[0])[0] if words else ""
    return Style(kind, tuple(words[1:]), attributes(text))


def is_asciidoc(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


FLAVOUR = Flavour("antora", ("antora.yml", "antora-playbook.yml"))
