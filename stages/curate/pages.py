"""Which pages are held out: whole groups of pages that say the same, chosen so that adding pages moves no old one."""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from stages.common.records.files import share
from stages.common.records.rows import Chunk
from stages.common.schema import Curate
from stages.common.text.wording import normalised
from stages.curate.duplicates.minhash import candidates, jaccard, shingles
from stages.curate.shelf import Shelf
from stages.curate.table import Column
from stages.curate.unions import Unions

SHINGLE = 5  # characters; 3-grams of a long page are those of any long page
TRAINED, UNSEEN, NEITHER = 0, 1, 2  # sides of the split
INDEX = ("index", "readme")
MIN_PAGES = 5  # of fewer, none is held out
MANY = 30  # pages; from here on a key page may be held out like any other
ORDER = re.compile(r"^\d+[-_.]\s*")  # 10-install: where a page stands, not what it is


class Pages(NamedTuple):
    """The pages of a documentation. `group` names the group of each, `held_out` those that are never trained,
    `given_up` those among them whose group has a trained page: neither trained nor asked about."""

    group: Mapping[str, str]
    held_out: frozenset[str]
    given_up: frozenset[str]
    wide: frozenset[str]  # partials that stand in too many pages to hold these together
    why_none: str = ""  # why no page is held out, for people

    def of(self, chunk: Chunk) -> list[str]:
        return [chunk["path"], *chunk["also_in"]]

    def is_trained(self, chunk: Chunk) -> bool:
        return not any(path in self.held_out for path in self.of(chunk))

    def is_unseen(self, chunk: Chunk) -> bool:
        """Whether the chunk stands on held-out pages only and no trained page says the same."""
        return all(path in self.held_out and path not in self.given_up for path in self.of(chunk))

    def sides(self, chunks: Iterable[Chunk]) -> Column:
        """TRAINED, UNSEEN or NEITHER for each chunk in turn."""
        return np.fromiter(
            (TRAINED if self.is_trained(one) else UNSEEN if self.is_unseen(one) else NEITHER for one in chunks), np.int8
        )


class Standing(NamedTuple):
    """Where chunks stand: their numbers by page, the pages of each partial, and pages that have a chunk in common."""

    pages: "dict[str, array[int]]"
    partials: dict[str, list[str]]
    together: list[list[str]]


def pages(
    chunks: Shelf,
    limits: Curate,
    identity: Mapping[str, str],
    pairs: Mapping[str, int],
    passed_over: frozenset[str] = frozenset(),
) -> Pages:
    """The pages of these chunks. `identity` is the group that ingest gave each page (empty or missing: none), `pairs`
    how many pairs each has, `passed_over` pages that are not held out for want of pairs that could be asked.

    Groups are pages of one identity, pages with the same chunk, near-duplicates, and pages that share a partial
    (union-find). Whether a page is held out depends on the hash of its identity alone, not on its group, and a held-out
    page in a group with a trained one is given up. So a new page that joins two groups, or makes one of two, moves no
    old page between train and evaluation; at worst it takes an old page out of the evaluation. Only where that would
    hold out nothing, or a small documentation's key page, `holdout` decides otherwise.
    """
    standing = standing_of(chunks)
    users = standing.partials
    wide = frozenset(partial for partial, paths in users.items() if len(paths) > limits.max_partial_pages)
    joined = [*standing.together, *(users[partial] for partial in users.keys() - wide)]
    groups = grouped(chunks, standing.pages, identity, joined, limits)
    group = {path: groups.of(path) for path in standing.pages}
    hashes = {
        path: share("group", *((identity[path],) if identity.get(path) else family(chunks[page[0]], path)))
        for path, page in standing.pages.items()
    }
    held_out, why_none = holdout(group, hashes, pairs, limits.holdout_pages, passed_over)
    with_trained = {group[path] for path in standing.pages.keys() - held_out}
    given_up = frozenset(path for path in held_out if group[path] in with_trained)
    return Pages(group, held_out, given_up, wide, why_none)


def standing_of(chunks: Iterable[Chunk]) -> Standing:
    standing = Standing({}, {}, [])
    users: dict[str, dict[str, None]] = defaultdict(dict)
    for number, chunk in enumerate(chunks):
        paths = [chunk["path"], *chunk["also_in"]]
        for path in paths:
            standing.pages.setdefault(path, array("I")).append(number)
            for lines in chunk["partials"]:
                users[lines["path"]][path] = None
        if len(paths) > 1:
            standing.together.append(paths)
    standing.partials.update({partial: list(of_partial) for partial, of_partial in users.items()})
    return standing


def grouped(
    chunks: Shelf, by_page: "Mapping[str, array[int]]", identity: Mapping[str, str], joined: list[list[str]],
    limits: Curate,
) -> Unions[str]:  # fmt: skip
    """Pages that belong together: those of one identity, those that are `joined`, and near-duplicates."""
    groups: Unions[str] = Unions()
    same: dict[str, list[str]] = defaultdict(list)
    for path in by_page:
        if identity.get(path):
            same[identity[path]].append(path)
    for paths in (*joined, *same.values()):
        groups.join(paths)
    for pair in near_duplicates(chunks, by_page, limits.page_similarity):
        groups.join(pair)
    return groups


def holdout(
    group: Mapping[str, str],
    hashes: Mapping[str, float],
    pairs: Mapping[str, int],
    wanted: float,
    passed_over: frozenset[str],
) -> tuple[frozenset[str], str]:
    """The pages to hold out, and why there are none. Those whose hash is below the share; in a small documentation no
    key page. Where no whole group is among them, one group more: the one with the lowest hash, so that from five pages
    on there always is something to ask."""
    if not wanted or len(group) < MIN_PAGES:
        pages = "1 page is" if len(group) == 1 else f"{len(group)} pages are"
        few = f"{pages} too few to hold one out; that takes at least {MIN_PAGES}"
        return frozenset(), few if wanted else "curate.holdout_pages is 0"
    members: dict[str, list[str]] = defaultdict(list)
    for path, name in group.items():
        members[name].append(path)
    if len(members) == 1:
        return frozenset(), f"all {len(group)} pages are one group: alike, translations, or joined by shared partials"
    keys = {group[path] for path in key_pages(group, pairs)} if len(group) < MANY else set()
    held_out = {path for path, value in hashes.items() if value < wanted and group[path] not in keys}
    held_out -= passed_over

    def is_asked(paths: list[str]) -> bool:
        return not passed_over.intersection(paths) and any(pairs.get(path) for path in paths)

    def order(name: str) -> tuple[bool, bool, bool, float]:
        paths = members[name]
        return not is_asked(paths), name in keys, 2 * len(paths) > len(group), min(hashes[path] for path in paths)

    if not any(held_out.issuperset(paths) and is_asked(paths) for paths in members.values()):
        held_out |= set(members[min(members, key=order)])
    if not any(pairs.get(path) for path in group.keys() - held_out):
        return frozenset(), "pairs are left of too few pages to train on others"
    return frozenset(held_out), ""


def key_pages(paths: Iterable[str], pairs: Mapping[str, int]) -> list[str]:
    """The start page and the page that most is asked about."""
    paths = sorted(paths, key=lambda path: (path.count("/"), path))
    starts = [path for path in paths if PurePosixPath(path).stem.lower() in INDEX]
    return [*starts[:1], max(paths, key=lambda path: pairs.get(path, 0))] if pairs else starts[:1]


def family(chunk: Chunk, path: str) -> tuple[str, str]:
    """A page's title and name. Copies and other versions of a page have them in common wherever they lie, so they are
    held out together without knowing of each other."""
    parts = PurePosixPath(path).with_suffix("").parts
    names = [part for part in parts if part.lower() not in INDEX] or list(parts)
    return normalised(chunk["headings"][0]), ORDER.sub("", names[-1]).lower()


def near_duplicates(chunks: Shelf, by_page: "Mapping[str, array[int]]", least: float) -> Iterator[tuple[str, str]]:
    """Two pages whose texts are as similar as that."""
    paths = list(by_page)

    def grams(place: int) -> frozenset[str]:
        text = "\n".join(chunks[number]["text"] for number in by_page[paths[place]])
        return shingles(normalised(text), SHINGLE)

    for one, other in candidates((place, grams(place)) for place in range(len(paths))):
        if jaccard(grams(one), grams(other)) >= least:
            yield paths[one], paths[other]
