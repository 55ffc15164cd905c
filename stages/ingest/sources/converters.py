"""Other sources as Markdown: reStructuredText and HTML by docutils and markdownify, notebooks by their own JSON.

The lines of what they give are not those of the file, so the lineage of such a page names lines of the converted text.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from stages.common.base.errors import UserError
from stages.ingest.sources.tree import RefusedError

DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([\w:+.-]+)::", re.MULTILINE)
OPTION = re.compile(r"\s*:[\w-]+:(\s|$)")
ROLE = re.compile(r":([\w:+.-]+):`")
EXTRA = "pip install 'doclore[sources]'"


def converter(path: str) -> Callable[[str], str] | None:
    """What makes Markdown of a file, by its suffix; nothing for Markdown itself and for plain text."""
    return {".rst": from_rst, ".html": from_html, ".htm": from_html, ".ipynb": from_notebook}.get(
        PurePosixPath(path).suffix.lower()
    )


def missing(package: str, suffix: str) -> UserError:
    return UserError(f"docs.include names {suffix} files, which need {package}; run {EXTRA}, or leave them out")


def from_html(text: str) -> str:
    """The main part of a page of HTML as Markdown, without scripts, styles and navigation."""
    try:
        from bs4 import BeautifulSoup
        from markdownify import MarkdownConverter
    except ImportError:
        raise missing("markdownify", ".html and .rst") from None
    try:
        soup = BeautifulSoup(text, "html.parser")
        for element in soup(["script", "style", "nav", "noscript", "template", "head"]):
            element.decompose()
        plain_elements(soup)
        main = soup.find("main") or soup.find("article") or soup.find(attrs={"role": "main"}) or soup.body or soup
        title = BeautifulSoup(text, "html.parser").title if not main.find("h1") else None
        options: dict[str, Any] = {"heading_style": "ATX", "bullets": "-", "code_language_callback": code_language}
        markdown: str = MarkdownConverter(**options).convert_soup(main)
    except RecursionError:
        raise RefusedError("nested_too_deep") from None
    name = f"# {title.get_text(' ', strip=True)}\n\n" if title else ""
    return name + re.sub(r"\n{3,}", "\n\n", markdown).strip() + "\n"


def plain_elements(soup: Any) -> None:
    """What documentation generators mark by classes alone, as the HTML elements that mean it: code, formulas, notes."""
    for literal in soup.select("span.literal, tt"):
        literal.name = "code"
    for formula in soup.select("code.math, pre.math, span.math, div.math"):
        block = formula.name in ("pre", "div")
        text = formula.get_text().strip().removeprefix("\\(").removesuffix("\\)").strip()
        formula.replace_with(f"\n\n$$\n{text}\n$$\n\n" if block else f"${text}$")
    for admonition in soup.select(".admonition"):
        admonition.name = "blockquote"
        if title := admonition.select_one(".admonition-title"):
            title.string = title.get_text(" ", strip=True)
            title.string.wrap(soup.new_tag("strong"))


def code_language(element: Any) -> str:
    """The language of <pre>, from the classes of it or of its <code>: `language-x`, `highlight-x`, `code x`."""
    inner = element.find("code")
    classes = [*(element.get("class") or []), *((inner.get("class") or []) if inner else [])]
    for name in classes:
        found = re.match(r"(?:language|lang|highlight)-(.+)", name)
        if found:
            return str(found[1])
    return str(classes[1]) if classes[:1] == ["code"] and len(classes) > 1 else ""


def from_rst(text: str) -> str:
    """reStructuredText as Markdown. Directives and roles that only Sphinx knows keep their text."""
    try:
        from docutils.core import publish_parts
        from docutils.utils import SystemMessage
    except ImportError:
        raise missing("docutils", ".rst") from None
    keep_unknown_markup(text)
    settings = {
        "report_level": 5,  # mistakes of the markup are left in place
        "halt_level": 5,
        "file_insertion_enabled": False,  # include and raw read other files and URLs
        "raw_enabled": False,
        "syntax_highlight": "none",
        "math_output": "LaTeX",
        "toc_backlinks": False,
        "initial_header_level": 2,
        "doctitle_xform": True,
        "_disable_config": True,
    }
    try:
        parts = publish_parts(text, writer="html5", settings_overrides=settings)
    except RecursionError:
        raise RefusedError("nested_too_deep") from None
    except (SystemMessage, ValueError, AttributeError, TypeError, IndexError, KeyError):
        raise RefusedError("not_convertible") from None
    return from_html(f"<main>{parts['html_body']}</main>")


def keep_unknown_markup(text: str) -> None:
    """Teach docutils the directives and roles of a text that it does not know: their content stays as it is."""
    from docutils import nodes
    from docutils.parsers.rst import directives, roles

    keeping = keeping_directive()
    for name in set(map(str.lower, DIRECTIVE.findall(text))):
        if name not in known_directives() and name not in directives._directives:
            directives.register_directive(name, keeping)

    def plain(name: str, raw: str, words: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        shown = re.sub(r"\s*<[^<>]*>$", "", words) if not words.startswith("<") else words
        return [nodes.literal(raw, shown) if ":" in name else nodes.inline(raw, shown)], []

    for name in set(map(str.lower, ROLE.findall(text))):
        if name not in known_roles() and name not in roles._roles:
            roles.register_local_role(name, plain)


@cache
def known_directives() -> frozenset[str]:
    from docutils.parsers.rst import directives
    from docutils.parsers.rst.languages import en

    return frozenset({*en.directives, *directives._directive_registry})


@cache
def known_roles() -> frozenset[str]:
    from docutils.parsers.rst import roles
    from docutils.parsers.rst.languages import en

    return frozenset({*en.roles, *roles._role_registry})


@cache
def keeping_directive() -> Any:
    """A directive that keeps its argument, the first line of it bold, and its content; options are none of the text."""
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Keeping(Directive):  # type: ignore[misc]
        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = None

        def run(self) -> list[Any]:
            container = nodes.container()
            if self.name in ("toctree", "image", "index", "highlight", "currentmodule"):
                return []
            words = [line for line in "".join(self.arguments).split("\n") if not OPTION.match(line)]
            if words:
                container += nodes.paragraph("", "", nodes.strong("", words[0]))
                container += nodes.paragraph("", " ".join(words[1:]))
            self.state.nested_parse(self.content, self.content_offset, container)
            return [container]

    return Keeping


def from_notebook(text: str) -> str:
    """A Jupyter notebook (nbformat 3 and 4) as Markdown: its text, its code in fences, and the code's text output."""
    try:
        notebook = json.loads(text)
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language") or "python"
        return "\n\n".join(filter(None, (cell_text(cell, language) for cell in cells))) + "\n"
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise RefusedError("not_convertible") from None


def joined(source: Any) -> str:
    return ("".join(source) if isinstance(source, list) else str(source or "")).strip("\n")


def cell_text(cell: dict[str, Any], language: str) -> str:
    source = joined(cell.get("source") or cell.get("input"))
    if cell["cell_type"] in ("markdown", "raw"):
        return source
    if cell["cell_type"] == "heading":
        return f"{'#' * int(cell.get('level', 1))} {source}"
    outputs = [output_text(output) for output in cell.get("outputs", [])]
    fences = [(language, source), *(("text", output) for output in outputs)]
    return "\n\n".join(fenced(code, name) for name, code in fences if code.strip())


def output_text(output: dict[str, Any]) -> str:
    """The text of an output; images and errors are none."""
    data = output.get("data", output)
    return joined(output.get("text") or data.get("text/plain") or "") if output.get("output_type") != "error" else ""


def fenced(code: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"
