"""Statements of MDX modules, `import` and `export`: what they bring in, and which lines are only they."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

from stages.ingest.dialects.literals import constants

CLAUSE = re.compile(r"[\w*{},\s$]+")
DEFAULT = re.compile(r"(?:type\s+)?(\w+)")
EXPORT = re.compile(r"export[ \t]+(?:default[ \t]+)?(?:const|let|var|function|class|default|async)\b")
CONSTANT = re.compile(r"export[ \t]+(?:const|let|var)[ \t]+(\w+)[ \t]*(?::[^=\n]+)?=(?!=|>)")
NAMED = re.compile(r"(\w+)(?:[ \t\n]+as[ \t\n]+(\w+))?")
LOCAL = (".", "/", "@site/")  # modules that are files of the site
KEYWORD = re.compile(r"import(?=[\s{*'\"])")
QUOTE = re.compile(r"['\"]")
BEHIND = re.compile(r"(?:[ \t]+(?:with|assert)[ \t]*\{[^{}\n]*\})?[ \t]*;?\s*")
BRACKET = re.compile(r"[()\[\]{}]")
FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*(.*)")
OPEN_END = re.compile(r"(?:[({\[=]|=>)$")
MOST_LINES = 60  # of a block of imports
MOST_LINES_OF_CODE = 400
RAW = re.compile(r"^!!raw-loader!|\?raw$")
MARKDOWN = (".md", ".mdx")


class Import(NamedTuple):
    """A file that a page imports, as written, the line of the statement, counted from 1, and whether as plain text."""

    module: str
    line: int
    raw: bool = False


@dataclass
class Modules:
    """What the statements of a page give: files by name, values of constants (see `literals`), and the other names."""

    files: dict[str, Import] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)  # module and exported name, empty: its default

    def add(self, statement: "Statement", line: int) -> None:
        clause, module, _ = statement
        name = DEFAULT.match(clause)
        path = module.replace("\\", "")
        if name and RAW.search(path):
            self.files[name[1]] = Import(RAW.sub("", path), line, raw=True)
        elif name and path.endswith(MARKDOWN):
            self.files[name[1]] = Import(path, line)
        else:
            self.others |= set(re.findall(r"\w+", clause))
            self.note_values(clause, path)

    def note_values(self, clause: str, module: str) -> None:
        """Remember where names come from that may stand for values."""
        if not module.startswith(LOCAL):
            return
        before, _, named = clause.partition("{")
        if name := DEFAULT.match(before.strip()):
            self.sources[name[1]] = (module, "")
        for exported, local in NAMED.findall(named):
            self.sources[local or exported] = (module, exported)


class Statement(NamedTuple):
    """What stands between `import` and the module, the module, and the line of its block, from 0."""

    clause: str
    module: str
    line: int


def imports(lines: Sequence[str], number: int = 0) -> tuple[list[Statement], int]:
    """The import statements that begin with this line, and how many lines they fill; none that holds anything else.

    They end at a blank line or before what is none: `import X, {Y} from 'module'`, `import 'module'`, over lines too.
    """
    if not KEYWORD.match(lines[number]):
        return [], 0
    block = "\n".join(takewhile(str.strip, lines[number : number + MOST_LINES]))
    found: list[Statement] = []
    kept = filled = position = 0
    while KEYWORD.match(block, position) and (one := statement(block, position)):
        found.append(one[0])
        position = one[1]
        if position == len(block) or block[position - 1] == "\n":  # nothing stands behind it on its line
            kept, filled = len(found), block.count("\n", 0, position) + (position == len(block))
    return found[:kept], filled


def statement(block: str, start: int) -> tuple[Statement, int] | None:
    """The import statement that starts here, and the place behind it and the white space that follows."""
    quote = QUOTE.search(block, start)
    end = block.find(quote[0], quote.end()) if quote else -1
    if quote is None or end < 0 or "\n" in (module := block[quote.end() : end]) or not module:
        return None
    clause = block[start + len("import") : quote.start()].strip()
    names = clause.removesuffix("from").strip()
    behind = BEHIND.match(block, end + 1)
    if behind is None or (clause and (names == clause or not CLAUSE.fullmatch(names))):
        return None
    return Statement(names, module, block.count("\n", 0, start)), behind.end()


def markdown_imports(found: Iterable[Statement]) -> list[str]:
    """The Markdown files among what statements import."""
    return [module.replace("\\", "") for clause, module, _ in found if clause and module.endswith(MARKDOWN)]


def without_imports(lines: list[tuple[int, str]], modules: Modules) -> Iterator[str]:
    """The lines with import statements left empty; `modules` collects what they give."""
    texts = [line for _, line in lines]
    place = 0
    while place < len(texts):
        found, filled = imports(texts, place)
        for one in found:
            modules.add(one, lines[place][0] + one.line + 1)
        yield from [""] * filled or [texts[place]]
        place += max(filled, 1)


def without_exports(text: str, modules: Modules) -> str:
    """The text with the export statements outside fences left empty; what looks like a fence in one is a part of it."""
    if "export" not in text:
        return text
    lines = text.split("\n")
    fence, place = "", 0
    while place < len(lines):
        sign = FENCE.match(lines[place])
        if fence:
            fence = "" if sign and sign[1].startswith(fence) and not sign[2] else fence
        elif sign:
            fence = sign[1]
        elif filled := exported(lines, place, modules):
            lines[place : place + filled] = [""] * filled
            place += filled - 1
        place += 1
    return "\n".join(lines)


def exported(lines: Sequence[str], number: int, modules: Modules) -> int:
    """How many lines an export statement fills that begins here, if one does; a constant's values are kept."""
    line = lines[number]
    if not EXPORT.match(line):
        return 0
    constant = CONSTANT.match(line)
    goes_on = OPEN_END.search(line.rstrip()) or (constant and line.count("`") % 2)
    filled = statement_lines(lines, number) if goes_on else 1
    if constant:
        text = "\n".join([line[constant.end() :], *lines[number + 1 : number + filled]])
        modules.constants |= constants(constant[1], text)
    return filled


def statement_lines(lines: Sequence[str], number: int) -> int:
    """How many lines a statement fills whose first one ends in an open bracket: to where as many are closed, wherever
    they stand, else to the next blank line with text at the margin behind it."""
    depth = ticks = 0
    for end in range(number, min(number + MOST_LINES_OF_CODE, len(lines))):
        depth += sum((sign in "([{") - (sign in ")]}") for sign in BRACKET.findall(lines[end]))
        ticks += lines[end].count("`")
        if depth <= 0 and ticks % 2 == 0 and end > number:
            return end + 1 - number
    end = number + 1
    while end < len(lines) and (lines[end].strip() or not lines[min(end + 1, len(lines) - 1)][:1].strip()):
        end += 1
    return end - number
