"""Which files below a directory are pages: globs as in .gitignore, links only where they stay inside and end."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from stages.common.base.errors import ParamsError
from stages.common.base.paths import PARAMS


@dataclass(frozen=True)
class Found:
    """A path below the docs (POSIX form) that the globs name; `problem` says why it is refused, if it is."""

    path: str
    problem: str = ""


@dataclass(frozen=True)
class Place:
    """A directory to look into: its path below the docs, where it really is, and the directories left by links."""

    path: str
    real: Path
    left: tuple[Path, ...] = ()


def root_directory(path: str) -> Path:
    """`docs.path`, which must exist. Only ingest needs it: who pulled the data can train without the docs."""
    if not Path(path).is_dir():
        raise ParamsError(f"{PARAMS}: docs.path = {path!r}: accepted is an existing directory of Markdown pages")
    return Path(path).resolve()


def find(root: Path, include: list[str], exclude: list[str]) -> list[Found]:
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


def files(root: Path, wanted: GitIgnoreSpec, unwanted: GitIgnoreSpec) -> Iterator[Found]:
    """Walk without recursion, since directories may be nested deeper than Python's stack."""
    entered: set[Path] = set()  # by a link; each once, so that links to links cannot multiply the work
    places = [Place("", root)]
    while places:
        place = places.pop()
        try:
            entries = sorted(os.scandir(place.real), key=lambda entry: entry.name)
        except OSError:
            yield Found(place.path, "unreadable")
            continue
        for entry in entries:
            path = f"{place.path}/{entry.name}".lstrip("/")
            if is_directory(entry):
                if unwanted.match_file(f"{path}/"):
                    continue
                problem = refusal(entry, place, root, entered) if entry.is_symlink() else ""
                if problem:
                    yield Found(path, problem)
                elif entry.is_symlink():
                    entered.add(real(entry))
                    places.append(Place(path, real(entry), (*place.left, place.real)))
                else:
                    places.append(Place(path, place.real / entry.name, place.left))
            elif wanted.match_file(path) and not unwanted.match_file(path):
                yield Found(path, file_problem(entry, root))


def is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def real(entry: os.DirEntry[str]) -> Path:
    return Path(entry.path).resolve()


def refusal(entry: os.DirEntry[str], place: Place, root: Path, entered: set[Path]) -> str:
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
