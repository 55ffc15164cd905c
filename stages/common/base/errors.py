"""Errors meant for the user, and the one place that turns them into a line and an exit code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from stages.common.base import timings


class UserError(Exception):
    """A mistake or a state of the world that the user can mend. One sentence: what, where, what to type next."""

    exit_code = 1


class ParamsError(UserError):
    """A value in params.yaml, or one it names, that cannot be used."""

    exit_code = 2


def run_stage(stage: str, main: Callable[[], None]) -> None:
    """Run a stage's `main`; a UserError becomes one line on stderr and an exit code, never a traceback.

    DVC removes a stage's outputs before it runs the command, so on any failure the outputs of the last
    successful run are put back from DVC's cache.
    """
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except UserError as error:
        restore_outputs(stage)
        print(f"{stage}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        restore_outputs(stage)
        print(f"{stage}: interrupted; `dvc repro` goes on from here", file=sys.stderr)
        sys.exit(130)
    except BaseException:
        restore_outputs(stage)
        raise
    timings.append(stage, time.monotonic() - start)


def restore_outputs(stage: str) -> None:
    """Check out the stage's previous outputs; nothing happens on a first run or outside `dvc repro`."""
    if "DVC_ROOT" in os.environ:
        subprocess.run(["dvc", "checkout", "--quiet", "--force", stage], capture_output=True, check=False)
