"""How far the wording of a held-out question is from any that was trained.

A model that was trained on "What is the default of A?" and asked "Which default does A have?" may know the template
rather than the fact. The measure is the Jaccard similarity of character 3-grams to the nearest trained question: 1 is
the same question, 0 none of its letters in the same order.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

GRAM = 3
PERCENTILES = (10, 50, 90, 100)
ALIKE = 0.7  # as curate.question_similarity: questions this alike are near-duplicates
BINS = 10


class Nearest(NamedTuple):
    """The trained question most like another, and how alike they are, from 0 to 1."""

    similarity: float
    question: str


def grams(text: str) -> frozenset[str]:
    """The character 3-grams of a text: NFKC, lower case, white space as one space."""
    text = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    return frozenset(text[i : i + GRAM] for i in range(max(len(text) - GRAM + 1, 1)))


def nearest(questions: Sequence[str], trained: Sequence[str]) -> list[Nearest]:
    """For each question the nearest of the trained ones, by an index from 3-grams to questions."""
    if not trained:
        return [Nearest(0.0, "") for _ in questions]
    places: dict[str, list[int]] = defaultdict(list)
    sizes = np.zeros(len(trained))
    for place, text in enumerate(trained):
        sizes[place] = len(own := grams(text))
        for gram in own:
            places[gram].append(place)
    postings = {gram: np.array(numbers) for gram, numbers in places.items()}
    empty = np.array([], dtype=int)

    def one(text: str) -> Nearest:
        wanted = grams(text)
        shared = np.bincount(np.concatenate([postings.get(gram, empty) for gram in wanted]), minlength=len(trained))
        similarity = shared / (sizes + len(wanted) - shared)
        best = int(similarity.argmax())
        return Nearest(round(float(similarity[best]), 4), trained[best])

    return list(map(one, questions))


def distribution(matches: Sequence[Nearest]) -> dict[str, Any]:
    """Percentiles, the share of near-duplicates, and the questions in ten bins from 0 to 1."""
    values = np.array([one.similarity for one in matches])
    counts, _ = np.histogram(values, bins=BINS, range=(0, 1))
    percentiles = np.percentile(values, PERCENTILES)
    named = {f"p{share}": round(float(value), 4) for share, value in zip(PERCENTILES, percentiles, strict=True)}
    near = round(float((values >= ALIKE).mean()), 4)
    bins = {f"{n / BINS:.1f} to {(n + 1) / BINS:.1f}": int(count) for n, count in enumerate(counts)}
    return {**named, "near_duplicates": near, "bins": bins}  # numbers alone: DVC shows no lists and no texts
