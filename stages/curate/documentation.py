"""What the pages say, to be asked whether they say something; their text is on disk."""

import os
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from stages.common.base.paths import cache_dir
from stages.common.exam.search import chunk_text
from stages.common.records.rows import Chunk
from stages.curate.shelf import Shelf

READ = 1 << 20  # bytes that are looked through together


class Documentation:
    """The text of the chunks in lower case, in a file that is gone with the process, and their words."""

    def __init__(self, chunks: Sequence[Chunk] | Shelf) -> None:
        self.chunks, self.ends = chunks, array("Q")
        self.file = tempfile.TemporaryFile(dir=cache_dir())  # noqa: SIM115 it lives as long as the object
        self.titles: dict[str, str] = {}
        words: set[str] = set()
        for chunk in chunks:
            self.titles.setdefault(chunk["path"], chunk["headings"][0] if chunk["headings"] else "")
            text = chunk_text(chunk).casefold()
            words.update(text.split())
            self.file.write(text.encode("utf-8", "surrogatepass"))
            self.ends.append(self.file.tell())
        self.file.flush()
        self.words = "\n".join(words)

    def has(self, phrase: str) -> bool:
        """Whether any page has the phrase; one without a blank, also within a word."""
        phrase = phrase.casefold()
        return phrase in self.words if len(phrase.split()) == 1 else any(True for _ in self.places(phrase))

    def paths_with(self, phrase: str) -> frozenset[str]:
        chunks = (self.chunks[number] for number in self.places(phrase.casefold()))
        return frozenset(path for chunk in chunks for path in (chunk["path"], *chunk["also_in"]))

    def places(self, phrase: str) -> Iterator[int]:
        """The numbers of the chunks that have a phrase in lower case."""
        sought, first = phrase.encode("utf-8", "surrogatepass"), 0
        while first < len(self.ends):
            start = self.ends[first - 1] if first else 0
            next_first = max(bisect_right(self.ends, start + READ), first + 1)
            text = os.pread(self.file.fileno(), self.ends[next_first - 1] - start, start)
            at = text.find(sought)
            while at >= 0:
                number = bisect_right(self.ends, start + at)
                if start + at + len(sought) <= self.ends[number]:
                    yield number
                    at = text.find(sought, self.ends[number] - start)
                else:  # it begins in one chunk and ends in the next
                    at = text.find(sought, at + 1)
            first = next_first
