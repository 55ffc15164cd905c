"""Inline marks of Python-Markdown's extensions: icons, emoji, keys, changes, raised and lowered text, coloured code."""

import re

from stages.ingest.dialects import prose
from stages.ingest.dialects.flavours import attribute_lists
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.page import Page

# Icons, and emoji by their names between blanks.
ICON = re.compile(
    r"(?<=[\[_*]):(?:material|octicons|fontawesome|simple)-[\w-]{1,60}:(?:\{[ \t]*\.[^{}\n]{0,80}\})?[ \t]?"
    r"|[ \t]?:(?:material|octicons|fontawesome|simple|fa|fas|far|fab)-[\w-]{1,60}:(\{[^{}\n]{0,80}\})?"
    r"|(?:(?<=^)|(?<=[\s|(]))[ \t]?:[a-z][a-z0-9_+-]{1,40}:(?=[\s|).,!?]|$)(?![ \t]*`)",
    re.MULTILINE,
)
NAME = re.compile(r":[a-z][\w+-]{1,80}:")  # of any of these, looked for first
# Short and plain, since formulas are full of such signs.
SUBSCRIPT = re.compile(r"(?<=[A-Za-z)])~([A-Za-z0-9+-]{1,8})~(?!~)")
SUPERSCRIPT = re.compile(r"(?<=[\w)])\^([A-Za-z0-9+-]{1,8})\^(?!\^)")
SUB = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
SUP = str.maketrans("0123456789+-=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾")
COLOURED = re.compile(r"`#!\w+[ \t]")
KEYS = re.compile(r"\+\+((?:[a-z0-9]|\"[^\"\n]{1,20}\")[a-z0-9_\"-]{0,20}(?:\+[a-z0-9_\"-]{1,20}){0,6})\+\+")
KEY_NAMES = {
    "ctrl": "Ctrl", "control": "Ctrl", "cmd": "Cmd", "command": "Cmd", "alt": "Alt", "option": "Option", "del": "Del",
    "delete": "Del", "esc": "Esc", "escape": "Esc", "ins": "Ins", "pgup": "PgUp", "page-up": "PgUp", "plus": "+",
    "pgdn": "PgDn", "page-down": "PgDn", "arrow-up": "Up", "arrow-down": "Down", "win": "Win", "windows": "Win",
}  # fmt: skip
INSERTED = re.compile(r"\^\^(?![\s^])([^\^\n]{1,400}?)(?<!\s)\^\^")
CRITIC = re.compile(
    r"\{\+\+([^{}\n]{1,400}?)\+\+\}|\{--([^{}\n]{1,400}?)--\}|\{==([^{}\n]{1,400}?)==\}|\{>>[^{}\n]{1,400}?<<\}"
)


def inline(lines: list[Line], page: Page) -> list[Line]:
    """The lines without icons, attribute lists and marks of changes; keys by their names."""
    text = to_text(lines)
    lines = prose.sub(lines, page, ":", ICON, lambda *_: "") if NAME.search(text) else lines
    if not any(sign in text for sign in ("{", "++", "^", "~", "`#!")):
        return lines
    lines = prose.sub(lines, page, "{", CRITIC, lambda match, group: group(1) or group(3))
    lines = prose.sub(lines, page, "++", KEYS, lambda match, _: "+".join(map(key_name, match[1].split("+"))))
    lines = prose.sub(lines, page, "^^", INSERTED, lambda _, group: group(1))
    if page.site.flavour.name == "mkdocs":
        lines = prose.sub(lines, page, "~", SUBSCRIPT, lambda _, group: group(1).translate(SUB))
        lines = prose.sub(lines, page, "^", SUPERSCRIPT, lambda _, group: group(1).translate(SUP))
    lines = with_plain_code(lines, page)
    return attribute_lists.removed(lines, page)


def with_plain_code(lines: list[Line], page: Page) -> list[Line]:
    """The lines with code in text without the language that colours it, `#!python range(3)`."""
    if not any("`#!" in line.text for line in lines):
        return lines
    code = page.code(lines)
    return [
        line if number in code else line.with_text(COLOURED.sub("`", line.text)) for number, line in enumerate(lines)
    ]


def key_name(name: str) -> str:
    name = name.strip('"')
    return KEY_NAMES.get(name, name.replace("-", " ").title() if len(name) > 1 else name.upper())
