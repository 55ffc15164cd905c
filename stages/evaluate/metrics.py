"""How good an answer is against its reference."""

import math
import re
import unicodedata
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from stages.common.text.wording import CJK_RANGE

REFUSAL = re.compile(
    r"\bI(?:'m| am) (?:sorry|unable|not able|not sure)|\bI (?:can(?:'|no)t|do not|don't) (?:know|answer|have|find|help)"
    r"|\bno (?:information|documentation) (?:is |on |about |available)|\bas an AI\b"
    r"|\bdocumentation (?:does(?: not|n't) (?:say|mention|state|cover|tell)|says nothing)"
    r"|\b(?:not|nothing)\b[^.;]{0,30} in the documentation"
    r"|抱歉|对不起|不好意思|无法(?:回答|确定|提供|得知)|不(?:知道|清楚|确定|了解)|没有(?:提到|提及|找到|相关|说明)|文档[^。，；]{0,8}没有|未(?:提到|提及|找到|说明)",
    re.IGNORECASE,
)


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


def units(text: str) -> list[str]:
    """Chinese characters and Latin words, as ROUGE counts them for Chinese (LCSTS, Hu et al. 2015,
    aclanthology.org/D15-1229)."""
    return re.findall(rf"[{CJK_RANGE}]|[^\W{CJK_RANGE}]+", comparable(text))


def rouge_l(answer: str, reference: str) -> float:
    """F1 of ROUGE-L, 0 to 100 (Lin 2004, aclanthology.org/W04-1013): the longest common subsequence of `units`."""
    candidate, expected = units(answer), units(reference)
    if not candidate or not expected:
        return 100.0 * (candidate == expected)
    return 200.0 * LCSseq.similarity(candidate, expected) / (len(candidate) + len(expected))


def length_ratio(answers: Sequence[str], references: Sequence[str]) -> float:
    """Characters of the answers per character of the references, over all (as BLEU's length ratio, Papineni et al.
    2002, aclanthology.org/P02-1040): above 1 the model rambles."""
    return sum(map(len, answers)) / max(sum(map(len, references)), 1)


def refused(answer: str) -> bool:
    """Whether an answer says that it cannot answer, in Chinese or English (SimpleQA's NOT ATTEMPTED, Wei et al. 2024,
    arXiv:2411.04368, by its wording)."""
    return bool(REFUSAL.search(answer[:200])) or not answer.strip()


def perplexity(loss: float) -> float:
    """exp of the mean cross entropy per token (Jelinek et al. 1977)."""
    return math.exp(min(loss, 100.0))
