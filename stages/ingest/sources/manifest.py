"""data/sources.jsonl: every file that ingest may read, by path and hash. ingest depends on it and on no directory.

A row is a file's path below `docs.path`, its SHA-256 and its role: page, include (another file that a page names),
site (a file of the site's generator) or besides (what the last ingest read though no page names it); or the path and
the problem for which it is not read; or a directory that is left out though it holds pages, with their number. Nothing
else of the directory matters: not .git, node_modules or images.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from stages.common import schema
from stages.common.base import paths
from stages.common.base.printable import say
from stages.common.records.files import atomic, digest, file_sha256, read_jsonl, write_jsonl
from stages.ingest.sources import references, walk
from stages.ingest.sources.tree import Tree


class Source(TypedDict):
    """A row of data/sources.jsonl; `pages` is that of a directory that is left out."""

    path: str
    sha256: str
    role: str
    problem: str
    pages: NotRequired[int]


GENERATORS = """
    docusaurus.config.js docusaurus.config.ts docusaurus.config.mjs mkdocs.yml mkdocs.yaml mkdocs.base.yml zensical.toml
    hugo.toml hugo.yaml hugo.json config.toml config.yaml book.toml conf.py _config.yml _config.yaml astro.config.mjs
    astro.config.ts mint.json docs.json _toc.yml myst.yml antora.yml _quarto.yml
    docfx.json index.html nuxt.config.ts content.config.ts theme.config.tsx theme.config.jsx
    next.config.mjs .vitepress/config.ts .vitepress/config.mts .vitepress/config.js .obsidian/app.json
"""
SITE_FILES = GENERATORS.split()
TEXTS = (
    ".md",
    ".mdx",
    ".markdown",
    ".mdown",
    ".rst",
    ".qmd",
    ".rmd",
    ".txt",
    ".inc",
    ".html",
    ".htm",
    ".adoc",
    ".ipynb",
)
VERSION = digest(references.NAME.pattern, references.QUOTED.pattern, references.LINK.pattern)  # of what is kept
SETTLED = 2_000_000_000  # ns; a file that changed so shortly ago may change again within its time stamp


def write(section: schema.Docs) -> None:
    """Write data/sources.jsonl; where the documentation is not here, what was pulled stays as it is."""
    if not walk.is_here(section.path) and paths.SOURCES.exists():
        say(f"sources: docs.path = {section.path!r} does not exist here; {paths.SOURCES} is unchanged")
        return
    write_jsonl(paths.SOURCES, sources(section))


def read() -> Iterator[Source]:
    yield from read_jsonl(paths.SOURCES)


def sources(section: schema.Docs) -> list[Source]:
    """The rows, sorted by path."""
    root = walk.root_directory(section.path)
    hashes = Hashes(root, section.max_bytes)
    found = walk.find(root, section.include, section.exclude)
    rows = {file.path: row(file.path, "page", hashes) if not file.problem else refused(file) for file in found}
    if section.include:
        for path in others(root, [path for path, entry in rows.items() if not entry["problem"]], hashes):
            rows.setdefault(path, row(path, "include", hashes))
        for path in site_files(root):
            rows.setdefault(path, row(path, "site", hashes))
        for path in besides(root):
            rows.setdefault(path, row(path, "besides", hashes))
    hashes.save()
    return [rows[path] for path in sorted(rows)]


def row(path: str, role: str, hashes: "Hashes") -> Source:
    try:
        return {"path": path, "sha256": hashes.sha256(path), "role": role, "problem": ""}
    except OSError:
        return {"path": path, "sha256": "", "role": role, "problem": "unreadable"}


def refused(file: walk.MatchedPath) -> Source:
    name = file.path.encode("utf-8", "backslashreplace").decode()  # of a file may be no UTF-8
    entry: Source = {"path": name, "sha256": "", "role": "page", "problem": file.problem}
    return {**entry, "role": "directory", "pages": file.pages} if file.pages else entry


def others(root: Path, pages: list[str], hashes: "Hashes") -> Iterator[str]:
    """The files that pages name and no glob does, and those that these name, by their paths from the root."""
    tree = Tree(root, hashes.max_bytes, walk.boundary(root))
    directories = references.Directories(walk.boundary(root))
    known, waiting = set(pages), list(pages)
    while waiting:
        path = waiting.pop()
        for file in directories.resolved(hashes.names(path), os.path.normpath(f"{root}/{path}")):
            if relative(file, root) in known:
                continue
            known.add(relative(file, root))
            real = file.resolve()
            if tree.within_reach(real) and relative(real, root) not in known - {relative(file, root)}:
                known.add(relative(real, root))
                yield relative(real, root)
                if file.suffix.lower() in TEXTS:
                    waiting.append(relative(real, root))


def relative(file: Path, root: Path) -> str:
    text, prefix = str(file), f"{root}/"
    return text[len(prefix) :] if text.startswith(prefix) else os.path.relpath(text, root)


def besides(root: Path) -> Iterator[str]:
    """What the last ingest read though no page names it in a way that is understood here."""
    tree = Tree(root, 0, walk.boundary(root))
    try:
        read = list(json.loads((paths.REPORTS / "ingest.json").read_bytes())["read_besides"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    found = ((root / path).resolve() for path in read)
    yield from (relative(file, root) for file in found if tree.within_reach(file) and file.is_file())


def site_files(root: Path) -> Iterator[str]:
    """The files of the site's generator, at the root of the pages or above it."""
    boundary = walk.boundary(root)
    for directory in (root, *root.parents):
        for name in SITE_FILES:
            if (directory / name).is_file():
                yield relative(directory / name, root)
        if directory == boundary:
            break


class Hashes:
    """SHA-256 of files and the names in them, kept in .cache/sources.json by size, time and inode."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.root, self.max_bytes = root, max_bytes
        self.file = paths.cache_dir() / "sources.json"
        self.roots = load(self.file)
        self.known = self.roots.get(str(root), {})
        self.used: dict[str, list[Any]] = {}

    def entry(self, path: str) -> list[Any]:
        """[size, time, inode, hash, names] of a file as it is now. Raises OSError."""
        if path not in self.used:
            file = self.root / path
            status = file.stat()
            state = [status.st_size, status.st_mtime_ns, status.st_ino]
            known = self.known.get(path, [])
            if known[:3] != state:
                text = path.lower().endswith(TEXTS) and status.st_size <= self.max_bytes
                known = [*state, file_sha256(file), names_in(file) if text else []]
            self.used[path] = known
        return self.used[path]

    def sha256(self, path: str) -> str:
        return str(self.entry(path)[3])

    def names(self, path: str) -> list[str]:
        try:
            return list(self.entry(path)[4])
        except OSError:
            return []

    def save(self) -> None:
        """Keep what is certain: a file that has just changed may change again without a later time stamp."""
        if self.used == self.known:
            return
        now = time.time_ns()
        kept = {path: entry for path, entry in self.used.items() if now - entry[1] > SETTLED}
        others = {root: entries for root, entries in self.roots.items() if Path(root).is_dir()}
        with atomic(self.file) as stream:
            json.dump({"version": VERSION, "roots": {**others, str(self.root): kept}}, stream)


def load(file: Path) -> dict[str, dict[str, list[Any]]]:
    """The kept hashes by root; none when the file is missing, damaged or of another version."""
    try:
        kept = json.loads(file.read_bytes())
        return dict(kept["roots"]) if kept["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def names_in(file: Path) -> list[str]:
    return references.names(file.read_bytes().decode("utf-8", "replace"))
