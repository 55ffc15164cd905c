"""Who is asking what, so that two processes that start together do not both pay for an answer.

A claim is a lock on one byte of a file, at a place that the request's key gives. The kernel gives it back when its
owner ends, however that happens, so there is nothing to renew and nothing to clean up (POSIX record locks, fcntl(2)).
"""

import contextlib
import fcntl
import os
from pathlib import Path

NOBODY = "f" * 64  # a key that no request has
PLACE_DIGITS = 15  # hex digits of the key: 60 bits, which fit into a file offset


class Claims:
    """The claims of this process. It must open the file once only: closing any descriptor gives all locks back."""

    def __init__(self, file: Path) -> None:
        self.descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        self.work = True  # whether this file system knows locks
        if self.take(NOBODY):
            self.give_back(NOBODY)

    def close(self) -> None:
        os.close(self.descriptor)

    def take(self, key: str) -> bool:
        """Whether the claim is ours now; False when another process has it."""
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(key[:PLACE_DIGITS], 16))
        except (BlockingIOError, PermissionError):  # fcntl(2): EAGAIN or EACCES
            return False
        except OSError:
            self.work = False
            return True  # a file system without locks: at worst an answer is paid for twice
        return True

    def give_back(self, key: str) -> None:
        with contextlib.suppress(OSError):
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, int(key[:PLACE_DIGITS], 16))
