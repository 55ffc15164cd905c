"""A search by words, in Chinese and Latin scripts alike: what every user has without training a model."""

import re
import unicodedata
from collections.abc import Sequence

from stages.shared.errors import UserError

LATIN = re.compile(r"[^\W_\u3400-\u9fff\uf900-\ufaff]+")
CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")


def words(text: str) -> list[str]:
    """What is searched for: Latin words and numbers, and pairs of neighbouring Chinese characters, which need no
    dictionary (Lucene's CJKAnalyzer does the same)."""
    text = unicodedata.normalize("NFKC", text).lower()
    found = LATIN.findall(text)
    for run in CHINESE.findall(text):
        found += [run[i : i + 2] for i in range(max(len(run) - 1, 1))]
    return found


class Search:
    """BM25 (Robertson and Zaragoza 2009, doi:10.1561/1500000019) over texts, by bm25s (Lù 2024, arXiv:2407.03618)."""

    def __init__(self, texts: Sequence[str]) -> None:
        try:
            import bm25s
        except ImportError:
            raise UserError("bm25s is not installed; type: make setup") from None
        self.size = len(texts)
        self.index = bm25s.BM25()
        self.index.index([words(text) or [""] for text in texts], show_progress=False)

    def find(self, question: str, most: int) -> list[int]:
        """The places of at most so many texts, the best first."""
        places, _ = self.index.retrieve([words(question) or [""]], k=min(most, self.size), show_progress=False)
        return [int(place) for place in places[0]]
