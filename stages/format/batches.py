"""Rows to Parquet in batches, by one process or several, to the same bytes; memory holds a few batches at a time."""

import gc
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa

from stages.common.chat.templates import chat_for
from stages.common.models.base import pretrained
from stages.common.schema import Params
from stages.format.audit import Figures
from stages.format.encoding import Encoder
from stages.format.examples import examples, kept

SCHEMA = pa.schema(
    {"text": pa.string(), "input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32()), "pair_id": pa.string()}
)
ROWS = 1024  # of a batch
MANY_BYTES = 20_000_000  # of a dataset: from here on a second process is worth the seconds it takes to start

Result = tuple[pa.RecordBatch, Figures]


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
def format_batch(encoder: Encoder, rows: list[Any]) -> Result:
    """The rows as one record batch, and what the audit counts in them."""
    figures = Figures()
    finals = []
    for example in examples(encoder, rows):
        final = kept(example, encoder)
        figures.add(encoder, example, final)
        if final:
            finals.append(final)
    columns = [
        pa.array([final.rendered.text for final in finals], pa.string()),
        lists([final.labelled.input_ids for final in finals]),
        lists([final.labelled.labels for final in finals]),
        pa.array([final.row["pair_id"] for final in finals], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA), figures


def lists(rows: Sequence[list[int]]) -> pa.ListArray:
    """Lists of 32-bit integers as an Arrow column: half the time that Arrow takes for nested lists."""
    flat, offsets = array("i"), array("i", [0])
    for row in rows:
        flat.fromlist(row)
        offsets.append(len(flat))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(np.frombuffer(flat, np.int32), pa.int32()))


def processes(wanted: int, size: int) -> int:
    """`format.processes` made concrete for a dataset of `size` bytes."""
    return wanted or (min(os.cpu_count() or 1, 8) if size >= MANY_BYTES else 1)


@contextmanager
def mapper(
    settings: Params, encoder: Encoder, count: int
) -> Iterator[Callable[[Iterable[list[Any]]], Iterator[Result]]]:
    """A map over batches that keeps their order, in this process or in `count` others.

    What is loaded by now (transformers, the tokenizer) is kept out of the garbage collector's way: that walked through
    it between batches.
    """
    if count == 1:
        gc.freeze()
        yield lambda batches: map(partial(format_batch, encoder), batches)
        return
    # Spawned: a fork would inherit the tokenizer's locks. Each process uses one thread, they are as many as the CPUs.
    with ProcessPoolExecutor(count, get_context("spawn"), start_worker, (settings,)) as pool:

        def ahead(batches: Iterable[list[Any]]) -> Iterator[Result]:
            waiting: deque[Future[Result]] = deque()
            for batch in batches:
                waiting.append(pool.submit(work, batch))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        yield ahead


def start_worker(settings: Params) -> None:
    """Load tokenizer and template once in a new process."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    global encoder_of_worker
    encoder_of_worker = Encoder(chat_for(pretrained.tokenizer(settings.model), settings.format))
    gc.freeze()


def work(rows: list[Any]) -> Result:
    return format_batch(encoder_of_worker, rows)


encoder_of_worker: Encoder
