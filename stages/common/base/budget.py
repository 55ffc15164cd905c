"""A budget of CPU time for one piece of input, so that no page takes the others down."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OverBudgetError(Exception):
    """More CPU time than one piece of input may take."""


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Raise OverBudgetError in the block when it has taken `seconds` of this process's CPU time; 0: no limit.

    Python's regular expressions look for signals too. Nothing happens outside the main thread or without such timers.
    """
    if not seconds or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def over(number: int, frame: FrameType | None) -> None:
        raise OverBudgetError

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
