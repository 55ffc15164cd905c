"""The one function that masks private text, for whatever is written or sent."""

import functools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

from stages.common.records.patterns import PERSONAL, Match, personal, secret_patterns, secrets

RowType = TypeVar("RowType")
CACHED = 1 << 14  # texts; the wordings of a fact share their answer and their evidence


@functools.lru_cache(CACHED)
def masked(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with [kind] in place of everything private, and the kinds, one for each place.

    Lines stay where they are: behind the mask of a key over several lines stand as many line breaks.
    """
    pieces, kinds, at = [], [], 0
    for start, end, kind in intervals([*secrets(text), *personal(text)]):
        pieces += [text[at:start], f"[{kind}]", "\n" * text.count("\n", start, end)]
        kinds.append(kind)
        at = end
    return "".join([*pieces, text[at:]]) if kinds else text, tuple(kinds)


def masks(text: str) -> list[str]:
    """The kinds that a text holds the masks of."""
    return mask_pattern().findall(text) if "[" in text else []


@functools.cache
def mask_pattern() -> re.Pattern[str]:
    kinds = {*PERSONAL, *(kind for kind, _ in secret_patterns())}
    return re.compile(rf"\[({'|'.join(map(re.escape, sorted(kinds)))})\](?!\()")


def intervals(matches: list[Match]) -> Iterator[Match]:
    """The places that the matches cover, in order, those that overlap as one: under the kind of the first, which of
    several that begin together is the longest."""
    waiting: Match | None = None
    for match in sorted(matches, key=lambda match: (match.start, -match.end)):
        if waiting and match.start < waiting.end:
            waiting = waiting._replace(end=max(waiting.end, match.end))
        else:
            if waiting:
                yield waiting
            waiting = match
    if waiting:
        yield waiting


def masked_values(row: RowType) -> tuple[RowType, Counter[str]]:
    """A row with every text in it masked, however deep it stands, and how often each kind was found."""
    kinds: Counter[str] = Counter()

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            value, in_value = masked(value)
            kinds.update(in_value)
        elif isinstance(value, dict):
            value = {key: walk(item) for key, item in value.items()}
        elif isinstance(value, list | tuple):
            value = [walk(item) for item in value]
        return value

    new = walk(row)
    return (new if kinds else row), kinds
