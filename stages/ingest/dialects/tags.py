"""Tags of JSX and HTML in prose: where one starts, how far it goes, and what only looks like one.

None is looked for further than MAX_TAG characters, so that ten thousand that never close cost no more than as many that
do.
"""

import re
from dataclasses import dataclass

MAX_TAG = 20_000
MANY, NEAR = 100, 200  # behind so many tags that do not end, others are looked for no further than so many characters

NAME = re.compile(r"[A-Za-z][\w.]*(?:-[\w-]+)?(?=[\s/>])|(?=>)")
# Outside quotes and braces; a value may hold a > in either.
ATTRIBUTE_TEXT = re.compile(r"""[^<>"'{}]+|"[^"]*"|'[^']*'""")
EXPRESSION_TEXT = re.compile(r"""[^{}"'`]+|"[^"\n]*"|'[^'\n]*'|`[^`]*`|["'`]""")
# The HTML elements that only lay a page out; `<value>` in prose stays, and so do tables.
ELEMENTS = frozenset((
    "a", "abbr", "article", "aside", "b", "big", "br", "button", "center", "cite", "code", "del", "details",
    "dfn", "div", "em", "figcaption", "figure", "font", "footer", "header", "i", "iframe", "ins", "kbd", "main",
    "mark", "nav", "p", "picture", "pre", "s", "samp", "section", "slot", "small", "source", "span", "strong", "sub",
    "summary", "sup", "template", "u", "var", "video", "wbr",
    "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "hr", "input", "label", "form", "include",
))  # fmt: skip
BARE_ATTRIBUTES = re.compile(
    r"\s*(?:(?:open|hidden|controls|muted|loop|autoplay|allowfullscreen|checked|disabled|reversed|v-[\w-]+|markdown|compact|#\w+)(?=[\s/]|$)"
    r"\s*)*/?"
)


@dataclass(frozen=True)
class Tag:
    name: str
    closes: bool  # </name>
    empty: bool  # <name/>
    attributes: str
    end: int  # behind its >


class Tags:
    """The tags of one text. What does not end within reach is looked for less far when there are many of them."""

    def __init__(self, prose: str) -> None:
        self.prose, self.failed = prose, 0

    def at(self, start: int, inside: int) -> Tag | None:
        """The component or layout element whose tag starts here, `inside` being behind its < or </."""
        prose = self.prose
        name = NAME.match(prose, inside)
        if name is None or not (name[0] == "" or name[0][0].isupper() or name[0].lower() in ELEMENTS or "-" in name[0]):
            return None
        end = attributes_end(prose, name.end(), MAX_TAG if self.failed < MANY else NEAR)
        if end is None:
            self.failed += 1
            return None
        attributes = prose[name.end() : end - 1]
        tag = Tag(name[0], prose[inside - 1] == "/", attributes.rstrip().endswith("/"), attributes, end)
        if name[0][:1].islower() and "=" not in attributes and not BARE_ATTRIBUTES.fullmatch(attributes):
            return None  # a <b and c> d
        if "-" in name[0] and not ("=" in attributes or tag.empty or f"</{name[0]}>" in prose):
            return None  # <your-token>
        return None if is_type_parameter(prose, start, tag) else tag


def is_type_parameter(prose: str, start: int, tag: Tag) -> bool:
    """Whether it is the <T> of List<T>: right behind a letter, capitalised, bare and never closed."""
    bare = tag.name[:1].isupper() and not (tag.closes or tag.empty or tag.attributes.strip())
    before = prose[start - 1 : start]
    return bare and before.isascii() and before.isalnum() and f"</{tag.name}>" not in prose[tag.end : tag.end + MAX_TAG]


def attributes_end(prose: str, position: int, reach: int) -> int | None:
    """Behind the > that ends a tag; nothing when there is none within reach."""
    limit = min(len(prose), position + reach)
    while position < limit:
        if prose[position] == ">":
            return position + 1
        if prose[position] == "{":
            end = expression_end(prose, position, limit)
        else:
            text = ATTRIBUTE_TEXT.match(prose, position, limit)
            end = text.end() if text else None
        if end is None:
            return None
        position = end
    return None


def expression_end(prose: str, position: int, limit: int) -> int | None:
    """Behind the } that closes the { at `position`."""
    depth = 0
    if prose.find("}", position, limit) < 0:
        return None
    while position < limit:
        if prose[position] in "{}":
            depth += 1 if prose[position] == "{" else -1
            position += 1
            if depth == 0:
                return position
            continue
        text = EXPRESSION_TEXT.match(prose, position, limit)
        if text is None:
            return None
        position = text.end()
    return None
