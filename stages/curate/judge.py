"""A language model that has the source before it says whether pairs are fit to train on.

It answers three questions with fixed choices about each pair, as JSON keyed by pair_id; it never repeats the pair. A
verdict is stored under the key of a request about that pair alone, even when several pairs of a chunk were asked about
together, so neither a threshold nor a pair that leaves asks about the others again. Scores and thresholds come after.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.llm import prompts
from stages.common.llm.entries import Response
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.files import read_jsonl, write_jsonl
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Verdict, rejection
from stages.common.rows.source import Source
from stages.common.schema import Curate, Judge
from stages.curate.shelf import Shelf
from stages.curate.table import Rows

Choice = Literal["yes", "partly", "no"]
POINTS = {"yes": 2, "partly": 1, "no": 0}
BEST = 10.0  # the score of three times yes
VARIABLES = ("headings", "text", "pairs")


class Opinion(BaseModel):
    """What the judge says of one pair."""

    model_config = ConfigDict(extra="forbid")
    pair_id: str
    faithful: Choice
    answers: Choice
    clear: Choice


class Opinions(BaseModel):
    """The reply to a request about one or several pairs."""

    model_config = ConfigDict(extra="forbid")
    verdicts: list[Opinion]


class Judged(NamedTuple):
    """Rows that the judge lets pass, with their score; the others; and how often it said what."""

    rows: Rows
    rejected: Shelf
    figures: dict[str, int]


def sift(rows: Rows, sources: Mapping[str, Source], limits: Curate) -> Judged:
    """Rows whose score is at least `curate.min_score`. The user's own rows and what a reviewer accepted pass unasked.

    Answers go to data/verdicts.jsonl as well, which asks nothing of whoever pulled it.
    """
    if not limits.judge.enabled:
        store_earlier_verdicts()
        write_jsonl(paths.VERDICTS, [])
        return Judged(rows, Shelf(), {})
    pair_judge = PairJudge(limits.judge, sources)
    asked = rows.where(~rows.column("own") & ~rows.column("accepted"))
    with Store.of_repository() as store:
        store.seed(paths.VERDICTS)
        pair_judge.ask(asked, store)
        opinions = {row["pair_id"]: pair_judge.stored(row, store) for row in asked}
        write_jsonl(paths.VERDICTS, store.rows(map(pair_judge.key, asked)))
    return apply(rows, opinions, limits.min_score)


def store_earlier_verdicts() -> None:
    """Put the verdicts of the last run into the store, before their file is written anew without them."""
    if paths.VERDICTS.exists() and next(read_jsonl(paths.VERDICTS), None):
        with Store.of_repository() as store:
            store.seed(paths.VERDICTS)


def apply(rows: Rows, opinions: Mapping[str, Opinion | None], least: float) -> Judged:
    """The opinions held against the threshold. A pair that the judge gave none of does not pass."""
    rejected, figures, passes = Shelf(), Counter[str](), np.ones(len(rows), np.bool_)
    for place, row in enumerate(rows):
        if row["pair_id"] not in opinions:
            continue
        opinion = opinions[row["pair_id"]]
        figures.update(names(opinion))
        if opinion and score(opinion) >= least:
            rows.table.columns["score"][int(rows.numbers[place])] = score(opinion)
        else:
            passes[place] = False
            value = {**opinion.model_dump(exclude={"pair_id"}), "score": score(opinion)} if opinion else "no verdict"
            rejected.put(rejection(row, "judge", Verdict(value, least)))
    return Judged(rows.where(passes), rejected, dict(sorted(figures.items())))


def names(opinion: Opinion | None) -> list[str]:
    """The opinion as names for counting, such as faithful_partly."""
    if opinion is None:
        return ["no_verdict"]
    return [f"{question}_{choice}" for question, choice in opinion.model_dump(exclude={"pair_id"}).items()]


def score(opinion: Opinion) -> float:
    """From 0 (three times no) to 10 (three times yes)."""
    points = [POINTS[choice] for choice in (opinion.faithful, opinion.answers, opinion.clear)]
    return round(BEST * sum(points) / (len(points) * POINTS["yes"]), 1)


class PairJudge:
    """The judge's requests about rows, and its opinions in the store."""

    def __init__(self, section: Judge, sources: Mapping[str, Source]) -> None:
        self.section, self.sources = section, sources
        self.keys: dict[str, str] = {}  # of the verdicts, by pair_id
        self.prompts = {
            lang: prompts.load(Path(section.prompts) / f"judge.{lang}.md", VARIABLES, "curate.judge.prompts")
            for lang in ("zh", "en")
        }

    def ask(self, rows: Rows, store: Store) -> None:
        """Have every row judged that is not yet: first several at a time, then alone what that left open."""
        together = list(self.batches(row for row in rows if not self.is_known(row, store)))
        requests = [(batch, self.request(batch)) for batch in together if len(batch) > 1]
        outcome = self.complete([request for _, request in requests], store)
        store.put_all(chain.from_iterable(self.parts(batch, request, store) for batch, request in requests))
        outcome += self.complete([self.alone(row) for row in rows if not self.is_known(row, store)], store)
        open_rows = sum(not self.is_known(row, store) for row in rows)
        if open_rows > self.section.max_failed * len(rows):
            raise UserError(
                f"{open_rows} of {len(rows)} pairs have no verdict ({outcome.reasons()}); the others are stored; "
                "`dvc repro` asks only for the missing ones, and curate.judge.max_failed allows more"
            )

    def complete(self, requests: list[Request], store: Store) -> Outcome:
        from stages.common.llm import client  # and with it aiohttp, which nothing else here needs

        return client.complete(requests, store, Opinions, self.section, "curate.judge", len(requests))

    def batches(self, rows: Iterable[DatasetRow]) -> Iterator[list[DatasetRow]]:
        """Rows of one chunk, at most `pairs_per_request` together."""
        by_chunk: dict[str, list[DatasetRow]] = defaultdict(list)
        for row in rows:
            by_chunk[row["chunk_id"]].append(row)
        for of_chunk in by_chunk.values():
            for start in range(0, len(of_chunk), self.section.pairs_per_request):
                yield of_chunk[start : start + self.section.pairs_per_request]

    def request(self, rows: list[DatasetRow]) -> Request:
        source = self.sources[rows[0]["chunk_id"]]
        prompt = self.prompts["zh" if "zh" in source.languages else "en"]
        values: dict[str, object] = {
            "headings": " > ".join(source.chunk["headings"]),
            "text": source.chunk["text"],
            "pairs": "\n\n".join(shown(row) for row in rows),
        }
        schema = Opinions.model_json_schema()
        schema["properties"]["verdicts"] |= {"minItems": len(rows), "maxItems": len(rows)}
        return Request.of(self.section, prompt.messages(values), schema)

    def alone(self, row: DatasetRow) -> Request:
        """The request about one row: the key of its verdict."""
        return self.request([row])

    def key(self, row: DatasetRow) -> str:
        if row["pair_id"] not in self.keys:
            self.keys[row["pair_id"]] = self.alone(row).key()
        return self.keys[row["pair_id"]]

    def is_known(self, row: DatasetRow, store: Store) -> bool:
        return store.find(self.key(row)) is not None

    def stored(self, row: DatasetRow, store: Store) -> Opinion | None:
        answer = store.get(self.key(row))
        return opinion_in(answer, row["pair_id"]) if answer else None

    def parts(self, rows: list[DatasetRow], request: Request, store: Store) -> Iterator[Response]:
        """A reply about several rows as one verdict for each that it names."""
        answer = store.get(request.key())
        for row in rows:
            opinion = opinion_in(answer, row["pair_id"]) if answer else None
            if opinion:
                yield Response(self.key(row), Opinions(verdicts=[opinion]).model_dump_json())


def shown(row: DatasetRow) -> str:
    """A pair as the judge reads it."""
    parts = (
        ("pair_id", row["pair_id"]),
        ("instruction", row["instruction"]),
        ("input", row["input"]),
        ("output", row["output"]),
    )
    return "\n".join(f"{name}: {text}" for name, text in parts if text)


def opinion_in(answer: str, pair_id: str) -> Opinion | None:
    """What an answer says of a pair; None when it is silent about it."""
    try:
        verdicts = Opinions.model_validate_json(answer).verdicts
    except ValidationError:
        return None
    return next((opinion for opinion in verdicts if opinion.pair_id == pair_id), None)
