"""Coverage as a treemap: sections of the documentation, in them their directories or pages, as large as their chunks.

The layout is the squarified treemap of Bruls, Huizing and van Wijk (2000), https://doi.org/10.1007/978-3-7091-6783-0_4.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from stages.common.records.rows import Chunk

MAX_TILES = 240  # more would be too small to point at
HEADER = 20.0  # room for the name of a section
GLYPH = 6.4  # width of a Latin letter of 12 units; a Chinese character has twice that
SHARES = (0.5, 0.8, 0.95, 1.0)  # lower ends of the classes of coverage above the first


class Box(NamedTuple):
    """A rectangle in user units of the SVG."""

    x: float
    y: float
    width: float
    height: float

    def inner(self, top: float, margin: float) -> "Box":
        width, height = self.width - 2 * margin, self.height - top - margin
        return Box(self.x + margin, self.y + top, max(width, 0.1), max(height, 0.1))


class Tile(NamedTuple):
    """A directory or page: its box, its chunks, how many have a surviving pair, and a label that fits."""

    box: Box
    name: str
    chunks: int
    covered: int
    label: str

    @property
    def shade(self) -> int:
        """0 to 4: how much is covered."""
        return sum(self.covered / self.chunks >= least for least in SHARES)


class Group(NamedTuple):
    """A section with its tiles."""

    box: Box
    name: str
    label: str
    tiles: list[Tile]


def treemap(
    chunks: Iterable[Chunk], uncovered: set[str], coverage: Sequence[dict[str, Any]], width: float, height: float
) -> list[Group]:
    """The groups of reports/coverage.json's sections, the largest first."""
    pages = by_page(chunks, uncovered)
    depth = max((len(PurePosixPath(row["section"]).parts) for row in coverage), default=1) or 1
    deeper = tile_depth(pages, depth)
    sections: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for path, covered in pages.items():
        sections[directory(path, depth)][place(path, deeper)] += covered
    sizes = {name: sum(map(len, tiles.values())) for name, tiles in sections.items()}
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    boxes = squarified([sizes[name] for name in order], Box(0, 0, width, height))
    return [group(name, sections[name], box) for name, box in zip(order, boxes, strict=True)]


def group(name: str, tiles: dict[str, list[bool]], box: Box) -> Group:
    """The tiles of a section inside its box, below its name where there is room for it."""
    labelled = box.height > 2 * HEADER and fits(name, box.width)
    area = box.inner(HEADER if labelled else 1.5, 1.5)
    order = sorted(tiles, key=lambda tile: (-len(tiles[tile]), tile))
    boxes = squarified([len(tiles[tile]) for tile in order], area)
    placed = []
    for tile, place_ in zip(order, boxes, strict=True):
        short = PurePosixPath(tile).name or tile
        label = fits(short, place_.width) if place_.height > 18 and tile != name else ""
        placed.append(Tile(place_, tile, len(tiles[tile]), sum(tiles[tile]), label))
    return Group(box, name, fits(name, box.width) if labelled else "", placed)


def by_page(chunks: Iterable[Chunk], uncovered: set[str]) -> dict[str, list[bool]]:
    """For each page, which of its chunks have a surviving pair. A chunk that pages share counts for each."""
    pages: dict[str, list[bool]] = defaultdict(list)
    for chunk in chunks:
        for path in (chunk["path"], *chunk["also_in"]):
            pages[path].append(chunk["chunk_id"] not in uncovered)
    return pages


def directory(path: str, depth: int) -> str:
    """The first directories of a page."""
    return "/".join(PurePosixPath(path).parent.parts[:depth]) or "."


def place(path: str, depth: int) -> str:
    """The first parts of a page's path, the file included when it is that short."""
    return "/".join(PurePosixPath(path).parts[:depth])


def tile_depth(pages: Iterable[str], depth: int) -> int:
    """How many parts of the paths the tiles show: as many as give at most MAX_TILES tiles."""
    pages = list(pages)
    longest = max((len(PurePosixPath(path).parts) for path in pages), default=1)
    fitting = [n for n in range(depth, longest + 1) if len({place(path, n) for path in pages}) <= MAX_TILES]
    return max(fitting, default=depth)


def squarified(sizes: Sequence[float], area: Box) -> list[Box]:
    """A box for each size, in their order, which should be descending: proportional, as square as rows allow."""
    scale = area.width * area.height / (sum(sizes) or 1)
    left = [size * scale for size in sizes]
    boxes: list[Box] = []
    while left:
        side = min(area.width, area.height)
        count = 1
        while count < len(left) and worst(left[: count + 1], side) <= worst(left[:count], side):
            count += 1
        row, area = laid(left[:count], area)
        boxes += row
        left = left[count:]
    return boxes


def worst(row: Sequence[float], side: float) -> float:
    """The largest ratio of the sides of boxes in a row along `side`."""
    total = sum(row)
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def laid(row: Sequence[float], area: Box) -> tuple[list[Box], Box]:
    """The boxes of a row along the shorter side, and the area that it leaves."""
    total = sum(row)
    upright = area.width >= area.height  # the row is a column at the left
    depth = total / (area.height if upright else area.width)
    boxes, at = [], 0.0
    for size in row:
        length = size / depth
        box = Box(area.x, area.y + at, depth, length) if upright else Box(area.x + at, area.y, length, depth)
        boxes.append(box)
        at += length
    rest = (
        Box(area.x + depth, area.y, max(area.width - depth, 1e-9), area.height)
        if upright
        else Box(area.x, area.y + depth, area.width, max(area.height - depth, 1e-9))
    )
    return boxes, rest


def fits(text: str, width: float) -> str:
    """As much of a name as fits into a width, with an ellipsis for the rest; nothing when that is too little."""
    room, used = width - 10, 0.0
    for count, letter in enumerate(text):
        used += GLYPH * (2 if unicodedata.east_asian_width(letter) in "WF" else 1)
        if used > room:
            return f"{text[: count - 1]}…" if count > 4 else ""
    return text
