"""Which tokens carry loss: those that the model is to write, found by position in one tokenisation of the text."""

from dataclasses import dataclass
from typing import Any

from stages.common.chat.conversations import IGNORED
from stages.format.encoding import Encoder
from stages.format.rendering import Rendered, RowError, Turn
from stages.format.segments import segmenter_for


@dataclass(frozen=True)
class Labelled:
    """Token ids of the whole text and labels of the same length. `ends`: where the answers' last tokens stand."""

    input_ids: list[int]
    labels: list[int]
    ends: tuple[int, ...] = ()

    @property
    def supervised(self) -> list[int]:
        """The tokens that carry loss."""
        return [label for label in self.labels if label != IGNORED]

    def cut(self, max_length: int) -> "Labelled":
        """The first `max_length` tokens. An answer that is cut loses its end with the rest, so it stays open."""
        ends = tuple(end for end in self.ends if end < max_length)
        return Labelled(self.input_ids[:max_length], self.labels[:max_length], ends)


def label(encoder: Encoder, rows: list[Rendered]) -> list[Labelled | RowError | None]:
    """Ids and labels of each row. None: a conversation of several answers in which one shares a token with its
    prompt; it has to be labelled answer by answer.

    Nearly all rows are one answer, clean and simple, and go the quick way by segments. The others are tokenised
    whole, and their turns found by character offsets.
    """
    segmenter = segmenter_for(encoder)
    ends = [(row, encoder.specials.get(simple_end(row))) for row in rows if segmenter.is_exact]
    quick = [(row, stop) for row, stop in ends if stop is not None]
    ids = segmenter.ids([row for row, _ in quick])
    labelled = {id(row): joined(encoder, row, stop, *one) for (row, stop), one in zip(quick, ids, strict=True)}
    left = [row for row in rows if labelled.get(id(row)) is None]
    encodings = encoder.encode([row.text for row in left])
    whole = {id(row): attempt(encoder, row, encoding) for row, encoding in zip(left, encodings, strict=True)}
    return [labelled.get(id(row)) or whole[id(row)] for row in rows]


def simple_end(row: Rendered) -> str:
    """What stands behind the answer, up to the turn's end, in a row of one answer that follows its prompt as it is."""
    turn = row.turns[0]
    whole = len(row.turns) == 1 and turn.answer - turn.start == len(row.messages[-1]["content"])
    return row.text[turn.answer : turn.end] if whole else ""


def joined(
    encoder: Encoder, row: Rendered, stop: int, prompt: list[int], rest: list[int], specials: list[int]
) -> Labelled | None:
    """A simple row from the tokens of prompt and rest; None when there is a special token too many, or no answer.
    `stop` is the token that ends it."""
    end = len(prompt) + rest.index(stop)
    try:
        if specials != encoder.specials_of(row) or end == len(prompt):
            return None
    except RowError:
        return None
    return masked(encoder, prompt + rest, [(len(prompt), end, end)])


def attempt(encoder: Encoder, row: Rendered, encoding: Any) -> Labelled | RowError | None:
    try:
        if encoder.is_clean(row, encoding.ids):
            return placed(encoder, encoding, row, encoder.backend)
        return placed(encoder, *encoder.encode_by_twin(row), encoder.twin)
    except RowError as error:
        return error


def placed(encoder: Encoder, encoding: Any, row: Rendered, backend: Any) -> Labelled | None:
    ids: list[int] = encoding.ids
    spans = []
    for turn in row.turns:
        span = token_span(encoding, turn)
        if not is_served(encoder, encoding, row.text, turn, span[0], backend):
            return None if len(row.turns) > 1 else apart(encoder, row, backend)
        spans.append(span)
    return masked(encoder, ids, spans)


def token_span(encoding: Any, turn: Turn) -> tuple[int, int, int]:
    """The first token of a turn, the first one behind its answer, and the one that ends it."""
    first = next((at for at in map(encoding.char_to_token, range(turn.start, turn.end)) if at is not None), None)
    end = encoding.char_to_token(turn.end - 1)
    if first is None or end is None:
        raise RowError("no token of the answer carries loss")
    behind = next(at for at in map(encoding.char_to_token, range(turn.answer, turn.end)) if at is not None)
    return first, behind, end


def is_served(encoder: Encoder, encoding: Any, text: str, turn: Turn, first: int, backend: Any) -> bool:
    """Whether the tokens before the answer are those that a server gets for the prompt alone.

    Special tokens cut a text into parts that are tokenised one by one, so it is enough to look at the last part of
    the prompt; but for tokenizers that treat a text's beginning in a way of their own, which get the whole prompt.
    """
    ids = encoding.ids
    if first < len(ids) and encoding.token_to_chars(first)[0] < turn.start:
        return False
    last = first - 1
    while last >= 0 and ids[last] not in encoder.ids:
        last -= 1
    begin = encoding.token_to_chars(last)[1] if last >= 0 else 0
    segment = text[begin : turn.start]
    if encoder.segment_ids(segment) == ids[last + 1 : first]:
        return True
    return last >= 0 and backend.encode(text[: turn.start], add_special_tokens=False).ids == ids[:first]


def apart(encoder: Encoder, row: Rendered, backend: Any) -> Labelled:
    """Prompt and answer tokenised one by one and joined, as at inference, for an answer that would otherwise share a
    token with its prompt."""
    (turn,) = row.turns
    prompt = backend.encode(row.text[: turn.start], add_special_tokens=False)
    rest = backend.encode(row.text[turn.start :], add_special_tokens=False)
    first, behind, end = token_span(rest, Turn(0, turn.answer - turn.start, turn.end - turn.start))
    ids = prompt.ids + rest.ids
    if backend.decode(ids, skip_special_tokens=False) != row.text:
        raise RowError("prompt and answer share a token")
    size = len(prompt.ids)
    return masked(encoder, ids, [(size + first, size + behind, size + end)])


def masked(encoder: Encoder, ids: list[int], spans: list[tuple[int, int, int]]) -> Labelled:
    """Labels for token spans (first of the turn, first behind the answer, the turn's last)."""
    section = encoder.chat.section
    for first, behind, end in spans:
        if ids[end] not in encoder.ids:
            raise RowError("no end-of-turn token behind the answer")
        if behind <= first:
            raise RowError("no token of the answer carries loss")
    ends = tuple(end for _, _, end in spans)
    if section.loss == "all":
        return Labelled(ids, list(ids), ends)
    labels = [IGNORED] * len(ids)
    for first, behind, end in spans:
        stop = end + 1 if section.train_on_eos else behind
        labels[first:stop] = ids[first:stop]
    return Labelled(ids, labels, ends)
