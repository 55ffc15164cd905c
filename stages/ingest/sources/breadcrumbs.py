"""The way to a page through the directories that hold it."""

from collections.abc import Mapping

INDEX_FILES = ("index.md", "index.mdx", "README.md", "_index.md")


def breadcrumbs(path: str, titles: Mapping[str, str]) -> list[str]:
    """The titles of the directories above a page, that is of their index pages, the outermost first.

    `titles` are those of all pages by path, of pages without text too. An index page is not above itself.
    """
    parts = path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(len(parts) - is_index(path))]
    found = (next(filter(None, (titles.get(f"{d}/{name}" if d else name) for name in INDEX_FILES)), "") for d in above)
    return [title for title in found if title]


def is_index(path: str) -> bool:
    return path.rpartition("/")[2] in INDEX_FILES
