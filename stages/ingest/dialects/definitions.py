"""Terms and what is said of them as items of a list, `- **term**: text`, whatever the site's notation.

Definition lists of Python-Markdown, kramdown, goldmark and MyST (a term, below it `: text`), field lists of MyST
(`:param x: text`), and the fields of Sphinx by readable names.
"""

import re

from stages.ingest.dialects.lines import Line, dedent, to_text
from stages.ingest.dialects.page import Page

DEFINITION = re.compile(r" {0,3}([:~])[ \t]{1,4}(?=\S)")
ANY_DEFINITION = re.compile(rf"^{DEFINITION.pattern}", re.MULTILINE)
NO_TERM = re.compile(r"[ \t]|[|>#:~+=]|[-*+] |\d+[.)] |`{3}|<|\ufdd0|!\[|\[\^|\*\[")
FIELD = re.compile(r" {0,3}:([A-Za-z][\w. -]{0,30}?(?: [^:\n]{1,60})?):(?:[ \t]+(\S.*))?$")
QUESTION = ("?", "？")
HEADING = re.compile(r"#{1,6}[ \t]")
STARTS_BLOCK = re.compile(r"(?:[-*+>|#]|\d+[.)])[ \t]|`{3}|~{3}|\||\ufdd0")
CODE = re.compile(r"`[^`]+`(?: \(.*\))?")
MOST_TERMS, LONGEST_TERM = 4, 160
# What Sphinx makes of the fields of a function, by the first word of a field's name.
NAMES = {
    **dict.fromkeys(("param", "parameter", "arg", "argument", "key", "keyword", "kwarg", "var", "ivar", "cvar"), ""),
    **dict.fromkeys(("returns", "return"), "Returns"),
    **dict.fromkeys(("raises", "raise", "except", "exception"), "Raises"),
    "rtype": "Return type", "yields": "Yields", "ytype": "Yield type", "type": "Type of", "vartype": "Type of",
}  # fmt: skip


def bold(term: str) -> str:
    """A term as TERM of an item: code stays as it is, bold words lose their own signs."""
    words = " ".join(term.replace("**", "").replace("__", "").split()).rstrip(":：")
    return words if CODE.fullmatch(words) else f"**{words}**"


def field_name(name: str) -> str:
    """A field's name as a term: `param int x` is `x` (int), `raises ValueError` is Raises `ValueError`."""
    first, _, rest = name.strip().partition(" ")
    if first.lower() not in NAMES:
        return bold(name)
    shown, words = NAMES[first.lower()], rest.split()
    if not words:
        return f"**{shown or name.capitalize()}**"
    if not shown:
        kind = f" ({' '.join(words[:-1])})" if len(words) > 1 else ""
        return f"`{words[-1].lstrip('*')}`{kind}"
    return f"**{shown} `{rest.strip()}`**"


def as_items(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their definition lists as lists."""
    if not ANY_DEFINITION.search(to_text(lines)):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        found = number not in code and bool(DEFINITION.match(lines[number].text))
        terms = terms_above(kept) if found else 0
        if not terms:
            kept.append(lines[number])
            number += 1
            continue
        end = body_end(lines, number)
        head, kept = kept[-terms:], kept[:-terms]
        names = [line for line in head if line.text.strip()]
        kept += apart(kept, names[0])
        kept += item(bold(", ".join(line.text.strip() for line in names)), lines[number:end], names[0])
        kept += [line.with_text("") for line in head[len(names) :]]
        number = end
    return kept


def terms_above(kept: list[Line]) -> int:
    """How many of the last lines are terms, and the blank line behind them; 0: they are something else, or a question,
    which stays above its answer as it is written."""
    blank = bool(kept) and not kept[-1].text.strip()
    count = 0
    for line in reversed(kept[: len(kept) - blank]):
        if not line.text.strip():
            break
        if (
            NO_TERM.match(line.text)
            or line.text.rstrip(" *_").endswith(QUESTION)
            or len(line.text) > LONGEST_TERM
            or count == MOST_TERMS
        ):
            return 0
        count += 1
    return count + blank if count and (count == 1 or not blank) else 0


def body_end(lines: list[Line], first: int) -> int:
    """Behind the last line of what is said of a term: further definitions, and what is indented below."""
    end = number = first + 1
    while number < len(lines):
        text = lines[number].text
        indented = text.startswith(("  ", "\t"))
        goes_on = lines[number - 1].text.strip() and not DEFINITION.match(lines[min(number + 1, len(lines) - 1)].text)
        if text.strip() and not (DEFINITION.match(text) or indented or (goes_on and not NO_TERM.match(text))):
            break
        end = number + 1 if text.strip() else end
        number += 1
    return end


def item(term: str, body: list[Line], place: Line) -> list[Line]:
    """A term with its definitions as one item: the first behind it on its line, the others as paragraphs of it."""
    if any(HEADING.match(line.text.strip()) for line in body):
        return [place.with_text(f"**{term.strip('*')}**"), place.with_text(""), *moved_out(body)]
    kept: list[Line] = []
    depth = 4
    for line in body:
        found = DEFINITION.match(line.text)
        text = line.text.expandtabs(4)
        if found:
            depth = found.end()
            words = text[found.end() :]
            if kept:
                kept += [line.with_text(""), line.with_text(f"  {words}")]
            elif STARTS_BLOCK.match(words):
                kept += [place.with_text(f"- {term}:"), line.with_text(""), line.with_text(f"  {words}")]
            else:
                kept.append(place.with_text(f"- {term}: {words}"))
            continue
        white = len(text) - len(text.lstrip())
        kept.append(line.with_text(f"  {' ' * max(white - depth, 0)}{text.lstrip()}" if text.strip() else ""))
    return kept


def moved_out(body: list[Line]) -> list[Line]:
    """What is said of a term in sections of its own, at the margin: no heading stands in an item."""
    first = DEFINITION.sub("", body[0].text)
    return [body[0].with_text(first), *dedent(body[1:])]


def apart(kept: list[Line], line: Line) -> list[Line]:
    """A blank line before an item that would else go on with a paragraph."""
    before = kept[-1].text if kept else ""
    return [line.with_text("")] if before.strip() and not before.startswith(("- ", "  ")) else []


def fields(lines: list[Line], page: Page) -> list[Line]:
    """The lines with field lists, `:name: text`, as lists."""
    if not any(FIELD.match(line.text) for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    inside = False
    for number, line in enumerate(lines):
        found = FIELD.match(line.text) if number not in code else None
        if found and (inside or not kept or not kept[-1].text.strip()):
            inside = True
            kept.append(line.with_text(f"- {field_name(found[1])}" + (f": {found[2]}" if found[2] else "")))
        else:
            inside = inside and (not line.text.strip() or line.text.startswith(("  ", "\t")))
            kept.append(line.with_text(f"  {line.text.strip()}") if inside and line.text.strip() else line)
    return kept
