"""Text of other files where a page names them: lines, regions and anchors of them."""

import re
from collections.abc import Callable, Iterable, Sequence

from stages.ingest.dialects.lines import Line, dedent
from stages.ingest.dialects.page import Page

# Comments that bound a part of a file: mdBook, VitePress and editors (#region), Asciidoctor, docs of FastAPI.
BOUND = re.compile(
    r"ANCHOR(?:_END)?:[ \t]*[\w-]+|(?:#|//|<!--|/\*|--|::)[ \t]*#?(?:end)?region\b|\b(?:tag|end)::[\w-]+\[\]"
    r"|\[doctest[^\]]*\]|--8<--[ \t]*\[",
    re.IGNORECASE,
)
LANGUAGES = {
    "py": "python", "rs": "rust", "js": "js", "yml": "yaml", "yaml": "yaml", "sh": "sh", "md": "md", "toml": "toml",
    "txt": "", "conf": "", "h": "c", "hpp": "cpp", "cc": "cpp", "kt": "kotlin", "rb": "ruby", "ts": "ts",
}  # fmt: skip


def language(path: str) -> str:
    """The language of a file by its suffix."""
    suffix = path.rpartition(".")[2].lower() if "." in path else ""
    return LANGUAGES.get(suffix, suffix if re.fullmatch(r"[a-z0-9]{1,8}", suffix) else "")


def line_span(first: str, last: str) -> tuple[int, int]:
    """Lines counted from 1; the last is 0 when all the rest is meant."""
    return (max(int(first or 1), 1), int(last) if last.isdigit() else 0)


def lines_of(lines: list[Line], spans: Iterable[tuple[int, int]]) -> list[Line]:
    """Some lines of a file, the spans as by `line_span`."""
    return [line for first, last in spans for line in lines[first - 1 : last or None]]


def between(lines: Sequence[Line], start: Callable[[str], bool], end: Callable[[str], bool]) -> list[Line] | None:
    """The lines between the one that starts a part of a file and the one that ends it; nothing without a start."""
    first = next((number for number, line in enumerate(lines) if start(line.text)), None)
    if first is None:
        return None
    last = next((n for n in range(first + 1, len(lines)) if end(lines[n].text)), len(lines))
    return list(lines[first + 1 : last])


def anchored(lines: list[Line], name: str) -> list[Line] | None:
    """What stands between `ANCHOR: name` and `ANCHOR_END: name`, `#region name` and its end, `tag::name[]`."""
    word = re.escape(name)
    starts = re.compile(
        rf"ANCHOR:[ \t]*{word}\s*$|#?region[ \t:]+{word}\b|tag::{word}\[\]|\[start:[ \t]*{word}\]", re.I
    )
    ends = re.compile(
        rf"ANCHOR_END:[ \t]*{word}\s*$|#?endregion\b(?:[ \t:]+{word}\b)?|end::{word}\[\]|\[end:[ \t]*{word}\]", re.I
    )
    return between(lines, lambda text: bool(starts.search(text)), lambda text: bool(ends.search(text)))


def without_bounds(lines: Iterable[Line]) -> list[Line]:
    """The lines but those that only bound a part of the file."""
    return [line for line in lines if not BOUND.search(line.text)]


def standing_at(lines: Iterable[Line], place: Line, start: str = "") -> list[Line]:
    """Lines of another file as standing at a line of the page, behind its indentation."""
    return [
        Line(start + line.text if line.text.strip() else "", line.origin._replace(at=place.origin.at)) for line in lines
    ]


def code(page: Page, place: Line, *modules: str) -> tuple[str, list[Line]] | None:
    """The path and lines of a file that is shown as code; its front matter stays empty, which no code has."""
    found = page.read(place.origin, *modules)
    if found is None:
        return None
    page.found.inlined.append(found[0])
    return found


def trimmed(lines: list[Line]) -> list[Line]:
    """The lines without blank ones at their ends and without the indentation that all share."""
    while lines and not lines[0].text.strip():
        lines = lines[1:]
    while lines and not lines[-1].text.strip():
        lines = lines[:-1]
    return dedent(lines)


def without_empty_fences(lines: list[Line], page: Page, emptied: set[int]) -> list[Line]:
    """The lines without fences that hold nothing since what they name could not be put in."""
    if not emptied:
        return lines
    from stages.ingest.dialects.lines import to_text
    from stages.ingest.dialects.outline import fences

    lines = list(lines)
    for first, last in fences(to_text(lines), page.indented_code):
        body = range(first + 1, last - 1)
        if emptied & set(body) and not any(lines[number].text.strip() for number in body):
            lines[first:last] = [line.with_text("") for line in lines[first:last]]
    return lines


def chosen(lines: list[Line], options: dict[str, str]) -> list[Line]:
    """What the options of Sphinx's `include` and `literalinclude` choose of a file: lines, or from and to a text."""
    if "lines" in options:
        spans = [part.strip().partition("-") for part in options["lines"].split(",")]
        return lines_of(lines, [line_span(a, b if sign else a) for a, sign, b in spans if a.strip().isdigit() or b])
    if "pyobject" in options:
        return python_object(lines, options["pyobject"])
    start = int(options.get("start-line") or 0) if (options.get("start-line") or "0").isdigit() else 0
    end = int(options["end-line"]) if options.get("end-line", "").isdigit() else len(lines)
    lines = lines[start:end]
    for key, keep in (("start-after", 1), ("start-at", 0)):
        if key in options:
            first = next((n for n, line in enumerate(lines) if options[key] in line.text), None)
            lines = lines[first + keep :] if first is not None else lines
    for key, keep in (("end-before", 0), ("end-at", 1)):
        if key in options:
            last = next((n for n, line in enumerate(lines) if options[key] in line.text), None)
            lines = lines[: last + keep] if last is not None else lines
    return lines


def python_object(lines: list[Line], name: str) -> list[Line]:
    """The function or class of a Python file with this name."""
    start = re.compile(rf"[ \t]*(?:async[ \t]+def|def|class)[ \t]+{re.escape(name.rpartition('.')[2])}\b")
    first = next((n for n, line in enumerate(lines) if start.match(line.text)), None)
    if first is None:
        return lines
    depth = len(lines[first].text) - len(lines[first].text.lstrip())
    behind = range(first + 1, len(lines))
    shallow = (n for n in behind if lines[n].text.strip() and len(lines[n].text) - len(lines[n].text.lstrip()) <= depth)
    return lines[first : next(shallow, len(lines))]
