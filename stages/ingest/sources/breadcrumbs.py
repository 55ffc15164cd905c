"""The way to a page through the directories that hold it."""

from collections.abc import Mapping
from pathlib import PurePosixPath

INDEX_FILES = ("index.md", "index.mdx", "README.md", "_index.md")


def breadcrumbs(path: str, titles: Mapping[str, str]) -> list[str]:
    """The titles of the directories above a page, that is of their index pages, the outermost first.

    `titles` are those of all pages by path, of pages without text too. An index page is not above itself.
    """
    directories = list(PurePosixPath(path).parents)[is_index(path) :]
    found = (next(filter(None, (titles.get((d / name).as_posix()) for name in INDEX_FILES)), "") for d in directories)
    return [title for title in reversed(list(found)) if title]


def is_index(path: str) -> bool:
    return PurePosixPath(path).name in INDEX_FILES
