"""Text cut at sentence ends, else at clauses, else at spaces, else between characters; never inside inline markup."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

from stages.common.text.wording import sentence_ends

Count = Callable[[str], int]

CLAUSE_END = re.compile(r"[，、：]|[,:;](?=\s)|\n")
TICKS = re.compile(r"`+")
# What loses its meaning when it is cut. Each alternative stops at the next mark like its first, so that marks without
# an end cost no square of their number.
MARKUP = re.compile(
    r"!?\[(?:[^\[\]]|!?\[[^\[\]]*\](?:\([^()\n]*\))?)*\]\((?:[^()\n]|\([^()\n]*\))*\)"  # link, image, image in a link
    r"|\$\$[^$]+\$\$|\$[^$\n]+\$"  # formulas
    r"|\\\((?:[^\\]|\\(?![()]))*\\\)|\\\[(?:[^\\]|\\(?![\[\]]))*\\\]"
    r"|\*\*[^*\n]{1,200}\*\*"  # bold
    r"|<[^<>\n]+>"  # tag or address
    r"|https?://[^\s<>()\[\]，。；、]+"
)
REGIONAL = range(0x1F1E6, 0x1F200)  # two of them are a flag
SKIN_TONES = range(0x1F3FB, 0x1F400)


def cut(text: str, room: int, count: Count, floor: int = 0) -> list[str]:
    """The text in pieces of at most `room` tokens; joined again they are the text.

    When the last piece is below `floor` tokens, the last two share their text.
    """
    pieces = list(greedy(text, room, count))
    if len(pieces) > 1 and count(pieces[-1]) < floor:
        both = "".join(pieces[-2:])
        pieces[-2:] = greedy(both, min(room, max(count(both) * 2 // 3, 1)), count)
    return pieces


def greedy(text: str, room: int, count: Count) -> Iterator[str]:
    """Pieces as long as `room` and the places to cut allow."""
    whole = protected(text)
    stops = outside(sentence_ends(text), whole, text), outside(clause_ends(text), whole, text)
    start, guess = 0, room * 2
    while start < len(text):
        end = start + longest_prefix(text[start : start + room * 8], room, count, guess)
        guess = end - start
        if end < len(text):
            end = best_stop(text, start, end, stops, whole)
        while end - start > 1 and count(text[start:end]) > room:  # less text can be more tokens
            end = best_stop(text, start, end - 1, stops, whole)
        yield text[start:end]
        start = end


def best_stop(text: str, start: int, end: int, stops: tuple[list[int], list[int]], whole: list[tuple[int, int]]) -> int:
    """The last place up to `end` at which the text may be cut, the better kinds first."""
    for ends in stops:
        position = bisect_right(ends, end) - 1
        if position >= 0 and ends[position] > start:
            return ends[position]
    for position in range(end, max(start, end - 200), -1):
        if text[position].isspace() and not inside(position, whole):
            return position
    span = inside(end, whole)
    if span and span[0] > start:
        return span[0]
    return whole_character(text, start, end)


def longest_prefix(text: str, room: int, count: Count, guess: int) -> int:
    """Length of a prefix of at most `room` tokens, and of at least one character; at most 2 % below the longest."""
    low, high, length = 0, len(text) + 1, min(max(guess, 1), len(text))
    while high - low > 1 + low // 50:
        tokens = count(text[:length])
        low, high = (length, high) if tokens <= room else (low, length)
        length = min(max(length * room // max(tokens, 1), low + 1), high - 1)
        if not low + (high - low) // 16 <= length:  # the guess hardly moves: halve what is left instead
            length = (low + high) // 2
    return max(low, 1)


def whole_character(text: str, start: int, end: int) -> int:
    """`end`, or the place before it that does not part a letter from its marks, a flag or a joined emoji."""
    for position in range(end, max(start, end - 32), -1):
        if position >= len(text) or not continues(text, start, position):
            return position
    return end


def continues(text: str, start: int, position: int) -> bool:
    """Whether the character at `position` belongs to the one before it; no character goes across `start`."""
    character = text[position]
    if ord(character) in REGIONAL:
        run = position
        while run > start and ord(text[run - 1]) in REGIONAL:
            run -= 1
        return (position - run) % 2 == 1
    joined = character == "\u200d" or text[position - 1] == "\u200d" or ord(character) in SKIN_TONES
    return (
        joined or unicodedata.category(character) in ("Mn", "Mc", "Me") or text[position - 1 : position + 1] == "\r\n"
    )


def clause_ends(text: str) -> Iterator[int]:
    return (match.end() for match in CLAUSE_END.finditer(text))


def protected(text: str) -> list[tuple[int, int]]:
    """The spans of inline code, formulas, links, images, tags and bold words, merged where they meet."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted([*code_spans(text), *(match.span() for match in MARKUP.finditer(text))]):
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def code_spans(text: str) -> Iterator[tuple[int, int]]:
    """From each run of backticks to the next run of the same length."""
    runs = [match.span() for match in TICKS.finditer(text)]
    later: dict[int, list[int]] = {}
    for index in range(len(runs) - 1, -1, -1):
        later.setdefault(runs[index][1] - runs[index][0], []).append(index)
    index = 0
    while index < len(runs):
        same = later[runs[index][1] - runs[index][0]]
        while same and same[-1] <= index:
            same.pop()
        if same:
            yield runs[index][0], runs[same[-1]][1]
            index = same[-1]
        index += 1


def outside(ends: Iterator[int], whole: list[tuple[int, int]], text: str) -> list[int]:
    """The ends that lie in no span; one before nothing but a span's closing marks moves behind it."""
    kept = []
    for end in ends:
        span = inside(end, whole)
        if span is None:
            kept.append(end)
        elif not text[end : span[1]].strip("*"):
            kept.append(span[1])
    return kept


def inside(position: int, whole: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The span that a cut at `position` would go through."""
    index = bisect_left(whole, (position, 0)) - 1
    return whole[index] if index >= 0 and whole[index][0] < position < whole[index][1] else None


def last_sentences(text: str, room: int, count: Count) -> str:
    """As many whole sentences from the end as have at most `room` tokens."""
    starts = [0, *outside(sentence_ends(text), protected(text), text)]
    found = ""
    for start in reversed(starts):
        longer = text[start:].strip()
        if count(longer) > room:
            break
        found = longer
    return found
