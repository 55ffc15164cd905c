"""What of the chunks may be sent to an endpoint: `generate.private` says what becomes of secrets and personal data."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal

from stages.common.base.budget import Skipped
from stages.common.base.kept import Kept
from stages.common.base.mapped import code_digest
from stages.common.records.masking import masked_values, masks
from stages.common.records.rows import Chunk

Private = Literal["mask", "refuse", "keep"]

BATCH = 64  # chunks that are looked up together


class Sending:
    """The chunks as they are sent: masked, or without those that hold something private, or as they are. Each call
    gives them anew; patterns are looked for once, and then only where something was found. That nothing was is kept for
    the next run, as the search takes longer than the rest of what is done for an answer that is stored."""

    def __init__(self, chunks: Callable[[], Iterable[Chunk]], private: Private) -> None:
        self.chunks, self.private = chunks, private
        self.skipped = Skipped("generate")
        self.unsendable: set[str] = set()  # chunks on which the search took too long or failed, by chunk_id
        self.holds_private: dict[str, bool] = {}  # by chunk_id, which stands for the text

    def __call__(self) -> Iterator[Chunk]:
        if self.private == "keep":
            yield from self.chunks()
            return
        kept = None if self.holds_private else Kept("generate.nothing_private")
        waiting, whole = iter(self.chunks()), False
        try:
            while some := list(islice(waiting, BATCH)):
                found = self.looked_up(some, kept)
                for chunk in some:
                    if self.holds_private.get(chunk["chunk_id"]) is False:
                        yield chunk
                    elif chunk["chunk_id"] in found and self.private == "mask":
                        yield found[chunk["chunk_id"]]
            whole = True
        finally:
            if kept:
                kept.close(forget=whole)

    def looked_up(self, chunks: list[Chunk], kept: Kept | None) -> dict[str, Chunk]:
        """The chunks that hold something private, masked, by chunk_id; of all others it is noted that they do not."""
        keys = {chunk["chunk_id"]: text_key(chunk) for chunk in chunks} if kept else {}
        known = kept.get([*keys.values()]) if kept else {}
        self.holds_private |= {chunk_id: False for chunk_id, key in keys.items() if key in known}
        found: dict[str, Chunk] = {}
        for chunk in chunks:
            chunk_id = chunk["chunk_id"]
            if self.holds_private.get(chunk_id) is False or chunk_id in self.unsendable:
                continue
            if searched := self.searched(chunk):
                found[chunk_id], self.holds_private[chunk_id] = searched
        if kept:
            clean = {key for chunk_id, key in keys.items() if self.holds_private.get(chunk_id) is False}
            kept.put(clean, {key: b"=" for key in clean if key not in known})
        return found

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


def text_key(chunk: Chunk) -> bytes:
    """Equal for chunks in which the same is found by the same code."""
    text = "\0".join([*chunk["headings"], chunk["text"]]).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16, key=code_digest("generate")).digest()
