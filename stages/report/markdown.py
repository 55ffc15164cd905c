"""Answers as their Markdown reads, with the marks of what differs.

Text stays text: no HTML, link or image of an answer gets into the page.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from stages.report.differences import Piece

# Unicode's noncharacters stand for the marks while Markdown is read: to CommonMark they are letters.
OPEN, CLOSE = "\ufdd0", "\ufdd1"
MARK = re.compile(f"([{OPEN}{CLOSE}])")
SYNTAX = re.compile(rf"(?m)^([ \t]*)([{OPEN}{CLOSE}]+)((?:[-*+]|\d{{1,9}}[.)]|#{{1,6}}|>)[ \t]+|\||[`~]{{3,}}\w*\n?)")
READER = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable(["image", "autolink"])
BLOCKS = {
    "paragraph",
    "bullet_list",
    "ordered_list",
    "list_item",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
INLINE = {"strong", "em"}


def marked(pieces: Sequence[Piece]) -> Markup:
    """The pieces as HTML; what differs is in <mark>."""
    text = "".join(f"{OPEN}{piece.text}{CLOSE}" if piece.differs else piece.text for piece in pieces)
    return Writer().written(READER.parse(SYNTAX.sub(r"\1\3\2", text)))


class Writer:
    """Tokens to HTML. `on`: whether what comes is marked, across tokens."""

    def __init__(self) -> None:
        self.on = False

    def written(self, tokens: Sequence[Token]) -> Markup:
        return Markup("").join(self.token(token) for token in tokens)

    def token(self, token: Token) -> Markup:
        name, _, kind = token.type.rpartition("_")
        if token.type == "inline":
            return self.written(token.children or [])
        if token.type in ("fence", "code_block"):
            return Markup("<pre><code>{}</code></pre>").format(self.text(token.content.rstrip("\n")))
        if token.type == "code_inline":
            return Markup("<code>{}</code>").format(self.text(token.content))
        if token.type in ("softbreak", "hardbreak"):
            return Markup("<br>")
        if token.type == "hr":
            return Markup("<hr>")
        if kind in ("open", "close"):
            return self.tag(name, token, "/" if kind == "close" else "")
        return self.text(token.content)

    def tag(self, name: str, token: Token, slash: str) -> Markup:
        """Headings are bold paragraphs: the page has an outline of its own. Links are their text."""
        if name == "heading":
            return Markup("</b></p>") if slash else Markup("<p><b>")
        if token.hidden or name not in BLOCKS | INLINE:
            return Markup("")
        return Markup(f"<{slash}{token.tag}>")

    def text(self, content: str) -> Markup:
        return Markup("").join(self.runs(content))

    def runs(self, content: str) -> Iterator[Markup]:
        for part in MARK.split(content):
            if part in (OPEN, CLOSE):
                self.on = part == OPEN
            elif part:
                yield Markup("<mark>{}</mark>").format(part) if self.on else Markup("{}").format(part)
