"""Tags of template languages that Hugo, Jekyll and GitBook share by name: what each is to a reader."""

from dataclasses import dataclass, field

from stages.ingest.dialects import marks
from stages.ingest.dialects.admonitions import KNOWN
from stages.ingest.dialects.attributes import HEAD, body, first
from stages.ingest.dialects.components import FIELD_NAMES, field_line, section, sentence

NOTES = (KNOWN - {"bug", "quote", "example", "cite", "help", "missing"}) | {"alert", "callout", "aside", "pageinfo"}
TYPED = frozenset(
    ("alert", "callout", "hint", "admonition", "notice", "aside", "pageinfo", "note", "message", "banner")
)
KINDS = ("style", "type", "kind", "color", "level", "variant", "icon", "context")
TABS = frozenset(("tabs", "tabpane", "tabbed", "tabgroup", "codetabs", "code-tabs", "navtabs", "tabset"))
TAB = frozenset(("tab", "codetab", "tabitem", "tab-item", "navtab", "ifversion-tab"))
SECTIONS = frozenset(
    ("details", "expand", "collapse", "accordion", "accordion-item", "expandable", "dropdown", "spoiler")
)
CODE = frozenset(("highlight", "codeblock", "mermaid", "code-toggle", "prettify", "sourcecode"))
FIELDS = frozenset(("parameter", "param", "field", "property"))
BADGES = frozenset(("badge", "label", "tag", "kbd", "key", "pill", "chip"))
COLORS = {
    "success": "tip", "error": "danger", "primary": "note", "secondary": "note", "note": "note", "blue": "note",
    "yellow": "warning", "red": "danger", "green": "tip", "working": "note",
}  # fmt: skip
SILENT = frozenset((
    "steps", "stepper", "step", "cards", "columns", "column", "content-ref", "endcontent-ref", "br", "icon",
    "toc", "row", "blocks", "cardpane", "readfile", "code", "tabs", "raw", "if", "else", "elsif", "for", "assign",
    "unless", "capture", "include", "seo", "break", "case", "when", "youtube", "video", "comment",
    "feature-state", "heading", "ifversion", "webui", "cli", "desktop", "curl", "powershell", "bash", "codespaces",
    "vscode", "jetbrains", "visualstudio", "javascript", "api", "importer-cli", "rowheaders", "product", "mac", "linux",
    "windows", "mobile", "xcode", "eclipse",
))  # fmt: skip


@dataclass
class Tags:
    """The tags of one file in order. `closed`: names that have an end tag."""

    closed: frozenset[str]
    stack: list[tuple[str, str]] = field(default_factory=list)  # name, what its end tag becomes
    labels: list[str] = field(default_factory=list)  # that the group gives to its tabs, in their order
    language: str | None = None  # of the tabs of Docsy that hold code

    def open(self, name: str, values: dict[str, str], words: list[str], alone: bool) -> str | None:
        """What stands in the place of a start tag, if that is known. `words` are the parameters without a name."""
        paired = name in self.closed
        opening, closing = self.marks_of(name.lower(), values, words, alone, paired)
        if paired:
            self.stack.append((name, closing))
            return opening or ""
        return (opening + closing) if opening is not None else None

    def close(self, name: str) -> str:
        for index in range(len(self.stack) - 1, max(len(self.stack) - 64, -1), -1):
            if self.stack[index][0] == name:
                closing = self.stack[index][1]
                del self.stack[index]
                return closing
        return ""

    def marks_of(
        self, name: str, values: dict[str, str], words: list[str], alone: bool, paired: bool
    ) -> tuple[str | None, str]:
        title = first(values, *HEAD, "name") or (words[0] if words and " " in words[0] else "")
        if name in TABS:
            is_code = name == "tabpane" and values.get("text", "false") != "true"
            self.language = values.get("lang", "") if is_code else None
            self.labels = [label.strip() for label in values.get("items", "").split(",") if label.strip()]
            return marks.mark(marks.TABS), marks.mark(marks.TABS_END)
        if name in TAB:
            queued = self.labels.pop(0) if self.labels else ""
            return tab(values, words or [queued], self.language)
        if name in SECTIONS and paired:
            opening, closing = section(title or " ".join(words[:1]))
            return opening, closing
        if name.rpartition("/")[2] in NOTES and paired and alone:
            kind = note_kind(name.rpartition("/")[2], values, words)
            return marks.mark(marks.NOTE, f"{kind} {title}"), marks.mark(marks.NOTE_END)
        if name.rpartition("-")[2] in FIELDS and (subject := first(values, *FIELD_NAMES)):
            return marks.mark(marks.ITEM, f"- {field_line(subject, values)}"), marks.mark(marks.ITEM_END)
        language = first(values, "lang", "language", "lexer") or (words[0] if words and name in CODE else "")
        if paired and (name in CODE or (name == "code" and language)):
            language = "mermaid" if name == "mermaid" else language
            return marks.block(f"\n\n```{language}"), marks.block("```\n\n")
        return self.other(name, values, words, alone, paired)

    def other(
        self, name: str, values: dict[str, str], words: list[str], alone: bool, paired: bool
    ) -> tuple[str | None, str]:
        """A tag that is not known: what it says stays, and what stands between it and its end tag."""
        said = sentence(first(values, *HEAD), values)
        if alone and said:
            return marks.block(f"\n\n{said}\n\n"), ""
        if name in BADGES and words and not paired:
            return f"({' '.join(words)})" if name not in ("kbd", "key") else " ".join(words), ""
        plain = first(values, "text", *HEAD, "description", "alt") or body(values)
        plain = plain or next((word for word in words if " " in word), "")
        if plain or paired or name in SILENT:
            return plain, ""
        return None, ""


def tab(values: dict[str, str], words: list[str], language: str | None) -> tuple[str, str]:
    """The marks around a tab; what it holds is code when its group has a language."""
    label = first(values, "label", "name", "header", "title", "tabName") or " ".join(words[:1])
    opening, closing = marks.mark(marks.TAB, label), marks.mark(marks.TAB_END)
    if language is None or values.get("text") == "true":
        return opening, closing
    return opening + marks.block(f"\n\n```{values.get('lang', language)}"), marks.block("```\n\n") + closing


def note_kind(name: str, values: dict[str, str], words: list[str]) -> str:
    """The kind of a note: its name, or what a general one is given as style, colour or first word."""
    if name not in TYPED:
        return name
    kind = first(values, *KINDS).lower() or (words[0].lower() if words and words[0].isalpha() else "")
    kind = COLORS.get(kind, kind)
    return kind if kind in KNOWN else name if name in KNOWN else "note"
