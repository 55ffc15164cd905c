"""Counts for reports/generate.json of what the answers held, and of what of it became pairs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from stages.common.records.rows import Pair

ODD = ("empty", "fewer_pairs_than_asked", "more_pairs_than_asked")
DROPPED = ("blank", "beyond_asked", "repeated")
DOUBTFUL = ("longer_than_chunk", "without_evidence")


class Tally:
    """Answers and pairs that are not as asked for are counted here by style, whatever becomes of them."""

    def __init__(self) -> None:
        self.of_style: dict[str, Counter[str]] = defaultdict(Counter)
        self.styles: Counter[str] = Counter()
        self.held_out = 0
        self.chunks_with_pair = 0

    def answer(self, style: str, pairs: int, asked: int) -> None:
        """Count an answer whose number of pairs is not the one asked for; fewer are allowed."""
        self.of_style[style]["answers"] += 1
        if pairs == 0:
            self.of_style[style]["empty"] += 1
        elif pairs != asked:
            self.of_style[style]["more_pairs_than_asked" if pairs > asked else "fewer_pairs_than_asked"] += 1

    def add(self, other: "Tally") -> None:
        """Count what another tally of answers has counted."""
        for style, counts in other.of_style.items():
            self.of_style[style].update(counts)

    def unanswered(self, style: str) -> None:
        self.of_style[style]["unanswered"] += 1

    def drop(self, style: str, **counts: int) -> None:
        """Count pairs that are left out, by why."""
        if any(counts.values()):
            self.of_style[style].update(counts)

    def pair(self, pair: Pair, chunk_text: str) -> None:
        """Count a pair that is kept and what is doubtful about it; curate judges it."""
        counts = self.of_style[pair["style"]]
        counts["pairs"] += 1
        counts["longer_than_chunk"] += len(pair["output"]) > len(chunk_text)
        counts["without_evidence"] += not pair["evidence"].strip()

    def counted(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """The pairs, which come chunk by chunk, as they pass by."""
        last = ""
        for pair in pairs:
            self.styles[pair["style"]] += 1
            self.held_out += bool(pair.get("held_out"))
            self.chunks_with_pair += pair["chunk_id"] != last
            last = pair["chunk_id"]
            yield pair

    def report(self, chunks: int) -> dict[str, Any]:
        return {
            "pairs": self.styles.total(),
            "held_out": self.held_out,
            "chunks_without_pair": chunks - self.chunks_with_pair,
            "styles": dict(sorted(self.styles.items())),
        }

    def oddities(self) -> dict[str, Any]:
        """Answers unlike what was asked for, pairs left out, and pairs kept for curate to judge; then all of it by
        style."""
        total = sum(self.of_style.values(), Counter())
        names = ("answers", "unanswered", "pairs", *ODD, *DROPPED, *DOUBTFUL)
        return {
            "answers": {name: total[name] for name in ODD},
            "pairs_dropped": {name: total[name] for name in DROPPED},
            "pairs_doubtful": {name: total[name] for name in DOUBTFUL},
            "by_style": {
                style: {name: counts[name] for name in names if counts[name]}
                for style, counts in sorted(self.of_style.items())
            },
        }
