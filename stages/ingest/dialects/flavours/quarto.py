"""Quarto's and R Markdown's: cells of code with options, values that code computes in text, and cross-references."""

import re

from stages.ingest.dialects import prose
from stages.ingest.dialects.flavours.roles import readable
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.outline import fences
from stages.ingest.dialects.page import Page, needs

OPTION = re.compile(r"[ \t>]*(?:#|//|--)\|[ \t]*([\w-]+)[ \t]*:[ \t]*(.*)$")
MORE = re.compile(r"[ \t>]*(?:#|//|--)\|[ \t]{2,}(\S.*)$")
CAPTIONS = ("fig-cap", "tbl-cap", "lst-cap")
COMPUTED = re.compile(r"`(?:\{(?:r|python|julia|ojs)\}|(r))[ \t]+([^`\n]{1,200})`")
SUFFIXES = (".qmd", ".rmd", ".rmarkdown")  # in other files `r x` is code as it stands
REFERENCE = re.compile(r"(?<![\w.@])-?@(sec|fig|tbl|eq|lst|thm|def|exm)-([\w-]*\w)")
GROUPED = re.compile(r"\[(@(?:sec|fig|tbl|eq|lst|thm|def|exm)-[\w-]*\w)\]")
KINDS = {
    "sec": "section", "fig": "figure", "tbl": "table", "eq": "equation", "lst": "listing", "thm": "theorem",
    "def": "definition", "exm": "example",
}  # fmt: skip


@needs("```{")
def cells(lines: list[Line], page: Page) -> list[Line]:
    """The lines without the cells whose code no reader sees; a caption among the options of one stands behind it."""
    lines = list(lines)
    for first, last in reversed(fences(to_text(lines), page.indented_code)):
        if not lines[first].text.lstrip(" \t>").startswith("```{"):
            continue
        options = options_of(lines[first + 1 : last])
        captions = [options[name] for name in CAPTIONS if options.get(name)]
        behind = [lines[last - 1].with_text(text) for caption in captions for text in ("", caption)]
        lines[last:last] = behind
        if "false" in (options.get("echo"), options.get("include")):
            lines[first:last] = [line.with_text("") for line in lines[first:last]]
    return lines


def options_of(cell: list[Line]) -> dict[str, str]:
    """What the first lines of a cell set, over several lines too."""
    options: dict[str, str] = {}
    name = ""
    for line in cell:
        option, more = OPTION.match(line.text), MORE.match(line.text)
        if more and name:
            options[name] = f"{options[name]} {more[1].strip()}".strip()
        elif option:
            name = option[1]
            options[name] = "" if option[2].strip() in ("|", ">", "|-", ">-") else option[2].strip().strip("\"'")
        else:
            break
    return options


@needs("`r ", "`{r}", "`{python}", "`{julia}", "`{ojs}")
def computed(lines: list[Line], page: Page) -> list[Line]:
    """The lines with a variable in place of what code in the text computes, which is not known here."""
    code = page.code(lines)
    return [line if number in code else of_code(line, page) for number, line in enumerate(lines)]


def of_code(line: Line, page: Page) -> Line:

    def variable(found: re.Match[str]) -> str:
        if found[1] and not line.origin.path.lower().endswith(SUFFIXES):
            return found[0]
        page.unread(line, "expression", found[0])
        return "{{" + found[2].strip() + "}}"

    return line.with_text(COMPUTED.sub(variable, line.text))


@needs(*(f"@{kind}-" for kind in KINDS))
def references(lines: list[Line], page: Page) -> list[Line]:
    """The lines with references by what they lead to: `@fig-wing-length` is figure “wing length”."""
    lines = prose.sub(lines, page, "[@", GROUPED, lambda found, _: f"({found[1]})")
    return prose.sub(lines, page, "@", REFERENCE, lambda found, _: f"{KINDS[found[1]]} “{readable(found[2])}”")


STEPS = (cells, computed, references)
