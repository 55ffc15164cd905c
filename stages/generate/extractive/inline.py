"""Inline Markdown as the words that a reader sees."""

import html
import re

MARK = re.compile(r"[*_~\[\]!<>\\&`$\s]")
# Left alone: code spans and formulas, of which nothing is markup.
VERBATIM = re.compile(
    r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)|(?<![\\$\w])\$(?!\s)[^$\n]+?(?<!\\)\$(?![\w$])|\$\s[^$\n]+\s\$", re.DOTALL
)
HELD = re.compile("\ue000(\\d+)\ue001")
TARGET = r"\((?:[^()\n]|\([^()\n]*\))*\)"
IMAGE = re.compile(rf"!\[[^\]\n]*\](?:{TARGET}|\[[^\]\n]*\])")
LINK = re.compile(rf"\[((?:[^\[\]\n]|\n(?!\s*\n))+)\](?:{TARGET}|\[[^\]\n]*\])")
AUTOLINK = re.compile(r"<((?:https?|mailto):[^\s<>]+)>")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
TAG = re.compile(r"(?<!\\)</?[A-Za-z][\w-]*(?:\s[^<>\n]*)?/?>")
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
