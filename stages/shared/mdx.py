"""MDX and Docusaurus syntax out, Markdown in, line for line: what is removed leaves its line behind, empty, so
that line numbers stay those of the file. Code fences are never touched."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^ {0,3}(?:[-*+>] *)*(`{3,}|~{3,})")
IMPORT = re.compile(r"""^import\s+(\w+)\s+from\s+['"]([^'"]+)['"];?\s*$""")
OTHER_MODULE_LINE = re.compile(r"""^(import\s+(.+\s+from\s+)?['"]|export\s+(const|let|default|function)\b)""")
COMMENT = re.compile(r"<!--.*?-->|\{/\*.*?\*/\}", re.DOTALL)
TAB_ITEM = re.compile(r"""<TabItem\b[^>]*\blabel=["']([^"']+)["'][^>]*>""")
# Components (capitalised) and the HTML elements that only lay a page out; `<value>` in prose stays.
TAG = re.compile(
    r"</?(?:[A-Z][\w.]*|div|span|slot|center|details|summary|section|figure|figcaption|br|p|a|font|sub|sup|b|i|em"
    r"|strong|u|samp|code|kbd)(?:\s[^<>]*)?/?>"
)
CODE_SPAN_OR_TAG = re.compile(r"(`+[^`\n]*`+)|" + TAG.pattern)
ANCHOR = re.compile(r"[ \t]*\{#[\w-]+\}[ \t]*$")
COMPONENT_LINE = re.compile(r"^\s*<([A-Z]\w*)\s*/>\s*$")


def front_matter(text: str) -> dict[str, Any]:
    """The YAML block at the head of a page; empty when there is none or it is not a mapping."""
    match = FRONT_MATTER.match(text)
    if match is None:
        return {}
    try:
        # The C loader: ruamel's pure Python one takes longer than the rest of ingest.
        values = yaml.load(match[1], Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def fenced(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a code fence (an unclosed one reaches to the end)."""
    fence = ""
    for line in lines:
        match = FENCE.match(line)
        yield line, bool(fence or match)
        if match and not fence:
            fence = match[1]
        elif match and match[1].startswith(fence) and line.strip(" >") == match[1]:
            fence = ""


def imports(text: str) -> dict[str, str]:
    """Component name to module path, for the default imports of Markdown files."""
    found = {}
    for line, in_fence in fenced(text.split("\n")):
        match = None if in_fence else IMPORT.match(line)
        if match and match[2].endswith((".md", ".mdx")):
            found[match[1]] = match[2]
    return found


def blank(match: re.Match[str]) -> str:
    """As many line ends as the match had, nothing else."""
    return "\n" * match[0].count("\n")


def without_comments(text: str) -> str:
    """Comments outside code fences removed, line ends kept."""
    if "<!--" not in text and "{/*" not in text:
        return text
    parts: list[str] = []
    prose: list[str] = []
    for line, in_fence in fenced(text.split("\n")):
        if in_fence and prose and "<!--" not in "".join(prose).rpartition("-->")[2]:
            parts.append(COMMENT.sub(blank, "\n".join(prose)))
            prose = []
        if in_fence and not prose:
            parts.append(line)
        else:
            prose.append(line)
    if prose:
        parts.append(COMMENT.sub(blank, "\n".join(prose)))
    return "\n".join(parts)


def markdown(text: str) -> str:
    """Plain Markdown with the same number of lines. Components that stand alone on a line stay for the caller
    to inline: `components` finds them, `without_tags` removes what is left."""
    head = FRONT_MATTER.match(text)
    if head:
        text = "\n" * head[0].count("\n") + text[head.end() :]
    lines = []
    for line, in_fence in fenced(without_comments(text).split("\n")):
        if in_fence:
            lines.append(line)
        elif OTHER_MODULE_LINE.match(line):
            lines.append("")
        else:
            lines.append(ANCHOR.sub("", TAB_ITEM.sub(r"**\1**", line)))
    return "\n".join(lines)


def components(text: str) -> Iterator[tuple[str, str]]:
    """Each line with the name of the component that stands alone on it, or an empty name."""
    for line, in_fence in fenced(text.split("\n")):
        match = None if in_fence else COMPONENT_LINE.match(line)
        yield line, match[1] if match else ""


def without_tags(text: str) -> str:
    """JSX tags and layout HTML removed outside code, their content kept."""
    return "\n".join(
        line if in_fence or "<" not in line else CODE_SPAN_OR_TAG.sub(lambda match: match[1] or "", line)
        for line, in_fence in fenced(text.split("\n"))
    )
