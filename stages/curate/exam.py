"""What the user's own exam asks is not trained: an exam that was learned by heart measures nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from stages.common.exam.questions import ExamRow
from stages.common.text.wording import normalised
from stages.curate.duplicates.meaning import content_words
from stages.curate.duplicates.minhash import jaccard, shingles
from stages.curate.duplicates.near import SHINGLE

# How alike (Jaccard of 3-grams) a near-duplicate is: with other words, and with the same words but for courtesy.
ALIKE, SAME_WORDS = 0.9, 0.5


class Asked(NamedTuple):
    """A question of the exam: its id, its 3-grams, and the words that tell what it asks about."""

    exam_id: str
    grams: frozenset[str]
    words: frozenset[str]


def features(text: str) -> tuple[frozenset[str], frozenset[str]]:
    return shingles(normalised(text), SHINGLE), frozenset(content_words(text.replace("`", "")))


class Exam:
    """The exam's questions, to be asked whether another one is a near-duplicate."""

    def __init__(self, exam: Sequence[ExamRow]) -> None:
        self.asked = [Asked(row["exam_id"], *features(row["question"])) for row in exam]
        self.by_gram: dict[str, list[int]] = defaultdict(list)
        for number, one in enumerate(self.asked):
            for gram in one.grams:
                self.by_gram[gram].append(number)

    def nearest(self, text: str) -> tuple[str, float] | None:
        """The exam's question that a question is a near-duplicate of, and how alike they are."""
        if not self.asked:
            return None
        grams = shingles(normalised(text), SHINGLE)
        shared = Counter(number for gram in grams for number in self.by_gram.get(gram, ()))
        for number, _ in shared.most_common(3):
            one = self.asked[number]
            similarity = jaccard(grams, one.grams)
            if similarity >= ALIKE or (similarity >= SAME_WORDS and features(text)[1] == one.words):
                return one.exam_id, round(similarity, 3)
        return None
