"""Links by reference with what they refer to: `[text][id]`, `[id]`, `![alt][id]`. Footnotes stay as they are."""

import re
from collections.abc import Callable

from stages.ingest.dialects import prose
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page, needs

DEFINITION = re.compile(r"[ >]{0,12}\[([^\[\]^][^\[\]]{0,200})\]:[ \t]*(?:<([^<>]*)>|([^\s<>]+))(?:[ \t]+[\"'(].*)?$")
ABBREVIATION = re.compile(r" {0,3}\*\[[^\[\]]+\]:[ \t]")
IMAGE = re.compile(r"!\[([^\[\]]{0,400})\](?:\[([^\[\]]{0,200})\])?(?![(\[])")
LINK = re.compile(
    r"(?<![!\\\]])\[((?:[^\[\]]|!\[[^\[\]]{0,400}\]\([^()]{0,400}\)){1,400})\](?:\[([^\[\]]{0,200})\])?(?![(\[:])"
)
DATA = re.compile(r"data:[\w/+.;=-]{1,80}base64,[A-Za-z0-9+/=%]{100,}")


def without_data(text: str) -> str:
    """The text without what files in it would be: no reader sees the base64 of an image."""
    return DATA.sub("data:", text) if "base64," in text else text


@needs("]:")
def resolved(lines: list[Line], page: Page) -> list[Line]:
    """The lines with links by reference as links, and without the definitions."""
    if not any("]:" in line.text for line in lines):
        return lines
    code = page.code(lines)
    targets: dict[str, str] = {}
    kept: list[Line] = []
    for number, line in enumerate(lines):
        if number in code or "]:" not in line.text:
            kept.append(line)
        elif definition := DEFINITION.match(line.text):
            target = definition[3] or (f"<{definition[2]}>" if " " in definition[2] else definition[2])
            targets.setdefault(key(definition[1]), target)
            kept.append(line.with_text(""))
        elif ABBREVIATION.match(line.text):
            kept.append(line.with_text(""))
        else:
            kept.append(line)
    if not targets:
        return kept

    def image(match: re.Match[str], group: Callable[[int], str]) -> str | None:
        target = targets.get(key(group(2) or group(1)))
        return f"![{group(1)}]({target})" if target else None

    def link(match: re.Match[str], group: Callable[[int], str]) -> str | None:
        target = targets.get(key(group(2) or group(1)))
        return f"[{group(1)}]({target})" if target else None

    return prose.sub(prose.sub(kept, page, "![", IMAGE, image), page, "[", LINK, link)


def key(words: str) -> str:
    return " ".join(words.lower().split())
