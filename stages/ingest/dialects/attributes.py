"""Attributes of JSX tags, `{{#…}}` and shortcodes: names and values, and which of them are text for a reader."""

import re
from html import unescape

NAME = re.compile(r"[\s,]*([A-Za-z_@:][\w@:.-]*)")
EQUALS = re.compile(r"\s*=\s*")
QUOTED = re.compile(r""""([^"]*)"|'([^']*)'|`([^`]*)`|[^\s"'`{}<>,]+""")
MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|</?>")
LITERAL = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|`([^`$]*)`|(-?\d[\d_.]*|true|false))\s*""")

MEMBER = re.compile(r"""\b(\w+)["']?\s*:\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`$\\]|\\.)*`)""")
ESCAPE = re.compile(r"\\(['\"`\\])")
MAX_OBJECTS = 50_000  # characters of an expression that is looked through

# What a page shows of a component, by the names that component libraries share. Reading order: the head, then the body.
HEAD = ("title", "label", "heading", "header", "question", "summary", "term")
BODY = ("subtitle", "caption", "description", "desc", "text", "message", "answer", "content", "tooltip", "tip", "alt")


def attributes(text: str) -> dict[str, str]:
    """Name and value of each; the value of one that stands alone is `true`, that of an expression its source in braces.

    A literal in braces, `{"x"}` or `{3}`, is its value.
    """
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        name = NAME.match(text, position)
        if name is None:
            position += 1
            continue
        position = name.end()
        equals = EQUALS.match(text, position)
        if equals is None:
            values.setdefault(name[1], "true")
            continue
        value, position = value_at(text, equals.end())
        values[name[1]] = value
    return values


def value_at(text: str, position: int) -> tuple[str, int]:
    """The value that starts here, and the place behind it."""
    if text[position : position + 1] == "{":
        end = closing_brace(text, position)
        inner = text[position + 1 : end - 1]
        literal = LITERAL.fullmatch(inner)
        if literal:
            return next((group for group in literal.groups() if group is not None), ""), end
        markup = inner.strip()
        is_markup = markup.startswith("<") and "{" not in markup
        return (" ".join(MARKUP.sub("", markup).split()) if is_markup else text[position:end]), end
    quoted = QUOTED.match(text, position)
    if quoted is None:
        return "", position + 1
    value = next((group for group in quoted.groups() if group is not None), quoted[0])
    return unescape(value) if "&" in value else value, quoted.end()


def closing_brace(text: str, position: int) -> int:
    """Behind the } that closes the { at `position`, else the end."""
    depth = 0
    for place in range(position, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place + 1
    return len(text)


def entries(values: dict[str, str]) -> list[dict[str, str]]:
    """The texts in the objects of expressions, `{[{title: "A", text: "B"}]}`: a new entry at each name of one."""
    found: list[dict[str, str]] = []
    for value in values.values():
        if not value.startswith("{") or ":" not in value:
            continue
        for match in MEMBER.finditer(value, 0, MAX_OBJECTS):
            key, text = match[1], ESCAPE.sub(r"\1", match[2][1:-1])
            if key in HEAD or (key in BODY and not found):
                found.append({})
            if key in (*HEAD, *BODY) and text.strip():
                found[-1].setdefault(key, text)
    return [entry for entry in found if entry]


def first(values: dict[str, str], *names: str) -> str:
    """The first of these attributes that has words, on one line; an expression has none."""
    for name in names:
        words = " ".join(values.get(name, "").split())
        if words and words != "true" and not words.startswith("{"):
            return words
    return ""


def head(values: dict[str, str]) -> str:
    """The words that name a component: its title, label, question …"""
    return first(values, *HEAD)


def body(values: dict[str, str]) -> str:
    """What the attributes say beside the head, as sentences in reading order."""
    said = [words for name in BODY if (words := first(values, name)) and words != head(values)]
    return " ".join(words if words[-1] in ".!?。！？:" else f"{words}." if len(said) > 1 else words for words in said)
