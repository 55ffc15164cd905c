"""Where an answer may come from: the training rows that are nearest to question and answer, with page and lines."""

from collections.abc import Iterator

from stages.commands.tracing import display
from stages.commands.tracing.sources import chunk_of, page_of
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.exam.search import Search
from stages.common.records.files import read_jsonl
from stages.common.records.rows import DatasetRow


class TrainedRows:
    """The rows that were trained, to be searched by their words."""

    def __init__(self) -> None:
        self.rows: list[DatasetRow] = list(read_jsonl(paths.DATASET / "train.jsonl"))
        if not self.rows:
            raise UserError(
                f"{paths.DATASET / 'train.jsonl'} has no rows, so answers cannot be explained; run `dvc repro`"
            )
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

    def origin(self, row: DatasetRow) -> dict[str, str]:
        """Where a row comes from: pair, headings, page and lines, partials, revision; what there is of it."""
        has_pages = bool(row["chunk_id"]) and paths.CHUNKS.exists() and paths.DOCS.exists()
        chunk, page = (chunk_of(row["chunk_id"]), page_of(row["path"])) if has_pages else (None, None)
        lines = {"pair": row["pair_id"], **display.origin(dict(row), chunk, page)}
        return {name: " ".join(text.split()) for name, text in lines.items() if text and name != "evidence"}
