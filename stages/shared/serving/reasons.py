"""Where an answer may come from: the training rows that are nearest to question and answer, with page and lines."""

from collections.abc import Iterator

from stages.shared import paths
from stages.shared.records import DatasetRow, read_jsonl
from stages.shared.retrieval import Search


class Memory:
    """The rows that were trained, to be searched by their words."""

    def __init__(self) -> None:
        self.rows: list[DatasetRow] = list(read_jsonl(paths.DATASET / "train.jsonl"))
        self.search = Search([f"{row['instruction']}\n{row['input']}\n{row['output']}" for row in self.rows])

    def nearest(self, question: str, answer: str, most: int = 3) -> Iterator[DatasetRow]:
        """The nearest rows, each fact once."""
        facts: set[str] = set()
        for place in self.search.find(f"{question}\n{answer}", 10 * most):
            row = self.rows[place]
            if row["fact_id"] not in facts:
                facts.add(row["fact_id"])
                yield row
            if len(facts) == most:
                return
