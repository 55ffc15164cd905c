"""How good an answer is against its reference."""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from stages.shared.evaluation.answers import Answer


def comparable(text: str) -> str:
    """For exact match: NFKC, lower case, without Markdown's emphasis and code marks, final dots and extra spaces."""
    text = re.sub(r"`|(?<!\w)[*_]+|[*_]+(?!\w)", "", unicodedata.normalize("NFKC", text).lower())
    return re.sub(r"\s+", " ", text).strip(" .。\n")


def exact_match(answer: str, reference: str) -> bool:
    """SQuAD's exact match (Rajpurkar et al. 2016, arXiv:1606.05250) after `comparable`, which unlike SQuAD's
    normalisation keeps articles and inner punctuation: in documentation they carry meaning."""
    return comparable(answer) == comparable(reference)


def chrf(answers: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF, 0 to 100 (Popović 2015, aclanthology.org/W15-3049), by sacreBLEU. Character n-grams suit Chinese,
    where words are not separated."""
    from sacrebleu.metrics import CHRF

    return float(CHRF().corpus_score(list(answers), [list(references)]).score)


def perplexity(loss: float) -> float:
    """exp of the mean cross entropy per token (Jelinek et al. 1977)."""
    return math.exp(min(loss, 100.0))


def scores(answers: Sequence[Answer], references: Sequence[str], loss: float | None) -> dict[str, Any]:
    """The figures of one model on one held-out set, empty when the set is; without a loss when all rows were too long
    for `format.max_length`."""
    if not answers:
        return {}
    texts = [answer.text for answer in answers]
    measured = {} if loss is None else {"loss": round(loss, 4), "perplexity": round(perplexity(loss), 3)}
    return measured | {
        "exact_match": round(sum(map(exact_match, texts, references)) / len(texts), 4),
        "chrf": round(chrf(texts, references), 2),
        "stopped": round(sum(answer.stopped for answer in answers) / len(answers), 4),
    }
