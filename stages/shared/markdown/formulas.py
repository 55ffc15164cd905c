"""Display formulas, `$$ … $$` and `\\[ … \\]`, as blocks of their own for markdown-it-py.

Without such a rule a line of `=` in a formula makes a heading of what stands above it.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

# A formula ends behind its mark; a label in brackets may follow it.
CLOSING = {"$$": re.compile(r"\$\$[ \t]*(\([^()\n]*\)[ \t]*)?$"), "\\[": re.compile(r"\\\][ \t]*$")}


def formulas(parser: MarkdownIt) -> None:
    """Add the rule to a parser: `MarkdownIt().use(formulas)`. It makes tokens of the type `formula`."""
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "formula", formula, {"alt": interrupts})


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
