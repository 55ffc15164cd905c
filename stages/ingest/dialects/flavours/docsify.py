"""Docsify: tips (`!> important`, `?> tip`), files in pages (`[x](file.md ':include')`), tabs between comments, and
settings of headings and links.
"""

import re

from stages.ingest.dialects import includes, marks, prose
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Flavour, Page

TIP = re.compile(r"([ \t]*)([!?])>[ \t]*(\S.*)$")
INCLUDE = re.compile(r"[ \t]*\[[^\[\]\n]*\]\(([^()\s]+)[ \t]+[\"'][^\"'\n]*:include([^\"'\n]*)[\"']\)[ \t]*$")
FRAGMENT = re.compile(r":fragment=([\w-]+)")
TYPE = re.compile(r":type=(\w+)(?:[ \t]+(\w+))?")
TABS = re.compile(r"[ \t]*<!--[ \t]*tabs:(start|end)[ \t]*-->[ \t]*$")
TAB = re.compile(r"[ \t]*#{1,6}[ \t]+\*\*[ \t]*+(.+?)(?<![ \t])[ \t]*+\*\*[ \t]*+$")
SETTING = re.compile(r"[ \t]*(?:\{docsify-[\w-]+\}|<!--[ \t]*\{docsify-[\w-]+\}[ \t]*-->)|[ \t]+:id=[\w-]+")
LINK_SETTING = re.compile(
    r"(\]\([^()\s]+)[ \t]+[\"'][^\"'\n]*:(?:size|target|ignore|disabled|class|id|no-zoom)\b[^\"'\n]*[\"']\)"
)
LABELS = {"!": "important", "?": "tip"}


def resolved(lines: list[Line], page: Page) -> list[Line]:
    """The lines with tips as directives, tabs as marks and the files that they include."""
    code = page.code(lines)
    kept: list[Line] = []
    in_tabs = False
    for number, line in enumerate(lines):
        tip, tabs = TIP.match(line.text), TABS.match(line.text)
        tab = TAB.match(line.text) if in_tabs else None
        include = INCLUDE.match(line.text) if ":include" in line.text else None
        if number in code:
            kept.append(line)
        elif tip:
            opening, words, closing = f"{tip[1]}:::{LABELS[tip[2]]}", f"{tip[1]}{tip[3]}", f"{tip[1]}:::"
            kept += [line.with_text(text) for text in (opening, words, closing)]
        elif tabs:
            in_tabs = tabs[1] == "start"
            kept.append(line.with_text(marks.mark(marks.TABS if in_tabs else marks.TABS_END)))
        elif tab:
            kept.append(line.with_text(marks.mark(marks.TAB, tab[1])))
        else:
            kept += included(include, line, page) if include else [line]
    return kept


def included(found: re.Match[str], line: Line, page: Page) -> list[Line]:
    """The lines of a file: text of the page, or code."""
    if "://" in found[1]:  # is fetched by the reader's browser
        return [line.with_text(line.text[: line.text.index("](")].strip() + f"]({found[1]})")]
    got = includes.code(page, line, found[1], f"/{found[1]}")
    if got is None:
        return [line.with_text("")]
    fragment, kind = FRAGMENT.search(found[2]), TYPE.search(found[2])
    taken = (includes.anchored(got[1], fragment[1]) or got[1]) if fragment else got[1]
    is_page = got[0].endswith((".md", ".markdown")) and not (kind and kind[1] == "code")
    language = (kind[2] if kind and kind[2] else "") or includes.language(got[0])
    shown = taken if is_page else fenced(includes.trimmed(taken), language)
    return includes.standing_at(shown, line) or [line.with_text("")]


def without_settings(lines: list[Line], page: Page) -> list[Line]:
    lines = prose.sub(lines, page, ":", LINK_SETTING, lambda match, group: f"{group(1)})")
    for sign in (":id=", "docsify-"):
        lines = prose.sub(lines, page, sign, SETTING, lambda *_: "")
    return lines


FLAVOUR = Flavour("docsify", ("index.html",), before=(resolved, without_settings))
