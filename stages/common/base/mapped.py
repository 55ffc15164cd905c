"""One ordered map over pages, rows or batches: in this process, in several or on a cluster, each result kept for the
next run.

What comes out depends on neither: results stand in the order of the items, and one that was kept is that of the same
function, item and code. So an edit costs what the pages that it touched cost, and the stages use all cores.
"""

import functools
import hashlib
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from stages.common.base import engines
from stages.common.base.kept import Kept, compact, expanded

Item = TypeVar("Item")
Result = TypeVar("Result")
Packed = tuple[bytes, bool]

SECONDS = 8.0  # of work in this process, before others are worth the seconds that they take to start
BATCH = 16  # items that go to a process and into the database together
AHEAD = 2  # batches for each process that are under way or wait for their turn: memory holds no more


class Questions(NamedTuple):
    """What a function looks up on its way and its item does not say, such as the files that a page names.

    `asked` gives the questions behind a result with the answers that it got, `answer` what is answered now. A result is
    kept under both: the same item asks the same questions as long as it gets the same answers.
    """

    asked: Callable[[Any], Mapping[str, str]]
    answer: Callable[[str], str]

    def key(self, item: bytes, questions: Iterable[str]) -> bytes:
        """That of a result, from the key of its item and the questions that it asked the last time."""
        return with_answers(item, {question: self.answer(question) for question in questions})

    def entries(self, item: bytes, result: object, value: bytes) -> dict[bytes, bytes]:
        """What is kept of a result: its questions under the key of the item, itself under that with the answers."""
        answers = self.asked(result)
        return {item: compact(pickle.dumps(list(answers))), with_answers(item, answers): value}


def with_answers(item: bytes, answers: Mapping[str, str]) -> bytes:
    return hashlib.sha256(item + repr(answers).encode("utf-8", "surrogatepass")).digest()


def answered(kept: Kept, items: list[bytes], questions: Questions) -> list[bytes]:
    """The keys of results, by those of their items and the answers of now to what each asked the last time."""
    asked = kept.get(items)
    return [questions.key(item, pickle.loads(asked[item]) if item in asked else ()) for item in items]


def always(result: object) -> bool:
    return True


def mapped(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    key: Callable[[Item], bytes],
    processes: int = 0,
    lasting: Callable[[Result], bool] = always,
    questions: Questions | None = None,
) -> Iterator[Result]:
    """`function` of each item, in order; it is a module's own, or a partial of one, and so can be sent to a process.

    `key` gives everything that the result depends on besides the code and what `questions` are asked: the item's
    content and the params that matter.
    `lasting`: whether a result is kept; one of a busy moment, such as that time ran out, should not be.
    `processes`: 1 for this one alone, 0 for one for each core once there is enough work, else so many.
    """
    left, named = iter(items), unwrapped(function)
    stage = stage_of(named)
    code = code_digest(stage)
    with closing(Kept(f"{stage}.{named.__name__}")) as kept, closing(Engine(function, lasting, processes)) as engine:
        waiting: deque[tuple[list[bytes], list[bytes], dict[bytes, bytes], Future[list[Packed]]]] = deque()
        while True:
            batch = list(islice(left, BATCH))
            if batch:
                begun = [hashlib.sha256(code + key(item)).digest() for item in batch]
                keys = answered(kept, begun, questions) if questions else begun
                known = kept.get(keys)
                missing = [item for item, of_result in zip(batch, keys, strict=True) if of_result not in known]
                waiting.append((begun, keys, known, engine.submit(missing)))
            while waiting and (not batch or len(waiting) > engine.ahead):
                begun, keys, known, future = waiting.popleft()
                with engines.failures():
                    new = iter(future.result())
                results: list[Result] = []
                fresh: dict[bytes, bytes] = {}
                for of_item, of_result in zip(begun, keys, strict=True):
                    if of_result in known:
                        results.append(pickle.loads(known[of_result]))
                        continue
                    value, lasts = next(new)
                    results.append(pickle.loads(expanded(value)))
                    if lasts:
                        fresh |= questions.entries(of_item, results[-1], value) if questions else {of_result: value}
                kept.put({*begun, *keys, *fresh}, fresh)
                yield from results
            if not batch:
                return


class Engine(Generic[Item, Result]):
    """Runs batches in this process, then elsewhere, for which it waits until they are worth the start unless it is told
    how many. `ahead`: how many batches may be under way."""

    def __init__(self, function: Callable[[Item], Result], lasting: Callable[[Result], bool], processes: int) -> None:
        engines.require()
        self.work = functools.partial(packed, function, lasting)
        self.name = engines.chosen()
        self.processes = processes or engines.most(self.name)
        self.pool: engines.Pool | None = None
        self.ahead, self.spent, self.enough = 0, 0.0, 0.0 if processes else SECONDS

    def submit(self, batch: list[Item]) -> Future[list[Packed]]:
        if self.pool and batch:
            with engines.failures():
                return self.pool.submit(self.work, batch)
        future: Future[list[Packed]] = Future()
        began = time.process_time()
        future.set_result(self.work(batch))
        self.spent += time.process_time() - began
        if self.processes > 1 and self.spent > self.enough and not self.pool:
            self.pool = engines.pool(self.name, self.processes)
            self.ahead = AHEAD * self.pool.workers
        return future

    def close(self) -> None:
        if self.pool:
            self.pool.close()


def packed(function: Callable[[Item], Result], lasting: Callable[[Result], bool], batch: list[Item]) -> list[Packed]:
    """The results of a batch as they are sent and kept, and whether they are to be kept."""
    results = map(function, batch)
    return [(compact(pickle.dumps(one, pickle.HIGHEST_PROTOCOL)), lasting(one)) for one in results]


def unwrapped(function: Callable[..., object]) -> Callable[..., object]:
    return unwrapped(function.func) if isinstance(function, functools.partial) else function


def stage_of(function: Callable[..., object]) -> str:
    """The stage whose module a function is in."""
    module = function.__module__
    if module in ("__main__", "__mp_main__"):  # of a stage that is run
        module = sys.modules[module].__spec__.name  # type: ignore[union-attr]
    return module.split(".")[1]


@functools.cache
def code_digest(stage: str) -> bytes:
    """What computes results: the code of the stage and of the common rooms, Python, and the packages with versions."""
    packages = sorted(name for path in sys.path for name in listed(path) if name.endswith(".dist-info"))
    digest = hashlib.sha256("\n".join([sys.version, *packages]).encode())
    root = Path(__file__).parents[2]
    for room in (stage, "common"):
        for file in sorted((root / room).rglob("*")):
            if "__pycache__" not in file.parts and file.is_file():
                digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.digest()


def listed(directory: str) -> list[str]:
    try:
        return [file.name for file in Path(directory).iterdir()]
    except OSError:  # a zip file, or nothing at all
        return []
