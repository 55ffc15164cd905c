"""MDX and Docusaurus syntax out, Markdown in, line for line: what is removed leaves its line ends behind, so that
line numbers stay those of the file. Code fences and code spans are never touched."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import yaml

from stages.shared.markdown.blocks import fence_lines

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
MARKDOWN_IMPORT = re.compile(r"""^import\s+(\w+)\s+from\s+['"]([^'"]+\.mdx?)['"];?\s*$""")
# A module statement on one line, and one that goes on until a line that closes it.
MODULE_LINE = re.compile(
    r"""^(import\s+([\w*{][^'"]*\s+from\s+)?['"][^'"]+['"];?|export\s+(const|let|default|function)\b.*)\s*$"""
)
MODULE_START = re.compile(r"^(import\s*\{[^}]*|export\s+(default\s+)?(const|let|function|class)\b.*[({\[])\s*$")
MODULE_END = re.compile(r"^([)}\]]|\s*$)")
ANCHOR = re.compile(r"^(#{1,6}\s.*?)[ \t]*\{#[\w-]+\}[ \t]*$", re.MULTILINE)

# An attribute's value may hold a > in quotes or in braces, which may hold braces once more.
ATTRIBUTES = r"""(?:\s(?:[^<>"'{}]|"[^"]*"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\})*)?"""
# Components (capitalised) and the HTML elements that only lay a page out; `<value>` in prose stays.
NAMES = (
    r"(?:[A-Z][\w.]*|div|span|slot|center|details|summary|section|figure|figcaption|br|p|a|font|sub|sup|b|i|em|strong"
    r"|u|samp|code|kbd)"
)
COMPONENT_LINE = re.compile(rf"^\s*<([A-Z]\w*){ATTRIBUTES}(?:/>|>\s*</\1>)\s*$")
SYNTAX = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n)[\s\S])*?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<comment><!--[\s\S]*?-->|\{/\*[\s\S]*?\*/\})"
    r"""|<TabItem\b[^>]*\blabel=["'](?P<label>[^"']+)["'][^>]*>"""
    r"|(?P<break><br\s*/?>)"
    rf"|(?P<tag></?{NAMES}{ATTRIBUTES}/?>|</?>)"
)


def front_matter(text: str) -> dict[str, Any]:
    """The YAML block at the head of a page; empty when there is none or it is not a mapping."""
    match = FRONT_MATTER.match(text)
    if match is None:
        return {}
    try:
        # In C, since ruamel's pure Python takes longer than the rest of ingest; every scalar a string, since a title
        # may be 1.10 or on.
        values = yaml.load(match[1], Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError):
        return {}
    return values if isinstance(values, dict) else {}


def parts(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The lines of a page in runs, each with whether it is code."""
    # To the parser an MDX comment is what an HTML comment is: a block in which nothing opens a fence.
    code = fence_lines(text.replace("{/*", "<!--").replace("*/}", "-->"))
    numbered = groupby(enumerate(text.split("\n")), key=lambda item: item[0] in code)
    yield from ((is_code, [line for _, line in run]) for is_code, run in numbered)


def markdown(text: str) -> tuple[str, dict[str, str]]:
    """Plain Markdown with as many lines, and the Markdown files that the page imports, by component name.

    The components of those files stay where they stand alone on a line, for `component` to find.
    """
    head = FRONT_MATTER.match(text)
    if head:
        text = "\n" * head[0].count("\n") + text[head.end() :]
    imports: dict[str, str] = {}
    lines: list[str] = []
    for is_code, run in parts(text):
        if not is_code:
            prose = ANCHOR.sub(r"\1", "\n".join(without_modules(run, imports)))
            run = without_syntax(prose, imports).split("\n")
        lines += run
    return "\n".join(lines), imports


def without_modules(lines: list[str], imports: dict[str, str]) -> Iterator[str]:
    """The lines with import and export statements left empty; `imports` collects the Markdown files."""
    inside = False
    for line in lines:
        found = MARKDOWN_IMPORT.match(line)
        if found:
            imports[found[1]] = found[2]
        if inside:
            inside = not MODULE_END.match(line)
            yield ""
        elif MODULE_START.match(line):
            inside = True
            yield ""
        else:
            yield "" if MODULE_LINE.match(line) else line


def without_syntax(prose: str, imports: dict[str, str]) -> str:
    """Comments and tags removed, their line ends and the text between tags kept; a tab becomes its label."""
    if "<" not in prose and "{/*" not in prose:
        return prose

    def replacement(match: re.Match[str]) -> str:
        if match["code"] or (match["tag"] and stands_for_import(match, imports)):
            return match[0]
        if match["label"]:
            return f"**{match['label']}**"
        return " " if match["break"] else "\n" * match[0].count("\n")

    return SYNTAX.sub(replacement, prose)


def stands_for_import(match: re.Match[str], imports: dict[str, str]) -> bool:
    """Whether a tag belongs to an imported Markdown file and stands alone on its line."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    end = match.string.find("\n", match.end())
    return component(match.string[start : end if end >= 0 else None]) in imports


def component(line: str) -> str:
    """The name of the component that stands alone on a line, or nothing."""
    match = COMPONENT_LINE.match(line)
    return match[1] if match else ""
