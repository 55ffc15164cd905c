"""Rows to Parquet in batches, by one process or several, to the same bytes; memory holds a few batches at a time.

Work is done, and kept for the next run, in runs of rows that end where the hash of a pair_id says so: an edit moves no
such end but those beside it.
"""

import gc
import marshal
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from stages.common.base.mapped import mapped
from stages.common.chat.templates import chat_for
from stages.common.models.base import pretrained
from stages.common.records.files import digest
from stages.common.schema import Params
from stages.format.audit import Figures
from stages.format.encoding import Encoder
from stages.format.examples import examples, kept

SCHEMA = pa.schema(
    {"text": pa.string(), "input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32()), "pair_id": pa.string()}
)
ROWS = 1024  # of a batch
RUN = 128  # rows between two places where a run of rows may end, on average


class Formatted(NamedTuple):
    """Rows as a record batch, what the audit counts in them, and how many rows of the batch each of them makes."""

    batch: pa.RecordBatch
    figures: Figures
    made: list[int]


def batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Rows in lists of ROWS, the last one shorter."""
    left = iter(rows)
    while batch := list(islice(left, ROWS)):
        yield batch


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's garbage collector at rest: it would walk through the thousands of token lists of a batch again and
    again, and find nothing, for about a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@no_collection()
def format_batch(encoder: Encoder, rows: list[Any]) -> Formatted:
    figures = Figures()
    finals = []
    made = dict.fromkeys(map(id, rows), 0)
    for example in examples(encoder, rows):
        final = kept(example, encoder)
        figures.add(encoder, example, final)
        if final:
            finals.append(final)
            made[id(example.row)] += 1
    columns = [
        pa.array([final.rendered.text for final in finals], pa.string()),
        lists([final.labelled.input_ids for final in finals]),
        lists([final.labelled.labels for final in finals]),
        pa.array([final.row["pair_id"] for final in finals], pa.string()),
    ]
    return Formatted(pa.RecordBatch.from_arrays(columns, schema=SCHEMA), figures, list(made.values()))


def lists(rows: Sequence[list[int]]) -> pa.ListArray:
    """Lists of 32-bit integers as an Arrow column: half the time that Arrow takes for nested lists."""
    flat, offsets = array("i"), array("i", [0])
    for row in rows:
        flat.fromlist(row)
        offsets.append(len(flat))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(np.frombuffer(flat, np.int32), pa.int32()))


def formatted(settings: Params, encoder: Encoder, rows: Iterable[Any], figures: Figures) -> Iterator[pa.RecordBatch]:
    """A record batch of each ROWS rows; `figures` gets what the audit counts in them."""
    encoders[settings.model_dump_json()] = encoder
    gc.freeze()  # what is loaded by now (transformers, the tokenizer) was walked through between batches
    work = partial(format_rows, settings)
    results = mapped(work, runs(rows), partial(key, fingerprint(encoder)), settings.format.processes)
    pieces: list[pa.RecordBatch] = []
    missing = ROWS
    for batch, counted, made in results:
        figures.merge(counted)
        while len(made) >= missing:
            head = sum(made[:missing])
            yield pa.concat_batches([*pieces, batch.slice(0, head)])
            pieces, batch, made, missing = [], batch.slice(head), made[missing:], ROWS
        pieces.append(batch)
        missing -= len(made)
    if pieces:
        yield pa.concat_batches(pieces)


def runs(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Rows in runs that their pair_ids end, of at most ROWS."""
    run: list[Any] = []
    for row in rows:
        run.append(row)
        if crc32(str(row["pair_id"]).encode("utf-8", "surrogatepass")) % RUN == 0 or len(run) == ROWS:
            yield run
            run = []
    if run:
        yield run


def fingerprint(encoder: Encoder) -> str:
    """What tokens and labels depend on besides the rows: tokenizer, template and params."""
    chat = encoder.chat
    section = chat.section.model_dump_json(exclude={"processes"})
    return digest(encoder.backend.to_str(), repr(chat.tokenizer.special_tokens_map), chat.template, section, length=64)


def key(fingerprint: str, rows: list[Any]) -> bytes:
    plain = [{**row, "context": tuple(row["context"])} if "context" in row else row for row in rows]
    return marshal.dumps((fingerprint, plain), 2)  # that version writes equal values alike


def format_rows(settings: Params, rows: list[Any]) -> Formatted:
    """`format_batch` in any process; a new one loads tokenizer and template once."""
    name = settings.model_dump_json()
    if name not in encoders:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # each process uses one thread, they are as many as the cores
        encoders[name] = Encoder(chat_for(pretrained.tokenizer(settings.model), settings.format))
        gc.freeze()
    return format_batch(encoders[name], rows)


encoders: dict[str, Encoder] = {}  # by the params
