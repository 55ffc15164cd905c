"""Block rules for markdown-it-py beyond CommonMark: tables and display formulas, each as one token.

markdown-it-py's own table rule makes tokens for every cell, which takes a third of the time of pages with tables.
Without a rule for formulas, `$$ … $$` and `\\[ … \\]`, a line of `=` in one makes a heading of what stands above it.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

# The line below a table's header. A formula ends behind its mark; a label in brackets may follow it.
DELIMITER = re.compile(r"(?!-[ \t]|.$)\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*(?:\|[ \t]*)?$")
CELL_BORDER = re.compile(r"(?<!\\)\|")
CLOSING = {"$$": re.compile(r"\$\$[ \t]*(\([^()\n]*\)[ \t]*)?$"), "\\[": re.compile(r"\\\][ \t]*$")}


def tables_and_formulas(parser: MarkdownIt) -> None:
    """Add the rules to a parser: `MarkdownIt().use(tables_and_formulas)`. Their tokens are `table` and `formula`."""
    ruler = parser.block.ruler
    ruler.at("table", table, {"alt": ["paragraph", "reference"]})
    ruler.before("fence", "formula", formula, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def table(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """A block rule: whether a table begins on line `first`, by GitHub's rules."""
    if first + 2 > end or state.is_code_block(first) or state.is_code_block(first + 1):
        return False
    below, header = source_line(state, first + 1), source_line(state, first)
    if below[:1] not in ("|", "-", ":") or state.sCount[first + 1] < state.blkIndent or header.strip() == "|":
        return False
    if "|" not in header or not DELIMITER.match(below) or len(cells(header)) != len(cells(below)):
        return False
    if silent:
        return True
    state.line = behind_rows(state, first + 2, end)
    token = state.push("table", "", 0)
    token.map = [first, state.line]
    return True


def behind_rows(state: StateBlock, line: int, end: int) -> int:
    """The first line from `line` on that is no row: blank, outside the container, or the beginning of another block."""
    interrupts = state.md.block.ruler.getRules("blockquote")
    above, state.parentType = state.parentType, "table"
    while line < end and state.sCount[line] >= state.blkIndent and not state.is_code_block(line):
        if not source_line(state, line).strip() or any(rule(state, line, end, True) for rule in interrupts):
            break
        line += 1
    state.parentType = above
    return line


def cells(row: str) -> list[str]:
    """The cells of a table row, without the escapes of pipes."""
    row = row.strip().removeprefix("|")
    if row.endswith("|") and not row.endswith("\\|"):
        row = row[:-1]
    return [cell.replace("\\|", "|").strip() for cell in CELL_BORDER.split(row)]


def formula(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """A block rule: whether a formula begins on line `first`; if so and not `silent`, its token is pushed."""
    if state.is_code_block(first):
        return False
    line = source_line(state, first)
    mark = line[:2]
    if mark not in CLOSING:
        return False
    last = first if len(line) > 4 and CLOSING[mark].search(line, 2) else closing_line(state, mark, first, end)
    if last < 0:
        return False
    if not silent:
        state.line = last + 1
        token = state.push("formula", "", 0)
        token.map = [first, state.line]
    return True


def closing_line(state: StateBlock, mark: str, first: int, end: int) -> int:
    """The line that closes a formula, or -1. A `\\[` ends at a blank line, as it would in a paragraph.

    What was searched in vain is not searched again, so that many marks without an end cost no square of their number.
    """
    searched = state.env.setdefault("searched", {})
    if first < searched.get(mark, 0):
        return -1
    for number in range(first + 1, end):
        line = source_line(state, number)
        if (mark == "\\[" and not line) or (line and state.sCount[number] < state.blkIndent):
            end = number
            break
        if CLOSING[mark].search(line):
            return number
    searched[mark] = end
    return -1


def source_line(state: StateBlock, number: int) -> str:
    """A line without its container's marks and its indentation."""
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]
