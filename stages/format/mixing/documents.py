"""Pages as plain text, with loss on every token: what the pairs say, in the words of the documentation or in others.

Only trained pages are used. A page that eval_unseen asks about, or that quotes what it asks about, stays out, or that
set would not be unseen any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say
from stages.common.chat.templates import adds_bos
from stages.common.records.files import digest, read_jsonl, share
from stages.common.records.masking import masked
from stages.common.records.rows import Doc
from stages.common.rows.grounding import is_grounded
from stages.common.rows.source import sources
from stages.common.text.wording import squeezed
from stages.format.encoding import Encoder

SHORT = 12  # characters; shorter evidence stands on many pages and gives nothing away


@dataclass
class Held:
    """What eval_unseen must not be given away by: its pages, and its evidence without white space."""

    trained: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    evidence: set[str] = field(default_factory=set)

    def keeps(self, doc: Doc) -> bool:
        """Whether the page may be trained."""
        names = {doc["path"], *doc["also_in"]}
        if not names & self.trained or names & self.unseen:
            return False
        text = squeezed(doc["text"])
        return not any(quote in text for quote in self.evidence)


def held() -> Held:
    """Pages and evidence of the dataset."""
    dataset = Held()
    dataset.trained = {row["path"] for row in read_jsonl(paths.DATASET / "train.jsonl")}
    for row in read_jsonl(paths.DATASET / "eval_unseen.jsonl"):
        dataset.unseen.add(row["path"])
        quote = squeezed(row["evidence"])
        if len(quote) >= SHORT:
            dataset.evidence.add(quote)
    return dataset


def raw() -> Iterator[tuple[str, str]]:
    """Names (their paths) and texts of the pages that may be trained, in the order of the hashes of the names."""
    allowed = held()
    for doc in sorted(read_jsonl(paths.DOCS), key=lambda doc: share("document", doc["path"])):
        if allowed.keeps(doc):
            yield doc["path"], doc["text"]


def rewritten() -> Iterator[tuple[str, str]]:
    """Chunks of these pages in other words, named by the request that brought them. A version that states a number or a
    name of code that its chunk has not is left out."""
    allowed = held()
    trainable = {doc["path"] for doc in read_jsonl(paths.DOCS) if allowed.keeps(doc)}
    rows = [row for row in read_jsonl(paths.REWRITTEN) if row["path"] in trainable]
    chunks = sources(read_jsonl(paths.CHUNKS)) if rows else {}
    grounded = [row for row in rows if is_grounded(row["text"], chunks[row["chunk_id"]])]
    if loose := len(rows) - len(grounded):
        say(f"format: documents: {loose} of {len(rows)} rewritten passages state what their chunk does not")
    for row in sorted(grounded, key=lambda row: share("document", row["request_key"])):
        yield row["request_key"], row["text"]


SOURCES = {"raw": raw, "rewritten": rewritten}


def documents(encoder: Encoder, tokens: int, hide: bool) -> Iterator[dict[str, Any]]:
    """Formatted rows of pages or passages until there are about so many tokens; `hide`: what is private is masked."""
    source, left = encoder.chat.section.documents_source, tokens
    for name, text in SOURCES[source]():
        if left <= 0:
            return
        for number, (piece, ids) in enumerate(pieces(encoder, masked(text)[0] if hide else text)):
            if left > 0:
                pair_id = digest("document", name, number)
                yield {"text": piece, "input_ids": ids, "labels": ids, "pair_id": pair_id}
                left -= len(ids)
    if left == tokens and source == "rewritten":
        raise UserError(
            "format.documents_source = 'rewritten', but no passages have been rewritten; have them written with "
            "-S generate.backend=llm -S generate.rewrites=1, or type: -S format.documents_source=raw"
        )
    if left > 0:
        say(f"format: documents: trainable pages hold {tokens - left:,} of the {tokens:,} tokens asked for")


def pieces(encoder: Encoder, text: str) -> Iterator[tuple[str, list[int]]]:
    """A page in pieces of at most format.max_length tokens that end at a line's end if one is in their second half.

    The twin tokenizer reads them: no sign of a page is a special token.
    """
    tokenizer = encoder.chat.tokenizer
    bos = [tokenizer.bos_token_id] if adds_bos(tokenizer) else []
    name = tokenizer.bos_token if bos else ""
    room = encoder.chat.section.max_length - len(bos)
    encoding = encoder.twin.encode(text, add_special_tokens=False)
    starts = [start for start, _ in encoding.offsets]
    begin = 0
    while begin < len(starts):
        end = min(begin + room, len(starts))
        if end < len(starts):
            end = line_end(text, starts, begin, end)
        stop = starts[end] if end < len(starts) else len(text)
        yield name + text[starts[begin] : stop], bos + encoding.ids[begin:end]
        begin = end


def line_end(text: str, starts: list[int], begin: int, end: int) -> int:
    """The last token of the second half that starts a line; else one that starts a character."""
    middle = begin + (end - begin) // 2
    lines = (at for at in range(end, middle, -1) if text[starts[at] - 1] == "\n")
    characters = (at for at in range(end, middle, -1) if starts[at] != starts[at - 1])
    return next(lines, next(characters, end))
