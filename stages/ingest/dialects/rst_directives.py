"""The directives that Sphinx adds to docutils, or reads in its own way: one class for all, which keeps what they show.

It imports docutils, which an extra installs; `rst` imports it when a page needs it.
"""

import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from stages.ingest.dialects.flavours import directives as names

NOTED = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
ONLY_CONTENT = ("only", "class", "ifconfig", "grid", "hlist", "glossary", "tabs", "tab-set", "container", "cssclass")
SOURCE = re.compile(r"(?:from|import|def|class|async def) \w|@\w|>>> |\$ ")  # what `click:example` and its like show
FACTS = ("type", "default", "required", "value")  # options of an object that its readers are shown


class AnyOption(dict[str, Any]):
    """Options of every name, as they are written."""

    def __bool__(self) -> bool:
        return True  # docutils reads no options where none is named

    def __missing__(self, name: str) -> Any:
        return lambda value: value or ""


class Kept(Directive):  # type: ignore[misc]
    """Code, remarks on versions, parts of programs, and what holds text below a title."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = AnyOption()

    def run(self) -> list[Any]:
        if self.name in names.DROPPED and self.name not in ("only", "class", "default-role"):
            return []
        if self.name in names.CODE or (":" in self.name and SOURCE.match("\n".join(self.content).strip())):
            return self.code()
        if self.name in ("seealso", "todo"):
            return self.note()
        if self.name == "glossary":
            self.content: Any = joined_terms(self.content)
        container = nodes.container()
        if names.is_object(self.name) and self.arguments:
            return self.described(container)
        container += self.heading()
        self.state.nested_parse(self.content, self.content_offset, container)
        return [container]

    def described(self, body: Any) -> list[Any]:
        """A part of a program as the term of a definition, where it is said in a few blocks; else above them."""
        signatures = [one.strip() for one in "\n".join(self.arguments).split("\n") if one.strip()]
        self.state.nested_parse(self.content, self.content_offset, body)
        inner = (nodes.container, nodes.definition_list)
        plain = len(body) <= 4 and not any(isinstance(node, inner) for node in body.findall() if node is not body)
        named = [[nodes.literal("", one)] for one in signatures]
        named[-1] += self.facts()
        if not plain or not len(body):
            return [*(nodes.paragraph("", "", *one) for one in named), body]
        terms = [nodes.term("", "", *one) for one in named]
        entry = nodes.definition_list_item("", *terms, nodes.definition("", *body.children))
        return [nodes.definition_list("", entry)]

    def facts(self) -> list[Any]:
        """What options say of an object, in brackets: its type, its default."""
        said = [(name, self.options[name].strip("`")) for name in FACTS if self.options.get(name)]
        parts: list[Any] = []
        for name, value in said:
            parts.append(nodes.Text((", " if parts else " (") + (f"{name}: " if name != "type" else "")))
            parts.append(nodes.literal("", value))
        return [*parts, nodes.Text(")")] if parts else []

    def note(self) -> list[Any]:
        title = {"seealso": "See also"}.get(self.name, self.name.capitalize())
        note = nodes.admonition("", nodes.title("", title), classes=["admonition"])
        note += self.paragraph(" ".join(self.arguments)) if self.arguments else []
        self.state.nested_parse(self.content, self.content_offset, note)
        return [note]

    def code(self) -> list[Any]:
        language = names.code_language(" ".join(self.arguments))
        text = "\n".join(self.content)
        block = nodes.literal_block(text, text, classes=["code", language] if language else [])
        caption = self.options.get("caption", "")
        return [*self.bold(caption), block] if text.strip() else self.bold(caption)

    def heading(self) -> list[Any]:
        words = "\n".join(self.arguments).strip()
        if self.name in NOTED:
            version, rest = (*words.split(None, 1), "")[:2] if words else ("", "")
            return self.paragraph(f"{NOTED[self.name]} {version}" + (f": {rest}" if rest else ""))
        if self.name in ONLY_CONTENT:
            return []
        first, _, rest = words.partition("\n")
        return [*self.bold(first), *(self.paragraph(rest) if rest else [])]

    def paragraph(self, words: str) -> list[Any]:
        inline, _ = self.state.inline_text(" ".join(words.split()), self.lineno)
        return [nodes.paragraph("", "", *inline)]

    def bold(self, words: str) -> list[Any]:
        if not words:
            return []
        inline, _ = self.state.inline_text(words.replace("\n", " "), self.lineno)
        return [nodes.paragraph("", "", nodes.strong("", "", *inline))]


def joined_terms(content: StringList) -> StringList:
    """The lines of a glossary with several terms of one definition on one line, as docutils knows them."""
    kept: list[str] = []
    for line in content:
        before = kept[-1] if kept else ""
        if line.strip() and before.strip() and not line[0].isspace() and not before[0].isspace():
            kept[-1] = f"{before.strip()}, {line.strip()}"
        else:
            kept.append(line)
    return StringList(kept, "glossary")
