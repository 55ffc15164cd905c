"""Which tokens carry loss: those of the answer and the token that ends the turn, found by position."""

from dataclasses import dataclass
from typing import Any

IGNORED = -100  # what PyTorch's cross entropy passes over


@dataclass(frozen=True)
class Rendered:
    """A conversation as text: a prompt, then an answer, then what the template writes behind it."""

    prompt: str
    answer: str
    tail: str

    @property
    def text(self) -> str:
        return self.prompt + self.answer + self.tail


@dataclass(frozen=True)
class Labelled:
    """Token ids of the whole text and labels of the same length. `problem` is empty when the row may be trained."""

    input_ids: list[int]
    labels: list[int]
    problem: str = ""

    @property
    def supervised(self) -> list[int]:
        """The tokens that carry loss."""
        return [label for label in self.labels if label != IGNORED]


def label_together(tokenizer: Any, rows: list[Rendered]) -> list[Labelled]:
    """Tokenise each text at once and mask by character offsets.

    The prompt's tokens must be those that a server gets for the prompt alone, or training and serving differ.
    """
    encoded = tokenizer([row.text for row in rows], add_special_tokens=False, return_offsets_mapping=True)
    prompts = tokenizer([row.prompt for row in rows], add_special_tokens=False).input_ids
    return [
        mask(row, ids, offsets, prompt)
        for row, ids, offsets, prompt in zip(rows, encoded.input_ids, encoded.offset_mapping, prompts, strict=True)
    ]


def mask(row: Rendered, ids: list[int], offsets: list[tuple[int, int]], prompt: list[int]) -> Labelled:
    if ids[: len(prompt)] != prompt:
        return Labelled(ids, [IGNORED] * len(ids), "prompt and answer share a token")
    answer_end = len(row.prompt) + len(row.answer)
    tail_start = next((i for i, (start, end) in enumerate(offsets) if start >= answer_end and end > start), len(ids))
    labels = [IGNORED] * len(prompt) + ids[len(prompt) : tail_start + 1] + [IGNORED] * (len(ids) - tail_start - 1)
    return checked(ids, labels, tail_start)


def label_apart(tokenizer: Any, rows: list[Rendered]) -> list[Labelled]:
    """Tokenise prompt and answer apart and join them, as at inference time."""
    prompts = tokenizer([row.prompt for row in rows], add_special_tokens=False).input_ids
    answers = tokenizer([row.answer for row in rows], add_special_tokens=False).input_ids
    tails = tokenizer([row.tail for row in rows], add_special_tokens=False).input_ids
    return [
        checked(p + a + t, [IGNORED] * len(p) + a + t[:1] + [IGNORED] * (len(t) - 1), len(p) + len(a))
        for p, a, t in zip(prompts, answers, tails, strict=True)
    ]


def checked(ids: list[int], labels: list[int], end: int) -> Labelled:
    """`end` is the position of the token that ends the turn."""
    if end >= len(ids):
        return Labelled(ids, labels, "no end-of-turn token behind the answer")
    if all(label == IGNORED for label in labels[:end]):
        return Labelled(ids, labels, "no token of the answer carries loss")
    return Labelled(ids, labels)
