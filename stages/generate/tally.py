"""Counts for reports/generate.json of what the answers held, and of what of it became pairs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from stages.common.records.rows import Pair


class Tally:
    """Answers and pairs that are not as asked for are counted here, whatever becomes of them."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter(empty=0, fewer_pairs_than_asked=0, more_pairs_than_asked=0)
        self.dropped: Counter[str] = Counter(blank=0, beyond_asked=0, repeated=0)
        self.kept: Counter[str] = Counter(longer_than_chunk=0, without_evidence=0)
        self.styles: Counter[str] = Counter()
        self.chunks_with_pair = 0

    def answer(self, pairs: int, asked: int) -> None:
        """Count an answer whose number of pairs is not the one asked for; fewer are allowed."""
        if pairs == 0:
            self.answers["empty"] += 1
        elif pairs != asked:
            self.answers["more_pairs_than_asked" if pairs > asked else "fewer_pairs_than_asked"] += 1

    def pair(self, pair: Pair, chunk_text: str) -> None:
        """Count what is doubtful about a pair that is kept; curate judges it."""
        self.kept["longer_than_chunk"] += len(pair["output"]) > len(chunk_text)
        self.kept["without_evidence"] += not pair["evidence"].strip()

    def counted(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """The pairs, which come chunk by chunk, as they pass by."""
        last = ""
        for pair in pairs:
            self.styles[pair["style"]] += 1
            self.chunks_with_pair += pair["chunk_id"] != last
            last = pair["chunk_id"]
            yield pair

    def report(self, chunks: int) -> dict[str, Any]:
        return {
            "pairs": self.styles.total(),
            "chunks_without_pair": chunks - self.chunks_with_pair,
            "styles": dict(sorted(self.styles.items())),
        }

    def oddities(self) -> dict[str, Any]:
        """Answers unlike what was asked for, pairs left out, and pairs kept for curate to judge."""
        return {"answers": dict(self.answers), "pairs_dropped": dict(self.dropped), "pairs_doubtful": dict(self.kept)}
