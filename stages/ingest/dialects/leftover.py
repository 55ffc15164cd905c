"""Website syntax that no reader took: it is noted, so that nothing stays in a page unseen."""

import re

from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.page import Page
from stages.ingest.dialects.prose import masked

KINDS = {
    "shortcode": re.compile(r"\{\{[<%][^\n{}]{0,80}"),
    "liquid": re.compile(r"\{%[^\n{}]{0,80}"),
    "include": re.compile(
        r"\{\{#\w[^\n{}]{0,80}|\{\*[^\n{}]{0,80}\*\}|\{![^\n{}]{0,80}!\}|^[ \t]*-+8<-|^<<<[ \t]|^[ \t]*@\[code\b",
        re.MULTILINE,
    ),
    "variable": re.compile(r"\{\{[ \t]*[\w$.]+[ \t]*(?:\|[^{}\n]{0,80})?\}\}"),
    "macro": re.compile(r"\{\{[ \t]*\w+\([^\n{}]{0,80}"),
    "wikilink": re.compile(r"!?\[\[(?![\s\[])[^\[\]\n]{1,80}\]\](?![(\[])"),
    "container": re.compile(r"^[ \t>]*(?::::+|///+[ \t]*\w|!!![ \t]|\?\?\?[ \t]|===[ \t]+[\"'])", re.MULTILINE),
    "role": re.compile(r"\{[a-z][\w:+.-]{0,40}\}(?=\ufdd3)|(?<![\w:]):[a-z][\w:+.-]{0,40}:(?=\ufdd3)"),
    "component": re.compile(r"</?(?:[A-Z][\w.]{0,60})(?:[ \t]*/>|[ \t]+\w+=|(?<=</)>)"),
}
# Braces of LaTeX: `{{T_p}}` in a formula is no variable.
FORMULA = re.compile(
    r"\$\$.*?\$\$|(?<![\\$])\$(?=[^\s$])[^$\n]*(?<=[^\s\\])\$(?!\d)|\\\((?:(?!\\\().)*?\\\)|\\\[(?:(?!\\\[).)*?\\\]",
    re.DOTALL,
)
NOT_LINE_END = re.compile(r"[^\n]")
SIGNS = ("{{", "{%", "{*", "{!", "8<", "<<<", "@[code", "[[", ":::", "///", "!!!", "???", "===", "}`", ":`", "<")
MOST = 200  # of one page and kind


def note(lines: list[Line], page: Page) -> None:
    """Note what is left in the prose of a page."""
    text = to_text(lines)
    if not any(sign in text for sign in SIGNS):
        return
    if not any(sign in text for sign in ("}`", ":`")) and not any(kind.search(text) for kind in KINDS.values()):
        return  # before the page is parsed for its code
    code = page.code(lines)
    hidden = masked("\n".join("" if number in code else line.text for number, line in enumerate(lines)))
    if "$" in hidden or "\\" in hidden:
        hidden = FORMULA.sub(lambda formula: NOT_LINE_END.sub(" ", formula[0]), hidden)
    noted = {(one.path, one.line) for one in page.found.unread if one.kind == "expression"}
    for kind, pattern in KINDS.items():
        for count, found in enumerate(pattern.finditer(hidden)):
            if count == MOST:
                break
            line = lines[hidden.count("\n", 0, found.start())]
            if kind in ("variable", "macro") and (line.origin.path, line.origin.line) in noted:
                continue
            page.unread(line, kind, found[0])
