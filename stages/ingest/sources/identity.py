"""Which pages are one page: translations, copies of versions, and twins under other names.

What sites do is tried first: a path without its language and its version is the name of the page. Then pages alike in
what no translator changes, or in nearly all of their words, take the name of the first of them.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.common.records.files import digest

# ISO 639-1 codes as names of directories and suffixes of files.
CODES = """
    aa ab af ak am ar as az be bg bn bo bs ca cs cy da de dz el en eo es et eu fa fi fil fr ga gl gu ha he hi
    hr hu hy id ig is it ja ka kk km kn ko ku ky lo lt lv mg mk ml mn mr ms my nb ne nl nn no or pa pl ps pt
    ro ru rw sd si sk sl so sq sr sv sw ta te tg th ti tk tl tr tt ug uk ur uz vi xh yo zh zu
"""
LANGUAGES = frozenset(CODES.split())
LANGUAGE_NAMES = {
    "english": "en", "chinese": "zh", "japanese": "ja", "korean": "ko", "german": "de", "french": "fr", "spanish": "es",
    "cn": "zh", "zh_cn": "zh", "jp": "ja", "中文": "zh", "english-docs": "en",
}  # fmt: skip
REGION = re.compile(r"([a-z]{2,3})[-_](?:[a-z]{2}|[a-z]{4}|\d{3})", re.IGNORECASE)
VERSION = re.compile(
    r"(?:version-|release-|v)?\d+(?:[._]\d+)+(?:[._-]?(?:x|alpha|beta|rc|lts|stable)\w*)?|v\d+|version-[\w.-]+|\d+\.x"
    r"|\d{4}-\d{2}-\d{2}"
)
VERSION_WORDS = {"latest", "current", "next", "stable", "nightly", "canary", "unreleased", "draft"}
# Directories that only say that their children are languages or versions.
PLUGIN = "docusaurus-plugin-content-"
HOLDERS = {"i18n", "_i18n", "l10n", "locales", "translations", "versions", "_versions", "versioned_docs"}
HOLDERS |= {f"{PLUGIN}docs", f"{PLUGIN}blog"}
DOCS = {"docs", "doc", "content", "pages", "src"}
NUMBER = re.compile(r"^\d+[-_. ]+(?=\D)")
INDEX = {"index", "readme", "_index"}


class Name(NamedTuple):
    """A page's name without language and version, and the two, empty where the path says none."""

    name: str
    language: str
    version: str


def language_of(part: str) -> str:
    """The language that a directory or a suffix names; empty when it names none."""
    lower = part.lower()
    region = REGION.fullmatch(lower)
    code = region[1] if region else LANGUAGE_NAMES.get(lower, lower)
    return code if code in LANGUAGES else ""


def version_of(part: str) -> str:
    lower = part.lower()
    return lower.removeprefix("version-") if lower in VERSION_WORDS or VERSION.fullmatch(lower) else ""


def name(path: str) -> Name:
    """What a path says: `i18n/de/docusaurus-plugin-content-docs/version-2.0/a.md` and `docs/a.md` are both `a`."""
    file = PurePosixPath(path)
    stem, _, suffix = file.stem.rpartition(".")
    if not stem or not language_of(suffix):
        stem, suffix = file.stem, ""
    if not suffix and (
        found := re.fullmatch(r"(.+?)[_-]((?:zh|en|ja|ko|de|fr|es)(?:[-_]\w{2,4})?)", stem, re.IGNORECASE)
    ):
        stem, suffix = (found[1], found[2]) if found[1].lower() in INDEX else (stem, "")
    language, version, kept = language_of(suffix) if suffix else "", "", []
    for part in file.parts[:-1]:
        if not language and (code := language_of(part)):
            language = code
        elif not version and (number := version_of(part)):
            version = number
        elif part not in HOLDERS and part.lower() not in DOCS:
            kept.append(NUMBER.sub("", part).lower())
    stem = NUMBER.sub("", stem).lower()
    return Name("/".join([*kept, *([] if stem in INDEX else [stem])]) or "index", language, version)


class Page(NamedTuple):
    """What twins are found by: the lines of a page, and what a translation keeps: code, addresses, numbers. Both as
    sorted digests of eight bytes, since those of all pages are compared together."""

    path: str
    language: str
    lines: bytes
    kept: bytes


KEPT = re.compile(
    r"^[ \t]*(`{3,9})(?!`).*?^[ \t]*\1[ \t]*$|`[^`\n]+`|https?://[^\s)>\"]+|\b\d[\d.,]*\d\b", re.DOTALL | re.MULTILINE
)
LEAST_LINES, LEAST_KEPT = 8, 12  # below that two pages are alike by chance
ALIKE = 0.75  # of the lines, or of what is kept, of both pages together (Jaccard)
MOST_CANDIDATES = 4
SIXTEENTHS = 16
Features = npt.NDArray[np.uint64]


def page(path: str, language: str, text: str) -> Page:
    lines = {line for line in map(str.strip, text.split("\n")) if len(line) > 3}
    return Page(path, language, digests(lines), digests({found[0] for found in KEPT.finditer(text)}))


def digests(features: set[str]) -> bytes:
    encoded = (feature.encode("utf-8", "surrogatepass") for feature in features)
    return b"".join(sorted(hashlib.blake2b(feature, digest_size=8).digest() for feature in encoded))


def groups(pages: Iterable[Page]) -> dict[str, str]:
    """The group of each page by path: 12 hex digits that pages of one identity share."""
    parents: dict[str, str] = {}

    def top(path: str) -> str:
        while parents[path] != path:
            parents[path] = parents[parents[path]]
            path = parents[path]
        return path

    def join(one: str, other: str) -> None:
        first, second = sorted((top(one), top(other)))
        parents[second] = first

    rows = sorted(pages, key=lambda row: row.path)
    by_name: dict[str, str] = {}
    for row in rows:
        parents[row.path] = row.path
        join(by_name.setdefault(name(row.path).name, row.path), row.path)
    for one, other in [*twins(rows, "lines", LEAST_LINES), *twins(rows, "kept", LEAST_KEPT, translated=True)]:
        join(one, other)
    return {path: digest(name(top(path)).name, length=12) for path in parents}


def other_versions(versions: Sequence[str], groups: Mapping[str, str]) -> set[str]:
    """The paths that are left out when only these versions are read: those of another version, and those of none that
    a page of a chosen version is a copy of."""
    names = {path: name(path).version for path in groups} if versions else {}
    chosen = {groups[path] for path, version in names.items() if version in versions}
    return {
        path for path, version in names.items()
        if version not in versions and (version or groups[path] in chosen)
    }  # fmt: skip


def twins(rows: list[Page], field: str, least: int, translated: bool = False) -> Iterator[tuple[str, str]]:
    """Pairs of pages that are alike: each with the earlier ones that most of its features were first seen in."""
    of_rows = [np.frombuffer(getattr(row, field), ">u8") for row in rows]
    eligible = [number for number, features in enumerate(of_rows) if len(features) >= least]
    if not eligible:
        return
    owners = first_seen([of_rows[number] for number in eligible])
    for place, number in enumerate(eligible):
        before = owners[place][owners[place] < place]
        places, counts = np.unique(before, return_counts=True)
        for candidate in places[np.lexsort((places, -counts))][:MOST_CANDIDATES]:
            other = eligible[candidate]
            if translated and rows[other].language == rows[number].language:
                continue
            shared = len(np.intersect1d(of_rows[other], of_rows[number], assume_unique=True))
            if shared >= ALIKE * (len(of_rows[other]) + len(of_rows[number]) - shared):
                yield rows[other].path, rows[number].path


def first_seen(rows: list[Features]) -> list[npt.NDArray[np.int32]]:
    """For each feature of each row the number of the first row that has it."""
    lengths = [len(features) for features in rows]
    features, owners = np.concatenate(rows), np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
    for part in range(SIXTEENTHS):  # one after another, since sorting takes several times the memory of what is sorted
        places = np.flatnonzero(features >> np.uint64(60) == part)
        _, first, inverse = np.unique(features[places], return_index=True, return_inverse=True)
        owners[places] = owners[places][first][inverse]
    return np.split(owners, np.cumsum(lengths)[:-1])
