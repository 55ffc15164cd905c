"""A file as plain Markdown: website syntax resolved, the files that it imports in their places, recursively."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from stages.common.records.rows import Origin
from stages.ingest.dialects import admonitions, marks, mdx, mkdocs, snippets, tabs
from stages.ingest.dialects.frontmatter import without_front_matter
from stages.ingest.dialects.headings import below
from stages.ingest.dialects.lines import Line, to_lines, to_text, with_texts
from stages.ingest.dialects.outline import code_lines, headings
from stages.ingest.sources.tree import RefusedError, Tree

MAX_DEPTH = 32  # of partials in partials
MAX_PARTIALS = 10_000  # of one page; empty ones that import each other twice would double and double


class Unresolved(NamedTuple):
    """An import or snippet that could not be put in its place: where it stands, what it names and why not."""

    path: str
    line: int
    module: str
    problem: str


@dataclass(frozen=True)
class Expansion:
    """What resolving one page needs and finds. `above` are the files that are being resolved, the page first."""

    tree: Tree
    above: tuple[str, ...]
    inlined: list[str] = field(default_factory=list)
    unresolved: list[Unresolved] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # of what was inlined, in characters

    def read(self, module: str, origin: Origin, path: str) -> tuple[str, list[Line]] | None:
        """The path and lines of a file to inline, its front matter left empty; a refusal is noted, and nothing."""
        try:
            target = self.tree.resolve(module, path)
            if target in self.above:
                raise RefusedError("cycle")
            if len(self.above) > MAX_DEPTH or len(self.sizes) >= MAX_PARTIALS:
                raise RefusedError("nested_too_deep")
            text = self.tree.read(target).text
            if sum(self.sizes) + len(text) > self.tree.max_bytes:
                raise RefusedError("over_max_bytes")
        except RefusedError as refused:
            self.unresolved.append(Unresolved(origin.path, origin.line, module, str(refused)))
            return None
        self.sizes.append(len(text))
        return target, to_lines(without_front_matter(marks.without_marks(text)).rstrip("\n"), target)

    def within(self, path: str) -> "Expansion":
        """The same findings, one file deeper."""
        return replace(self, above=(*self.above, path))


def expand(text: str, path: str, tree: Tree) -> tuple[list[Line], Expansion]:
    """The lines of a page in plain Markdown, and what was inlined and not."""
    state = Expansion(tree, (path,))
    lines = to_lines(without_front_matter(marks.without_marks(text)), path)
    return resolved(lines, path, state), state


def resolved(lines: list[Line], path: str, state: Expansion) -> list[Line]:
    """The lines of one file, in the order in which its syntax can be told apart: each step leaves plain Markdown."""
    text = to_text(lines)
    indented_code = not mdx.is_mdx(path, text)
    if snippets.SIGN in text:
        lines = with_snippets(lines, path, state, indented_code)
    lines = mkdocs.as_commonmark(lines, indented_code)
    text, imports = mdx.markdown(to_text(lines), indented_code)
    lines = with_texts(lines, text)
    if imports:
        lines = with_partials(lines, imports, path, state)
    return tabs.labelled(admonitions.as_quotes(lines, indented_code))


def with_partials(lines: list[Line], imports: dict[str, mdx.Import], path: str, state: Expansion) -> list[Line]:
    """The lines with the imported files in place of their components."""
    if not any(marks.OPENING in line.text for line in lines):
        return lines
    levels = {start: level for start, _, level in headings(to_text(lines))}
    level = 0
    kept: list[Line] = []
    for number, line in enumerate(lines):
        level = levels.get(number, level)
        if marks.OPENING in line.text:
            kept += with_components(line, imports, path, state, level)
        else:
            kept.append(line)
    return kept


def with_components(line: Line, imports: dict[str, mdx.Import], path: str, state: Expansion, level: int) -> list[Line]:
    """A line with its components replaced: on lines of their own, but in a table or a heading within the line."""
    start = marks.prefix(line.text)
    pieces: list[list[Line]] = []
    position = len(start)
    for found in marks.MARK.finditer(line.text, position):
        if found[1] != marks.COMPONENT:
            continue
        pieces.append([line.with_text(line.text[position : found.start()])])
        pieces.append(partial(imports[found[2]].module, line.origin, path, state, level) if found[2] in imports else [])
        position = found.end()
    if not pieces:
        return [line]
    pieces.append([line.with_text(line.text[position:])])
    if line.text[len(start) :].startswith(("|", "#")):
        return [line.with_text(start + " ".join(filter(None, (to_text(p).replace("\n", " ").strip() for p in pieces))))]
    filled = [piece for piece in pieces if any(part.text.strip() for part in piece)]
    block = any(len(piece) > 1 for piece in filled)
    kept: list[Line] = []
    for piece in filled:
        if kept and block:
            kept.append(piece[0].with_text("") if piece[0].origin == line.origin else line.with_text(""))
        kept += [part.with_text(part.text.strip(" ")) for part in piece] if piece[0].origin == line.origin else piece
    return behind(start, kept) if kept else [line.with_text(marks.continued(start).rstrip())]


def behind(start: str, lines: list[Line]) -> list[Line]:
    """The lines behind the signs of the list or quote that the first of them stands in."""
    rest = marks.continued(start)
    return [
        line.with_text((rest if number else start) + line.text if line.text.strip() else rest.rstrip())
        for number, line in enumerate(lines)
    ]


def partial(module: str, origin: Origin, path: str, state: Expansion, level: int) -> list[Line]:
    """The lines of an imported file, resolved, below a heading of this level, and as standing at its component."""
    found = state.read(module, origin, path)
    if found is None:
        return []
    target, lines = found
    state.inlined.append(target)
    lines = below(resolved(lines, target, state.within(target)), level)
    return [Line(line.text, line.origin._replace(at=origin.at)) for line in lines]


def with_snippets(lines: list[Line], path: str, state: Expansion, indented_code: bool) -> list[Line]:
    """The lines with the snippets that they name, those of these too. Their headings keep their levels."""
    code = code_lines(to_text(lines), indented_code)
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        line, behind_it = lines[number], number + 1
        start, names = ("", []) if number in code else snippets.named(line.text)
        if number not in code and snippets.SEVERAL.match(line.text):
            names, behind_it = snippets.several(lines, number)
        if names:
            for name in names:
                kept += snippet(name, start, line, path, state)
        elif number in code:
            kept.append(line)
        else:
            kept += snippets.without_sections([line.with_text(snippets.escaped(line.text))])
        number = behind_it
    return kept


def snippet(name: str, start: str, line: Line, path: str, state: Expansion) -> list[Line]:
    """The lines of one snippet; an empty line when there is none."""
    file, section, span = snippets.parts(name)
    module = file if file.startswith(("/", ".")) else f"/{file}"  # from the root, else beside the page
    beside = f"./{file}"
    try:
        state.tree.resolve(module, path)
    except RefusedError:
        module = beside
    found = state.read(module, line.origin, path)
    if found is None:
        return [line.with_text("")]
    target, lines = found
    taken = snippets.selected(lines, section, span)
    if taken is None:
        state.unresolved.append(Unresolved(line.origin.path, line.origin.line, name, "no_such_section"))
        return [line.with_text("")]
    state.inlined.append(target)
    taken = with_snippets(taken, target, state.within(target), indented_code=False)
    return [
        Line(start + inner.text if inner.text.strip() else "", inner.origin._replace(at=line.origin.at))
        for inner in taken
    ]
