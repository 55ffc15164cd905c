"""Documentation directory in, one row per page out.

Reads data/sources.jsonl and the files below `docs.path` that it names; writes data/docs.jsonl and reports/ingest.json.
Run: python -m stages.ingest
"""

import gc
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.budget import MAX_SECONDS, OverBudgetError, budget
from stages.common.base.errors import run_stage
from stages.common.records.files import digest, read_jsonl, write_jsonl, write_report, write_rows
from stages.common.records.rows import Doc
from stages.ingest import refusals
from stages.ingest.dialects.flavours import detection
from stages.ingest.pages import Reader, name_of
from stages.ingest.sources import identity, manifest
from stages.ingest.sources.breadcrumbs import breadcrumbs
from stages.ingest.sources.imports import NAVIGATION, parts, text_of
from stages.ingest.sources.languages import neighbours
from stages.ingest.sources.provenance import Provenance
from stages.ingest.sources.report import Report
from stages.ingest.sources.tree import RefusedError, Tree
from stages.ingest.sources.walk import boundary, root_directory

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"pages": "pages", "files": "files", "words": "account.words", "words_lost": "account.lost"}


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
    reader = Reader(tree, detection.detected(root, section.flavour), section, report, site.titles)
    provenance = Provenance(root, (path for path in hashes if path.startswith("../")))
    pages = [file for file in files if file["role"] == "page"]
    readable = [file["path"] for file in pages if not file["problem"]]
    partials = parts(readable, tree, reader.site.flavour.underscored)
    report.account.expect(partials)
    report.excluded = [(file["path"], file["pages"]) for file in files if file["role"] == "directory"]
    first: dict[str, str] = {}
    skipped: list[tuple[str, str]] = []
    for file in tqdm(pages, desc="ingest", unit="file", disable=None):
        path = file["path"]
        report.counts["files"] += 1
        try:
            if file["problem"]:
                raise RefusedError(file["problem"])
            if path in partials:
                raise RefusedError("kind_index" if PurePosixPath(path).stem.lower() in NAVIGATION else "partial")
            doc, recognised = reader.read(path)
        except RefusedError as refused:
            report.skip(path, str(refused))
            if not file["problem"]:  # a pipe would be waited for
                skipped.append((path, str(refused)))
            continue
        content = digest(doc["title"], [line for line in doc["text"].split("\n") if line.strip()])
        original = first.setdefault(content, path)
        site.pages.append(recognised)
        if original != path:
            report.counts["duplicates"] += 1
            site.also_in.setdefault(original, []).append(path)
            continue
        yield {**doc, "title": doc["title"] or name_of(path), "rev": provenance.revision([path, *doc["partials"]])}
    for path, reason in skipped:  # when it is known which partials are shown
        with reader.counting(path):
            report.account.skipped(path, text_of(path, tree), reason)
    report.read_besides = sorted(tree.unlisted)
    report.characters = tree.characters


def write_docs(section: schema.Docs, report: Report, most: float = math.inf) -> None:
    """Write the rows in two steps, since no page is held in memory: as they come, then with what all others say. At
    most `most` rows stand in one file."""
    site = Site()
    unfinished = paths.DOCS.with_name("docs.unfinished.jsonl")
    try:
        write_jsonl(unfinished, ingest(section, report, site))
        write_rows(paths.DOCS, finished(unfinished, section, site, report), itemgetter("path"), most)
    finally:
        unfinished.unlink(missing_ok=True)


def finished(unfinished: Path, section: schema.Docs, site: Site, report: Report) -> Iterator[Doc]:
    """The rows with what all pages together say of each; those in other languages or versions are left out."""
    language_by_place = neighbours((page.path, page.language) for page in site.pages)
    groups = identity.groups(site.pages)
    other_version = identity.other_versions(section.versions, groups)
    doc: Doc
    for doc in read_jsonl(unfinished):
        path = doc["path"]
        doc["language"] = doc["language"] or language_by_place(path)
        if section.languages and doc["language"] not in section.languages:
            report.skip(path, "other_language")
            continue
        if path in other_version:
            report.skip(path, "other_version")
            continue
        row: Doc = {
            **doc,
            "group": groups[path],
            "also_in": site.also_in.get(path, []),
            "breadcrumbs": breadcrumbs(path, site.titles),
        }
        shown = masked(row, report) if section.private == "mask" else row
        if shown:
            report.counts["pages"] += 1
            report.languages[row["language"] or "unknown"] += 1
            report.kinds[row["kind"]] += 1
            yield shown
    if not report.counts["pages"] and section.include:
        write_report("ingest", report.as_json(), HEADLINE)
        refusals.refuse_no_pages(section, report)


def masked(row: Doc, report: Report) -> Doc | None:
    """The page without anything private; None when it cannot be looked through within a page's budget."""
    try:
        with budget(MAX_SECONDS):
            return report.hide(row)
    except OverBudgetError as error:
        report.failed(row["path"], error)
        report.skip(row["path"], "over_budget")
        return None


def main() -> None:
    gc.set_threshold(100_000, 50, 100)  # what is read makes no cycles to speak of
    settings, report = params.load(), Report()
    section = settings.docs
    if "DVC_STAGE" not in os.environ:  # typed by hand: `dvc repro` runs the stage that writes it before
        manifest.write(section)
    write_docs(section, report, settings.scale.rows_per_shard)
    write_report("ingest", report.as_json(), HEADLINE)
    print("ingest:", report.summary() if section.include else "docs.include is empty, so there are no pages")
    refusals.refuse_unread(section, report)


if __name__ == "__main__":
    run_stage("ingest", main)
