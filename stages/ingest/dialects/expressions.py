"""Expressions in braces that show more than a value: markup under a condition, in a loop, of a function; and code."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from stages.ingest.dialects import literals, marks
from stages.ingest.dialects.attributes import attributes, first
from stages.ingest.dialects.scope import Source
from stages.ingest.dialects.tags import Tag

CHILDREN = ("props.children", "children")
# `open && <Part />` as if it were so, `() => <Part />`, `useMemo(() => (<Part />)` …
CONDITION = re.compile(r"[^<>{}&|]{1,200}&&\s*+\(?\s*+(?=<[A-Za-z>])|\s*+\(\w*\)\s*+=>\s*+\(?\s*+(?=<[A-Za-z>])")
DEVELOPMENT = re.compile(r"NODE_ENV\s*(?:!==?\s*['\"]production|===?\s*['\"]development)")
LOOP = re.compile(
    r"\s*+(?:Object\.values\()?([A-Za-z_$][\w$.\[\]'\"]*)\)?\s*+\.map\(\s*+\(?\s*+(?:\{\s*+([\w$,\s]+?)\}|([\w$]+))"
    r"(?:\s*+,\s*+[\w$]+)?\s*+\)?\s*+=>\s*+(?:\{\s*+return\b)?\s*+\(?\s*+(?=<[A-Za-z>])"
)
MAX_DEPTH = 8  # of expressions in expressions
MOST_ROUNDS = 500
MAX_CODE = 20_000  # characters of a template literal that is shown as code
TAIL = " \t\n);}"


class Markup(NamedTuple):
    """Markup in an expression: where it begins, its text, and the values that it is shown with."""

    start: int
    text: str
    local: Mapping[str, str]


def markup(inner: str, source: Source) -> list[Markup]:
    """The markup that an expression shows, once for each round of a loop; none of what only developers see."""
    if condition := CONDITION.match(inner):
        text = "" if DEVELOPMENT.search(condition[0]) else inner[condition.end() :].rstrip(" \t\n)")
        return [Markup(condition.end(), text, {})]
    loop = LOOP.match(inner)
    path = literals.key(loop[1]) if loop else None
    if loop is None or path is None:
        return []
    count = source.value(f"{path}.length") or ""
    body = inner[loop.end() :].rstrip().removesuffix(")").rstrip(TAIL)
    rounds = range(min(int(count), MOST_ROUNDS) if count.isdigit() else 0)
    return [Markup(loop.end(), body, names_of(loop, f"{path}[{number}]", source)) for number in rounds]


def names_of(loop: re.Match[str], place: str, source: Source) -> dict[str, str]:
    """The names that a loop gives to one element, or to its members."""
    if loop[3]:
        return literals.renamed(place, loop[3], source.known)
    names = [name.strip() for name in loop[2].split(",")]
    return {
        key: value for name in names for key, value in literals.renamed(f"{place}.{name}", name, source.known).items()
    }


def code(prose: str, tag: Tag, source: Source) -> tuple[str, int] | None:
    """A component that shows code, an imported file or a template literal, and the place behind it."""
    given = attributes(tag.attributes)
    language, title = first(given, "language", "lang"), first(given, "title")
    if tag.empty:
        content, end = given.get("code", ""), tag.end
    else:
        close = prose.find(f"</{tag.name}>", tag.end, tag.end + MAX_CODE)
        content, end = prose[tag.end : close].strip(), close + len(tag.name) + 3
        if close < 0:
            return None
    in_braces = content[:1] == "{" and content[-1:] == "}"
    content = content[1:-1].strip() if in_braces else content
    file = source.modules.files.get(content)
    if file and file.raw:
        return source.use(content, {"language": language, "title": title}), end
    known = literals.evaluated(content, source.known) if in_braces or not tag.empty else content
    caption = f"**{title}**\n\n" if title else ""
    words = (known or "").strip("\n")
    return (marks.block(f"\n\n{caption}```{language}\n{words}\n```\n\n"), end) if words.strip() else None
