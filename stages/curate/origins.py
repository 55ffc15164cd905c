"""What the pages' rows say about pairs: where on its page a fact stands, and the language and identity of the page."""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, groupby

from stages.common.records.rows import Chunk, DatasetRow, Doc, PartialLines, page_lines, partial_lines
from stages.common.text.wording import squeezed
from stages.curate.shelf import Keyed

MOST = 50  # places of a page looked at for one quote


class Origins:
    """`language` and `identity` by the path of the page, where ingest could tell them, and the pages on disk."""

    def __init__(self, docs: Iterable[Doc]) -> None:
        self.language: dict[str, str] = {}
        self.identity: dict[str, str] = {}
        self.pages = Keyed(map(self.noted, docs), "path")

    def noted(self, doc: Doc) -> Doc:
        for path in (doc["path"], *doc["also_in"]):
            if doc.get("language"):
                self.language[path] = sys.intern(doc["language"])
            if doc.get("group"):
                self.identity[path] = doc["group"]
        return doc

    def located(self, rows: Iterable[DatasetRow], chunks: Mapping[str, Chunk] = {}) -> Iterator[DatasetRow]:
        """The rows with the lines at which their evidence stands. `chunks` tell which lines of a partial a row may come
        from."""
        for path, run in groupby(rows, lambda row: row["path"]):
            of_page = list(run)
            if path in self.pages:
                locate(self.pages[path], of_page, chunks)
            yield from of_page


def locate(doc: Doc, rows: list[DatasetRow], chunks: Mapping[str, Chunk]) -> None:
    """Give each row the lines of its evidence: of the page's file, and of the partial's that they come from."""
    page = Page(doc)
    known: dict[tuple[str, str], tuple[int, int] | None] = {}
    for row in rows:
        key = row["evidence"], row["chunk_id"]
        if key not in known:
            inlined = chunks[row["chunk_id"]]["partials"] if row["chunk_id"] in chunks else None
            known[key] = page.lines_of(row["evidence"], row["line_start"], row["line_end"], inlined)
        if lines := known[key]:
            row["line_start"], row["line_end"] = page_lines(doc["spans"], *lines)
            if parts := partial_lines(doc["spans"], *lines):
                row["partial"], further = parts[0], parts[1:]
                if further:
                    row["further_partials"] = further


class Page:
    """A page's text without white space, and where its lines begin in that."""

    def __init__(self, doc: Doc) -> None:
        lines = [squeezed.__wrapped__(line) for line in doc["text"].split("\n")]
        self.spans, self.text = doc["spans"], "".join(lines)
        self.starts = list(accumulate(map(len, lines), initial=0))

    def lines_of(
        self, evidence: str, first: int, last: int, inlined: list[PartialLines] | None
    ) -> tuple[int, int] | None:
        """The lines of the page's text, 1-based and inclusive, where a quote stands between two lines of its file and,
        as far as it comes from partials, within those lines of them."""
        quote = squeezed(evidence)
        for at in self.places(quote):
            lines = bisect_right(self.starts, at), bisect_right(self.starts, at + len(quote) - 1)
            begins, ends = page_lines(self.spans, *lines)
            of_partials = partial_lines(self.spans, *lines) if inlined is not None else []
            if first <= begins and ends <= last and all(within(part, inlined or []) for part in of_partials):
                return lines
        return None

    def places(self, quote: str) -> Iterator[int]:
        at = self.text.find(quote) if quote else -1
        for _ in range(MOST):
            if at < 0:
                return
            yield at
            at = self.text.find(quote, at + 1)


def within(part: PartialLines, inlined: list[PartialLines]) -> bool:
    """Whether the lines of a partial are among those of the same file."""
    return any(
        part["path"] == other["path"]
        and other["line_start"] <= part["line_start"]
        and part["line_end"] <= other["line_end"]
        for other in inlined
    )
