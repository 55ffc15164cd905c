"""Plain slices of so many tokens wherever they fall, but never inside a character."""

from collections.abc import Iterator

from tiktoken import Encoding

from stages.chunk.prose import whole_character

CHARS_PER_TOKEN = 8  # more than text has; a slice of longer tokens is shorter than it might be


def slices(text: str, room: int, overlap: int, encoding: Encoding) -> Iterator[tuple[int, int]]:
    """Start and end of slices of at most `room` tokens, of which the first `overlap` are the last of the one before."""
    start = done = 0
    while done < len(text):
        tokens = encoding.encode_ordinary(text[start : start + room * CHARS_PER_TOKEN])[:room]
        end = start + decoded(tokens, encoding)
        while end > done + 1 and len(encoding.encode_ordinary(text[start:end])) > room:
            end -= 1
        end = max(whole_character(text, start, end), done + 1)
        yield start, end
        done = end
        repeated = len(encoding.decode(tokens[len(tokens) - overlap :], errors="ignore")) if overlap else 0
        start = max(end - repeated, start + 1)


def decoded(tokens: list[int], encoding: Encoding) -> int:
    """The number of whole characters in tokens of which the last may end inside one."""
    return max(len(encoding.decode(tokens, errors="ignore")), 1)
