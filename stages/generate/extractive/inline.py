"""Inline Markdown as the words that a reader sees."""

import html
import re

from markdown_it.common.html_blocks import block_names

INLINE = r"""a|abbr|b|bdi|bdo|big|button|cite|code|data|del|dfn|em|embed|font|i|img|input|ins|kbd|label|map|mark|meter
|object|output|picture|progress|q|s|samp|select|slot|small|span|strong|sub|sup|svg|time|tt|u|var|video|wbr""".replace(
    "\n", ""
)
MARK = re.compile(r"[*_~\[\]!<>\\&`$\s]")
# Left alone: code spans and formulas, of which nothing is markup, and what looks like the places of those held.
VERBATIM = re.compile(
    r"\ue000\d+\ue001|&#[xX]?0*(?:[eE]00[01]|5734[45]);"
    r"|(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)|(?<![\\$\w])\$(?!\s)[^$\n]+?(?<!\\)\$(?![\w$])|\$\s[^$\n]+\s\$",
    re.DOTALL,
)
HELD = re.compile("\ue000(\\d+)\ue001")
TARGET = r"\((?:[^()\n]|\([^()\n]*\))*\)"
IMAGE = re.compile(rf"!\[[^\]\n]*\](?:{TARGET}|\[[^\]\n]*\])")
LINK = re.compile(rf"\[((?:[^\[\]\n]|\n(?!\s*\n))*)\](?:{TARGET}|\[[^\]\n]*\])")
AUTOLINK = re.compile(r"<((?:https?|mailto):[^\s<>]+)>")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# A tag of a component or an HTML element; CommonMark has none with an underscore in its name. Other names in angle
# brackets are placeholders, which a reader sees: <YOUR_HOST>, <name>.
TAG = re.compile(
    rf"(?<!\\)</?(?:[A-Z]|[A-Z](?=[\w-]*[a-z])[A-Za-z0-9-]*|(?i:{'|'.join(block_names)}|{INLINE}))"
    r"(?:\s[^<>\n]*)?/?>"
)
STRONG = re.compile(r"(?<!\\)\*\*|(?<![\w\\])__(?=\S)|(?<=\S)__(?!\w)|(?<!\\)~~")
STAR = re.compile(r"(?<![\\*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s\\])\*(?!\*)")
UNDERSCORE = re.compile(r"(?<![\w\\])_(?=[^\s_])([^_\n]+?)(?<=[^\s\\])_(?!\w)")
KEEPS_LINES = re.compile(r"^\s*(?:[-*+] |\d+[.)] |```|\||>)", re.MULTILINE)
WRAPPED = re.compile(r"(?<=[!-~])\n(?=[!-~])")  # plain leaves no white space around the end of a line
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """The text without emphasis, escapes, tags, entities, images and the targets of links; code spans, formulas and
    line ends stay as they are.

    This is what "verbatim" means for an answer: white space aside, it is a part of `plain` of its chunk.
    """
    if not MARK.search(text):
        return text
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f"\ue000{len(held) - 1}\ue001"

    text = VERBATIM.sub(hold, text)
    text = LINK.sub(r"\1", IMAGE.sub("", text))
    text = TAG.sub("", BREAK.sub(" ", AUTOLINK.sub(r"\1", text)))
    text = UNDERSCORE.sub(r"\1", STAR.sub(r"\1", STRONG.sub("", text)))
    text = html.unescape(ESCAPE.sub(r"\1", text))
    text = HELD.sub(lambda match: held[int(match[1])], text)
    return "\n".join(re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n")).strip()


def flowing(text: str) -> str:
    """`plain` of a text, with the lines that only the page's width ended joined in scripts that set words apart."""
    text = plain(text)
    return text if KEEPS_LINES.search(text) else WRAPPED.sub(" ", text)
