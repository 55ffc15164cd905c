"""MyST Markdown: directives between backticks or colons (```` ```{note} ````, `:::{note}`), roles, labels, code cells,
targets `(label)=`, comments `% …` and blocks `+++`.
"""

import re
from typing import NamedTuple

from stages.ingest.dialects import definitions, includes, marks
from stages.ingest.dialects.components import field_line
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.flavours import attribute_lists, directives, roles, tables, variables
from stages.ingest.dialects.lines import Line, dedent, to_text
from stages.ingest.dialects.page import Flavour, Page

OPENING = re.compile(r"([ \t>]*)(`{3,}|~{3,}|:{3,})[ \t]*\{([a-zA-Z][\w:+.-]*)\}[ \t]*(.*)$")
FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,}|:{3,})(.*)$")
OPTION = re.compile(r"[ \t]*:([\w-]+):(?:[ \t]+(.*))?$")
TARGET = re.compile(r"[ \t]{0,3}\([\w:./ +-]{1,200}\)=[ \t]*$")
COMMENT = re.compile(r"%(?:[ \t]|$)")
BREAK = re.compile(r"\+\+\+(?:[ \t]*\{.*\})?[ \t]*$")
EMPTY_LINK = re.compile(r"\[\]\(([^()\s]{1,300})\)")
MAX_DEPTH = 12


class Directive(NamedTuple):
    name: str
    argument: str
    options: dict[str, str]
    body: list[Line]
    line: Line


def resolved(lines: list[Line], page: Page, depth: int = 0) -> list[Line]:
    """The lines with their directives as notes, fences, tables and text, those in them too."""
    if depth > MAX_DEPTH or not any("{" in line.text and OPENING.match(line.text) for line in lines):
        return lines
    kept: list[Line] = []
    number, fence = 0, ""
    while number < len(lines):
        line = lines[number]
        opening = None if fence else OPENING.match(line.text.rstrip())
        if opening is None:
            fence = inside_fence(line.text, fence)
            kept.append(line)
            number += 1
            continue
        end = closing(lines, number, opening[2])
        found = read(opening, lines[number + 1 : end], line)
        start, is_quote = opening[1], ">" in opening[1]
        body = [one.with_text(one.text.removeprefix(start)) for one in found.body] if is_quote else dedent(found.body)
        put = shown(found._replace(body=body), page, depth)
        spare = lines[end : end + 1]
        kept += [one.with_text((start + one.text).rstrip()) for one in put]
        kept += [one.with_text(start.rstrip()) for one in spare]
        number = end + 1
    return kept


def inside_fence(text: str, fence: str) -> str:
    """The sign of the fence that the next line stands in."""
    found = FENCE.match(text) if "```" in text or "~~~" in text else None
    if found is None or found[1][0] == ":":
        return fence
    if not fence:
        return "" if "`" in found[2] else found[1]
    return "" if found[1].startswith(fence) and not found[2].strip() else fence


def closing(lines: list[Line], start: int, sign: str) -> int:
    """The line that closes a directive: as many signs or more of the same kind, not those of one within it."""
    depth = 1
    for number in range(start + 1, len(lines)):
        found = FENCE.match(lines[number].text) if sign[:3] in lines[number].text else None
        if found is None or found[1][0] != sign[0] or len(found[1]) < len(sign):
            continue
        depth += -1 if not found[2].strip() else (1 if len(found[1]) == len(sign) and sign[0] == ":" else 0)
        if depth == 0:
            return number
    return len(lines)


def read(opening: re.Match[str], body: list[Line], line: Line) -> Directive:
    """The options of a directive, in colons or in YAML, and what it holds."""
    options: dict[str, str] = {}
    number = 0
    if body and body[0].text.strip() == "---":
        number = next((n for n in range(1, len(body)) if body[n].text.strip() == "---"), 0) + 1
        for one in body[1 : number - 1]:
            key, _, value = one.text.strip().partition(":")
            options[key] = value.strip().strip("\"'")
    while number < len(body) and (option := OPTION.match(body[number].text.rstrip())):
        options[option[1]] = option[2] or ""
        number += 1
    emptied = [one.with_text("") for one in body[:number]]
    rest = body[number:]
    return Directive(opening[3].lower(), opening[4].strip(), options, [*emptied[:0], *rest], line)


def shown(found: Directive, page: Page, depth: int) -> list[Line]:
    """The lines that a directive becomes."""
    name, line = found.name, found.line
    if name in directives.NOTES or name == "admonition":
        return note(found, page, depth)
    if name in ("include", "literalinclude"):
        return file(found, page, depth) or [line.with_text("")]
    if name in ("code-cell", "code", "code-block", "sourcecode") or name in directives.CODE - directives.DROPPED:
        return code(found)
    if name.endswith("-example"):  # shown as it is written, and once more as it looks
        return code(found)
    if name == "math":
        return [line.with_text("$$"), *found.body, line.with_text("$$")]
    if name in ("list-table", "csv-table"):
        got = includes.code(page, line, found.options["file"]) if found.options.get("file") else None
        heads = [f"{found.options['header']}"] if name == "csv-table" and found.options.get("header") else []
        rows = tables.rows_of(name, "\n".join([*heads, to_text(got[1] if got else found.body)]))
        return titled(found, [line.with_text(text) for text in tables.markdown(rows)])
    if name in ("tab-set", "tabs", "tab-item", "tab"):
        return tab(found, page, depth)
    if name in directives.DROPPED:
        return [line.with_text("")]
    if name in ("figure", "grid", "div", "container", "image"):
        caption = found._replace(argument=found.options.get("caption", "") if name == "figure" else "")
        return titled(caption, resolved(found.body, page, depth + 1))
    if name == "eval-rst":
        return rst(found, page)
    return other(found, page, depth)


def note(found: Directive, page: Page, depth: int) -> list[Line]:
    """A note. The title of an admonition is its argument; what stands behind the name of another is its first words."""
    kind = (found.options.get("class", "").split() or ["note"])[0] if found.name == "admonition" else found.name
    kind = kind if kind in directives.NOTES else "note"
    title = (
        found.argument
        if found.name in ("admonition", "seealso", "versionadded", "versionchanged", "deprecated")
        else ""
    )
    words = [found.line.with_text(found.argument), found.line.with_text("")] if found.argument and not title else []
    head = found.line.with_text(f":::{kind}[{title}]" if title else f":::{kind}")
    body = resolved(found.body, page, depth + 1)
    return [head, *words, *body, (body or [head])[-1].with_text(":::")]


def code(found: Directive) -> list[Line]:
    """A fence without options, behind its caption."""
    title = found.options.get("caption", "") or found.options.get("filename", "")
    language = found.name if found.name in (*directives.CELLS, "mermaid") else directives.code_language(found.argument)
    body = includes.trimmed([one for one in found.body if not CELL_OPTION.match(one.text)])
    return fenced(body, language, title) or [found.line.with_text("")]


CELL_OPTION = re.compile(r"#\|[ \t]|#[ \t]*\+\+\+|%%(?:capture|script)")


def tab(found: Directive, page: Page, depth: int) -> list[Line]:
    is_group = found.name in ("tab-set", "tabs")
    kinds = (marks.TABS, marks.TABS_END) if is_group else (marks.TAB, marks.TAB_END)
    body = resolved(found.body, page, depth + 1)
    first = found.line.with_text(marks.mark(kinds[0], "" if is_group else found.argument))
    return [first, *body, (body or [first])[-1].with_text(marks.mark(kinds[1]))]


def titled(found: Directive, body: list[Line]) -> list[Line]:
    """What a directive holds, behind its argument as a bold paragraph."""
    words = found.argument.strip("*")
    head = [found.line.with_text(f"**{words}**"), found.line.with_text("")] if words else [found.line.with_text("")]
    return [*head, *body]


def other(found: Directive, page: Page, depth: int) -> list[Line]:
    """A directive that holds text; what it is about is its argument, as code when that is a part of a program."""
    known = (
        found.name in (*directives.TITLED, "button-ref", "button-link")
        or directives.is_object(found.name)
        or found.name in ("grid-item", "hlist")
    )
    if not known:
        page.unread(found.line, "directive", "{" + found.name + "} " + found.argument)
    if directives.is_object(found.name) and found.argument:
        return described(found, resolved(found.body, page, depth + 1))
    if found.name.startswith("button-"):
        found = found._replace(argument="" if to_text(found.body).strip() else roles.readable(found.argument))
    return titled(found, resolved(found.body, page, depth + 1))


def described(found: Directive, body: list[Line]) -> list[Line]:
    """A part of a program as an item of a list, with its type and its default, and what is said of it below."""
    values = {key: value.strip("`") for key, value in found.options.items()}
    head = found.line.with_text(marks.mark(marks.ITEM, f"- {field_line(found.argument, values)}"))
    return [head, *body, (body or [head])[-1].with_text(marks.mark(marks.ITEM_END))]


def file(found: Directive, page: Page, depth: int) -> list[Line]:
    """The lines of a file: text of the page, or code."""
    got = includes.code(page, found.line, found.argument)
    if got is None:
        return []
    taken = includes.chosen(got[1], found.options)
    if found.name == "literalinclude" or "literal" in found.options or "code" in found.options:
        language = found.options.get("language") or found.options.get("code") or includes.language(got[0])
        shown_lines = fenced(includes.trimmed(taken), language, found.options.get("caption", ""))
    else:
        shown_lines = resolved(taken, page.within(got[0]), depth + 1)
    return includes.standing_at(shown_lines, found.line)


def rst(found: Directive, page: Page) -> list[Line]:
    """reStructuredText within Markdown, by its own reader where that is installed."""
    from stages.common.base.errors import UserError
    from stages.ingest.dialects.rst import markdown
    from stages.ingest.sources.tree import RefusedError

    try:
        text = markdown(to_text(found.body), page)
    except (UserError, RefusedError):
        page.unread(found.line, "directive", "{eval-rst}")
        return [found.line.with_text("")]
    return [found.line.with_text(line) for line in text.rstrip("\n").split("\n")]


def without_targets(lines: list[Line], page: Page) -> list[Line]:
    """The lines without names that links give, comments and breaks between cells; links without words get some."""
    marked = page.site.flavour.name == "sphinx"
    if not marked and not any(")=" in line.text or "[](" in line.text for line in lines):
        return lines
    code = page.code(lines) if any(line.text.lstrip()[:1] in ("(", "%", "+") for line in lines) else set()
    kept = []
    for number, line in enumerate(lines):
        text = line.text
        unseen = number not in code and (
            TARGET.match(text) or (marked and (COMMENT.match(text) or BREAK.match(text.rstrip())))
        )
        kept.append(line.with_text("") if unseen else line)
    from stages.ingest.dialects import prose

    return prose.sub(kept, page, "[](", EMPTY_LINK, lambda match, _: f"[{roles.linked(match[1], page)}]({match[1]})")


BEFORE = (resolved, without_targets, roles.named, definitions.as_items)
FLAVOUR = Flavour(
    "sphinx",
    ("conf.py", "source/conf.py", "docs/conf.py", "_toc.yml", "myst.yml", "_config.yml.jupyter"),
    before=(*BEFORE, definitions.fields, variables.in_braces),
    after=(attribute_lists.removed,),
)
