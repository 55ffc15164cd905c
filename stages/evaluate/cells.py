"""The cells of the evaluation: which model answers, and what lies before it besides the question."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from types import MappingProxyType

from stages.common.chat.conversations import conversation
from stages.common.chat.passages import Context, passage
from stages.common.chat.templates import Chat, Message
from stages.common.exam.embeddings import Embeddings
from stages.common.exam.search import Search, chunk_text, quote
from stages.common.records.files import share
from stages.common.records.masking import masked_values
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.schema import Evaluate
from stages.common.text.wording import language, squeezed
from stages.evaluate.answers import Answer

MODELS = {
    "base_closed": "base",
    "base_gold": "base",
    "base_retrieved": "base",
    "base_mixed": "base",
    "base_absent": "base",
    "tuned_closed": "tuned",
    "tuned_gold": "tuned",
    "tuned_retrieved": "tuned",
    "tuned_mixed": "tuned",
    "tuned_absent": "tuned",
}
SEARCHED = 40  # chunks of a search among which near misses are looked for
Cells = dict[str, list[Answer | None]]  # by cell, one answer per question; None where the cell has no context for it


@dataclass(frozen=True)
class Question:
    """A row that is asked, with the chunk that answers it, what a search finds for it, and near misses: chunks of other
    pages that are like the question. One of the exam may have key values that a person wrote down, and tags, and knows
    whether its answer was trained."""

    row: DatasetRow
    gold: Chunk | None
    retrieved: list[Chunk]
    key_values: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    near: tuple[Chunk, ...] = ()
    trained: bool = False


class Library:
    """The chunks, to be looked up and searched; `hide`: those that a model is shown are masked."""

    def __init__(self, chunks: list[Chunk], section: Evaluate, hide: bool = True) -> None:
        self.chunks, self.section, self.hide = chunks, section, hide
        self.by_id = {chunk["chunk_id"]: chunk for chunk in chunks}

    @cached_property
    def search(self) -> Search:
        directory = self.section.semantic_model
        embeddings = Embeddings(directory, "evaluate.semantic_model") if directory else None
        return Search([chunk_text(chunk) for chunk in self.chunks], embeddings)

    def shown(self, chunk: Chunk) -> Chunk:
        hidden, _ = masked_values({"headings": chunk["headings"], "text": chunk["text"]}) if self.hide else ({}, None)
        return {**chunk, **hidden}  # type: ignore[typeddict-item]

    def gold(self, row: DatasetRow) -> Chunk | None:
        chunk = self.by_id.get(row["chunk_id"])
        return self.shown(chunk) if chunk else None

    def questions(self, rows: list[DatasetRow]) -> list[Question]:
        """The rows; at most `evaluate.max_context_rows` of them with chunks. Own rows have no gold chunk."""
        most = self.section.max_context_rows or len(rows)
        found = [Question(row, self.gold(row), self.found(question_text(row))) for row in rows[:most]]
        return found + [Question(row, None, []) for row in rows[most:]]

    def with_near_misses(self, questions: list[Question]) -> list[Question]:
        """The questions, those that have a gold chunk with `evaluate.distractors` near misses."""
        return [
            replace(question, near=tuple(self.near(question))) if question.gold else question for question in questions
        ]

    def near(self, question: Question) -> Iterator[Chunk]:
        held = squeezed(question.row["evidence"])
        places = self.search.find(question_text(question.row), SEARCHED) if self.section.distractors else []
        others = (self.chunks[place] for place in places if self.chunks[place]["path"] != question.row["path"])
        misses = (chunk for chunk in others if held not in squeezed(chunk_text(chunk)))
        yield from map(self.shown, islice(misses, self.section.distractors))

    def found(self, asked: str) -> list[Chunk]:
        """The `evaluate.retrieved_chunks` chunks that a search puts first."""
        most = min(self.section.retrieved_chunks, len(self.chunks))
        return [self.shown(self.chunks[place]) for place in self.search.find(asked, most)] if most else []


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
    setting = cell.partition("_")[2]
    chunks = before(setting, question)
    if setting == "closed" or not chunks:
        return None if setting != "closed" else conversation(question.row, chat)[:-1]
    own = {question.gold["chunk_id"]: question.row["evidence"]} if question.gold and setting != "retrieved" else {}
    shown = context(chunks, question_text(question.row), chat, section, own)
    return conversation({**question.row, "context": shown}, chat)[:-1]


def context(
    chunks: list[Chunk], asked: str, chat: Chat, section: Evaluate, evidence: Mapping[str, str] = MappingProxyType({})
) -> Context:
    """The chunks as they stand before a question. They share `evaluate.max_context_tokens` alike; one that is cut keeps
    its `evidence`, by chunk_id, else the line that is most like the question."""
    budget = section.max_context_tokens // len(chunks)
    kept = (evidence.get(chunk["chunk_id"]) or quote(chunk["text"], asked) for chunk in chunks)
    texts = (passage(chunk, part, chat.tokenizer, budget) for chunk, part in zip(chunks, kept, strict=True))
    return Context(getattr(chat.section.passages, language(asked)), tuple(texts))


def before(setting: str, question: Question) -> list[Chunk]:
    """The chunks that lie before a question: gold alone, what a search finds, gold among near misses (mixed) at a place
    that tells nothing, or near misses alone (absent)."""
    gold, near = [question.gold] if question.gold else [], list(question.near)
    if setting == "mixed" and gold and near:
        return sorted([*gold, *near], key=lambda chunk: share("order", question.row["pair_id"], chunk["chunk_id"]))
    return {"gold": gold, "retrieved": question.retrieved, "absent": near}.get(setting, [])
