"""Macros of MDN and its like, `{{CSSxRef("color", "label")}}`: their label or the name that they are about."""

import re

from stages.ingest.dialects import literals
from stages.ingest.dialects.bracketed import Bracketed, replaced
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Flavour, Page, needs

CALL = re.compile(r"\s*([A-Za-z_][\w-]*)\s*\((.*)\)\s*", re.DOTALL)
CALLED = re.compile(r"\{\{\s*[A-Za-z_]\w*\s*\(")  # in a page with such, a bare name is a macro, too
BARE = re.compile(r"\s*([A-Za-z_][\w-]*)\s*")
ARGUMENT = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|[^\s,"']+""")
CODE = ("xref", "ref", "element", "property", "attr", "prop")  # names of them are code
SAID = {  # macros without or with arguments that stand for words
    "optional_inline": "(optional)", "deprecated_inline": "(deprecated)", "experimental_inline": "(experimental)",
    "non-standard_inline": "(non-standard)", "readonlyinline": "(read-only)", "deprecatedinline": "(deprecated)",
}  # fmt: skip
SENTENCES = ("comment", "title", "text", "description", "label", "caption", "message", "content", "summary")
NOT_CODE = ("glossary", "term", "rfc", "interwiki", "link")


@needs("{{")
def named(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their macros as words; one alone on its line shows what is not in the page, and goes."""

    calls = page.site.flavour.name == "mdn" or any(CALLED.search(line.text) for line in lines)

    def words(tag: Bracketed) -> str | None:
        call = CALL.fullmatch(tag.inner[:1_000])
        name = call or BARE.fullmatch(tag.inner[:100])
        if name is None or (call is None and not (calls and name[1][0].isupper()) and name[1].lower() not in SAID):
            return None
        if name[1].lower() in SAID:
            return SAID[name[1].lower()]
        if call and call[2].lstrip().startswith("{") and (values := options(call[2])):
            page.unread(tag.line, "macro", "{{" + tag.inner + "}}")
            return "\n".join(f"- {value}" for value in values) if tag.alone else "; ".join(values)
        shown = label(name[1].lower(), call[2] if call else "")
        if not shown or (tag.alone and page_macro(tag)):
            page.unread(tag.line, "macro", "{{" + tag.inner + "}}")
            return ""
        return shown

    return replaced(lines, page, {"{{": "}}"}, words)


def options(text: str) -> list[str]:
    """The values of an object that a macro is called with, by their names: what it makes of them is not known, so they
    stay as they are given, in backticks unless they are sentences."""
    try:
        values = literals.parsed(text)
    except literals.NoLiteralError:
        return []
    named = values.items() if isinstance(values, dict) else ()
    parts = [(key, value if isinstance(value, list) else [value]) for key, value in named]
    shown = [(key, " ".join(part for part in value if isinstance(part, str))) for key, value in parts]
    return [f"{key}: {words if is_sentence(key, words) else f'`{words}`'}" for key, words in shown if words]


def is_sentence(key: str, words: str) -> bool:
    return key.lower() in SENTENCES and " " in words.strip()


def page_macro(tag: Bracketed) -> bool:
    """Whether nothing else stands on its line, the sign of a list item included."""
    return tag.line.text.strip().startswith("{{")


def label(name: str, text: str) -> str:
    """The second argument where it is words, else the first."""
    values = [found[1] or found[2] or found[0].strip("\"'") for found in ARGUMENT.finditer(text)]
    first = values[0] if values else ""
    second = values[1] if len(values) > 1 and re.search(r"[A-Za-z]", values[1]) else ""
    if name == "rfc" and first:
        return f"RFC {first}"
    if second or not first:
        return second
    is_code = name not in NOT_CODE and (name.endswith(CODE) or name in ("jsxref", "domxref"))
    return f"`{first.replace('.prototype', '')}`" if is_code else first


FLAVOUR = Flavour("mdn", ("front-matter-config.json", ".frontmatter-config.json"), before=(named,))
