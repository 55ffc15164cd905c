"""Other sources as Markdown: HTML by markdownify, notebooks by their own JSON.

The lines of what they give are not those of the file, so the lineage of such a page names lines of the converted text.
"""

import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from stages.common.base.errors import UserError
from stages.ingest.dialects.definitions import bold, field_name
from stages.ingest.sources.tree import RefusedError

EXTRA = "pip install 'doclore[sources]'"


def converter(path: str) -> Callable[[str], str] | None:
    """What makes Markdown of a file, by its suffix; nothing for Markdown itself, for plain text and for what `dialects`
    read with the files that it names."""
    return {".html": from_html, ".htm": from_html, ".ipynb": from_notebook}.get(PurePosixPath(path).suffix.lower())


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
    """What documentation generators mark by classes alone, as the HTML elements that mean it: code, formulas, notes.
    Lists of definitions, for which Markdown has no form, become lists."""
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
    for caption in soup.select("table > caption"):
        caption.parent.insert_before(caption.wrap(soup.new_tag("p")))
        caption.name = "strong"
    for definitions in soup.select("dl"):
        as_list(definitions, soup)


def as_list(definitions: Any, soup: Any) -> None:
    """A list of definitions as one of items, each with its terms before what is said of them."""
    named = field_name if "field-list" in (definitions.get("class") or []) else bold
    terms: list[str] = []
    for element in definitions.find_all(["dt", "dd"], recursive=False):
        if element.name == "dt":
            terms.append(words_of(element).rstrip(":"))
            element.decompose()
            continue
        first = element.find(True, recursive=False)
        place = first if first is not None and first.name == "p" else element
        if terms:
            place.insert(0, ": " if place.get_text(strip=True) else "")
            for part in reversed(marked(named(", ".join(terms)), soup)):
                place.insert(0, part)
        element.name, terms = "li", []
    definitions.name = "ul"


def words_of(term: Any) -> str:
    """The words of a term, its code in backticks, what kind it is in brackets."""
    for kind in term.select(".classifier"):
        kind.string = f" ({kind.get_text(' ', strip=True)})"
    for code in term.find_all(["code", "kbd"]):
        code.replace_with(f"`{code.get_text()}`")
    return " ".join(term.get_text().split())


def marked(text: str, soup: Any) -> list[Any]:
    """Bold words and code of Markdown as elements."""
    parts: list[Any] = []
    for part in re.split(r"(\*\*.+?\*\*|`[^`]+`)", text):
        if part[:1] in ("*", "`") and len(part) > 2:
            element = soup.new_tag("strong" if part[0] == "*" else "code")
            element.extend(marked(part[2:-2], soup) if part[0] == "*" else [part[1:-1]])
            parts.append(element)
        elif part:
            parts.append(part)
    return parts


def code_language(element: Any) -> str:
    """The language of <pre>, from the classes of it or of its <code>: `language-x`, `highlight-x`, `code x`."""
    inner = element.find("code")
    classes = [*(element.get("class") or []), *((inner.get("class") or []) if inner else [])]
    for name in classes:
        found = re.match(r"(?:language|lang|highlight)-(.+)", name)
        if found:
            return str(found[1])
    return str(classes[1]) if classes[:1] == ["code"] and len(classes) > 1 else ""


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
