"""The cells of the evaluation: which model answers, and what lies before it besides the question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.common.chat.conversations import conversation
from stages.common.chat.templates import Chat, Message
from stages.common.exam.embeddings import Embeddings
from stages.common.records.files import share
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.schema import Evaluate
from stages.common.text.wording import language
from stages.evaluate.answers import Answer
from stages.evaluate.retrieval import Search

MODELS = {
    "base_closed": "base",
    "base_gold": "base",
    "base_retrieved": "base",
    "tuned_closed": "tuned",
    "tuned_gold": "tuned",
}
WITH_CONTEXT = {
    "en": "Answer the question from this documentation.\n\nDocumentation:\n{context}\n\nQuestion: {question}",
    "zh": "请根据下面的文档回答问题。\n\n文档：\n{context}\n\n问题：{question}",
}
MARGIN = 200  # characters of a cut chunk that stand before the evidence
Cells = dict[str, list[Answer | None]]  # by cell, one answer per question; None where the cell has no context for it


@dataclass(frozen=True)
class Question:
    """A held-out row with the chunk that answers it and the chunks that a search finds for it."""

    row: DatasetRow
    gold: Chunk | None
    retrieved: list[Chunk]


def sample(rows: Iterable[DatasetRow], max_rows: int) -> list[DatasetRow]:
    """At most `max_rows` rows (0: all), the ones with the smallest hash: the same from run to run."""
    chosen = sorted(rows, key=lambda row: share("sample", row["pair_id"]))
    return chosen[:max_rows] if max_rows else chosen


def room(question: Question, chat: Chat, section: Evaluate) -> int:
    """`evaluate.max_new_tokens`, doubled until the reference fits with its stop token: else a right answer would be cut
    off and count as one that does not end."""
    reference = len(chat.tokenizer(question.row["output"], add_special_tokens=False).input_ids) + 1
    tokens = section.max_new_tokens
    while tokens < reference:
        tokens *= 2
    return tokens


def questions(rows: list[DatasetRow], chunks: list[Chunk], section: Evaluate) -> list[Question]:
    """The rows with their chunks; own rows have no gold chunk."""
    by_id: Mapping[str, Chunk] = {chunk["chunk_id"]: chunk for chunk in chunks}
    texts = ["\n".join([*chunk["headings"], chunk["text"]]) for chunk in chunks]
    search = searching(texts, section) if section.retrieved_chunks and chunks else None
    with_context = section.max_context_rows or len(rows)

    def question(row: DatasetRow) -> Question:
        found = search.find(asked(row), section.retrieved_chunks) if search else []
        return Question(row, by_id.get(row["chunk_id"]), [chunks[place] for place in found])

    return [question(row) if place < with_context else Question(row, None, []) for place, row in enumerate(rows)]


def searching(texts: list[str], section: Evaluate) -> Search:
    directory = section.semantic_model
    return Search(texts, Embeddings(directory, "evaluate.semantic_model") if directory else None)


def asked(row: DatasetRow) -> str:
    """What a person would type."""
    return f"{row['instruction']}\n{row['input']}".strip()


def messages(cell: str, question: Question, chat: Chat, section: Evaluate) -> list[Message] | None:
    """The conversation up to the question, as it is trained; None when the cell's context is not to be had."""
    turns = conversation(question.row, chat)[:-1]
    if cell.endswith("_closed"):
        return turns
    chunks = question.retrieved if cell.endswith("_retrieved") else [question.gold] if question.gold else []
    if not chunks:
        return None
    evidence = question.row["evidence"] if cell.endswith("_gold") else ""
    return [*turns[:-1], in_context(turns[-1], chunks, evidence, chat.tokenizer, section.max_context_tokens)]


def in_context(turn: Message, chunks: list[Chunk], evidence: str, tokenizer: Any, most: int) -> Message:
    """A user's turn with chunks before its question. They share the room of `most` tokens alike; one that is cut keeps
    the evidence."""
    room = most // len(chunks)
    context = "\n\n".join(cut(chunk, evidence, tokenizer, room) for chunk in chunks)
    question = turn["content"] + (f"\n{turn['input']}" if turn.get("input") else "")
    wording = WITH_CONTEXT[language(question)]
    plain = {key: value for key, value in turn.items() if key != "input"}
    return {**plain, "content": wording.replace("{question}", question).replace("{context}", context)}


def cut(chunk: Chunk, evidence: str, tokenizer: Any, room: int) -> str:
    """A chunk under its heading path in at most `room` tokens of the model."""
    head, text = " > ".join(chunk["headings"]), chunk["text"]
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
    left = max(room - len(tokenizer(head, add_special_tokens=False).input_ids), 1)
    if len(offsets) > left:
        start = max(text.find(evidence) - MARGIN, 0) if evidence else 0
        first = next((i for i, (begin, _) in enumerate(offsets) if begin >= start), 0)
        first = min(first, len(offsets) - left)
        text = text[offsets[first][0] : offsets[first + left - 1][1]]
    return f"{head}\n\n{text}"
