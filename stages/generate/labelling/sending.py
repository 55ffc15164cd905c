"""What of the chunks may be sent to an endpoint: `generate.private` says what becomes of secrets and personal data."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from stages.common.records.masking import masked_values, masks
from stages.common.records.rows import Chunk

Private = Literal["mask", "refuse", "keep"]


def sendable(chunks: Callable[[], Iterable[Chunk]], private: Private) -> Iterator[Chunk]:
    """The chunks as they are sent: masked, or without those that hold something private, or as they are."""
    for chunk in chunks():
        if private == "keep":
            yield chunk
            continue
        hidden, found = hide(chunk)
        if private == "mask" or not found:
            yield hidden


def hide(chunk: Chunk) -> tuple[Chunk, bool]:
    """The chunk masked, and whether anything private is or was in it: ingest may have masked it before."""
    texts, kinds = masked_values({"headings": chunk["headings"], "text": chunk["text"]})
    before = masks("\n".join([*chunk["headings"], chunk["text"]]))
    return {**chunk, **texts}, bool(kinds or before)  # type: ignore[typeddict-item]


def withheld(chunks: Iterable[Chunk], private: Private) -> dict[str, int]:
    """How many chunks hold something private, under what became of them, for the report."""
    if private == "keep":
        return {}
    name = {"mask": "masked", "refuse": "refused"}[private]
    return {f"private_chunks_{name}": sum(hide(chunk)[1] for chunk in chunks)}
