"""The chunks on disk, and each with what is known of its page."""

import functools
from collections.abc import Iterator, Mapping

import numpy as np

from stages.common.rows.source import Source, spoken
from stages.curate.shelf import Keyed
from stages.curate.table import hashed, runs

RECENT = 64  # sources that stay as far as they have been looked at


class Sources(Mapping[str, Source]):
    """Sources by chunk_id, made when they are asked for. Memory holds a byte for each; `language` is that of each page
    as ingest named it."""

    def __init__(self, chunks: Keyed, language: Mapping[str, str]) -> None:
        self.chunks, self.kinds = chunks, list[frozenset[str]]()
        self.spoken = bytearray(len(chunks))
        self.recent = functools.lru_cache(RECENT)(self.source)
        paths = np.fromiter((hashed(chunk["path"]) for chunk in chunks.shelf), np.int64, len(chunks))
        for page in runs(paths):
            of_page = [chunks.shelf[number] for number in page.tolist()]
            kind = spoken(of_page, language.get(of_page[0]["path"], ""))
            if kind not in self.kinds:
                self.kinds.append(kind)
            for number in page.tolist():
                self.spoken[number] = self.kinds.index(kind)

    def source(self, chunk_id: str) -> Source:
        number = self.chunks.number(chunk_id)
        return Source(self.chunks.shelf[number], self.kinds[self.spoken[number]])

    def __getitem__(self, chunk_id: str) -> Source:
        return self.recent(chunk_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.chunks)

    def __len__(self) -> int:
        return len(self.chunks)
