"""Every question put to base and tuned model, cell by cell; and the base model's drawn answers.

A question that the base answers wrong greedily it may still answer right when its answers are drawn, and then it is no
new knowledge: Gekhman et al. 2024 (arXiv:2405.05904) call unknown what a model never answers right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stages.common.base import paths
from stages.common.chat.conversations import without_thought
from stages.common.chat.templates import Chat
from stages.common.records.masking import masked
from stages.common.schema import Evaluate
from stages.evaluate import cells
from stages.evaluate.answers import Answer
from stages.evaluate.cells import Cells, Question
from stages.evaluate.figures import right
from stages.evaluate.models import Model, Models

Answers = dict[str, Cells]  # by set
Samples = list[list[Answer]]  # of each question the answers that were drawn; none where the greedy one is right


@dataclass(frozen=True)
class Asking:
    """How questions are asked; `hide`: answers are masked like the rows, for they are written down and judged."""

    chat: Chat
    section: Evaluate
    hide: bool = True

    def all_cells(self, questions: dict[str, list[Question]], asked: Models) -> tuple[Answers, dict[str, Samples]]:
        """The answers of every cell, and the drawn ones, by set."""
        answers: Answers = {name: {} for name in questions}
        samples: dict[str, Samples] = {}
        for cell, model in cells.MODELS.items():
            for name, rows in questions.items():
                desc = f"{name} {cell}"
                answers[name][cell] = written = self.cell(cell, rows, asked[model], desc)
                if cell == "base_closed" and name in paths.MEASURED:  # while the base is in memory
                    samples[name] = self.drawn(rows, written, asked[model], desc)
        return answers, samples

    def cell(
        self, cell: str, rows: Sequence[Question], model: Model, desc: str, sample: int = 0
    ) -> list[Answer | None]:
        """An answer to each question that the cell has a context for; with `sample`, one that is drawn."""
        turns = [cells.messages(cell, question, self.chat, self.section) for question in rows]
        budgets = [cells.answer_budget(question, self.chat, self.section) for question in rows]
        by_place: dict[int, Answer] = {}
        for budget in sorted(set(budgets)):
            conversations = {place: turn for place, turn in enumerate(turns) if turn and budgets[place] == budget}
            wide = self.section.model_copy(update={"max_new_tokens": budget})
            written = model.answers_to(list(conversations.values()), self.chat, wide, desc, sample)
            by_place |= zip(conversations, map(self.spoken, written), strict=True)
        return [by_place.get(place) for place in range(len(rows))]

    def spoken(self, answer: Answer) -> Answer:
        text = without_thought(answer.text, self.chat.opens_thought)
        return replace(answer, text=masked(text)[0] if self.hide else text)

    def drawn(self, questions: Sequence[Question], greedy: Sequence[Answer | None], model: Model, desc: str) -> Samples:
        """`evaluate.base_samples` - 1 further closed-book answers to each question whose greedy answer is wrong, none
        after one that is right."""
        found: Samples = [[] for _ in questions]
        settled = [answer is not None and right(answer, one) for one, answer in zip(questions, greedy, strict=True)]
        for sample in range(1, self.section.base_samples):
            places = [place for place, done in enumerate(settled) if not done]
            chosen = [questions[place] for place in places]
            answers = self.cell("base_closed", chosen, model, f"{desc} sample {sample}", sample)
            for place, answer in zip(places, answers, strict=True):
                if answer:
                    found[place].append(answer)
                    settled[place] = right(answer, questions[place])
        return found
