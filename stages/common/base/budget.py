"""A budget of CPU time and memory for one piece of input, so that no page takes the others down."""

import functools
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType

from stages.common.base.errors import UserError
from stages.common.base.printable import say

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows
    resource = None

MAX_SECONDS = 30.0  # of CPU time for a page in a stage; the largest real ones take one or two
LEAST_SECONDS = 0.5  # for a part of a page that has taken all of its time: it may be just long
MAX_BYTES = 2 << 30  # of memory that a page may take beyond what the process holds
PAGE_SIZE = 4096
MOST_NAMED = 1_000  # skipped pages in a report; their number is always complete


class OverBudgetError(Exception):
    """More CPU time or memory than one piece of input may take."""


class LeftOutError(Exception):
    """A part of a page that was left out where it was looked at; the message is the reason."""


@contextmanager
def budget(seconds: float, most_bytes: int = MAX_BYTES) -> Iterator[None]:
    """Raise OverBudgetError in the block when it has taken `seconds` of this process's CPU time (0: no limit), or asks
    for more than `most_bytes` of memory.

    Python's regular expressions look for signals too. Nothing happens outside the main thread or without such timers.
    """
    if not seconds or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    listen()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with bounded_memory(most_bytes):
            yield
    except MemoryError:
        raise OverBudgetError(f"more than {most_bytes / (1 << 30):.2g} GB of memory") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@functools.cache
def listen() -> None:
    """Once, as it takes longer than most pages: the signal comes from our own timer alone."""
    signal.signal(signal.SIGPROF, over)


def over(number: int, frame: FrameType | None) -> None:
    raise OverBudgetError(f"more than {MAX_SECONDS:g} s of CPU time")


@contextmanager
def bounded_memory(most_bytes: int) -> Iterator[None]:
    """Let the process's address space grow by so much at most; where it cannot be measured, as much as it wants."""
    if resource is None or (file := memory_file(os.getpid())) is None:
        yield
        return
    now = int(os.pread(file, 20, 0).split()[0]) * PAGE_SIZE
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    known = [limit for limit in (soft, now + most_bytes) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(known), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@functools.cache
def memory_file(process: int) -> int | None:
    """Where Linux says how much memory a process has, this one, open for all pages."""
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return None


class Skipped:
    """The pages that a stage leaves out because of what they are, each with the reason."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.reasons: dict[str, str] = {}
        self.current, self.left = "", 0.0  # the last page, and the CPU time that its other parts may take

    @contextmanager
    def page(self, path: str) -> Iterator[None]:
        """Whatever the block does with a page, or with one of its parts in a row, costs that alone: one that takes more
        than a page may, or on which a reader raises what it should not, is noted, and the block ends."""
        if path != self.current:
            self.current, self.left = path, MAX_SECONDS
        start = time.process_time()
        try:
            with budget(max(self.left, LEAST_SECONDS)):
                yield
        except UserError:
            raise
        except LeftOutError as error:
            self.reasons.setdefault(path, str(error))
        except OverBudgetError as error:
            self.reasons.setdefault(path, f"over budget: {error}")
        except Exception as error:  # a page may be anything, and readers may be wrong
            self.reasons.setdefault(path, failure(error))
        self.left -= time.process_time() - start

    def report(self) -> dict[str, object]:
        """What a stage's report says of it."""
        return {"pages_skipped": len(self.reasons), "skipped": dict(list(self.reasons.items())[:MOST_NAMED])}

    def tell(self, others: int) -> None:
        """Say so on the screen, where there are so many other pages. Raises UserError when several are skipped and
        there is no other: it is not the pages then."""
        if not self.reasons:
            return
        path, reason = next(iter(self.reasons.items()))
        line = f"{len(self.reasons)} of {len(self.reasons) + others} pages skipped, such as {path} ({reason})"
        if not others and len(self.reasons) > 1:
            raise UserError(f"{line}; no page is left; please report this as a bug in doclore")
        say(f"{self.stage}: {line}; reports/{self.stage}.json names all", flush=True)


def failure(error: Exception) -> str:
    """An error that nobody expected, in one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
