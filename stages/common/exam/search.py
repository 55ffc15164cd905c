"""A search by words, in Chinese and Latin scripts alike, and by meaning if there is a model for it: what every user has
without training one."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from stages.common.base.errors import UserError
from stages.common.exam import postings
from stages.common.exam.embeddings import Embeddings
from stages.common.records.rows import Chunk
from stages.common.text.wording import CJK_RANGE

LATIN = re.compile(rf"[^\W_{CJK_RANGE}]+")
CANDIDATES = 100  # of each order, when two are joined
FUSION = 60  # the constant of reciprocal rank fusion, as in its paper
CHINESE = re.compile(f"[{CJK_RANGE}]+")


def terms(text: str) -> list[str]:
    """What is searched for: Latin words and numbers, and pairs of neighbouring Chinese characters, which need no
    dictionary (Lucene's CJKAnalyzer does the same)."""
    text = unicodedata.normalize("NFKC", text).lower()
    parts = LATIN.findall(text)
    for run in CHINESE.findall(text):
        parts += [run[i : i + 2] for i in range(max(len(run) - 1, 1))]
    return parts


def chunk_text(chunk: Chunk) -> str:
    return "\n".join([*chunk["headings"], chunk["text"]])


def quote(text: str, question: str) -> str:
    """The line of a text that has most of the question's words, the first of equals; empty where none has any."""
    asked = set(terms(question))
    lines = [line for line in text.split("\n") if line.strip()]
    shared = [len(asked.intersection(terms(line))) for line in lines]
    return lines[shared.index(max(shared))] if any(shared) else ""


class Search:
    """BM25 (Robertson and Zaragoza 2009, doi:10.1561/1500000019) over texts, by bm25s (Lù 2024, arXiv:2407.03618).

    With `embeddings` also by meaning: a text's place in both orders counts, by reciprocal rank fusion (Cormack, Clarke
    and Büttcher 2009, doi:10.1145/1571941.1572114)."""

    def __init__(self, texts: Iterable[str], embeddings: Embeddings | None = None) -> None:
        try:
            import bm25s
        except ImportError:
            raise UserError("bm25s is not installed; type: make setup") from None
        texts = list(texts) if embeddings else texts
        self.index, self.embeddings = bm25s.BM25(), embeddings
        self.size = postings.index(self.index, map(terms, texts))
        self.vectors = embeddings.of(list(texts)) if embeddings else None

    def find(self, question: str, most: int) -> list[int]:
        """The places of at most so many texts, the best first."""
        if not self.embeddings:
            return self.by_words(question, most)
        orders = self.by_words(question, CANDIDATES), self.by_meaning(question)
        scores: dict[int, float] = defaultdict(float)
        for order in orders:
            for rank, place in enumerate(order, 1):
                scores[place] += 1 / (FUSION + rank)
        return sorted(scores, key=lambda place: (-scores[place], place))[:most]

    def by_words(self, question: str, most: int) -> list[int]:
        """Also texts without any of the words, the worst, unless there is another order to find them by."""
        if not self.size:
            return []
        results = self.index.retrieve([terms(question) or [""]], k=min(most, self.size), show_progress=False)
        ranked = zip(results.documents[0], results.scores[0], strict=True)
        return [int(place) for place, score in ranked if score > 0 or not self.embeddings]

    def by_meaning(self, question: str) -> list[int]:
        likeness = self.vectors @ self.embeddings.of([question])[0]  # type: ignore[union-attr, operator]
        return [int(place) for place in (-likeness).argsort(kind="stable")[:CANDIDATES]]
