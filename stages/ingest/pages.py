"""One page: a file in, its row out, and what is found on the way to the report."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from stages.common.base.budget import MAX_SECONDS, OverBudgetError, budget
from stages.common.base.errors import UserError
from stages.common.markdown.blocks import blocks, heading_text
from stages.common.records.files import digest
from stages.common.records.masking import masked_values
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


class Setting(NamedTuple):
    """What all pages of a run have in common: the params that matter to one, the values that the site's configuration
    gives, and the digest of the manifest, by which a process knows whether it holds the right tree."""

    path: str
    page_kinds: tuple[str, ...]
    unpublished: bool
    private: str
    max_bytes: int
    flavour: str
    values: tuple[tuple[str, str], ...]
    base: str
    sources: str


@dataclass
class Outcome:
    """What became of a page: its row and what its twins are known by, or the reason why it makes none."""

    doc: Doc | None = None
    refused: str = ""
    title: str | None = None  # of a page without text too
    twins: identity.Page | None = None
    content: str = ""  # digest of its title and its lines, blank ones apart
    private: Counter[str] = field(default_factory=Counter)  # kinds of what is masked
    report: Report = field(default_factory=Report)
    asked: dict[str, str] = field(default_factory=dict)  # what was looked up in the tree, with the answers


@dataclass
class Reader:
    """Reads the pages of a site, one at a time."""

    tree: Tree
    site: Site
    setting: Setting
    outcome: Outcome = field(default_factory=Outcome)  # of the page that is being read

    @property
    def report(self) -> Report:
        return self.outcome.report

    def read(self, path: str) -> Outcome:
        """What becomes of a page; one that cannot be read costs no other."""
        outcome = self.outcome = Outcome()
        try:
            with budget(MAX_SECONDS):
                source, doc = self.doc(path)
                outcome.twins = identity.page(path, doc["language"], doc["text"])
                outcome.content = digest(doc["title"], [line for line in doc["text"].split("\n") if line.strip()])
                outcome.doc = self.masked({**doc, "title": doc["title"] or name_of(path)})
        except RefusedError as refused:
            outcome.refused = str(refused)
        except UserError:
            raise
        except OverBudgetError as error:
            self.report.failed(path, error)
            outcome.refused = "over_budget"
        except Exception as error:  # a page may be anything, and readers may be wrong
            self.report.failed(path, error)
            outcome.refused = "failed"
        else:
            with self.report.account.counting(path):
                self.report.account.page(source, doc)
        return outcome

    def masked(self, doc: Doc) -> Doc:
        """The page without anything private, unless that is to stay."""
        if self.setting.private == "keep":
            return doc
        texts = {name: doc[name] for name in ("title", "description", "tags", "text")}  # type: ignore[literal-required]
        hidden, self.outcome.private = masked_values(texts)
        return {**doc, **hidden}  # type: ignore[typeddict-item]

    def doc(self, path: str) -> tuple[str, Doc]:
        """The source and the row of a page."""
        original, encoding = self.tree.read(path)
        self.report.decoded(path, encoding)
        convert = converter(path)
        source = convert(original) if convert else original
        front = frontmatter.front_matter(source)
        if line := frontmatter.broken_line(source):
            self.report.broken.append({"path": path, "line": line})
        if unpublished(front, path) and not self.setting.unpublished:
            raise RefusedError("unpublished")
        lines, partials = self.lines(path, source, plain=bool(convert) or path.lower().endswith(".txt"))
        text = to_text(lines)
        title = self.filled(front.get("title"), source, path) or self.heading(text)
        self.outcome.title = title
        if missing := stub(text):
            raise RefusedError("only_title" if missing == "empty" and front.get("title") else missing)
        page_kind = kind(path, front, title, text)
        if page_kind not in self.setting.page_kinds:
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
    return file.parent.name if file.stem in ("index", "_index", "README") and "/" in path else file.stem
