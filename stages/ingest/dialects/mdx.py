"""MDX and HTML in prose out, Markdown in, line for line: what is removed leaves its line ends behind, so that line
numbers stay those of the file. Code fences and code spans are never touched.

Everything is found by going through the text once; nothing looks further than MAX_TAG characters or up to a place that
is remembered, so that ten thousand brackets that never close cost no more than as many that do.
"""

import re
from bisect import bisect_left
from dataclasses import replace
from itertools import groupby

from stages.ingest.dialects import expressions, html, marks
from stages.ingest.dialects.attributes import attributes, first
from stages.ingest.dialects.components import Components
from stages.ingest.dialects.headings import without_anchor
from stages.ingest.dialects.literals import key
from stages.ingest.dialects.modules import Import, without_exports, without_imports
from stages.ingest.dialects.outline import code_lines
from stages.ingest.dialects.prose import CodeSpans
from stages.ingest.dialects.scope import Source
from stages.ingest.dialects.tags import MANY, MAX_TAG, NEAR, Tag, Tags, expression_end

IS_MDX = re.compile(r"^(import|export)[ \t]|^ {0,3}<[A-Z]\w*[\s/>]|^[ \t]*:::+[ \t]*[a-z]", re.MULTILINE)
CLOSED = re.compile(r"</([\w.]+)")
HIDDEN = re.compile(r"<(script|style|svg)\b[^<>]*>", re.IGNORECASE)
CODE = ("CodeBlock", "Code")
PARAGRAPHS = ("p", "div", "section", "article", "details", "li", "pre")  # end a paragraph
MAX_TITLE = 400  # characters before the attributes of a directive
FORMULA = frozenset("^_\\}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")  # \\frac{a}{b} is no expression

TOKEN = re.compile(
    r"""\\.|\$\$|`+|<!--|<\?(?=[a-z])|\{/\*|</?(?=[A-Za-z>])|\{[ \t]*(?:"\s*"|'\s*')[ \t]*\}|\{(?=[ \t]*[\w$"'`(!-])"""
)


def is_mdx(path: str, text: str) -> bool:
    """Whether the page is MDX, where an indented line is no code."""
    return path.endswith(".mdx") or bool(IS_MDX.search(text))


def markdown(text: str, source: Source, indented_code: bool = False) -> str:
    """Plain Markdown with as many lines, and marks (see `marks`) for components, tabs, notes and items."""
    source.components = Components(frozenset(CLOSED.findall(text)))
    text = without_exports(text, source.modules)
    code = code_lines(text, indented_code)
    lines: list[str] = []
    for is_code, run in groupby(enumerate(text.split("\n")), key=lambda item: item[0] in code):
        numbered = list(run)
        if is_code:
            lines += [line for _, line in numbered]
            continue
        first_line = numbered[0][0]
        prose = "\n".join(without_imports(numbered, source.modules))
        lines += map(without_anchor, Prose(prose, source, first_line).without_markup().split("\n"))
    return "\n".join(lines)


class Prose:
    """One pass over the text between two pieces of code, which keeps what a reader sees."""

    def __init__(self, prose: str, source: Source, first_line: int, depth: int = 0) -> None:
        self.prose, self.source, self.first_line, self.depth = prose, source, first_line, depth
        self.kept: list[str] = []
        hidden = {name: f"</{name}>" for name in ("script", "style", "svg")}
        self.closings = {"<!--": "-->", "<?": "?>", "{/*": "*/}", **hidden}
        self.tags = Tags(prose)
        self.line_ends: list[int] = []
        self.unclosed = 0  # braces without an end

    def without_markup(self) -> str:
        """Comments and tags removed, their line ends and the text between tags kept; expressions filled in."""
        prose = self.prose
        if "<" not in prose and "{" not in prose:
            return prose
        self.spans = CodeSpans(prose)
        position = 0
        while token := TOKEN.search(prose, position):
            self.kept.append(prose[position : token.start()])
            position = self.step(token)
        self.kept.append(prose[position:])
        return "".join(self.kept)

    def step(self, token: re.Match[str]) -> int:
        """Write what stands in the place of a token; the place behind it."""
        prose, start, sign, position = self.prose, token.start(), token[0], token.end()
        if sign[0] == "`":
            position = self.spans.end(start, len(sign))
        elif sign == "$$":
            position = html.formula_end(prose, position)
        elif sign in ("<!--", "<?", "{/*"):
            return self.comment(sign, start, position)
        elif sign == "{":
            return self.expression(start)
        elif sign[0] == "{":
            return self.write(" ", position)
        elif sign[0] == "<":
            return self.tag(start, position, sign)
        return self.write(prose[start:position], position)

    def write(self, text: str, position: int) -> int:
        self.kept.append(text)
        return position

    def blank(self, text: str, start: int, position: int) -> int:
        """Write a text in place of what stands here, and the line ends of that."""
        return self.write(text + "\n" * self.prose.count("\n", start, position), position)

    def end_of(self, sign: str, position: int) -> int | None:
        """Behind what closes a comment or a script; nothing when none of its kind is closed from here on."""
        end = self.prose.find(self.closings[sign], position) if self.closings[sign] else -1
        if end < 0:
            self.closings[sign] = ""
            return None
        return end + len(self.closings[sign])

    def comment(self, sign: str, start: int, position: int) -> int:
        """Nothing in place of a comment; one that is not closed loses only its sign."""
        end = self.end_of(sign, position)
        return position if end is None else self.blank("", start, end)

    def line(self, position: int) -> int:
        if not self.line_ends:
            self.line_ends = [found.start() for found in re.finditer("\n", self.prose)] or [len(self.prose)]
        return self.first_line + bisect_left(self.line_ends, position)

    def alone(self, start: int) -> bool:
        """Whether nothing but the signs of lists and quotes, and other marks, stand before a place on its line."""
        before = "".join(self.kept[-8:]).rpartition("\n")[2] if self.kept else ""
        rest = marks.ALONE.sub("", before)
        return not rest[len(marks.prefix(rest)) :].strip()

    def tag(self, start: int, position: int, sign: str) -> int:
        prose, source = self.prose, self.source
        hidden = HIDDEN.match(prose, start)
        hidden = hidden if hidden and (hidden[1].lower() == "svg" or self.alone(start)) else None
        behind = self.end_of(hidden[1].lower(), hidden.end()) if hidden else None
        if behind is not None:
            return self.blank("", start, behind)
        if element := html.element(prose, start, lambda: self.alone(start), source.components.lists):
            return self.blank(element[0], start, element[1])
        tag = self.tags.at(start, position)
        if tag is None or self.is_placeholder(tag):
            return self.write(sign, position)
        if part := self.part(tag, start):
            return self.blank(part[0], start, part[1])
        if tag.name in CODE and not tag.closes and (code := expressions.code(prose, tag, source)):
            return self.blank(code[0], start, code[1])
        if html.is_list(tag):
            return self.blank(source.components.lists.replacement(tag, self.alone(start)), start, tag.end)
        components = source.components
        components.unread.clear()
        text = components.replacement(tag, self.alone(start))
        for _, name in components.unread:
            source.unread(self.line(start), "component", f"<{name} />")
        if tag.closes and tag.name in PARAGRAPHS and not text and self.in_html(start, tag.end):
            text = marks.block("")
        return self.blank(text, start, tag.end)

    def part(self, tag: Tag, start: int) -> tuple[str, int] | None:
        """The mark of an imported file, and the place behind it: a component by its name, Mintlify's <Snippet file>,
        and what Fumadocs names between the tags of <include>."""
        source, files = self.source, self.source.modules.files
        if tag.name in files and not files[tag.name].raw:
            return "" if tag.closes else source.use(tag.name, attributes(tag.attributes)), tag.end
        values = attributes(tag.attributes)
        if tag.name == "Snippet" and (file := first(values, "file")):
            files[f"snippets/{file}"] = Import(f"/snippets/{file}", self.line(start) + 1)
            return source.use(f"snippets/{file}", values), tag.end
        if tag.name == "include" and (file := text_between(self.prose, tag)):
            files[file] = Import(file, self.line(start) + 1)
            return source.use(file, {}), self.prose.index("</include>", tag.end) + len("</include>")
        return None

    def in_html(self, start: int, end: int) -> bool:
        """Whether a tag stands in a line of HTML, with more of it behind."""
        first = self.prose.rfind("\n", max(start - MAX_TAG, 0), start) + 1
        last = self.prose.find("\n", end, end + MAX_TAG)
        return self.prose[first : first + 1] == "<" and bool(self.prose[end : last if last > 0 else end + 1].strip())

    def is_placeholder(self, tag: Tag) -> bool:
        """Whether a reader is to put something in its place, as of `<YOUR_HOST>`: never closed and without values."""
        plain = tag.name[:1].isupper() and not (tag.closes or tag.empty) and "=" not in tag.attributes
        modules = self.source.modules
        known = tag.name in self.source.components.closed or tag.name in modules.files or tag.name in modules.others
        return plain and "{" not in tag.attributes and not known and tag.name not in KNOWN

    def expression(self, start: int) -> int:
        """A value in braces: filled in when it is known, left as it stands when it is not, and then noted."""
        prose = self.prose
        before = prose[max(start - 1, 0) : start]
        if (
            before == "{"
            or prose[prose.rfind("\n", max(start - MAX_TITLE, 0), start) + 1 : start].lstrip()[:3] == ":::"
        ):
            return self.write("{", start + 1)  # of a template language; attributes of a directive
        reach = MAX_TAG if self.unclosed < MANY else NEAR
        end = expression_end(prose, start, min(len(prose), start + reach))
        if end is None:
            self.unclosed += 1
            return self.write("{", start + 1)
        inner = self.prose[start + 1 : end - 1]
        name = key(inner)
        if name and (value := self.source.value(inner)) is not None:
            return self.blank(value, start, end)
        if not self.source.braces or before in FORMULA:
            return self.write("{", start + 1)
        if (value := self.source.value(inner)) is not None:
            return self.blank(value, start, end)
        if name in expressions.CHILDREN:
            return self.blank("", start, end)
        if name in self.source.modules.files:
            return self.blank(self.source.use(name, {}), start, end)
        if (shown := expressions.markup(inner, self.source)) and self.depth < expressions.MAX_DEPTH:
            return self.write(self.rendered(shown, start, end), end)
        return self.unknown(start, end, inner)

    def rendered(self, shown: list[expressions.Markup], start: int, end: int) -> str:
        """What the markup in an expression shows, each time it does, with as many lines as the expression."""
        texts = []
        for at, markup, local in shown:
            source = replace(self.source, local={**self.source.local, **local})
            texts.append(Prose(markup, source, self.line(start + 1 + at), self.depth + 1).without_markup())
        lost = self.prose.count("\n", start, end)
        if len(texts) == 1:
            before = "\n" * self.prose.count("\n", start, start + 1 + shown[0][0])
            return before + texts[0] + "\n" * (lost - before.count("\n") - texts[0].count("\n"))
        between = marks.block("") if self.alone(start) else " "
        return between.join(" ".join(text.split()) for text in texts) + "\n" * lost

    def unknown(self, start: int, end: int, inner: str) -> int:
        """An expression that cannot be known: one on lines of its own shows no words of the page and goes; within a
        sentence it becomes a variable, `{{name}}`, which later stages tell from braces that are text."""
        self.source.unread(self.line(start), "expression", f"{{{inner.strip()}}}")
        rest = self.prose[end : end + 2].lstrip(" ")
        if self.alone(start) and (rest[:1] in ("", "\n")):
            return self.blank("", start, end)
        return self.write("{" + self.prose[start:end] + "}", end)


def text_between(prose: str, tag: Tag) -> str:
    """What stands between a tag and its end tag, when that is the name of a page."""
    end = prose.find(f"</{tag.name}>", tag.end, tag.end + MAX_TITLE)
    name = prose[tag.end : end].strip() if end > 0 and not tag.closes else ""
    return name if name.endswith((".md", ".mdx")) and " " not in name else ""


KNOWN = frozenset(("Tabs", "TabItem", "Tab", "Steps", "Step", "CardGroup", "CodeGroup"))
