"""Documentation directory in, one row per page out.

Reads data/sources.jsonl and the files below `docs.path` that it names; writes data/docs.jsonl and reports/ingest.json.
Run: python -m stages.ingest
"""

import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import run_stage
from stages.common.base.printable import say
from stages.common.records.files import read_jsonl, write_jsonl, write_report, write_rows
from stages.common.records.masking import masked_values
from stages.common.records.rows import Doc
from stages.ingest import refusals
from stages.ingest.pages import Outcome
from stages.ingest.reading import Reading
from stages.ingest.sources import identity, manifest
from stages.ingest.sources.breadcrumbs import breadcrumbs
from stages.ingest.sources.imports import NAVIGATION
from stages.ingest.sources.languages import neighbours
from stages.ingest.sources.provenance import Provenance
from stages.ingest.sources.report import Report

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"pages": "pages", "files": "files", "words": "account.words", "words_lost": "account.lost"}


@dataclass
class Site:
    """What is known of a page only when all pages are read, by path."""

    also_in: dict[str, list[str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)  # of pages without text too
    pages: list[identity.Page] = field(default_factory=list)
    private: dict[str, Counter[str]] = field(default_factory=dict)  # kinds of what is masked


def ingest(section: schema.Docs, report: Report, site: Site) -> Iterator[Doc]:
    """The pages as rows, one at a time; everything that makes no row is reported.

    Pages with the same title and the same lines, blank ones apart, are one row, that of the first. `site` is complete,
    and what `finished` adds can be known, when the last row is read.
    """
    pages = [(file["path"], file["problem"]) for file in manifest.read() if file["role"] == "page"]
    readable = [path for path, problem in pages if not problem]
    reading = Reading(section)
    provenance = Provenance(reading.tree.root, (path for path in reading.tree.hashes if path.startswith("../")))
    partials = reading.partials(readable, report)
    outcomes = reading.outcomes([path for path in readable if path not in partials])
    report.excluded = [(file["path"], file["pages"]) for file in manifest.read() if file["role"] == "directory"]
    first: dict[str, str] = {}
    skipped: list[tuple[str, str]] = []
    for path, problem in tqdm(pages, desc="ingest", unit="file", disable=None):
        report.counts["files"] += 1
        refused = problem or (part_of(path) if path in partials else "")
        made = Outcome(refused=refused) if refused else next(outcomes)
        report.add(made.report)
        if made.title is not None:
            site.titles[path] = made.title
        if made.doc is None or made.twins is None:
            report.skip(path, made.refused)
            if not problem:  # a pipe would be waited for
                skipped.append((path, made.refused))
            continue
        site.pages.append(made.twins._replace(path=path))  # one string of the path is held, not two
        original = first.setdefault(made.content, path)
        if original != path:
            report.counts["duplicates"] += 1
            site.also_in.setdefault(original, []).append(path)
            continue
        if made.private:
            site.private[path] = made.private
        yield {**made.doc, "rev": provenance.revision([path, *made.doc["partials"]])}
    read = (page.path for page in site.pages)
    reading.account(report.account, skipped, read, partials)  # when it is known which partials are shown
    besides = {file["path"] for file in manifest.read() if file["role"] == "besides"}
    report.read_besides = sorted(report.looked_up - (reading.tree.hashes.keys() - besides))


def part_of(path: str) -> str:
    """Why a file that is a part of others makes no page."""
    return "kind_index" if PurePosixPath(path).stem.lower() in NAVIGATION else "partial"


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
        language = doc["language"] or language_by_place(path)
        if section.languages and language not in section.languages:
            report.skip(path, "other_language")
            continue
        if path in other_version:
            report.skip(path, "other_version")
            continue
        above, kinds = breadcrumbs(path, site.titles), site.private.get(path, Counter())
        if section.private == "mask":
            above, in_titles = masked_values(above)
            kinds = kinds + in_titles
        report.page(language, doc["kind"], kinds)
        also_in = site.also_in.get(path, [])
        yield {**doc, "language": language, "group": groups[path], "also_in": also_in, "breadcrumbs": above}
    if not report.counts["pages"] and section.include:
        write_report("ingest", report.as_json(), HEADLINE)
        refusals.refuse_no_pages(section, report)


def main() -> None:
    settings, report = params.load(), Report()
    section = settings.docs
    if "DVC_STAGE" not in os.environ:  # typed by hand: `dvc repro` runs the stage that writes it before
        manifest.write(section)
    write_docs(section, report, settings.scale.rows_per_shard)
    write_report("ingest", report.as_json(), HEADLINE)
    say("ingest:", report.summary() if section.include else "docs.include is empty, so there are no pages")
    refusals.refuse_unread(section, report)


if __name__ == "__main__":
    run_stage("ingest", main)
