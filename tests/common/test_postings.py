"""The index on disk is the one that bm25s builds in memory, number by number."""

import random
from array import array

import bm25s
import numpy as np
import pytest

from stages.common.exam import postings
from stages.common.exam.search import Search, terms

WORDS = [*"abcdefgh", "pump", "sensor", "水泵", "传感器", "3", "`x_1`"]


@pytest.fixture
def texts():
    draw = random.Random(5)
    made = [" ".join(draw.choices(WORDS, weights=range(len(WORDS), 0, -1), k=draw.randrange(30))) for _ in range(80)]
    return [*made, "", "...", "only here"]


@pytest.mark.parametrize("block", [7, 64, 1 << 20])
def test_the_index_on_disk_is_that_of_bm25s_whatever_fits_into_memory(block, texts, monkeypatch):
    monkeypatch.setattr(postings, "BLOCK", block)
    words: dict[str, int] = {}
    numbers = [array("I", [words.setdefault(term, len(words)) for term in terms(text) or [""]]) for text in texts]
    plain = bm25s.BM25()
    plain.index((numbers, words), show_progress=False)
    search = Search(texts)
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(search.index.scores[name][:], plain.scores[name]), name
    for question in (*texts, "pump 水泵", "no such words"):
        known = plain.retrieve([terms(question) or [""]], k=5, show_progress=False)
        assert search.find(question, 5) == known.documents[0].tolist()


def test_a_question_without_any_word_finds_something_and_no_texts_nothing(texts):
    assert len(Search(texts[:80]).find("???", 3)) == 3
    assert Search([]).find("pump", 3) == []
