"""Nuxt Content: components of Markdown (`::card{title="x"}` … `::`, `:badge[New]{color="red"}`) as those of JSX, which
are read for all; their properties may stand in YAML below, and `#name` begins one of their parts.
"""

import json
import re
from typing import Any

import yaml

from stages.ingest.dialects import prose
from stages.ingest.dialects.flavours import attribute_lists, variables
from stages.ingest.dialects.frontmatter import scalar_text
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.page import Flavour, Page

OPENING = re.compile(r"([ \t]*)(:{2,})([a-z][\w-]*)(?:\[([^\[\]\n]*)\])?(?:\{(.*)\})?[ \t]*$")
CLOSING = re.compile(r"[ \t]*(:{2,})[ \t]*$")
SLOT = re.compile(r"[ \t]*#([a-z][\w-]*)(?:\{[^{}]*\})?[ \t]*$")
INLINE = re.compile(r"(?<![\w:`/]):([a-z][\w-]*)(?:\[([^\[\]\n]*)\](?:\{([^{}\n]*)\})?|\{([^{}\n]*)\})")
BINDING = re.compile(r"(?:^|(?<=\s)):(?=\w)|(?:^|(?<=\s))[.#][\w-]+")


def name_of(kebab: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in kebab.removeprefix("u-").split("-"))


def tag(name: str, given: str) -> str:
    return " ".join(filter(None, (name_of(name), BINDING.sub("", given or "").strip())))


def as_jsx(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their components as tags."""
    if not any("::" in line.text for line in lines):
        return lines
    bounds = [line.with_text("") if OPENING.match(line.text) or CLOSING.match(line.text) else line for line in lines]
    code = page.as_mdx().code(bounds)  # a fence may be indented as deep as the component that it stands in
    kept: list[Line] = []
    stack: list[tuple[int, str]] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        opening = OPENING.match(line.text) if "::" in line.text and number not in code else None
        closing = CLOSING.match(line.text) if stack and number not in code else None
        number += 1
        if opening:
            given, number = properties(lines, number, opening[5] or "")
            stack.append((len(opening[2]), name_of(opening[3])))
            kept.append(line.with_text(f"{opening[1]}<{tag(opening[3], given)}>{opening[4] or ''}"))
        elif closing and any(length == len(closing[1]) for length, _ in stack):
            while stack:
                length, name = stack.pop()
                kept.append(line.with_text(f"</{name}>"))
                if length == len(closing[1]):
                    break
        elif stack and SLOT.match(line.text) and number - 1 not in code:
            kept.append(line.with_text(""))
        else:
            kept.append(line)
    return kept


def properties(lines: list[Line], number: int, given: str) -> tuple[str, int]:
    """What a component is given, with what stands in YAML right below it, and the line behind that."""
    if number >= len(lines) or lines[number].text.strip() != "---":
        return given, number
    end = next((n for n in range(number + 1, len(lines)) if lines[n].text.strip() == "---"), number)
    try:
        values = yaml.load(to_text(lines[number + 1 : end]), Loader=yaml.CBaseLoader)
    except yaml.YAMLError:
        values = None
    said = values.items() if isinstance(values, dict) else ()
    more = (attribute(str(key), value) for key, value in said)
    return " ".join([given, *more]).strip(), end + 1


def attribute(key: str, value: Any) -> str:
    """A property as JSX writes it: a text in quotes, a list or an object in braces."""
    if isinstance(value, list | dict):
        return f"{key}={{{json.dumps(value, ensure_ascii=False)}}}"
    text = " ".join(scalar_text(value).replace('"', "'").split())
    return f'{key}="{text}"' if text else ""


def inline(lines: list[Line], page: Page) -> list[Line]:
    """The lines with components within text as tags."""

    def shown(match: re.Match[str], group: prose.Group) -> str | None:
        if match[2] is None:
            return f"<{tag(match[1], group(4))} />"
        return f"<{tag(match[1], group(3))}>{group(2)}</{name_of(match[1])}>"

    return prose.sub(lines, page, ":", INLINE, shown)


FLAVOUR = Flavour(
    "nuxt",
    ("nuxt.config.ts", "nuxt.config.js", "content.config.ts"),
    before=(as_jsx, inline, variables.in_braces),
    after=(attribute_lists.removed,),
)
