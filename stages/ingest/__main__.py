"""Documentation directory in, one row per page out.

Reads data/sources.jsonl and the files below `docs.path` that it names; writes data/docs.jsonl and reports/ingest.json.
Run: python -m stages.ingest
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, run_stage
from stages.common.markdown.blocks import blocks, heading_text
from stages.common.records.files import digest, read_jsonl, write_json, write_jsonl
from stages.common.records.rows import Doc, to_spans
from stages.ingest.dialects import frontmatter, rst
from stages.ingest.dialects.expansion import expand
from stages.ingest.dialects.flavours import detection
from stages.ingest.dialects.lines import to_lines, to_text
from stages.ingest.dialects.outline import HEADING
from stages.ingest.dialects.page import Site as Generated
from stages.ingest.dialects.stubs import stub
from stages.ingest.sources import identity, manifest
from stages.ingest.sources.breadcrumbs import breadcrumbs
from stages.ingest.sources.converters import converter
from stages.ingest.sources.imports import is_partial_name, only_imported
from stages.ingest.sources.kinds import kind, unpublished
from stages.ingest.sources.languages import language, neighbours
from stages.ingest.sources.provenance import Provenance
from stages.ingest.sources.report import Report
from stages.ingest.sources.tree import RefusedError, Tree
from stages.ingest.sources.walk import boundary, root_directory


def first_heading(text: str) -> str:
    """The words of the first top-level heading, else of the first one of any level; empty when there is none."""
    headings = [block for block in blocks(text) if block.kind == "heading"] if HEADING.search(text) else []
    return next(
        (heading_text(block) for level in (1, 0) for block in headings if block.level == level or not level), ""
    )


def name_of(path: str) -> str:
    """A page's name when it has no title: that of the file, or of the directory for index files."""
    file = PurePosixPath(path)
    return file.parent.name if file.stem in ("index", "README") and "/" in path else file.stem


def to_doc(
    path: str,
    tree: Tree,
    flavoured: Generated,
    section: schema.Docs,
    report: Report,
    titles: dict[str, str],
) -> Doc:
    """The row of one page, whose title goes to `titles` too. Raises RefusedError when the file makes none."""
    source, encoding = tree.read(path)
    report.decoded(path, encoding)
    convert = converter(path)
    source = convert(source) if convert else source
    front = frontmatter.front_matter(source)
    if unpublished(front, path) and not section.unpublished:
        raise RefusedError("unpublished")
    if convert or path.endswith(".txt"):
        lines, inlined = to_lines(source, path), []
    else:
        read = rst.expand if path.lower().endswith(".rst") else expand
        lines, expansion = read(source, path, tree, flavoured)
        inlined = expansion.inlined
        report.expanded(expansion)
    text = to_text(lines)
    title = titles[path] = frontmatter.words(front.get("title")) or first_heading(text)
    if problem := stub(text):
        raise RefusedError("only_title" if problem == "empty" and front.get("title") else problem)
    page_kind = kind(path, front, title, text)
    if page_kind not in section.page_kinds:
        raise RefusedError(f"kind_{page_kind}")
    description = frontmatter.words(front.get("description"))
    lines = frontmatter.with_description(lines, source, description, title)
    text = to_text(lines)
    return {
        "path": path,
        "title": title,
        "description": description,
        "tags": frontmatter.as_tags(front.get("tags")),
        "language": language(f"{title}.\n{text}"),
        "kind": page_kind,
        "group": "",
        "text": text,
        "sha256": digest(text, length=64),
        "also_in": [],
        "breadcrumbs": [],
        "partials": sorted(set(inlined)),
        "spans": to_spans(path, (line.origin for line in lines)),
        "file_sha256": "",
        "rev": "",
    }


@dataclass
class Site:
    """What is known of a page only when all pages are read, by path."""

    also_in: dict[str, list[str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)  # of pages without text too
    pages: list[identity.Page] = field(default_factory=list)


def ingest(section: schema.Docs, report: Report, site: Site) -> Iterator[Doc]:
    """The pages as rows, one at a time; everything that makes no row is reported.

    Pages with the same title and the same lines, blank ones apart, are one row, that of the first. `site` is complete,
    and what `finished` adds can be known, when the last row is read.
    """
    files = manifest.read()
    hashes = {file["path"]: file["sha256"] for file in files if file["sha256"]}
    root = root_directory(section.path)
    tree = Tree(root, section.max_bytes, boundary(root), hashes)
    flavoured = detection.detected(root, section.flavour)
    provenance = Provenance(root, (path for path in hashes if path.startswith("../")))
    pages = [file for file in files if file["role"] == "page"]
    parts = only_imported([file["path"] for file in pages if not file["problem"]], tree)
    report.excluded = [(file["path"], file["pages"]) for file in files if file["role"] == "directory"]
    first: dict[str, str] = {}
    for file in tqdm(pages, desc="ingest", unit="file", disable=None):
        path = file["path"]
        report.counts["files"] += 1
        try:
            if file["problem"]:
                raise RefusedError(file["problem"])
            if is_partial_name(path) or path in parts:
                raise RefusedError("partial")
            doc = to_doc(path, tree, flavoured, section, report, site.titles)
        except RefusedError as refused:
            report.skip(path, str(refused))
            continue
        content = digest(doc["title"], [line for line in doc["text"].split("\n") if line.strip()])
        original = first.setdefault(content, path)
        site.pages.append(identity.page(path, doc["language"], doc["text"]))
        if original != path:
            report.counts["duplicates"] += 1
            site.also_in.setdefault(original, []).append(path)
            continue
        rev = provenance.revision([path, *doc["partials"]])
        yield {**doc, "title": doc["title"] or name_of(path), "file_sha256": file["sha256"], "rev": rev}
    report.read_besides = sorted(tree.unlisted)


def write_docs(section: schema.Docs, report: Report) -> None:
    """Write the rows in two steps, since no page is held in memory: as they come, then with what all others say."""
    site = Site()
    unfinished = paths.DOCS.with_name("docs.unfinished.jsonl")
    try:
        write_jsonl(unfinished, ingest(section, report, site))
        write_jsonl(paths.DOCS, finished(unfinished, section, site, report))
    finally:
        unfinished.unlink(missing_ok=True)


def finished(unfinished: Path, section: schema.Docs, site: Site, report: Report) -> Iterator[Doc]:
    """The rows with what all pages together say of each; those in other languages or versions are left out."""
    language_by_place = neighbours((page.path, page.language) for page in site.pages)
    groups = identity.groups(site.pages)
    doc: Doc
    for doc in read_jsonl(unfinished):
        path = doc["path"]
        doc["language"] = doc["language"] or language_by_place(path)
        if section.languages and doc["language"] not in section.languages:
            report.skip(path, "other_language")
            continue
        report.counts["pages"] += 1
        report.languages[doc["language"] or "unknown"] += 1
        report.kinds[doc["kind"]] += 1
        yield {
            **doc,
            "group": groups[path],
            "also_in": site.also_in.get(path, []),
            "breadcrumbs": breadcrumbs(path, site.titles),
        }
    if not report.counts["pages"] and section.include:
        raise ParamsError(
            f"params.yaml: docs.path = {section.path!r}: no page matches docs.include = {section.include}"
            f" ({report.summary()})"
        )


def main() -> None:
    section, report = params.load().docs, Report()
    if "DVC_STAGE" not in os.environ:  # typed by hand: `dvc repro` runs the stage that writes it before
        manifest.write(section)
    write_docs(section, report)
    write_json(paths.REPORTS / "ingest.json", report.as_json())
    print("ingest:", report.summary() if section.include else "docs.include is empty, so there are no pages")


if __name__ == "__main__":
    run_stage("ingest", main)
