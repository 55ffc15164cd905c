"""Which files are only parts of others: pages of a website import them and nothing makes them pages of their own."""

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from stages.ingest.dialects.flavours import snippets
from stages.ingest.dialects.frontmatter import BLOCK
from stages.ingest.dialects.modules import imports, markdown_imports
from stages.ingest.dialects.outline import code_lines
from stages.ingest.sources.tree import RefusedError, Tree

LINK = re.compile(r"\]\(\s*<?([^)#?\s>]+)|^\[[^\]\n]+\]:[ \t]*<?([^#?\s>]+)", re.MULTILINE)
SNIPPET = re.compile(r"<Snippet\b[^<>]*\bfile=[\"']([^\"'<>]+)")  # of Mintlify
OF_ANTORA = re.compile(r"(?:^|/)modules/[^/]+/(?:partials|examples)/")
NAVIGATION = ("_sidebar", "_navbar", "_coverpage", "_footer")  # of Docsify and wikis: links around every page
SUFFIXES = (".md", ".mdx")  # that a link may leave out
LANDING_PAGES = ("index", "readme")  # a directory's own page


class Names(NamedTuple):
    """What a file names besides itself."""

    modules: list[str]  # that it imports, or includes as a whole, outside its code
    links: list[str]
    has_front_matter: bool


def parts(paths: list[str], names: Callable[[], Iterable[Names]], tree: Tree, underscored: bool) -> set[str]:
    """The files that are no pages: those that are only imported, and those with an underscore, but where the site's
    generator makes pages of them (`underscored`) only those that others name. `names` gives those of each file."""
    by_name = {path for path in paths if is_partial_name(path)}
    return only_imported(paths, names, tree) | (named_elsewhere(by_name, paths, tree) if underscored else by_name)


def named_elsewhere(files: set[str], paths: list[str], tree: Tree) -> set[str]:
    """Those of the files that some other page names, but as the target of a link."""
    names = {path: PurePosixPath(path).name for path in files}
    texts = [(path, LINK.sub(" ", text_of(path, tree))) for path in paths] if files else []
    return {file for file, name in names.items() if any(name in text for path, text in texts if path != file)}


def is_partial_name(path: str) -> bool:
    """Whether a file is a part by its name or, in Antora's modules, by its directory; `_index`, Hugo's page of a
    section, is one when others import it."""
    name = path.rpartition("/")[2]
    return OF_ANTORA.search(path) is not None or (name.startswith("_") and PurePosixPath(name).stem != "_index")


def only_imported(paths: list[str], names: Callable[[], Iterable[Names]], tree: Tree) -> set[str]:
    """The files that others import and that neither have front matter nor are linked from any page.

    Docusaurus makes a page of every file without an underscore; front matter is written for such a page only.
    """
    used: set[str] = set()
    by_themselves: set[str] = set()
    for path, of_path in zip(paths, names(), strict=True):
        used |= resolved(of_path.modules, path, tree) - {path} if of_path.modules else set()
        if of_path.has_front_matter:
            by_themselves.add(path)
    candidates = {path for path in (used & set(paths)) - by_themselves if not is_page_by_name(path)}
    stems = {PurePosixPath(path).stem for path in candidates}
    # Where pages import files with an underscore, that makes parts of all. Hugo, which has _index, has no imports.
    of_docusaurus = any(is_partial_name(path) for path in used)
    sections = {path for path in (paths if of_docusaurus else used) if PurePosixPath(path).stem == "_index"}
    linked: set[str] = set()
    for path, of_path in zip(paths, names(), strict=True) if stems else ():
        links = [link for link in of_path.links if any(stem in link for stem in stems)]
        linked |= resolved([*links, *(f"{link}{suffix}" for link in links for suffix in SUFFIXES)], path, tree) - {path}
    return sections | candidates - linked


def is_page_by_name(path: str) -> bool:
    """Also said of files with an underscore, which are told by their names."""
    return is_partial_name(path) or PurePosixPath(path).stem.lower() in LANDING_PAGES


def text_of(path: str, tree: Tree) -> str:
    """The text of a file, empty when it is not read; the walk over the pages reports that."""
    try:
        return tree.read(path).text
    except RefusedError:
        return ""


def names_in(text: str) -> Names:
    links = [found[1] or found[2] for found in LINK.finditer(text)]
    return Names(modules_in(text), [link for link in links if "://" not in link], BLOCK.match(text) is not None)


def modules_in(text: str) -> list[str]:
    """What a page imports, or includes as a whole, outside its code."""
    if "import " not in text and snippets.SIGN not in text and "<Snippet" not in text:
        return []
    modules: dict[int, list[str]] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines):
        names = snippets.named(line)[1] if snippets.SIGN in line else []
        whole = [f"/snippets/{name}" for name in SNIPPET.findall(line)] + [
            f"/{name}" for name in names if snippets.parts(name)[1:] == ("", None)
        ]
        if whole or line.startswith("import"):
            modules[number] = markdown_imports(imports(lines, number)[0]) + whole
    code = code_lines(text) if any(modules.values()) else set()
    return [one for number, some in modules.items() if number not in code for one in some]


def resolved(modules: Iterable[str], path: str, tree: Tree) -> set[str]:
    found = set()
    for module in modules:
        try:
            found.add(tree.resolve(module, path))
        except RefusedError:
            continue
    return found
