"""Which files below a directory are pages: globs as in .gitignore, links only where they stay inside and end."""

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from stages.common.base.errors import ParamsError
from stages.common.base.paths import PARAMS

NEVER = frozenset((".git", "node_modules", ".hg", ".svn", ".dvc", ".venv", "__pycache__"))  # not even counted
# Directories that are left out where they hold what a build makes.
OUTPUT_NAMES = frozenset(("build", "_build", "dist", "site", "_site", "public", "out", "target"))
MADE = frozenset((".html", ".js", ".mjs", ".css", ".map", ".whl", ".gz", ".class", ".o"))
MADE_NAMES = frozenset((".buildinfo", ".doctrees", "doctrees", "html", "_static", "objects.inv"))
MOST_COUNTED = 20_000
LEVELS = 5  # the directory of the pages and those above it in which a project is looked for, outside Git
PROJECT_FILES = (
    "pyproject.toml",
    "package.json",
    "Cargo.toml",
    "go.mod",
    "mkdocs.yml",
    "book.toml",
    "conf.py",
    "hugo.toml",
    "hugo.yaml",
    "antora.yml",
    "mint.json",
    "docs.json",
    "docusaurus.config.js",
    "docusaurus.config.ts",
    "astro.config.mjs",
    "_config.yml",
    ".gitbook.yaml",
    "docfx.json",
    "nuxt.config.ts",
    "setup.py",
    "setup.cfg",
    "LICENSE",
)


@dataclass(frozen=True)
class MatchedPath:
    """A path below the docs (POSIX form) that the globs name; `problem` says why it is refused, if it is.

    A directory that is left out is such a path too, if it holds files that `include` names: `pages` is their number.
    """

    path: str
    problem: str = ""
    pages: int = 0


@dataclass(frozen=True)
class PendingDirectory:
    """A directory to look into: its path below the docs, where it really is, and the directories left by links."""

    path: str
    real: Path
    left: tuple[Path, ...] = ()


def is_here(path: str) -> bool:
    return os.path.isdir(directory(path))  # noqa: PTH112 - false for what cannot be the name of a file, too


def directory(path: str) -> Path:
    """Where `docs.path` is: relative to here, or, where an experiment's copy of the repository has no such directory or
    an empty one (a submodule, one that Git ignores, one outside), to the repository that it is a copy of."""
    here = Path(path)
    there = Path(os.environ.get("DVC_ROOT") or ".") / path
    return there if not filled(here) and filled(there) else here


def filled(directory: Path) -> bool:
    try:
        return any(True for _ in os.scandir(directory))
    except (OSError, ValueError):
        return False


def root_directory(path: str) -> Path:
    """`docs.path`, which must exist. Only ingest needs it: who pulled the data can train without the docs."""
    if not is_here(path):
        raise ParamsError(f"{PARAMS}: docs.path = {path!r}: accepted is an existing directory of Markdown pages")
    return directory(path).resolve()


@functools.cache
def boundary(root: Path) -> Path:
    """The directory that includes may be in: the Git repository around the pages, else the outermost directory of a few
    above them with a project's or a site's file, else the one above pages in `src` or `source`, else that of the pages.
    """
    near = [root, *root.parents][:LEVELS]
    for above in (root, *root.parents):
        if (above / ".git").exists():
            return above
    projects = [above for above in near if any((above / name).is_file() for name in PROJECT_FILES)]
    return projects[-1] if projects else root.parent if root.name in ("src", "source") else root


def find(root: Path, include: list[str], exclude: list[str]) -> list[MatchedPath]:
    """The files below `root` that `include` matches and `exclude` does not, and the links refused, sorted by path."""
    try:
        wanted, unwanted = GitIgnoreSpec.from_lines(include), GitIgnoreSpec.from_lines(exclude)
    except ValueError as error:
        raise ParamsError(
            f"params.yaml: docs.include, docs.exclude: accepted are globs as in .gitignore ({error})"
        ) from None
    if not include:
        return []
    return sorted(files(root.resolve(), wanted, unwanted), key=lambda found: found.path)


def files(root: Path, wanted: GitIgnoreSpec, unwanted: GitIgnoreSpec) -> Iterator[MatchedPath]:
    """Walk without recursion, since directories may be nested deeper than Python's stack."""
    entered: set[Path] = set()  # by a link; each once, so that links to links cannot multiply the work
    places = [PendingDirectory("", root)]
    while places:
        place = places.pop()
        try:
            entries = sorted(os.scandir(place.real), key=lambda entry: entry.name)
        except OSError:
            yield MatchedPath(place.path, "unreadable")
            continue
        for entry in entries:
            path = f"{place.path}/{entry.name}".lstrip("/")
            if is_directory(entry):
                if entry.name in NEVER:
                    continue
                if unwanted.match_file(f"{path}/") or is_output(entry):
                    if pages := count(entry, wanted):
                        yield MatchedPath(f"{path}/", "excluded", pages)
                    continue
                problem = refusal(entry, place, root, entered) if entry.is_symlink() else ""
                if problem:
                    yield MatchedPath(path, problem)
                elif entry.is_symlink():
                    entered.add(real(entry))
                    places.append(PendingDirectory(path, real(entry), (*place.left, place.real)))
                else:
                    places.append(PendingDirectory(path, place.real / entry.name, place.left))
            elif named(wanted, path) and not unwanted.match_file(path):
                yield MatchedPath(path, file_problem(entry, root))


def named(globs: GitIgnoreSpec, path: str) -> bool:
    """Whether globs match a path, its suffix in capitals or not: README.MD is Markdown."""
    return globs.match_file(path) or (
        path != (lower := str(PurePosixPath(path).with_suffix(PurePosixPath(path).suffix.lower())))
        and globs.match_file(lower)
    )


def is_output(entry: os.DirEntry[str]) -> bool:
    """Whether a directory with a name such as `build` holds what a tool made, not pages on building."""
    if entry.name not in OUTPUT_NAMES:
        return False
    try:
        names = [inner.name for inner in os.scandir(entry.path)]
    except OSError:
        return False
    return any(PurePosixPath(name).suffix in MADE or name in MADE_NAMES for name in names)


def count(directory: os.DirEntry[str], wanted: GitIgnoreSpec) -> int:
    """How many files of a directory that is left out the globs name; of a very large one, some."""
    pages = seen = 0
    for place, directories, files in os.walk(directory.path):
        directories[:] = [name for name in directories if name not in NEVER]
        below = Path(place).relative_to(directory.path).as_posix()
        pages += sum(1 for name in files if named(wanted, f"{directory.name}/{below}/{name}".replace("/./", "/")))
        seen += len(files)
        if seen > MOST_COUNTED:
            break
    return pages


def is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def real(entry: os.DirEntry[str]) -> Path:
    return Path(entry.path).resolve()


def refusal(entry: os.DirEntry[str], place: PendingDirectory, root: Path, entered: set[Path]) -> str:
    """Why a link to a directory is not followed: it leaves the docs, goes round in circles or repeats another."""
    target = real(entry)
    if not target.is_relative_to(root):
        return "link_leaves_docs"
    if any(directory.is_relative_to(target) for directory in (place.real, *place.left)):
        return "link_loop"
    return "link_repeated" if target in entered else ""


def file_problem(entry: os.DirEntry[str], root: Path) -> str:
    """Why a file that the globs name is not read."""
    try:
        entry.name.encode()
        if entry.is_symlink():
            target = Path(entry.path).resolve(strict=True)
            if not target.is_relative_to(root):
                return "link_leaves_docs"
            return "" if target.is_file() else "not_a_file"
        return "" if entry.is_file() else "not_a_file"  # a pipe would be waited for
    except UnicodeEncodeError:
        return "name_not_utf8"
    except FileNotFoundError:
        return "unreadable"
    except (OSError, RuntimeError):  # a link to itself is a RuntimeError before Python 3.13
        return "link_loop"
