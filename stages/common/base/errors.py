"""Errors meant for the user, and the one place that turns them into a line and an exit code."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stages.common.base import timings
from stages.common.base.messages import said
from stages.common.base.printable import say, speak_any_language

OUTPUT = re.compile(r"'((?:data|models|reports)/[^']+)'")


class UserError(Exception):
    """A mistake or a state of the world that the user can mend. One sentence: what, where, what to type next."""

    exit_code = 1


class ParamsError(UserError):
    """A value in params.yaml, or one it names, that cannot be used."""

    exit_code = 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the machine. PyTorch has a class of its own for a GPU, and raises a
    RuntimeError on a CPU and where CUDA's libraries found no room; none is imported for the question."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError"}:
        return True
    known = ("can't allocate memory", "CUDA error: out of memory", "CUDA out of memory", "_STATUS_ALLOC_FAILED")
    return "RuntimeError" in names and any(words in str(error) for words in known)


@contextmanager
def limit_of_memory() -> Iterator[None]:
    """Raise UserError where memory runs out, unless someone who knows more has done so already."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        where = "GPU" if "CU" in str(error) else "machine"  # CUDA, CUBLAS
        raise UserError(
            f"the {where} is out of memory; close other programs that use it, lower the batch size, or choose a "
            "smaller model.name; `doclore check` shows what each stage needs"
        ) from None


@contextmanager
def limits_of_the_machine() -> Iterator[None]:
    """Raise UserError where memory or disk run out, a file may not be written, or what an earlier stage writes is not
    there."""
    try:
        with limit_of_memory():
            yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):  # the disk, a user's share, a limit of the shell
            raise UserError(
                f"{error.filename or 'the disk'}: no space left; free some, then continue with `dvc repro`"
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UserError(f"{error.filename}: {error.strerror}; make it and its directory writable") from None
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{str(error.filename)[:60]}… is too long for the name of a file") from None
        missing = OUTPUT.search(f"'{error.filename}' {error}") if isinstance(error, FileNotFoundError) else None
        if missing:  # a stage run by hand; under `dvc repro` DVC says so before
            raise UserError(f"{missing[1]} is missing; run `dvc repro` to create it") from None
        raise


def share_cores() -> None:
    """Let OpenMP threads that wait for work sleep soon, in processes that load PyTorch from here on.

    They spin for milliseconds otherwise, and take the cores from whatever else runs: two trainings side by side took
    ten times as long. Threads that sleep at once make a step on an idle machine a third longer; so many turns before
    they sleep cost neither much (BENCHMARKS.md).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def run_stage(stage: str, main: Callable[[], None]) -> None:
    """Run a stage's `main`; a UserError becomes one line on stderr and an exit code, never a traceback.

    DVC removes a stage's outputs before it runs the command, so on any failure the outputs of the last
    successful run are put back from DVC's cache.
    """
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    share_cores()
    speak_any_language()
    try:
        with limits_of_the_machine():
            main()
    except UserError as error:
        restore_outputs(stage)
        say(f"{stage}: {said(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        restore_outputs(stage)
        say(f"{stage}: {said('interrupted; `dvc repro` continues from here')}", file=sys.stderr)
        sys.exit(130)
    except BaseException:
        restore_outputs(stage)
        raise
    if not is_launched():
        timings.append(stage, time.monotonic() - start)


def is_launched() -> bool:
    """Whether this is one of several processes of a stage, which torchrun started; the stage itself waits for them."""
    return "LOCAL_RANK" in os.environ


def restore_outputs(stage: str) -> None:
    """Check out the stage's previous outputs; nothing happens on a first run or outside `dvc repro`."""
    if "DVC_ROOT" in os.environ and not is_launched():
        subprocess.run(["dvc", "checkout", "--quiet", "--force", stage], capture_output=True, check=False)
