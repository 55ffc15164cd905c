"""What the readers of a page's syntax work with: the page, its site, and what they find on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from stages.common.records.rows import Origin
from stages.ingest.dialects import marks
from stages.ingest.dialects.frontmatter import without_front_matter
from stages.ingest.dialects.lines import Line, to_lines, to_text
from stages.ingest.dialects.outline import code_lines
from stages.ingest.sources.tree import RefusedError, Tree

MAX_DEPTH = 32  # of partials in partials
MAX_PARTIALS = 10_000  # of one page; empty ones that import each other twice would double and double


class Unresolved(NamedTuple):
    """An import or include that could not be put in its place: where it stands, what it names and why not."""

    path: str
    line: int
    module: str
    problem: str


class Unread(NamedTuple):
    """Syntax whose meaning is not known here; what it shows is lost, or it stays in the text as written."""

    path: str
    line: int
    kind: str  # as the report counts it: shortcode, liquid, macro, expression, component, directive, role …
    text: str


@dataclass(frozen=True)
class Findings:
    """What resolving a page and everything in it finds."""

    inlined: list[str] = field(default_factory=list)
    unresolved: list[Unresolved] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # of what was inlined, in characters, added up


@dataclass(frozen=True)
class Page:
    """A file that is being read. `above` are the files that name it, the page first, and itself the last.

    `values` are what its expressions and variables stand for: `props.x`, `frontMatter.x`, `site.x` …
    """

    above: tuple[str, ...]
    tree: Tree
    site: "Site"
    values: Mapping[str, str] = field(default_factory=dict)
    indented_code: bool = True
    found: Findings = field(default_factory=Findings)

    def as_mdx(self) -> "Page":
        return replace(self, indented_code=False)

    @property
    def path(self) -> str:
        return self.above[-1]

    def code(self, lines: list[Line]) -> set[int]:
        """The lines, counted from 0, that are code."""
        return code_lines(to_text(lines), self.indented_code)

    def unread(self, line: Line, kind: str, text: str) -> None:
        self.found.unread.append(Unread(line.origin.path, line.origin.line, kind, " ".join(text.split())[:80]))

    def unresolved(self, origin: Origin, module: str, problem: str) -> None:
        self.found.unresolved.append(Unresolved(origin.path, origin.line, module, problem))

    def read(self, origin: Origin, *modules: str) -> tuple[str, list[Line]] | None:
        """The path and lines of the first of these files that is there, without front matter; a refusal is noted."""
        problem = ""
        for module in modules:
            try:
                return self.text_of(module)
            except RefusedError as refused:
                problem = problem if str(refused) == "missing" and problem else str(refused)
        self.unresolved(origin, modules[0].replace("./../", "../", 1), problem)
        return None

    def text_of(self, module: str) -> tuple[str, list[Line]]:
        """The path and lines of a file to inline. Raises RefusedError."""
        target = self.tree.resolve(module, self.path)
        if target in self.above:
            raise RefusedError("cycle")
        sizes = self.found.sizes
        if len(self.above) > MAX_DEPTH or len(sizes) >= MAX_PARTIALS:
            raise RefusedError("nested_too_deep")
        text = self.tree.read(target).text
        total = len(text) + (sizes[-1] if sizes else 0)
        if total > self.tree.max_bytes:
            raise RefusedError("over_max_bytes")
        sizes.append(total)
        return target, to_lines(without_front_matter(marks.without_marks(text)).rstrip("\n"), target)

    def text_if_there(self, module: str) -> str | None:
        """The text of a file that gives values and is no part of the page; nothing when it is not there."""
        try:
            return to_text(self.text_of(module)[1])
        except RefusedError:
            return None

    def within(self, path: str, values: Mapping[str, str] | None = None) -> "Page":
        """A file that this one names: the same findings, one file deeper."""
        return replace(self, above=(*self.above, path), values=self.values if values is None else values)


Step = Callable[[list[Line], Page], list[Line]]
SIGNS: dict[Step, tuple[str, ...]] = {}  # by steps that `needs` says it of


def needs(*signs: str) -> Callable[[Step], Step]:
    """Say of a step that it changes nothing in a page that holds none of these signs."""

    def noted(step: Step) -> Step:
        SIGNS[step] = signs
        return step

    return noted


def stepped(lines: list[Line], page: Page, *steps: Step) -> list[Line]:
    """The lines after all steps in their order. Most find nothing to do, and are not even asked."""
    text = to_text(lines)
    for step in steps:
        if any(sign in text for sign in SIGNS.get(step, ("",))):
            before, lines = lines, step(lines, page)
            text = text if lines is before else to_text(lines)
    return lines


class Flavour(NamedTuple):
    """How the pages of one site generator are read, all into the same Markdown.

    `before` are the steps that come before tags and imports are resolved (includes, containers), `after` those behind
    (inline syntax). Containers become directives (`:::note[Title]` … `:::`) and tabs marks, which are resolved for all.
    """

    name: str
    site_files: tuple[str, ...]  # names of the files that give the generator away
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    mdx: bool = False  # braces in pages of any suffix are expressions
    underscored: bool = False  # a file whose name begins with an underscore is a page


class Site(NamedTuple):
    flavour: Flavour
    values: Mapping[str, str] = {}  # from the site's configuration, as its pages name them
    base: str = "."  # the site's directory, from docs.path
