"""Roles of Sphinx and MyST, ``{ref}`text <target>` ``, as readable names."""

import re
from contextlib import suppress

from stages.ingest.dialects import prose
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page, needs
from stages.ingest.sources.tree import RefusedError

ROLE = re.compile(r"\{([a-zA-Z][\w:.+-]{0,60})\}(\ufdd3[\ufdd3\n]{0,400}\ufdd3)")
TARGET = re.compile(r"(.*\S)\s*<([^<>]*)>\s*$", re.DOTALL)
NUMBER = re.compile(r"%s|\{(?:number|name)\}")  # stands for what Sphinx counts
ACCELERATOR = re.compile(r"&(?=\w)")  # marks the key that chooses an entry of a menu
CODE = frozenset((
    "func", "meth", "class", "attr", "mod", "data", "exc", "obj", "const", "type", "var", "macro", "member",
    "enum", "struct", "command", "file", "code", "samp", "envvar", "option", "program", "kbd", "literal", "token",
    "confval", "setting", "property", "method", "keyword", "regexp", "mailheader", "makevar", "newsgroup", "bash",
    "python", "autolink",
))  # fmt: skip
AS_IT_IS = frozenset(("file", "code", "samp", "literal", "command", "program", "kbd", "regexp"))  # `.env` keeps its dot
SEARCHED = re.compile(r"[~.]{1,2}[A-Za-z_][\w.]*(?:\(\))?")  # a name in code, whatever its role is called
SILENT = frozenset(
    ("octicon", "material-regular", "fas", "fab", "far", "fa", "icon", "cite", "cite:p", "cite:t", "index", "eval")
)
PAGES = frozenset(
    ("doc", "ref", "numref", "any", "term", "download", "std:ref", "std:doc", "external:ref", "hoverxref")
)


@needs("}`")
def named(lines: list[Line], page: Page) -> list[Line]:
    """The lines with what their roles show."""

    def words(match: re.Match[str], group: prose.Group) -> str | None:
        shown = shown_by(match[1].lower(), group(2).strip("`"), page)
        if not shown and match[1].lower() not in SILENT:
            return None
        return shown

    return prose.sub(lines, page, "}`", ROLE, words)


def shown_by(role: str, content: str, page: Page) -> str:
    """What a reader sees of a role with this content."""
    content = " ".join(content.split())
    if role in SILENT or role.startswith(("cite", "fas", "octicon")):
        return ""
    titled = TARGET.match(content)
    name = role.rpartition(":")[2]
    if name == "math":
        return f"${content}$"
    if name in (
        "sub",
        "sup",
        "subscript",
        "superscript",
        "abbr",
        "emphasis",
        "strong",
        "guilabel",
        "menuselection",
        "dfn",
    ):
        return ACCELERATOR.sub("", content.replace("-->", "→")) if name in ("guilabel", "menuselection") else content
    if name in ("pep", "rfc"):
        return titled[1] if titled else f"{name.upper()} {content}"
    if name in CODE or (":" in role and name not in PAGES) or SEARCHED.fullmatch(content):
        return f"`{titled[1] if titled else content if name in AS_IT_IS else shortened(content)}`"
    if titled:
        return NUMBER.sub("", titled[1]).strip() if name == "numref" else titled[1]
    return named_by(name, content, page) if name in PAGES and name not in ("term",) else content


def named_by(role: str, target: str, page: Page) -> str:
    """The title of what a reference leads to, else its target as words."""
    if role in ("ref", "any", "external:ref") and (title := page.tree.label(target)):
        return title
    if role in ("doc", "any"):
        for suffix in (".rst", ".md"):
            with suppress(RefusedError):
                return page.tree.title(page.tree.resolve(f"{target}{suffix}", page.path)) or readable(target)
    return readable(target)


def linked(target: str, page: Page) -> str:
    """What a link of MyST without words shows: `[](usage.md)`, `[](#label)`."""
    name = target.lstrip("#")
    return readable(name) if "://" in name else named_by("any", re.sub(r"\.(?:md|rst)$", "", name), page)


def shortened(name: str) -> str:
    """`~package.module.name` shows its last part, `!name` makes no link, `.name` is looked for in all modules."""
    return name[1:].rpartition(".")[2] if name.startswith("~") else name.lstrip("!.")


def readable(target: str) -> str:
    """A path or a label as words: `../usage`, `install:start` and `kernel-names` are usage, start and kernel names."""
    last = re.split(r"[/:#]", target.rstrip("/"))[-1] or target
    last = re.sub(r"\.(?:md|rst|ipynb|html|txt)$", "", last)
    return last.replace("-", " ")
