"""What ingest makes of one file, as functions for the ordered map: each of the run's setting and a path.

A page's row depends on its bytes, on what of the params and of the site's configuration is in the setting, and on what
its readers look up in the tree. These questions come with the result: an edit of a partial costs the pages with it.
"""

import functools
import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from stages.common import schema
from stages.common.base import paths
from stages.common.base.mapped import Questions, mapped
from stages.common.records.files import digest, file_sha256
from stages.ingest.dialects.flavours.detection import FLAVOURS, detected
from stages.ingest.dialects.page import Site
from stages.ingest.pages import Outcome, Reader, Setting
from stages.ingest.sources import imports, losses, manifest
from stages.ingest.sources.report import Report
from stages.ingest.sources.shown import source_text
from stages.ingest.sources.tree import READ, Tree
from stages.ingest.sources.walk import boundary, root_directory


class Named(NamedTuple):
    """What a file names, and the characters that were taken out of it."""

    names: imports.Names
    characters: Counter[str]


def setting(section: schema.Docs) -> Setting:
    site = detected(root_directory(section.path), section.flavour)
    return Setting(
        section.path,
        tuple(section.page_kinds),
        section.unpublished,
        section.private,
        section.max_bytes,
        site.flavour.name,
        tuple(site.values.items()),
        site.base,
        file_sha256(paths.SOURCES),
    )


@functools.lru_cache(maxsize=1)
def reader(here: Setting) -> Reader:
    """What reads the pages of a setting in this process, with the texts that it has read."""
    gc.set_threshold(100_000, 50, 100)  # what is read makes no cycles to speak of
    root = root_directory(here.path)
    hashes = {file["path"]: file["sha256"] for file in manifest.read() if file["sha256"]}
    tree = Tree(root, here.max_bytes, boundary(root), hashes)
    return Reader(tree, Site(FLAVOURS[here.flavour], dict(here.values), here.base), here)


def outcome(here: Setting, path: str) -> Outcome:
    """What becomes of a page."""
    its = reader(here)
    its.tree.asked.clear()
    made = its.read(path)
    made.asked = {question: answer for question, answer in its.tree.asked.items() if question != f"{READ}{path}"}
    report = made.report
    report.looked_up = {asked[1:] for asked, answer in made.asked.items() if asked[0] == READ and answer != "missing"}
    report.characters = {file: its.tree.characters[file] for file in report.looked_up & its.tree.characters.keys()}
    return made


def is_whole(made: Outcome) -> bool:
    return made.refused not in ("over_budget", "failed") and not made.report.account.unmeasured


def named(here: Setting, path: str) -> Named:
    """What a file names."""
    tree = reader(here).tree
    return Named(imports.names_in(imports.text_of(path, tree)), tree.characters.get(path, Counter()))


def mentioned(here: Setting, names: tuple[str, ...], path: str) -> set[str]:
    """Which of some names a page has in it."""
    return set(alternatives(names).findall(imports.text_of(path, reader(here).tree)))


@functools.lru_cache(maxsize=1)
def alternatives(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name)))))


def counted(here: Setting, path: str) -> Counter[str] | None:
    """The words that a person would see of a file; nothing when counting takes too long or fails."""
    with losses.Account().counting(path):
        return losses.word_counts(source_text(path, imports.text_of(path, reader(here).tree)))
    return None


def is_counted(words: Counter[str] | None) -> bool:
    return words is not None


class Reading:
    """The files of a documentation through the ordered map."""

    def __init__(self, section: schema.Docs) -> None:
        self.here = setting(section)
        reader.cache_clear()
        self.tree = reader(self.here).tree
        self.common = digest(repr(self.here._replace(path="", sources="")))

    def key(self, path: str) -> bytes:
        """A file's name and content, and what of the setting matters to it."""
        return f"{self.common}{self.tree.hashes.get(path)}{path}".encode("utf-8", "surrogatepass")

    def partials(self, files: list[str], report: Report) -> set[str]:
        """Those of the files that are only parts of others."""

        def names() -> Iterator[imports.Names]:
            for path, of_file in zip(files, mapped(functools.partial(named, self.here), files, self.key), strict=True):
                if of_file.characters:
                    report.characters[path] = of_file.characters
                yield of_file.names

        return imports.parts(files, names, self.tree, FLAVOURS[self.here.flavour].underscored)

    def outcomes(self, pages: list[str]) -> Iterator[Outcome]:
        """What becomes of each page."""
        questions = Questions(lambda made: made.asked, self.tree.answer)
        return mapped(functools.partial(outcome, self.here), pages, self.key, lasting=is_whole, questions=questions)

    def account(
        self, account: losses.Account, skipped: list[tuple[str, str]], pages: Iterable[str], partials: Iterable[str]
    ) -> None:
        """Account for the words of files that make no page, each with the reason."""
        names = tuple(sorted({PurePosixPath(path).stem for path in partials}))
        unshown = any(reason == "partial" and path not in account.kept for path, reason in skipped)
        missed = self.mentioned(names, pages) if unshown else set()
        files = [path for path, _ in skipped]
        counts = mapped(functools.partial(counted, self.here), files, self.key, lasting=is_counted)
        for (path, reason), words in zip(skipped, counts, strict=True):
            if words is None:
                account.unmeasured.append(path)
            elif reason == "partial" and path in account.kept:
                with account.counting(path):
                    account.partial(path, words, functools.partial(imports.text_of, path, self.tree))
            else:
                unnamed = reason == "partial" and PurePosixPath(path).stem not in missed
                account.skipped(path, words.total(), losses.UNNAMED if unnamed else reason)

    def mentioned(self, names: tuple[str, ...], pages: Iterable[str]) -> set[str]:
        """Those of the names that some page has in it."""
        prefix = digest(*names).encode()
        found = mapped(functools.partial(mentioned, self.here, names), pages, lambda path: prefix + self.key(path))
        return set().union(*found)
