"""The cells of the evaluation: which model answers, and what lies before it besides the question."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
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
    """A row that is asked, with the chunk that answers it and the chunks that a search finds for it. A question of the
    exam may have key values that a person wrote down, and tags."""

    row: DatasetRow
    gold: Chunk | None
    retrieved: list[Chunk]
    key_values: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Library:
    """The chunks, to be looked up and searched."""

    def __init__(self, chunks: list[Chunk], section: Evaluate) -> None:
        self.chunks, self.section = chunks, section
        self.by_id = {chunk["chunk_id"]: chunk for chunk in chunks}

    @cached_property
    def search(self) -> Search:
        directory = self.section.semantic_model
        embeddings = Embeddings(directory, "evaluate.semantic_model") if directory else None
        return Search([chunk_text(chunk) for chunk in self.chunks], embeddings)

    def questions(self, rows: list[DatasetRow]) -> list[Question]:
        """The rows; at most `evaluate.max_context_rows` of them with chunks. Own rows have no gold chunk."""
        most = self.section.max_context_rows or len(rows)
        found = [Question(row, self.by_id.get(row["chunk_id"]), self.retrieved(row)) for row in rows[:most]]
        return found + [Question(row, None, []) for row in rows[most:]]

    def retrieved(self, row: DatasetRow) -> list[Chunk]:
        most = self.section.retrieved_chunks if self.chunks else 0
        places = self.search.find(question_text(row), most) if most else []
        return [self.chunks[place] for place in places]


def chunk_text(chunk: Chunk) -> str:
    return "\n".join([*chunk["headings"], chunk["text"]])


def sample(rows: Iterable[DatasetRow], max_rows: int) -> list[DatasetRow]:
    """At most `max_rows` rows (0: all), the ones with the smallest hash: the same from run to run."""
    chosen = sorted(rows, key=lambda row: share("sample", row["pair_id"]))
    return chosen[:max_rows] if max_rows else chosen


def answer_budget(question: Question, chat: Chat, section: Evaluate) -> int:
    """`evaluate.max_new_tokens`, doubled until the reference fits with its stop token: else a right answer would be cut
    off and count as one that does not end."""
    reference = len(chat.tokenizer(question.row["output"], add_special_tokens=False).input_ids) + 1
    tokens = section.max_new_tokens
    while tokens < reference:
        tokens *= 2
    return tokens


def question_text(row: DatasetRow) -> str:
    """What a person would type."""
    return f"{row['instruction']}\n{row['input']}".strip()


def messages(cell: str, question: Question, chat: Chat, section: Evaluate) -> list[Message] | None:
    """The conversation up to the question, as it is trained; None when the cell has no context for it."""
    turns = conversation(question.row, chat)[:-1]
    if cell.endswith("_closed"):
        return turns
    chunks = question.retrieved if cell.endswith("_retrieved") else [question.gold] if question.gold else []
    if not chunks:
        return None
    evidence = question.row["evidence"] if cell.endswith("_gold") else ""
    return [*turns[:-1], in_context(turns[-1], chunks, evidence, chat.tokenizer, section.max_context_tokens)]


def in_context(turn: Message, chunks: list[Chunk], evidence: str, tokenizer: Any, most: int) -> Message:
    """A user's turn with chunks before its question. They share a budget of `most` tokens alike; one that is cut keeps
    the evidence."""
    context = "\n\n".join(cut(chunk, evidence, tokenizer, most // len(chunks)) for chunk in chunks)
    question = turn["content"] + (f"\n{turn['input']}" if turn.get("input") else "")
    wording = WITH_CONTEXT[language(question)]
    others = {key: value for key, value in turn.items() if key != "input"}
    return {**others, "content": wording.replace("{question}", question).replace("{context}", context)}


def cut(chunk: Chunk, evidence: str, tokenizer: Any, budget: int) -> str:
    """A chunk under its heading path in at most `budget` tokens of the model."""
    head, text = " > ".join(chunk["headings"]), chunk["text"]
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
    left = max(budget - len(tokenizer(head, add_special_tokens=False).input_ids), 1)
    if len(offsets) > left:
        start = max(text.find(evidence) - MARGIN, 0) if evidence else 0
        first = next((i for i, (begin, _) in enumerate(offsets) if begin >= start), 0)
        first = min(first, len(offsets) - left)
        text = text[offsets[first][0] : offsets[first + left - 1][1]]
    return f"{head}\n\n{text}"
