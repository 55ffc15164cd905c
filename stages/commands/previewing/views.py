"""What there is to see of a dataset row: its fields, its conversation, its text, and each token with its loss."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tokenizers.decoders import DecodeStream

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.conversations import IGNORED, conversation
from stages.common.chat.templates import Message, chat_for
from stages.common.models.base import pretrained
from stages.common.records.files import digest, read_jsonl, share
from stages.common.schema import Params
from stages.format.encoding import Encoder
from stages.format.examples import examples, kept
from stages.format.passages import with_context


class Token(NamedTuple):
    """A token's text; a character of several tokens is one of these."""

    text: str
    loss: bool
    special: bool


@dataclass
class Trained:
    """One formatted row. `fate` is empty, or what `format` does with it."""

    text: str
    tokens: list[Token]
    count: int
    supervised: int
    fate: str


@dataclass
class View:
    """A dataset row and all that becomes of it; `problem` is why nothing does."""

    split: str
    row: dict[str, Any]
    messages: list[Message]
    trained: list[Trained] = field(default_factory=list)
    problem: str = ""


def chosen(number: int, pair_id: str) -> list[tuple[str, Any]]:
    """The rows whose id begins so; without an id, some rows of train, drawn by hash. With their split."""
    if not pair_id:
        rows = read_jsonl(paths.DATASET / "train.jsonl")
        return [
            ("train", row) for row in heapq.nsmallest(number, rows, key=lambda row: share("preview", row["pair_id"]))
        ]
    matching = [
        (split, row)
        for split in paths.SPLITS
        for row in read_jsonl(paths.DATASET / f"{split}.jsonl")
        if row["pair_id"].startswith(pair_id)
    ]
    if not matching:
        raise UserError(f"no row of {paths.DATASET} has the pair_id {pair_id}; type `doclore why` with its question")
    return matching


def encoder_for(settings: Params) -> Encoder:
    return Encoder(chat_for(pretrained.tokenizer(settings.model), settings.format))


def settings_used(settings: Params, encoder: Encoder) -> dict[str, str]:
    """What the preview was made with, for people."""
    section = settings.format
    template_hash = digest(encoder.chat.template)
    return {
        "model": settings.model.name,
        "mode": section.mode,
        "system_prompt": section.system_prompt or "(none)",
        "thinking": section.thinking,
        "loss": section.loss if section.train_on_eos else f"{section.loss}, not on the end of turn",
        "max_length": f"{section.max_length}, longer rows: {section.overlong}",
        "chat template": f"{template_hash} ({formatted_state(template_hash)})",
    }


def formatted_state(template_hash: str) -> str:
    """How data/formatted stands to the template."""
    if not paths.CHAT_TEMPLATE.exists():
        return "data/formatted does not exist yet"
    same = digest(paths.CHAT_TEMPLATE.read_text(encoding="utf-8")) == template_hash
    return "as in data/formatted" if same else "data/formatted was made with a different one: run `dvc repro`"


def view(encoder: Encoder, split: str, row: dict[str, Any], hide: bool = True) -> View:
    (row,) = with_context([row], encoder.chat, hide)
    found = View(split, row, conversation(row, encoder.chat))
    try:
        for example in examples(encoder, [row]):
            final = kept(example, encoder)
            shown = (final or example).labelled
            fate = (
                "" if final is example else "cut to format.max_length" if final else "dropped: above format.max_length"
            )
            tokens = list(token_texts(encoder, shown.input_ids, shown.labels))
            supervised = len(shown.supervised)
            found.trained.append(Trained(example.rendered.text, tokens, len(shown.input_ids), supervised, fate))
    except UserError as error:
        found.problem = str(error)
    return found


def token_texts(encoder: Encoder, ids: list[int], labels: list[int]) -> Iterator[Token]:
    """Each token's text. The tokens of one character come as one, which bears loss if its last token does."""
    stream = DecodeStream(skip_special_tokens=False)
    for i, label in zip(ids, labels, strict=True):
        text = stream.step(encoder.backend, i)
        if text is not None:
            yield Token(text, label != IGNORED, i in encoder.ids)
