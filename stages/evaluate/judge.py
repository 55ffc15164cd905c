"""A language model that holds answers against the reference: where values are named in other words, or a reference is a
sentence, it sees what key values cannot.

Each answer is CORRECT, INCORRECT or NOT_ATTEMPTED, as in SimpleQA (Wei et al. 2024, arXiv:2411.04368). Closed-book, the
answers of base and tuned model are also shown side by side, in both orders: one is better when it is in both, since
judges favour a place (Zheng et al. 2023, arXiv:2306.05685). Every verdict is kept in the response store by question,
reference and answer, so an answer that stays is not asked about again, whichever model gave it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from stages.common.base.errors import UserError
from stages.common.llm import client, prompts
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.rows import DatasetRow
from stages.common.schema import AnswerJudge, Evaluate
from stages.common.text.wording import language
from stages.evaluate.answers import Answer
from stages.evaluate.cells import MODELS, Cells, Question, question_text, sample

Verdict = Literal["CORRECT", "INCORRECT", "NOT_ATTEMPTED"]
Side = Literal["base", "tuned", "tie"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SIDES = ("base_closed", "tuned_closed")
GRADED = ("question", "reference", "evidence", "answer")  # what the prompts may use
COMPARED = ("question", "reference", "evidence", "a", "b")


class Grade(BaseModel):
    """The reply about one answer."""

    model_config = ConfigDict(extra="forbid")
    verdict: Verdict


class Preference(BaseModel):
    """The reply about two answers."""

    model_config = ConfigDict(extra="forbid")
    better: Literal["A", "B", "tie"]


@dataclass(frozen=True)
class Verdicts:
    """What the judge says of the answers of one set: by cell and question, and which closed-book answer it prefers.
    None where there is no answer, or no verdict on it."""

    grades: Mapping[str, Sequence[Verdict | None]] = field(default_factory=dict)
    preferred: Sequence[Side | None] = ()
    keys: Sequence[str] = ()  # of the requests in the response store


def verdicts(
    questions: Mapping[str, list[Question]], answers: Mapping[str, Cells], section: AnswerJudge
) -> dict[str, Verdicts]:
    """The verdicts by set; empty ones when the judge is off. Raises UserError when too many are missing."""
    if not section.enabled:
        return {split: Verdicts() for split in questions}
    judge = Judge(section)
    with Store.of_repository() as store:
        judge.ask(questions, answers, store)
        return {split: judge.read(rows, answers[split], store) for split, rows in questions.items()}


def expected(rows: list[DatasetRow], section: Evaluate) -> Iterator[Request]:
    """Requests about one set before anything is answered, with answers that repeat the reference."""
    judge = Judge(section.judge)
    measured = sample(rows, section.max_rows)
    in_context = section.max_context_rows or len(measured)
    for place, row in enumerate(measured):
        question, answer = Question(row, None, []), Answer(row["output"], True)
        for cell in MODELS:
            unasked = place >= in_context or (cell.endswith("_retrieved") and not section.retrieved_chunks)
            unasked |= cell.endswith(("_mixed", "_absent")) and not section.distractors
            if cell.endswith("_closed") or not unasked:
                yield judge.grade(question, answer)
        yield from judge.both_orders(question, answer, answer)


class Judge:
    """The judge's requests about answers, and its verdicts in the store."""

    def __init__(self, section: AnswerJudge) -> None:
        self.section = section
        self.grading, self.comparing = (
            {
                lang: prompts.load(Path(section.prompts) / f"{name}.{lang}.md", variables, "evaluate.judge.prompts")
                for lang in ("zh", "en")
            }
            for name, variables in (("grade", GRADED), ("compare", COMPARED))
        )

    def ask(self, questions: Mapping[str, list[Question]], answers: Mapping[str, Cells], store: Store) -> None:
        """Have every answer and pair of answers judged that is not yet."""
        sets = [(rows, answers[split]) for split, rows in questions.items()]
        grades = [request for rows, cells in sets for request in self.grades(rows, cells)]
        pairs = [request for rows, cells in sets for request in self.preferences(rows, cells)]
        outcome = client.complete(grades, store, Grade, self.section, "evaluate.judge", len(grades))
        outcome += client.complete(pairs, store, Preference, self.section, "evaluate.judge", len(pairs))
        if outcome.unanswered() > self.section.max_failed * outcome.total():
            raise UserError(
                f"{outcome.unanswered()} of {outcome.total()} verdicts are missing ({outcome.reasons()}); all others "
                "are stored: `dvc repro` asks only for the missing ones, evaluate.judge.max_failed allows more"
            )

    def grades(self, questions: Sequence[Question], cells: Cells) -> Iterator[Request]:
        for answers in cells.values():
            for question, answer in zip(questions, answers, strict=True):
                if answer:
                    yield self.grade(question, answer)

    def preferences(self, questions: Sequence[Question], cells: Cells) -> Iterator[Request]:
        for question, base, tuned in zip(questions, *(cells[side] for side in SIDES), strict=True):
            if base and tuned and base.text != tuned.text:
                yield from self.both_orders(question, base, tuned)

    def grade(self, question: Question, answer: Answer) -> Request:
        prompt = self.grading[language(question_text(question.row))]
        return self.request(prompt, {**known(question), "answer": answer.text}, Grade)

    def both_orders(self, question: Question, base: Answer, tuned: Answer) -> tuple[Request, Request]:
        prompt = self.comparing[language(question_text(question.row))]
        first, second = ({**known(question), "a": a.text, "b": b.text} for a, b in ((base, tuned), (tuned, base)))
        return self.request(prompt, first, Preference), self.request(prompt, second, Preference)

    def request(self, prompt: prompts.Prompt, values: dict[str, object], reply: type[BaseModel]) -> Request:
        return Request.of(self.section, prompt.messages(values), reply.model_json_schema())

    def read(self, questions: Sequence[Question], cells: Cells, store: Store) -> Verdicts:
        """The stored verdicts on the answers of one set."""
        grades = {
            cell: [
                self.stored_grade(question, answer, store) if answer else None
                for question, answer in zip(questions, answers, strict=True)
            ]
            for cell, answers in cells.items()
        }
        sides = zip(questions, cells[SIDES[0]], cells[SIDES[1]], strict=True)
        preferred = [self.stored_preference(question, a, b, store) for question, a, b in sides]
        requests = chain(self.grades(questions, cells), self.preferences(questions, cells))
        return Verdicts(grades, preferred, [request.key() for request in requests])

    def stored_grade(self, question: Question, answer: Answer, store: Store) -> Verdict | None:
        reply = store.get(self.grade(question, answer).key())
        return Grade.model_validate_json(reply).verdict if reply else None

    def stored_preference(
        self, question: Question, base: Answer | None, tuned: Answer | None, store: Store
    ) -> Side | None:
        """The side that is better in both orders. Equal answers are a tie, and nobody is asked."""
        if not base or not tuned:
            return None
        if base.text == tuned.text:
            return "tie"
        replies = [store.get(request.key()) for request in self.both_orders(question, base, tuned)]
        if not all(replies):
            return None
        first, second = (Preference.model_validate_json(str(reply)).better for reply in replies)
        return {("A", "B"): "base", ("B", "A"): "tuned"}.get((first, second), "tie")  # type: ignore[return-value]


def known(question: Question) -> dict[str, object]:
    """What the prompts may say beside the answers."""
    row = question.row
    return {"question": question_text(row), "reference": row["output"], "evidence": row["evidence"]}
