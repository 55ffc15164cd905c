"""Files that a page may read besides itself: whatever it names, outside links and images, that is there.

Told from the raw text without its syntax, since the manifest must know them before any reader does. A file that is
named and not read costs a rerun when it changes; one that is read and not named would cost a stale row.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from stages.ingest.sources.walk import is_directory

LINK = re.compile(r"(?<!`)\]\([^)\n]{0,1000}\)|https?://[^\s\"'<>)]+")
NAME = re.compile(r"[\w.@+~$^/\\-]+")
SUFFIX = re.compile(r"[A-Za-z]\w{0,9}")
LONGEST_NAME = 300  # characters
QUOTED = re.compile(r"[\"']([^\"'\n<>|*?]{1,200}\.\w{1,10})[\"']")  # names may hold spaces
MEDIA_SUFFIXES = """
    .png .jpg .jpeg .gif .svg .webp .avif .ico .bmp .tif .tiff .mp3 .mp4 .webm .mov .ogg .wav .pdf .zip .gz .tgz .xz
    .bz2 .7z .rar .jar .whl .exe .dll .so .woff .woff2 .ttf .otf .eot .css .scss .psd .drawio .xlsx .docx .pptx
"""
MEDIA = frozenset(MEDIA_SUFFIXES.split())
# Directories beside or above a page that includes are looked for in, as site generators do by default.
BASES = (
    "", "_includes", "includes", "snippets", "_snippets", "_partials", "partials", "static", "examples", "src", "docs",
)  # fmt: skip
ROOTED = re.compile(r"^(?:[@~$^][\w-]*)?/+")
MOST = 5_000  # names of one file


def names(text: str) -> list[str]:
    """What a text names like a file, sorted, without links, addresses and media."""
    text = LINK.sub(" ", text)
    found = {run for run in map(trimmed, NAME.findall(text)) if is_name(run)}
    found |= {match[1].strip() for match in QUOTED.finditer(text) if " " in match[1]}
    kept = {name.replace("\\", "/") for name in found if PurePosixPath(name).suffix.lower() not in MEDIA}
    return sorted(kept)[:MOST]


def trimmed(run: str) -> str:
    return run.strip("-+").rstrip(".")


def is_name(run: str) -> bool:
    """Whether a run of characters ends in a suffix as names of files have."""
    return len(run) <= LONGEST_NAME and bool(SUFFIX.fullmatch(run.rpartition(".")[2])) and "." in run[1:]


class Directories:
    """What stands in directories, each listed once, and where names from a directory are looked for."""

    def __init__(self, boundary: Path) -> None:
        self.boundary = str(boundary)
        self.listed: dict[str, tuple[frozenset[str], frozenset[str]]] = {}  # names of files and of directories
        self.bases: dict[str, list[str]] = {}

    def has(self, file: str) -> bool:
        directory, _, name = file.rpartition("/")
        return name in self.entries(directory)[0]

    def entries(self, directory: str) -> tuple[frozenset[str], frozenset[str]]:
        if directory not in self.listed:
            try:
                entries = list(os.scandir(directory))
                files = frozenset(entry.name for entry in entries if entry.is_file())
                self.listed[directory] = files, frozenset(entry.name for entry in entries if is_directory(entry))
            except (OSError, ValueError):
                self.listed[directory] = frozenset(), frozenset()
        return self.listed[directory]

    def above(self, directory: str) -> list[str]:
        """A directory and those above it up to the boundary, each with the directories that includes usually are in."""
        if directory not in self.bases:
            inside = directory != self.boundary and directory.startswith(f"{self.boundary}/")
            inner = self.entries(directory)[1]
            here = [base for base in BASES if not base or base in inner]
            own = [f"{directory}/{base}".rstrip("/") for base in here]
            self.bases[directory] = own + (self.above(directory.rpartition("/")[0]) if inside else [])
        return self.bases[directory]

    def resolved(self, found: Iterable[str], page: str) -> Iterator[Path]:
        """The files that the names in a page may stand for."""
        bases = self.above(page.rpartition("/")[0])
        for name in found:
            rooted = ROOTED.sub("", name)  # from the site's root, whatever sign says so
            for base in bases:
                for candidate in {name, rooted} if not name.startswith("/") else {rooted}:
                    file = f"{base}/{candidate}"
                    file = os.path.normpath(file) if "./" in file or "//" in file else file
                    if self.has(file):
                        yield Path(file)
