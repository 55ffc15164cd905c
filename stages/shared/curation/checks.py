"""What a pair must pass to be trained on. Every check is pure and judges one pair against its chunk."""

import re
from collections.abc import Callable

from stages.shared.curation.rows import Chunks, Rejection, Verdict, all_text, is_accepted, rejection
from stages.shared.params import Curate
from stages.shared.records import Chunk, DatasetRow, Pair
from stages.shared.text import gives_away, squeezed

Check = Callable[[Pair, Chunk, Curate], Verdict | None]

# A question that only makes sense beside its source, in both languages. "The text editor" and 文本框 are no such thing.
SOURCE = r"(?:text|passage|excerpt|snippet|fragment)"
POINTS_AT_SOURCE = re.compile(
    rf"\b(?:the|this) (?:above|following|given|provided) (?:{SOURCE}|section|table|code)\b"
    rf"|\b(?:the {SOURCE}|this (?:{SOURCE}|section))"
    r"(?=\s*(?:[?.,;:]|$|above|below|about|is\b|does|do\b|say|state|mention|describe|explain|list|show|provide|give))"
    rf"|\b(?:{SOURCE}|section|table) above\b|\b(?:according to|based on) (?:the|this) (?:{SOURCE}|context)\b"
    r"|(?<!线)上文(?!档|件)|上述(?:文本|内容|片段|表格)|文本片段"
    r"|(?<![样版])(?:该|本|此|这个|这段)(?:片段|文本|段落|段?文字)(?!框|域|编辑|字段|文件)"
    r"|(?:根据|依据|按照)所?(?:提供|给出|上述)的?(?:文本|内容|片段|资料)",
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
    """A question that contains its answer teaches nothing."""
    given = gives_away(f"{pair['instruction']}\n{pair['input']}", pair["output"])
    return Verdict(pair["output"], "not in the question") if given else None


def stands_alone(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    found = POINTS_AT_SOURCE.search(pair["instruction"])
    return Verdict(found[0], "understood without the source") if found else None


def no_leftovers(pair: Pair, chunk: Chunk, limits: Curate) -> Verdict | None:
    """Neither think blocks nor special tokens nor broken characters."""
    found = LEFTOVER.search(all_text(pair))
    return Verdict(found[0], "plain text") if found else None


CHECKS: tuple[Check, ...] = (
    question_length,
    answer_length,
    no_leftovers,
    stands_alone,
    answer_not_in_question,
    evidence_in_chunk,
)


# The user's own rows have no chunk, and how they ask is the user's to decide: a task may hold its answer, a greeting is
# short. What must never be trained is looked for in all of them.
NO_CHUNK = Chunk(
    chunk_id="", path="", headings=[], line_start=0, line_end=0, tokens=0, text="", also_in=[], partials=[]
)
OWN_CHECKS: tuple[Check, ...] = (no_leftovers,)


def verdict(pair: Pair, chunk: Chunk | None, limits: Curate) -> tuple[str, Verdict] | None:
    """The first check that rejects the pair, by name, with what it found."""
    for check in CHECKS if chunk else OWN_CHECKS:
        found = check(pair, chunk or NO_CHUNK, limits)
        if found:
            return check.__name__, found
    return None


def sift(rows: list[DatasetRow], chunks: Chunks, limits: Curate) -> tuple[list[DatasetRow], list[Rejection]]:
    """Rows that pass every check, and the others with the check that rejected them."""
    kept, rejected = [], []
    for row in rows:
        failed = None if is_accepted(row) else verdict(row, chunks.get(row["chunk_id"]), limits)
        if failed:
            rejected.append(rejection(row, *failed))
        else:
            kept.append(row)
    return kept, rejected
