"""Components of documentation sites by their names, which the libraries share: Docusaurus, Mintlify, Starlight, Nextra
and mdBook. Each becomes the mark of what it shows; of one that is not known the text stays, that in attributes too.
"""

import re
from dataclasses import dataclass, field

from stages.ingest.dialects import literals, marks
from stages.ingest.dialects.attributes import BODY, HEAD, attributes, body, entries, first, head
from stages.ingest.dialects.html import Lists
from stages.ingest.dialects.tags import Tag

NOTES = {
    "Note": "note", "Tip": "tip", "Warning": "warning", "Info": "info", "Caution": "caution", "Danger": "danger",
    "Important": "important", "Success": "success", "Check": "check", "Error": "error", "Warn": "warning",
    # The kind is an attribute, with this one as default.
    "Callout": "note", "Aside": "note", "Admonition": "note", "Alert": "note", "Hint": "info", "Banner": "note",
}  # fmt: skip
TAB_NAMES = frozenset(("TabItem", "Tab", "Tabs.Tab", "Tabs.Item", "TabPanel", "Tabs.Panel", "SyncTabs.Item"))
GROUPS = frozenset(("Tabs", "TabGroup", "SyncTabs", "CodeTabs"))
CODE_GROUPS = frozenset(("CodeGroup", "CodeBlocks", "RequestExample", "ResponseExample", "Code-group"))
SECTIONS = frozenset(("Accordion", "AccordionItem", "Collapse", "Collapsible", "Expandable", "Disclosure", "Details"))
STEPS = frozenset(("Step", "Steps.Step"))
CARDS = frozenset((
    "Card", "LinkCard", "Cards.Card", "IconCard", "CustomCard", "Feature", "Tile", "FileTree.File", "FileTree.Folder",
    "Tree.File", "Tree.Folder", "File", "Folder",
))  # fmt: skip
FIELDS = frozenset(("ParamField", "ResponseField", "Param", "Field", "Property", "Parameter", "ApiParam", "TableRow"))
FIELD_NAMES = ("name", "query", "path", "body", "header", "id", "property")
# Only lay out what stands in them, or show what is no text.
SILENT = frozenset((
    "", "Fragment", "React.Fragment", "Tabs", "Steps", "CardGroup", "CardGrid", "Cards", "AccordionGroup", "Accordions",
    "Columns", "Column", "Row", "Grid", "Frame", "Icon", "Image", "FileTree", "Tree", "Head", "Video", "YouTube",
    "Link", "LinkButton", "Button", "Center", "Box", "Bleed", "Show", "Split", "Panel", "View", "Visibility", "Text",
))  # fmt: skip
TERMS = frozenset(("abbr", "dfn", "acronym"))
TOLD = ("Tooltip", "Term", "Abbr", "Glossary", "Definition")  # of what stands between their tags
BADGE = re.compile(r"""\bclass(?:Name)?=["'][^"']{0,80}\b(?:label|badge|tag|chip|pill)\b""")
KIND = re.compile(r"[a-z][\w-]*")


@dataclass
class Opened:
    """A component that is not closed yet, and the mark that its end tag becomes."""

    name: str
    closing: str


@dataclass
class Components:
    """The components of one file in order: `labels` are those that <Tabs> gave to its tabs, `stack` what is open."""

    closed: frozenset[str]  # names that have an end tag
    labels: dict[str, str] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    stack: list[Opened] = field(default_factory=list)
    steps: int = 0
    lists: Lists = field(default_factory=Lists)
    unread: list[tuple[int, str]] = field(default_factory=list)

    def replacement(self, tag: Tag, alone: bool) -> str:
        """What stands in the place of a tag. `alone`: nothing stands before it on its line."""
        if tag.closes:
            return self.close(tag.name)
        if tag.name[:1].islower() and "-" not in tag.name:
            return self.element(tag, alone)
        values = attributes(tag.attributes)
        opening, closing = self.marks_of(tag, values, alone)
        if tag.empty or tag.name not in self.closed:
            return opening + (
                closing if tag.name in SECTIONS | TAB_NAMES | CARDS | FIELDS | STEPS | NOTES.keys() else ""
            )
        if tag.name not in GROUPS and len(self.stack) < 1_000:
            self.stack.append(Opened(tag.name, closing))
        return opening

    def element(self, tag: Tag, alone: bool) -> str:
        """An element of HTML only lays out; a badge behind a name is no part of it and stands in brackets, and so does
        what a reader is told who points at a term."""
        badge = not alone and tag.name in self.closed and BADGE.search(tag.attributes)
        told = first(attributes(tag.attributes), "title") if tag.name in TERMS and tag.name in self.closed else ""
        if told:
            self.stack.append(Opened(tag.name, f" ({told})"))
        elif badge or any(opened.name == tag.name for opened in self.stack[-8:]):
            self.stack.append(Opened(tag.name, ")" if badge else ""))
        if tag.name == "figcaption":
            return marks.block("")
        return "(" if badge else " " if tag.name == "br" else ""

    def close(self, name: str) -> str:
        if name in GROUPS:
            return marks.mark(marks.TABS_END)
        for index in range(len(self.stack) - 1, max(len(self.stack) - 64, -1), -1):
            if self.stack[index].name == name:
                closing = self.stack[index].closing
                del self.stack[index]
                return closing
        return marks.mark(marks.TAB_END) if name in TAB_NAMES else ""

    def marks_of(self, tag: Tag, values: dict[str, str], alone: bool) -> tuple[str, str]:
        """The marks in place of a start tag and of its end tag."""
        name, words = tag.name, head(values)
        if name in GROUPS:
            self.open_group(values)
            return marks.mark(marks.TABS), ""
        if name in CODE_GROUPS:
            return marks.mark(marks.NOTE, "code-group"), marks.mark(marks.NOTE_END)
        if name in TAB_NAMES or self.is_slot(tag, values):
            return marks.mark(marks.TAB, self.tab_label(values)), marks.mark(marks.TAB_END)
        if name in SECTIONS and words and alone:
            return section(words)
        if name in STEPS and not (words or first(values, "name")):
            return "", ""  # a heading in it names it
        if name in STEPS:
            self.steps += 1
            return marks.mark(marks.ITEM, f"{self.steps}. **{words or first(values, 'name')}**"), marks.mark(
                marks.ITEM_END
            )
        if name == "Steps":
            self.steps = 0
        if name in NOTES and alone:
            return marks.mark(marks.NOTE, f"{note_kind(name, values)} {words}"), marks.mark(marks.NOTE_END)
        if name in FIELDS and (subject := first(values, *FIELD_NAMES)):
            return marks.mark(marks.ITEM, f"- {field_line(subject, values)}"), marks.mark(marks.ITEM_END)
        if name in CARDS and (words or first(values, "name")) and alone:
            return marks.mark(marks.ITEM, f"- {sentence(words or first(values, 'name'), values)}"), marks.mark(
                marks.ITEM_END
            )
        if name == "Listing":
            return marks.block("\n\n" + listing(values) + "\n\n"), ""
        return self.other(tag, values, alone)

    def other(self, tag: Tag, values: dict[str, str], alone: bool) -> tuple[str, str]:
        """A component that is not known: its words, in brackets within a line."""
        said = sentence(head(values), values)
        if tag.name.endswith(TOLD) and tag.name in self.closed and not tag.empty:
            told = first(values, "tip", *HEAD, *BODY)
            return "", f" ({told})" if told else ""
        listed = (
            (fields_of(values) or [f"- {sentence(head(entry), entry)}" for entry in entries(values)]) if alone else []
        )
        if listed:
            return marks.block("\n\n" + "\n".join([*([said, ""] if said else []), *listed]) + "\n\n"), ""
        if tag.name == "Since" and (version := first(values, "v", "version")):
            return f"(since {version})", ""
        if name_is_badge(tag) and not alone and not said:
            return ("(", ")") if tag.name in self.closed and not tag.empty else ("", "")
        if not said:
            if (tag.empty or tag.name not in self.closed) and tag.name not in SILENT:
                self.unread.append((tag.end, tag.name))
            return "", ""
        if tag.empty or tag.name not in self.closed:
            plain = first(values, *HEAD, "text", "description", "children", "alt")
            return (
                (marks.block(f"\n\n{said}\n\n"), "") if alone else (f" ({plain})" if tag.name == "Badge" else plain, "")
            )
        shown = alone and (tag.name not in SILENT or first(values, "caption"))
        return (marks.block(f"\n\n{said}\n\n"), "") if shown else ("", "")

    def is_slot(self, tag: Tag, values: dict[str, str]) -> bool:
        """Whether a part that is passed to tabs of a site's own stands for one of them."""
        around = self.stack[-1].name if self.stack else ""
        return "slot" in values and around.endswith("Tabs") and around not in GROUPS

    def open_group(self, values: dict[str, str]) -> None:
        """The labels that <Tabs values=… items=…> gives to its tabs, by value or in their order."""
        for one in OBJECT.findall(values.get("values", "")):
            given = dict(re.findall(r"""\b(label|value)\s*:\s*["']([^"']*)["']""", one))
            if given.keys() >= {"label", "value"}:
                self.labels[given["value"]] = given["label"]
        self.queue = re.findall(r"""["']([^"']*)["']""", values.get("items", ""))

    def tab_label(self, values: dict[str, str]) -> str:
        """The label of a tab, else the one that its value was given, else the value."""
        value = first(values, "value", "name")
        queued = self.queue.pop(0) if self.queue else ""
        return first(values, "label", "title", "slot") or self.labels.get(value, value) or queued


OBJECT = re.compile(r"\{[^{}]*\}")


def name_is_badge(tag: Tag) -> bool:
    return tag.name.endswith(("Badge", "Tag", "Label"))


def section(label: str) -> tuple[str, str]:
    """The marks around what stands under a label of its own, as one tab does."""
    opening = marks.mark(marks.TABS) + marks.mark(marks.TAB, label)
    return opening, marks.mark(marks.TAB_END) + marks.mark(marks.TABS_END)


def note_kind(name: str, values: dict[str, str]) -> str:
    kind = first(values, "type", "variant", "kind", "intent", "level", "status").lower()
    return kind if KIND.fullmatch(kind) and name in ("Callout", "Aside", "Admonition", "Alert", "Hint") else NOTES[name]


def sentence(name: str, values: dict[str, str]) -> str:
    """`**Name**: what the attributes say`, or the one of both that there is."""
    bold = f"**{name.replace('**', '')}**" if name else ""
    said = body(values)
    return f"{bold}: {said}" if bold and said else bold or said


def field_line(subject: str, values: dict[str, str]) -> str:
    """``**`ttl`** (integer, required, default: `3600`)`` and what else is said of a parameter."""
    default = values.get("default", values.get("defaultValue", ""))
    facts = [
        first(values, "type"),
        *(name for name in ("required", "deprecated", "optional") if values.get(name, "false") in ("true", "", name)),
        f"default: `{default}`" if default and default != "true" and not default.startswith("{") else "",
    ]
    known = ", ".join(filter(None, facts))
    said = body(values)
    return f"`{subject}`" + (f" ({known})" if known else "") + (f": {said}" if said else "")


def fields_of(values: dict[str, str]) -> list[str]:
    """The items of `type={{port: {type: "number", description: "…"}}}`, or of a list of objects that have names."""
    found: list[str] = []
    for value in values.values():
        try:
            rows = literals.parsed(value[1:-1]) if value.startswith("{") and ":" in value else None
        except (literals.NoLiteralError, RecursionError):
            continue
        named = list(rows.items()) if isinstance(rows, dict) else [(first_of(row), row) for row in rows or []]
        for name, row in named:
            said = {key: one for key, one in row.items() if isinstance(one, str)} if isinstance(row, dict) else {}
            if name and first(said, *BODY) and (isinstance(rows, dict) or "type" in said or "default" in said):
                required = {"required": "true"} if row.get("required") is True else {}
                found.append(f"- {field_line(name, {**said, **required})}")
    return found


def first_of(row: object) -> str:
    """The name that an object gives itself."""
    return str(next((row[key] for key in FIELD_NAMES if row.get(key)), "")) if isinstance(row, dict) else ""


def listing(values: dict[str, str]) -> str:
    """`**Listing 3-1: Caption** (src/main.rs)`, of mdBook's listings."""
    number, caption = first(values, "number"), first(values, "caption", "title")
    name = " ".join(filter(None, ("Listing" if number else "", number)))
    words = ": ".join(filter(None, (name, caption)))
    file = first(values, "file-name", "filename")
    return " ".join(filter(None, (f"**{words}**" if words else "", f"(`{file}`)" if file else "")))
