"""From dataset rows to examples: text, ids and labels of what is trained, or one line about the row that cannot be."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stages.common.base.errors import UserError
from stages.common.chat.conversations import IGNORED, conversation
from stages.common.chat.templates import Message
from stages.format.encoding import Encoder
from stages.format.labels import Labelled, label
from stages.format.rendering import Rendered, RowError, answers, render


@dataclass(frozen=True)
class Example:
    """A row, or one answer of it, ready to be trained."""

    row: Any
    rendered: Rendered
    labelled: Labelled


def named(row: Any) -> str:
    """A row as a person can find it."""
    first = row["messages"][0]["content"] if row.get("messages") else row["instruction"]
    return f"pair {row['pair_id']} ({row.get('path', '')}:{row.get('line_start', 0)}, {first[:60]!r})"


def examples(encoder: Encoder, rows: list[Any]) -> Iterator[Example]:
    """One example of each row, in order; several of a conversation whose answers cannot be trained in one text."""
    conversations = [conversation(row, encoder.chat) for row in rows]
    waiting: list[tuple[Any, Rendered]] = []
    for row, messages, rendered in zip(
        rows, conversations, render(encoder.chat, conversations, encoder.pattern, encoder.opener), strict=True
    ):
        renderings = [rendered] if rendered else by_answer(encoder, messages)
        waiting += [(row, sound(one, row)) for one in renderings]
    for (row, rendered), labelled in zip(waiting, label(encoder, [one for _, one in waiting]), strict=True):
        if labelled:
            yield Example(row, rendered, sound(labelled, row))
        else:
            ones = [sound(one, row) for one in by_answer(encoder, rendered.messages)]
            for one, single in zip(ones, label(encoder, ones), strict=True):
                yield Example(row, one, sound(single, row))


def by_answer(encoder: Encoder, messages: list[Message]) -> list[Any]:
    """The conversation up to each of its answers, the last one of each trained."""
    parts = [messages[: i + 1] for i in answers(messages)]
    return render(encoder.chat, parts, encoder.pattern, encoder.opener, last=True)


def sound(result: Any, row: Any) -> Any:
    """What was found, unless it is an error: then that of the row."""
    if isinstance(result, RowError):
        raise failure(str(result), row)
    return result


def failure(problem: str, row: Any) -> UserError:
    return UserError(f"format audit: {problem} in {named(row)}; data/formatted is unchanged")


def kept(example: Example, encoder: Encoder) -> Example | None:
    """The example within `format.max_length`, None if it is dropped; raises on what would teach something wrong."""
    section, labelled = encoder.chat.section, example.labelled
    ids, labels = labelled.input_ids, labelled.labels
    if encoder.bos is not None and ids[:2] == [encoder.bos, encoder.bos]:
        raise failure("two BOS tokens", example.row)
    if labels.count(IGNORED) == len(labels):
        raise failure("no token carries loss", example.row)
    if section.train_on_eos and any(labels[end] != ids[end] for end in labelled.ends):
        raise failure("an end-of-turn token without loss", example.row)
    if len(ids) <= section.max_length:
        return example
    if section.overlong == "raise":
        raise failure(f"{len(ids)} tokens, above format.max_length = {section.max_length},", example.row)
    short = labelled.cut(section.max_length)
    if section.overlong == "drop" or not short.supervised:
        return None
    return dataclasses.replace(example, labelled=short)
