"""Rows of one answer by the segments between their special tokens: the quick way, which nearly all rows take.

A tokenizer cuts a text at its special tokens and reads the segments one by one. What a template writes between two of
them is the same in each row and is read once; of a row, only what it says itself is left to tokenise. Prompt and answer
are cut apart as well, so the prompt's tokens are those that a server gets for it.
"""

import functools
import re
from collections.abc import Iterator
from itertools import chain

from stages.format.encoding import PROBE, Encoder
from stages.format.rendering import Rendered

Parts = list[str]  # segment, special token, segment, …, segment


class Segmenter:
    """Cuts the texts of an encoder's chat at their special tokens. `known`: segments that the template writes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.cut = re.compile(f"({encoder.pattern.pattern})").split
        system = encoder.chat.section.system_prompt
        probes = [PROBE[:2]] + ([[{"role": "system", "content": system}, *PROBE[:2]]] if system else [])
        if encoder.chat.folds_system:
            probes = probes[:1]
        texts = [*encoder.chat.texts([probe[:-1] for probe in probes], prompt=True), *encoder.chat.texts(probes)]
        self.probes = texts
        segments = {segment for text in texts for segment in self.cut(text)[::2] if segment}
        self.known = {segment: encoder.encode_ids(segment) for segment in segments}

    @functools.cached_property
    def is_exact(self) -> bool:
        """Whether segments have the tokens that they have in the whole text: not so where SentencePiece puts a space
        before each, or where a special token swallows white space beside it."""
        read = self.encoder.encode_ids
        ends = (("Answer:\n", "Word 7."), ("\n", "中文"), ("x\n", "`a`"))
        return all(read(before) + read(behind) == read(before + behind) for before, behind in ends) and all(
            read(text) == self.joined(self.cut(text), iter(())) for text in self.probes
        )

    def ids(self, rows: list[Rendered]) -> list[tuple[list[int], list[int], list[int]]]:
        """For each row of one answer: the prompt's tokens, those of the rest, and the special ones among both."""
        halves = [(row.text[: row.turns[0].start], row.text[row.turns[0].start :]) for row in rows]
        parts = [(self.cut(prompt), self.cut(rest)) for prompt, rest in halves]
        said = [one for both in parts for half in both for one in half[::2] if one and one not in self.known]
        read = iter(self.encoder.ids_of(said))
        specials = self.encoder.specials
        return [
            (
                self.joined(prompt, read),
                self.joined(rest, read),
                [specials[name] for name in chain(prompt[1::2], rest[1::2])],
            )
            for prompt, rest in parts
        ]

    def joined(self, parts: Parts, read: Iterator[list[int]]) -> list[int]:
        """The tokens of a text in parts; those of segments that no template wrote come from `read`."""
        ids: list[int] = []
        for number, part in enumerate(parts):
            if number % 2:
                ids.append(self.encoder.specials[part])
            elif part:
                ids += self.known[part] if part in self.known else next(read)
        return ids


@functools.lru_cache(maxsize=4)
def segmenter_for(encoder: Encoder) -> Segmenter:
    """The one segmenter of an encoder."""
    return Segmenter(encoder)
