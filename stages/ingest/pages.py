"""One page: a file in, its row out, and what is found on the way to the report."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from stages.common import schema
from stages.common.base.budget import MAX_SECONDS, OverBudgetError, budget
from stages.common.base.errors import UserError
from stages.common.markdown.blocks import blocks, heading_text
from stages.common.records.files import digest
from stages.common.records.rows import Doc, to_spans
from stages.ingest.dialects import frontmatter, rst
from stages.ingest.dialects.expansion import expand, phrase
from stages.ingest.dialects.lines import Line, to_lines, to_text
from stages.ingest.dialects.outline import HEADING
from stages.ingest.dialects.page import Site
from stages.ingest.dialects.stubs import stub
from stages.ingest.sources import identity
from stages.ingest.sources.converters import converter
from stages.ingest.sources.kinds import kind, unpublished
from stages.ingest.sources.languages import language
from stages.ingest.sources.report import Report
from stages.ingest.sources.tree import RefusedError, Tree


@dataclass
class Reader:
    """Reads the pages of a site, one at a time. `titles` gets those of all pages by path."""

    tree: Tree
    site: Site
    section: schema.Docs
    report: Report
    titles: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> tuple[Doc, identity.Page]:
        """The row of a page, and what its twins are known by. Raises RefusedError when the file makes none, whatever
        the reason; a page that cannot be read costs no other."""
        try:
            with budget(MAX_SECONDS):
                source, doc = self.doc(path)
                recognised = identity.page(path, doc["language"], doc["text"])
        except (RefusedError, UserError):
            raise
        except OverBudgetError as error:
            self.report.failed(path, error)
            raise RefusedError("over_budget") from None
        except Exception as error:  # a page may be anything, and readers may be wrong
            self.report.failed(path, error)
            raise RefusedError("failed") from None
        with self.counting(path):
            self.report.account.page(source, doc)
        return doc, recognised

    @contextmanager
    def counting(self, path: str) -> Iterator[None]:
        """Count a file's words; one on which that takes too long, or fails, is a page or a skip all the same."""
        try:
            with budget(MAX_SECONDS):
                yield
        except (OverBudgetError, ValueError, LookupError, RecursionError, MemoryError):
            self.report.account.unmeasured.append(path)

    def doc(self, path: str) -> tuple[str, Doc]:
        """The source and the row of a page."""
        original, encoding = self.tree.read(path)
        self.report.decoded(path, encoding)
        convert = converter(path)
        source = convert(original) if convert else original
        front = frontmatter.front_matter(source)
        if line := frontmatter.broken_line(source):
            self.report.broken.append({"path": path, "line": line})
        if unpublished(front, path) and not self.section.unpublished:
            raise RefusedError("unpublished")
        lines, partials = self.lines(path, source, plain=bool(convert) or path.lower().endswith(".txt"))
        text = to_text(lines)
        title = self.filled(front.get("title"), source, path) or self.heading(text)
        self.titles[path] = title
        if missing := stub(text):
            raise RefusedError("only_title" if missing == "empty" and front.get("title") else missing)
        page_kind = kind(path, front, title, text)
        if page_kind not in self.section.page_kinds:
            raise RefusedError(f"kind_{page_kind}")
        key = next((key for key in frontmatter.DESCRIPTIONS if front.get(key)), "description")
        description = self.filled(front.get(key), source, path)
        lines = frontmatter.with_description(lines, frontmatter.line_of(source, key), description, title)
        text = to_text(lines)
        doc: Doc = {
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
            "partials": partials,
            "spans": to_spans(path, (line.origin for line in lines)),
            "file_sha256": self.tree.hashes.get(path, ""),
            "rev": "",
        }
        return original, doc

    def filled(self, value: object, source: str, path: str) -> str:
        """A value of the front matter as the site shows it."""
        return phrase(frontmatter.scalar_text(value), source, path, self.tree, self.site)

    def heading(self, text: str) -> str:
        """The title that the text gives a page. Obsidian names a note by its file, whatever its sections are called."""
        words = first_heading(text)
        return words if self.site.flavour.name != "obsidian" or TOP.search(text) else ""

    def lines(self, path: str, source: str, plain: bool) -> tuple[list[Line], list[str]]:
        """The lines of a page as plain Markdown without embedded data, and the files inlined into it."""
        if plain:
            return without_data(to_lines(source, path), self.report), []
        read = rst.expand if path.lower().endswith(".rst") else expand
        lines, found = read(source, path, self.tree, self.site)
        self.report.expanded(found)
        return without_data(lines, self.report), sorted(set(found.inlined))


TOP = re.compile(r"^(?:#[ \t]|[^\n]+\n=+[ \t]*$)", re.MULTILINE)
DATA = re.compile(r"data:[\w.+/-]*(?:;[\w=.-]+)*;base64,[A-Za-z0-9+/=_-]*|\b(?=[A-Za-z]*\d)[A-Za-z0-9+/]{400,}={0,2}")


def without_data(lines: list[Line], report: Report) -> list[Line]:
    """The lines without data in base64: images in addresses, and runs of it that are longer than any word or key."""
    counts: Counter[str] = report.data
    kept = []
    for line in lines:
        if len(line.text) > 100 and (";base64," in line.text or len(line.text) > 400) and DATA.search(line.text):
            counts[line.origin.path] += 1
            line = line.with_text(DATA.sub("", line.text))
        kept.append(line)
    return kept


def first_heading(text: str) -> str:
    """The words of the first top-level heading, else of the only one of the highest level: the first of several is that
    of a part. Empty when there is none."""
    headings = [block for block in blocks(text) if block.kind == "heading"] if HEADING.search(text) else []
    highest = min((block.level for block in headings), default=0)
    titles = [heading_text(block) for block in headings if block.level == highest]
    only = len(titles) == 1 and headings[0].level == highest
    return titles[0] if highest == 1 or only else ""


def name_of(path: str) -> str:
    """A page's name when it has no title: that of the file, or of the directory for index files."""
    file = PurePosixPath(path)
    return file.parent.name if file.stem in ("index", "README") and "/" in path else file.stem
