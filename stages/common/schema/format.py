"""Section `format` of params.yaml: how rows become tokens."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stages.common.schema.section import Limit, Section

PLACEHOLDERS = ("system", "instruction", "input", "output")
NEEDED = ("instruction", "output")

Fraction = Annotated[float, Field(ge=0, le=1)]


def known_placeholders(text: str) -> str:
    """Each placeholder at most once and in its order, one in a paragraph, the answer at the very end."""
    found = re.findall(r"\{(\w*)\}", text)
    unknown = [name for name in found if name not in PLACEHOLDERS]
    if unknown:
        raise ValueError(
            f"{{{unknown[0]}}} is not a placeholder; accepted is {', '.join(f'{{{p}}}' for p in PLACEHOLDERS)}"
        )
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise ValueError(f"accepted is a text with {{{missing[0]}}}")
    if found != [name for name in PLACEHOLDERS if name in found]:
        raise ValueError("accepted is each placeholder once, in the order {system}, {instruction}, {input}, {output}")
    if any(len(re.findall(r"\{\w*\}", part)) > 1 for part in text.split("\n\n")):
        raise ValueError("accepted is one placeholder in a paragraph; put a blank line between them")
    if not text.endswith("{output}"):
        raise ValueError("accepted is a text that ends in {output}: the end-of-sequence token follows it")
    return text


class Audit(Section):
    """Limits above which the stage fails, as shares of the rows."""

    max_dropped: Fraction
    max_truncated: Fraction
    max_think_leaks: Fraction
    max_replacement_characters: Fraction
    max_empty_answers: Fraction


def with_both_places(text: str) -> str:
    """Passages first, then the question, each once."""
    if re.findall(r"\{(\w+)\}", text) != ["passages", "question"]:
        raise ValueError("accepted is a text with {passages}, then {question}, each once")
    return text


class Passages(Section):
    """What a question becomes that is asked with passages of the documentation."""

    max_tokens: Annotated[int, Field(ge=32)]
    en: Annotated[str, AfterValidator(with_both_places)]
    zh: Annotated[str, AfterValidator(with_both_places)]


class Replay(Section):
    source: Annotated[str, Field(min_length=1)]
    share: Annotated[float, Field(ge=0)]


class Format(Section):
    mode: Literal["chat", "alpaca", "token_level"]
    system_prompt: str
    thinking: Literal["empty", "keep"]
    loss: Literal["assistant", "all"]
    train_on_eos: bool
    alpaca: Annotated[str, AfterValidator(known_placeholders)]
    max_length: Annotated[int, Field(ge=16)]
    overlong: Literal["drop", "truncate", "raise"]
    passages: Passages
    replay: Replay
    known_rows: Fraction
    documents: Annotated[float, Field(ge=0)]
    documents_source: Literal["raw", "rewritten"]
    processes: Limit
    audit: Audit
