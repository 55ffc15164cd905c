"""Which files are only parts of others: pages of a website import them and nothing makes them pages of their own."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from stages.ingest.dialects.flavours import snippets
from stages.ingest.dialects.frontmatter import BLOCK
from stages.ingest.dialects.modules import imports, markdown_imports
from stages.ingest.dialects.outline import code_lines
from stages.ingest.sources.tree import RefusedError, Tree

LINK = re.compile(r"\]\(\s*<?([^)#?\s>]+)|^\[[^\]\n]+\]:[ \t]*<?([^#?\s>]+)", re.MULTILINE)
SNIPPET = re.compile(r"<Snippet\b[^<>]*\bfile=[\"']([^\"'<>]+)")  # of Mintlify
OF_ANTORA = re.compile(r"(?:^|/)modules/[^/]+/(?:partials|examples)/")
NAVIGATION = ("_sidebar", "_navbar", "_coverpage", "_footer")  # of Docsify and wikis: links around every page
LANDING_PAGES = ("index", "readme")  # a directory's own page


def parts(paths: list[str], tree: Tree, underscored: bool) -> set[str]:
    """The files that are no pages: those that are only imported, and those with an underscore, but where the site's
    generator makes pages of them (`underscored`) only those that others name."""
    by_name = {path for path in paths if is_partial_name(path)}
    return only_imported(paths, tree) | (named_elsewhere(by_name, paths, tree) if underscored else by_name)


def named_elsewhere(files: set[str], paths: list[str], tree: Tree) -> set[str]:
    """Those of the files that some other page names, but as the target of a link."""
    names = {path: PurePosixPath(path).name for path in files}
    texts = [(path, LINK.sub(" ", text_of(path, tree))) for path in paths] if files else []
    return {file for file, name in names.items() if any(name in text for path, text in texts if path != file)}


def is_partial_name(path: str) -> bool:
    """Whether a file is a part by its name or, in Antora's modules, by its directory; `_index`, Hugo's page of a
    section, is one when others import it."""
    file = PurePosixPath(path)
    return OF_ANTORA.search(path) is not None or (file.name.startswith("_") and file.stem != "_index")


def only_imported(paths: list[str], tree: Tree) -> set[str]:
    """The files that others import and that neither have front matter nor are linked from any page.

    Docusaurus makes a page of every file without an underscore; front matter is written for such a page only.
    """
    used = {target for path in paths for target in imported(path, tree)}
    candidates = {path for path in used & set(paths) if not is_page_by_itself(path, tree)}
    names = {PurePosixPath(path).stem for path in candidates}
    # Where pages import files with an underscore, that makes parts of all. Hugo, which has _index, has no imports.
    of_docusaurus = any(is_partial_name(path) for path in used)
    sections = {path for path in (paths if of_docusaurus else used) if PurePosixPath(path).stem == "_index"}
    return sections | candidates - {target for path in paths if names for target in linked(path, tree, names)}


def is_page_by_itself(path: str, tree: Tree) -> bool:
    """Also said of files with an underscore, which are told by their names."""
    landing = PurePosixPath(path).stem.lower() in LANDING_PAGES
    return is_partial_name(path) or landing or BLOCK.match(text_of(path, tree)) is not None


def text_of(path: str, tree: Tree) -> str:
    """The text of a file, empty when it is not read; the walk over the pages reports that."""
    try:
        return tree.read(path).text
    except RefusedError:
        return ""


def imported(path: str, tree: Tree) -> set[str]:
    """The files that a page imports, or includes as a whole, outside its code."""
    text = text_of(path, tree)
    if "import " not in text and snippets.SIGN not in text and "<Snippet" not in text:
        return set()
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
    return resolved([one for number, some in modules.items() if number not in code for one in some], path, tree) - {
        path
    }


def linked(path: str, tree: Tree, names: set[str]) -> set[str]:
    """The files that a page links to, if it has any of the names in it."""
    text = text_of(path, tree)
    if not any(name in text for name in names):
        return set()
    links = [found[1] or found[2] for found in LINK.finditer(text)]
    local = [link for link in links if "://" not in link]
    return resolved([*local, *(f"{link}{suffix}" for link in local for suffix in (".md", ".mdx"))], path, tree) - {path}


def resolved(modules: Iterable[str], path: str, tree: Tree) -> set[str]:
    found = set()
    for module in modules:
        try:
            found.add(tree.resolve(module, path))
        except RefusedError:
            continue
    return found
