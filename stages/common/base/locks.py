"""A lock between processes on one machine."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from stages.common.base.paths import cache_dir
from stages.common.base.printable import say


@contextmanager
def exclusive_lock(name: str, waiting: str) -> Iterator[None]:
    """Hold the lock `name` for as long as the block takes; waits where another process has it, and prints `waiting`
    then, unless that is empty.

    The lock ends with the process, however it ends. Its file lies in .cache/locks and stays: a lock file that is
    removed can be held by two at once.
    """
    locks = cache_dir() / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                say(waiting, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
