"""MkDocs with Material and pymdownx: admonitions (`!!! note "Title"`, `??? note`) as directives, content tabs
(`=== "Title"`) as marks, both with what is indented by four below them; blocks (`/// note | Title` … `///`) as the
same; icons, keys and attribute lists out of the text.
"""

import re

from stages.ingest.dialects import definitions, marks
from stages.ingest.dialects.admonitions import label, quoted
from stages.ingest.dialects.flavours import liquid, pymdownx, snippets, variables
from stages.ingest.dialects.lines import Line, indent
from stages.ingest.dialects.page import Flavour, Page, needs

ADMONITION = re.compile(r"""([ \t]*)(?:!!!|\?\?\?\+?)[ \t]+([A-Za-z][\w-]*)((?:[ \t]+[\w-]+)*)(?:[ \t]+"(.*)")?$""")
TAB = re.compile(r"""([ \t]*)===[!+]?[ \t]+(?:"(.*)"|'(.*)')$""")
SIGNS = ("!!!", "???", "===")
STEP = 4
MAX_DEPTH = 12  # what is nested deeper stays as it is

BLOCK = re.compile(r"([ \t]*)(/{3,})[ \t]*([A-Za-z][\w-]*)[ \t]*(?:\|[ \t]*(\S.*)?)?$")
BLOCK_END = re.compile(r"[ \t]*(/{3,})$")
AUTODOC = re.compile(r":::[ \t]+[A-Za-z_]\w*(?:\.\w+)+[ \t]*$")
OPTION = re.compile(r"[ \t]{4,}([\w-]+):[ \t]*(\S.*)?$")
WITHOUT_LABEL = ("html", "definition", "define", "caption", "figure-caption", "table-caption", "annotate", "div")


def containers(lines: list[Line], page: Page, depth: int = 0) -> list[Line]:
    """The lines with the admonitions and tabs that hold what is indented below them, those in them too."""
    if depth > MAX_DEPTH or not any(line.text.lstrip().startswith(SIGNS) for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        may_open = number not in code and line.text.lstrip().startswith(SIGNS)
        admonition = ADMONITION.match(line.text.rstrip()) if may_open else None
        tab = TAB.match(line.text.rstrip()) if may_open else None
        if admonition is None and tab is None:
            kept.append(line)
            number += 1
            continue
        start = (admonition or tab)[1]  # type: ignore[index]
        end = body_end(lines, number + 1, len(start.expandtabs(STEP)))
        body = containers(moved_out(lines[number + 1 : end], len(start.expandtabs(STEP))), page, depth + 1)
        if admonition:
            kept += block(line, admonition, body, before=kept[-1].text if kept else "")
        elif tab:
            kept += tab_lines(line, start, tab[2] or tab[3] or "", body)
        number = end
    return kept


def body_end(lines: list[Line], first: int, start: int) -> int:
    """Behind the last line that is indented by four more than a block that starts at column `start`."""
    end = first
    for number in range(first, len(lines)):
        text = lines[number].text.expandtabs(STEP)
        if text.strip():
            if len(text) - len(text.lstrip()) < start + STEP:
                break
            end = number + 1
    return end


def moved_out(lines: list[Line], start: int) -> list[Line]:
    """The lines without the indentation of the block that they belong to."""
    moved = []
    for line in lines:
        white = line.text[: len(line.text) - len(line.text.lstrip())].expandtabs(STEP)
        moved.append(line.with_text((white[start + STEP :] + line.text.lstrip()) if line.text.strip() else ""))
    return moved


def block(line: Line, found: re.Match[str], body: list[Line], before: str) -> list[Line]:
    """An admonition as a quote."""
    start, title = found[1], found[4] or ""
    head = [line.with_text("")] if before.strip() else []
    head.append(line.with_text(f"{start}> {label(found[2], title)}"))
    if body and body[0].text.strip():
        head.append(line.with_text(f"{start}>"))
    return [*head, *quoted(body, start), (body or [line])[-1].with_text("")]


def tab_lines(line: Line, start: str, title: str, body: list[Line]) -> list[Line]:
    """One tab between marks, in a group of its own."""
    opening = [line.with_text(start + marks.mark(marks.TABS)), line.with_text(start + marks.mark(marks.TAB, title))]
    last = (body or [line])[-1]
    closing = [last.with_text(start + marks.mark(marks.TAB_END)), last.with_text(start + marks.mark(marks.TABS_END))]
    return [*opening, *(inner.with_text(start + inner.text if inner.text.strip() else "") for inner in body), *closing]


@needs("///")
def blocks(lines: list[Line], page: Page) -> list[Line]:
    """The lines with blocks between lines of slashes as directives, and as tabs."""
    if not any("///" in line.text for line in lines):
        return lines
    code = page.code(lines)
    opened: list[tuple[int, str]] = []  # number of slashes, what closes it
    kept: list[Line] = []
    options = False
    for number, line in enumerate(lines):
        text = line.text.rstrip()
        if options and OPTION.match(text):
            kept.append(line.with_text(""))
            continue
        options = False
        opening = BLOCK.match(text) if "///" in text and number not in code else None
        closing = BLOCK_END.match(text) if opened and "///" in text and number not in code else None
        if opening:
            options = True
            first, last = block_marks(opening[3], opening[4] or "")
            opened.append((len(opening[2]), last))
            kept.append(line.with_text(opening[1] + first if first else ""))
        elif closing and len(closing[1]) == opened[-1][0]:
            last = opened.pop()[1]
            kept.append(line.with_text(indent(text) + last if last else ""))
        else:
            kept.append(line)
    return kept


def block_marks(kind: str, title: str) -> tuple[str, str]:
    """What stands in place of the lines that open and close a block."""
    kind = kind.lower()
    if kind == "tab":
        opening = marks.mark(marks.TABS) + marks.mark(marks.TAB, title)
        return opening, marks.mark(marks.TAB_END) + marks.mark(marks.TABS_END)
    if kind in WITHOUT_LABEL:
        return "", ""
    return (f":::{kind}[{title}]" if title else f":::{kind}"), ":::"


@needs(":::")
def autodoc(lines: list[Line], page: Page) -> list[Line]:
    """The lines without what mkdocstrings fills in from code, `::: package.name` and its options below."""
    if not any(line.text.startswith(":::") for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    inside = False
    for number, line in enumerate(lines):
        if number not in code and AUTODOC.match(line.text):
            inside = True
            page.unread(line, "autodoc", line.text)
        elif line.text.strip() and not line.text.startswith((" ", "\t")):
            inside = False
        kept.append(line.with_text("") if inside else line)
    return kept


FLAVOUR = Flavour(
    "mkdocs",
    ("mkdocs.yml", "mkdocs.yaml", "zensical.toml", "properdocs.yml"),
    before=(
        snippets.included,
        liquid.code,
        liquid.loops,
        liquid.tags,
        variables.in_braces,
        autodoc,
        blocks,
        containers,
        definitions.as_items,
    ),
    after=(pymdownx.inline,),
    underscored=True,
)
