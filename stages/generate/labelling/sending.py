"""What of the chunks may be sent to an endpoint: `generate.private` says what becomes of secrets and personal data."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from stages.common.base.budget import Skipped
from stages.common.records.masking import masked_values, masks
from stages.common.records.rows import Chunk

Private = Literal["mask", "refuse", "keep"]


class Sending:
    """The chunks as they are sent: masked, or without those that hold something private, or as they are. Each call
    gives them anew; patterns are looked for once, and then only where something was found."""

    def __init__(self, chunks: Callable[[], Iterable[Chunk]], private: Private) -> None:
        self.chunks, self.private = chunks, private
        self.skipped = Skipped("generate")
        self.unsendable: set[str] = set()  # chunks on which the search took too long or failed, by chunk_id
        self.holds_private: dict[str, bool] = {}  # by chunk_id, which stands for the text

    def __call__(self) -> Iterator[Chunk]:
        for chunk in self.chunks():
            if self.private == "keep" or self.holds_private.get(chunk["chunk_id"]) is False:
                yield chunk
                continue
            if chunk["chunk_id"] in self.unsendable or not (searched := self.searched(chunk)):
                continue
            hidden, found = searched
            self.holds_private[chunk["chunk_id"]] = found
            if self.private == "mask" or not found:
                yield hidden

    def searched(self, chunk: Chunk) -> tuple[Chunk, bool] | None:
        """What `hide` says of a chunk; None when its page is skipped for it."""
        with self.skipped.page(chunk["path"]):
            return hide(chunk)
        self.unsendable.add(chunk["chunk_id"])
        return None

    def withheld(self) -> dict[str, int]:
        """How many chunks hold something private, under what became of them, for the report. To be called when the
        chunks have been walked through."""
        if self.private == "keep":
            return {}
        name = {"mask": "masked", "refuse": "refused"}[self.private]
        return {f"private_chunks_{name}": sum(self.holds_private.values())}


def hide(chunk: Chunk) -> tuple[Chunk, bool]:
    """The chunk masked, and whether anything private is or was in it: ingest may have masked it before."""
    texts, kinds = masked_values({"headings": chunk["headings"], "text": chunk["text"]})
    before = masks("\n".join([*chunk["headings"], chunk["text"]]))
    return {**chunk, **texts}, bool(kinds or before)  # type: ignore[typeddict-item]
