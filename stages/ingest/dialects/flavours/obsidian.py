"""Obsidian, Foam and their like: `[[Page#Section|label]]`, embeds `![[Page#Section]]`, comments `%% … %%`, block ids
`^name` and `==highlights==`. Callouts are read for all (see `admonitions`).
"""

import re
from pathlib import PurePosixPath

from stages.ingest.dialects import includes, marks, prose
from stages.ingest.dialects.flavours.vitepress import slug
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Flavour, Page, needs
from stages.ingest.sources.tree import RefusedError

LINK = re.compile(r"(!?)\[\[(?![\s\[])([^\[\]|\n]{0,300})(?:\\?\|([^\[\]\n]{0,300}))?\]\](?![(\[])")
EMBED = re.compile(
    r"[ \t>]*(?:[-*+][ \t]+)?!\[\[([^\[\]|#^\n]{0,300})(?:#\^?([^\[\]|\n]{1,300}))?(?:\|[^\[\]\n]*)?\]\][ \t]*$"
)
ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
COMMENT = re.compile(r"%%[^%\n]{0,2000}%%|^%%[ \t]*$", re.MULTILINE)
FENCE = "%%"
BLOCK_ID = re.compile(r"(?:^|[ \t])\^[A-Za-z][\w-]{1,60}[ \t]*$", re.MULTILINE)
HIGHLIGHT = re.compile(r"(?<![=\w])==(?![\s=])([^=\n]{1,400}?)(?<![\s=])==(?!=)")
MEDIA = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|avif|bmp|mp4|webm|mov|mp3|wav|ogg|pdf|canvas|base)$", re.IGNORECASE)
MARKDOWN = (".md", ".markdown")


@needs("![[")
def embedded(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the notes, or their sections, that they embed."""
    if not any("![[" in line.text for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    for number, line in enumerate(lines):
        found = EMBED.match(line.text) if "![[" in line.text and number not in code else None
        if found is None or MEDIA.search(found[1].strip()):
            kept.append(line)
            continue
        start = line.text[: line.text.index("![[")]
        taken = note(found[1].strip(), (found[2] or "").strip(), line, page)
        shown = includes.standing_at(includes.trimmed(taken or []), line, marks.continued(start))
        kept += [shown[0].with_text(start + shown[0].text.lstrip()), *shown[1:]] if shown else [line.with_text("")]
    return kept


def note(name: str, section: str, line: Line, page: Page) -> list[Line] | None:
    """The lines of a note by its name, or of the section or block of it."""
    target = path_of(name, page)
    if target is None:
        page.unresolved(line.origin, name, "missing")
        return None
    found = page.read(line.origin, f"/{target}")
    if found is None:
        return None
    lines = found[1]
    if section:
        taken = under(lines, section)
        if taken is None:
            page.unresolved(line.origin, f"{name}#{section}", "no_such_section")
            return None
        lines = taken
    page.found.inlined.append(found[0])
    inner = page.within(found[0])
    return embedded(without_comments(lines, inner), inner)


def under(lines: list[Line], section: str) -> list[Line] | None:
    """What stands below a heading, or the block with an id."""
    wanted = slug(section.rpartition("#")[2])
    for number, line in enumerate(lines):
        level = len(line.text) - len(line.text.lstrip("#"))
        if level and slug(line.text.lstrip("# ")) == wanted:
            behind = range(number + 1, len(lines))
            end = next((n for n in behind if re.match(rf"#{{1,{level}}} ", lines[n].text)), len(lines))
            return lines[number + 1 : end]
        if line.text.rstrip().endswith(f"^{section}"):
            above = range(number, -1, -1)
            start = next((n for n in above if n == 0 or not lines[n - 1].text.strip() or ITEM.match(lines[n].text)), 0)
            return [lines[start].with_text(ITEM.sub("", lines[start].text)), *lines[start + 1 : number + 1]]
    return None


def path_of(name: str, page: Page) -> str | None:
    """The file of a note: beside the page, from the root, or the one of that name wherever it is."""
    for module in (f"./{name}.md", f"/{name}.md", f"./{name}", f"/{name}"):
        try:
            target = page.tree.resolve(module, page.path)
        except RefusedError:
            continue
        if target.endswith(MARKDOWN):
            return target
    return page.tree.note(PurePosixPath(name).name.lower())


@needs(FENCE)
def without_comments(lines: list[Line], page: Page) -> list[Line]:
    """The lines without what stands between `%%`, on one line or over several."""
    if not any(FENCE in line.text for line in lines):
        return lines
    code = page.code(lines)
    fences = [n for n, line in enumerate(lines) if n not in code and line.text.strip() == FENCE]
    inside = {n for first, last in zip(fences[::2], fences[1::2], strict=False) for n in range(first, last + 1)}
    lines = [line.with_text("") if number in inside else line for number, line in enumerate(lines)]
    return prose.sub(lines, page, FENCE, COMMENT, lambda *_: "")


@needs("[[", "^")
def links(lines: list[Line], page: Page) -> list[Line]:
    """The lines with links to notes as their words, without block ids and the signs of highlights."""

    def words(match: re.Match[str], group: prose.Group) -> str | None:
        if match[1] and MEDIA.search(match[2].partition("#")[0].strip()):  # of an image its size or its description
            return group(3) if match[3] and not match[3].replace("x", "").isdigit() else ""
        name, _, section = group(2).partition("#")
        if match[3]:
            return group(3).strip()
        return PurePosixPath(name.strip()).name or section.rpartition("#")[2].lstrip("^").strip()

    lines = prose.sub(lines, page, "[[", LINK, words)
    return prose.sub(lines, page, "^", BLOCK_ID, lambda *_: "")


@needs("==")
def highlights(lines: list[Line], page: Page) -> list[Line]:
    return prose.sub(lines, page, "==", HIGHLIGHT, lambda _, group: group(1))


FLAVOUR = Flavour(
    "obsidian",
    (".obsidian", ".foam", "foam.json", "quartz.config.ts"),
    before=(without_comments, embedded),
    after=(links, highlights),
    underscored=True,
)
