"""Which pages are held out: whole groups of pages that say the same, chosen so that adding pages moves no old one."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from stages.common.records.files import share
from stages.common.records.rows import Chunk
from stages.common.schema import Curate
from stages.common.text.wording import normalised
from stages.curate.duplicates.minhash import candidates, jaccard, shingles
from stages.curate.unions import Unions

SHINGLE = 5  # characters; 3-grams of a long page are those of any long page
INDEX = ("index", "readme")
ORDER = re.compile(r"^\d+[-_.]\s*")  # 10-install: where a page stands, not what it is


class Pages(NamedTuple):
    """The pages of a documentation. `group` names the group of each, `held_out` those that the hash chooses,
    `given_up` those among them whose group has a trained page: neither trained nor asked about."""

    group: Mapping[str, str]
    held_out: frozenset[str]
    given_up: frozenset[str]
    wide: frozenset[str]  # partials that stand in too many pages to hold these together

    def of(self, chunk: Chunk) -> list[str]:
        return [chunk["path"], *chunk["also_in"]]

    def is_trained(self, chunk: Chunk) -> bool:
        return not any(path in self.held_out for path in self.of(chunk))

    def is_unseen(self, chunk: Chunk) -> bool:
        """Whether the chunk stands on held-out pages only and no trained page says the same."""
        return all(path in self.held_out and path not in self.given_up for path in self.of(chunk))


def pages(chunks: Iterable[Chunk], limits: Curate) -> Pages:
    """The pages of these chunks.

    Groups are pages with the same chunk, near-duplicates, and pages that share a partial (union-find). Whether a page
    is held out depends on the hash of its family alone, not on its group, and a held-out page in a group with a trained
    one is given up. So a new page that joins two groups, or makes one of two, moves no old page between train and
    evaluation; at worst it takes an old page out of the evaluation.
    """
    by_page: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        for path in (chunk["path"], *chunk["also_in"]):
            by_page[path].append(chunk)
    users = partial_users(by_page)
    wide = frozenset(partial for partial, paths in users.items() if len(paths) > limits.max_partial_pages)
    groups: Unions[str] = Unions()
    for chunk in (chunk for page in by_page.values() for chunk in page):
        groups.join([chunk["path"], *chunk["also_in"]])
    for partial, paths in users.items():
        if partial not in wide:
            groups.join(paths)
    for pair in near_duplicates(by_page, limits.page_similarity):
        groups.join(pair)
    held_out = frozenset(
        path for path, page in by_page.items() if share("group", *family(page[0], path)) < limits.holdout_pages
    )
    with_trained = {groups.of(path) for path in by_page.keys() - held_out}
    given_up = frozenset(path for path in held_out if groups.of(path) in with_trained)
    return Pages({path: groups.of(path) for path in by_page}, held_out, given_up, wide)


def family(chunk: Chunk, path: str) -> tuple[str, str]:
    """A page's title and name. Copies and other versions of a page have them in common wherever they lie, so they are
    held out together without knowing of each other."""
    parts = PurePosixPath(path).with_suffix("").parts
    names = [part for part in parts if part.lower() not in INDEX] or list(parts)
    return normalised(chunk["headings"][0]), ORDER.sub("", names[-1]).lower()


def partial_users(by_page: Mapping[str, list[Chunk]]) -> dict[str, list[str]]:
    """The pages that each inlined file stands in."""
    users: dict[str, list[str]] = defaultdict(list)
    for path, page in by_page.items():
        for partial in sorted({lines["path"] for chunk in page for lines in chunk["partials"]}):
            users[partial].append(path)
    return users


def near_duplicates(by_page: Mapping[str, list[Chunk]], least: float) -> Iterator[tuple[str, str]]:
    """Two pages whose texts are as similar as that."""

    def grams(path: str) -> frozenset[str]:
        return shingles(normalised("\n".join(chunk["text"] for chunk in by_page[path])), SHINGLE)

    for one, other in candidates((path, grams(path)) for path in by_page):
        if jaccard(grams(one), grams(other)) >= least:
            yield one, other
