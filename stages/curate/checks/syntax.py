"""Whether a pair still holds syntax of a website generator that no reader took."""

import functools
import re

from stages.common.records.rows import Pair
from stages.common.rows.rows import Verdict
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.common.values import names

MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$|\\\((?:(?!\\\().)*?\\\)|\\\[(?:(?!\\\[).)*?\\\]", re.DOTALL)
ESCAPED = re.compile(r"\\[!-/:-@\[-`{-~]")  # is shown as it stands
UNREAD = re.compile(
    r"\{\{[<%][^\n]{0,80}|\{%-?\s*\w[^\n]{0,80}"  # Hugo's shortcodes, Liquid and Jinja
    r"|\{\{#\w[^\n]{0,80}|\{\*[^\n{}]{1,80}\*\}|\{![^\n{}]{1,80}!\}|^[ \t]*-+8<-|^<<<[ \t]|^[ \t]*@\[code\b"  # includes
    r"|\{\{[ \t]*[\w$.]+[ \t]*(?:\|[^{}\n]{0,80})?\}\}|\{\{[ \t]*\w+\([^\n]{0,80}"  # variables and macros
    r"|!?(?<![\w\])])\[\[(?![\s\[])[^\[\]\n]{1,80}\]\](?![(\[])"  # wiki links
    r"|^[ \t>]*(?::::+(?=\s|\{|\w|$)|///+[ \t]*\w"  # admonitions
    r"|(?:!!!|\?\?\?\+?)[ \t]+[a-z][\w -]*(?:\"|$)|===[ \t]+[\"'])"  # the same, and tabs
    r"|^[ \t]*\.\. [\w-]+::",  # directives of reStructuredText
    re.MULTILINE,
)
ROLE = re.compile(r"\{[a-z][\w:+.-]{0,40}\}(?=`)|(?<![\w:`]):[a-z][\w:+.-]{0,40}:(?=`)")
SIGNS = re.compile(r"\{[{%*!]|8<|<<<|@\[code|\[\[|:::|///|!!! |\?\?\?|===|\}`|:`|\.\. ")


def no_unread_syntax(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    """Outside of code neither question nor answer holds an include, a shortcode, a variable, a macro, a role, a wiki
    link or the marks of an admonition: they name what the site would have shown, and say nothing themselves."""
    for text in (pair["instruction"], pair["input"], pair["output"]):
        if found := unread(text):
            return Verdict(found, "no syntax of a website generator")
    return None


@functools.lru_cache(1 << 12)
def unread(text: str) -> str:
    """The first piece of such syntax; empty when there is none."""
    if not SIGNS.search(text):
        return ""
    prose = names.SPAN.sub("`", names.FENCE.sub("\n", text))  # a code span; a role stands before one
    prose = ESCAPED.sub(" ", MATH.sub(" ", prose))
    found = UNREAD.search(prose) or ROLE.search(prose)
    return found[0].strip()[:80] if found else ""
