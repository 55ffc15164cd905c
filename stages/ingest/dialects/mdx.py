"""MDX and Docusaurus syntax out, Markdown in, line for line: what is removed leaves its line ends behind, so that line
numbers stay those of the file. Code fences and code spans are never touched.

Everything is found by going through the text once; nothing looks further than MAX_TAG characters or up to a place that
is remembered, so that ten thousand brackets that never close cost no more than as many that do.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from stages.ingest.dialects import marks
from stages.ingest.dialects.outline import code_lines
from stages.ingest.dialects.tags import MAX_TAG, Tag, tag_at

IMPORT = re.compile(r"""^import\s+(\w+)(?:\s*,\s*\{[^}]*\})?\s+from\s+['"]([^'"]+\.mdx?)['"];?\s*$""")
# A module statement on one line, and one that goes on until a line that closes it.
MODULE_LINE = re.compile(
    r"""^(import\s+([\w*{][^'"]*\s+from\s+)?['"][^'"]+['"];?|export\s+(const|let|default|function)\b.*)\s*$"""
)
MODULE_START = re.compile(r"^(import\s*\{[^}]*|export\s+(default\s+)?(const|let|function|class)\b.*[({\[])\s*$")
MODULE_END = re.compile(r"^([)}\]]|\s*$)")
# Docusaurus and attribute lists of MkDocs.
ANCHOR = re.compile(r"\{:?[ \t]*[#.][^{}]*\}")
IS_MDX = re.compile(r"^(import|export)[ \t]|^ {0,3}<[A-Z]\w*[\s/>]|^[ \t]*:::+[ \t]*[a-z]", re.MULTILINE)

TOKEN = re.compile(r"""\\.|\$\$|`+|<!--|\{/\*|</?(?=[A-Za-z>])|\{[ \t]*(?:"\s*"|'\s*')[ \t]*\}""")
TICKS = re.compile(r"`+")
PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
LABEL = re.compile(r"""\s(?:label|title)\s*=\s*(?:\{\s*)?(?:"([^"]+)"|'([^']+)'|`([^`]+)`)""")
VALUE = re.compile(r"""\svalue\s*=\s*(?:\{\s*)?(?:"([^"]+)"|'([^']+)')""")
# <Tabs values={[{label: 'Linux', value: 'linux'}]}>, either order.
VALUES = re.compile(r"""\{[^{}]*?\b(label|value)\s*:\s*["']([^"']+)["'][^{}]*?\b(label|value)\s*:\s*["']([^"']+)["']""")
# 10<sup>3</sup> without its tags would be 103. Letters stay as they are, K<sub>p</sub> is Kp.
SCRIPT = re.compile(r"<(su[bp])>([\d+=()-]+)</\1>", re.ASCII)
SCRIPTS = {
    "sup": str.maketrans("0123456789+-=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾"),
    "sub": str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎"),
}


class Import(NamedTuple):
    """A Markdown file that a page imports, as written, and the line of the statement, counted from 1."""

    module: str
    line: int


def is_mdx(path: str, text: str) -> bool:
    """Whether the page is MDX, where an indented line is no code."""
    return path.endswith(".mdx") or bool(IS_MDX.search(text))


def markdown(text: str, indented_code: bool = False) -> tuple[str, dict[str, Import]]:
    """Plain Markdown with as many lines, and the Markdown files that the page imports, by component name.

    Where tabs and the components of those files stand, there are marks (see `marks`).
    """
    imports: dict[str, Import] = {}
    labels: dict[str, str] = {}
    code = code_lines(text, indented_code)
    lines: list[str] = []
    for is_code, run in groupby(enumerate(text.split("\n")), key=lambda item: item[0] in code):
        numbered = list(run)
        if is_code:
            lines += [line for _, line in numbered]
            continue
        prose = "\n".join(without_modules(numbered, imports))
        lines += map(without_anchor, without_syntax(prose, imports, labels).split("\n"))
    return "\n".join(lines), imports


def without_anchor(line: str) -> str:
    """A heading without the name that links give it, `## Title {#name}`."""
    if not line.startswith("#") or not line.rstrip().endswith("}"):
        return line
    name = line.rfind("{")
    return line[:name].rstrip() if ANCHOR.fullmatch(line[name:].rstrip()) else line


def without_modules(lines: list[tuple[int, str]], imports: dict[str, Import]) -> Iterator[str]:
    """The lines with import and export statements left empty; `imports` collects the Markdown files."""
    inside = False
    for number, line in lines:
        found = IMPORT.match(line)
        if found:
            imports[found[1]] = Import(found[2], number + 1)
        if inside:
            inside = not MODULE_END.match(line)
            yield ""
        elif MODULE_START.match(line):
            inside = True
            yield ""
        else:
            yield "" if MODULE_LINE.match(line) else line


class CodeSpans:
    """Where the backticks of a text are, to find the end of a code span without reading on for each of them."""

    def __init__(self, text: str) -> None:
        self.runs: dict[int, list[int]] = defaultdict(list)
        for run in TICKS.finditer(text):
            self.runs[len(run[0])].append(run.start())
        self.breaks = [match.start() for match in PARAGRAPH_END.finditer(text)]

    def end(self, start: int, length: int) -> int:
        """Behind the run that closes the one at `start`, in the same paragraph; else behind that one itself."""
        runs = self.runs[length]
        after = bisect_right(runs, start)
        paragraph = bisect_left(self.breaks, start)
        closed = after < len(runs) and (paragraph == len(self.breaks) or runs[after] < self.breaks[paragraph])
        return (runs[after] if closed else start) + length


def without_syntax(prose: str, imports: dict[str, Import], labels: dict[str, str]) -> str:
    """Comments and tags removed, their line ends and the text between tags kept; marks for tabs and components."""
    if "<" not in prose and "{" not in prose:
        return prose
    spans = CodeSpans(prose)
    kept: list[str] = []
    closings = {"<!--": "-->", "{/*": "*/}"}
    position = 0
    while token := TOKEN.search(prose, position):
        kept.append(prose[position : token.start()])
        start, sign = token.start(), token[0]
        position = token.end()
        if sign[0] == "\\":
            kept.append(sign)
        elif sign[0] == "`":
            position = spans.end(start, len(sign))
            kept.append(prose[start:position])
        elif sign == "$$":
            position = formula_end(prose, position)
            kept.append(prose[start:position])
        elif sign in ("<!--", "{/*"):
            end = prose.find(closings[sign], position) if closings[sign] else -1
            if end < 0:
                closings[sign] = ""  # no other comment of this kind ends either: only the signs go
            else:
                position = end + 3
                kept.append("\n" * prose.count("\n", start, position))
        elif sign[0] == "{":
            kept.append(" ")
        elif script := SCRIPT.match(prose, start):
            position = script.end()
            kept.append(script[2].translate(SCRIPTS[script[1]]))
        elif tag := tag_at(prose, start, position):
            position = tag.end
            kept.append(replacement(tag, imports, labels) + "\n" * prose.count("\n", start, position))
        else:
            kept.append(sign)
    kept.append(prose[position:])
    return "".join(kept)


def formula_end(prose: str, position: int) -> int:
    """Behind a formula between $$ that opened before `position`, or that itself when none closes in the paragraph."""
    end = prose.find("$$", position, position + MAX_TAG)
    return position if end < 0 or PARAGRAPH_END.search(prose, position, end) else end + 2


def replacement(tag: Tag, imports: dict[str, Import], labels: dict[str, str]) -> str:
    """What stands in the place of a tag. `labels` are those that <Tabs values=…> gave to the values of its tabs."""
    if tag.name in imports:
        return "" if tag.closes else marks.mark(marks.COMPONENT, tag.name)
    if tag.name == "Tabs":
        for first, one, _, other in VALUES.findall(tag.attributes):
            labels.update({one: other} if first == "value" else {other: one})
        return marks.mark(marks.TABS_END if tag.closes else marks.TABS)
    if tag.name in ("TabItem", "Tab", "Tabs.Tab"):
        return marks.mark(marks.TAB_END) if tag.closes else marks.mark(marks.TAB, tab_label(tag, labels))
    return " " if tag.name == "br" else ""


def tab_label(tag: Tag, labels: dict[str, str]) -> str:
    """The label of a tab, else the one that its value was given, else the value."""
    label = LABEL.search(tag.attributes)
    if label:
        return label[1] or label[2] or label[3]
    value = VALUE.search(tag.attributes)
    return labels.get(value[1] or value[2], value[1] or value[2]) if value else ""
