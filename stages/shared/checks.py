"""What a pair must pass to be trained on. Every check is pure and judges one pair against its chunk."""

import re
from collections.abc import Callable
from typing import NamedTuple

from stages.shared.params import Curate
from stages.shared.records import Chunk, Pair
from stages.shared.text import normalised, squeezed


class Verdict(NamedTuple):
    """Why a pair is rejected: what was found and what would have passed."""

    value: object
    threshold: object


Check = Callable[[Pair, Chunk, Curate], Verdict | None]

# A question that only makes sense beside its source, in both languages.
POINTS_AT_SOURCE = re.compile(
    r"\b(the|this) ((above|following|given|provided) )?(text|passage|excerpt)\b"
    r"|\b(the|this) (above|following|given|provided) (snippet|fragment|section|table|code)\b|\bthis (snippet|section)\b"
    r"|\b(text|section|table) above\b|\b(according to|based on) the (text|passage|context)\b"
    r"|上文|上述(文本|内容|片段|表格)|(该|本|此|这个|这段)(片段|文本|段落|段文字)|(根据|依据|按照)(所)?(提供|给出|上述)的?(文本|内容|片段|资料)|文本片段",
    re.IGNORECASE,
)
LEFTOVER = re.compile(r"</?think>|\ufffd|<\|[a-z_]+\|>")


def question_length(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    size = len(pair["instruction"])
    low, high = limits.min_question_chars, limits.max_question_chars
    return None if low <= size <= high else Verdict(size, [low, high])


def answer_length(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    size = len(pair["output"])
    low, high = limits.min_answer_chars, limits.max_answer_chars
    return None if low <= size <= high else Verdict(size, [low, high])


def evidence_in_chunk(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    """The quote stands in the chunk, white space and character width aside."""
    quote = squeezed(pair["evidence"])
    return None if quote and quote in squeezed(chunk["text"]) else Verdict(pair["evidence"], "a quote from the chunk")


def answer_not_in_question(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    """A question that contains its answer teaches nothing. Answers of one or two characters are let pass unless
    they stand apart: the `8` of `q8_0` gives nothing away."""
    answer, question = normalised(pair["output"]), pair["instruction"] + pair["input"]
    if not answer:
        return None
    words = re.findall(r"\w+", question.lower())
    given = answer in words if len(answer) <= 2 else answer in normalised(question)
    return Verdict(pair["output"], "not in the question") if given else None


def stands_alone(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    found = POINTS_AT_SOURCE.search(pair["instruction"])
    return Verdict(found[0], "understood without the source") if found else None


def no_leftovers(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    """Neither think blocks nor special tokens nor broken characters."""
    found = LEFTOVER.search(pair["instruction"] + pair["input"] + pair["output"])
    return Verdict(found[0], "plain text") if found else None


CHECKS: tuple[Check, ...] = (
    question_length,
    answer_length,
    no_leftovers,
    stands_alone,
    answer_not_in_question,
    evidence_in_chunk,
)


def verdict(pair: Pair, chunk: Chunk, limits: Curate) -> tuple[str, Verdict] | None:
    """The first check that rejects the pair, by name, with what it found."""
    for check in CHECKS:
        found = check(pair, chunk, limits)
        if found:
            return check.__name__, found
    return None
