"""Where batches of work run: in processes of this machine, or on a Ray cluster (`scale.engine`).

Both give futures, so that whoever hands out batches knows no difference: results come back to it, stand in its order
and are kept by it.
"""

import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stages.common.base import params, paths
from stages.common.base.errors import UserError

Result = TypeVar("Result")

MOST = 8  # processes of this machine
RETRIES = 5  # of a batch whose node or process is gone
PASSED_ON = ("DVC_ROOT", "OMP_NUM_THREADS", "HF_HOME", "HF_HUB_OFFLINE", "TIKTOKEN_CACHE_DIR")


class Pool(Protocol):
    """Runs functions elsewhere; `workers`: how many at a time."""

    workers: int

    def submit(self, work: Callable[[Any], Result], batch: Any) -> "Future[Result]": ...

    def close(self) -> None: ...


def chosen() -> str:
    """`scale.engine`: local where there is no params.yaml. What comes out does not depend on it, so it is no param of
    any stage."""
    return params.load().scale.engine if paths.PARAMS.exists() else "local"


def require() -> None:
    """Raise UserError where the engine is not installed."""
    if chosen() == "ray" and not importlib.util.find_spec("ray"):
        raise UserError("scale.engine = 'ray' needs Ray; type: pip install 'doclore[ray]', or -S scale.engine=local")


def pool(engine: str, processes: int) -> Pool:
    return RayPool() if engine == "ray" else LocalPool(processes)


def most(engine: str) -> int:
    """How many batches can run at a time, as far as that is known before the engine starts."""
    return sys.maxsize if engine == "ray" else min(os.cpu_count() or 1, MOST)


class LocalPool:
    """Processes of this machine. Spawned: a fork would inherit the locks of threads that it does not have."""

    def __init__(self, processes: int) -> None:
        self.workers = processes
        self.pool = ProcessPoolExecutor(processes, get_context("spawn"))

    def submit(self, work: Callable[[Any], Result], batch: Any) -> "Future[Result]":
        return self.pool.submit(by_name(work), batch)

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)


class RayPool:
    """Tasks of a Ray cluster: that of RAY_ADDRESS, or one on this machine that ends with the stage. The code of the
    stages travels along. A batch whose node is gone runs again elsewhere."""

    def __init__(self) -> None:
        self.ray = connected()
        self.workers = max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        self.task = self.ray.remote(max_retries=RETRIES, num_cpus=1)(run_there)
        self.under_way: set[Any] = set()

    def submit(self, work: Callable[[Any], Result], batch: Any) -> "Future[Result]":
        reference = self.task.remote(str(Path.cwd()), by_name(work), batch)
        self.under_way.add(reference)
        future: Future[Result] = reference.future()
        future.add_done_callback(lambda _: self.under_way.discard(reference))
        return future

    def close(self) -> None:
        for reference in list(self.under_way):
            self.ray.cancel(reference, force=True)


def connected() -> Any:
    """Ray, connected to its cluster. It reports nothing to anyone, and starts no dashboard."""
    require()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return ray
    address = os.environ.get("RAY_ADDRESS", "")
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    options: dict[str, Any] = {"address": address} if address else {"address": "local", "include_dashboard": False}
    code = {"py_modules": [str(Path(__file__).parents[2])], "env_vars": environment}
    try:
        ray.init(**options, runtime_env=code, logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
        raise UserError(
            f"RAY_ADDRESS = {address!r}: no Ray cluster there ({str(error).splitlines()[0][:200]}); start one with "
            "`ray start --head`, or unset RAY_ADDRESS for one on this machine"
        ) from None
    return ray


def run_there(directory: str, work: Callable[[Any], Result], batch: Any) -> Result:
    """What a worker of Ray does: work in the same directory, where its machine has it too."""
    if Path(directory).is_dir():
        os.chdir(directory)
    return work(batch)


def by_name(work: Any) -> Any:
    """A function, or a partial of such, under its module's name: a stage that is run is `__main__` here alone."""
    if isinstance(work, functools.partial):
        return functools.partial(by_name(work.func), *map(by_name, work.args), **work.keywords)
    if getattr(work, "__module__", "") != "__main__" or not callable(work) or sys.modules["__main__"].__spec__ is None:
        return work
    return getattr(importlib.import_module(sys.modules["__main__"].__spec__.name), work.__name__)


@contextmanager
def failures() -> Iterator[None]:
    """Raise what the work raised as it was; UserError when a process or all of a cluster's attempts were killed."""
    try:
        yield
    except BrokenProcessPool:
        raise UserError(
            "one of the processes that share the work was killed, most likely because memory ran out; close other "
            "programs and run the stage again: what is finished is kept"
        ) from None
    except Exception as error:
        if not type(error).__module__.startswith("ray"):
            raise
        cause = getattr(error, "cause", None)
        if isinstance(cause, Exception):
            raise cause from None
        raise UserError(
            f"Ray gave up on a batch ({str(error).splitlines()[0][:200]}); run the stage again; finished work is kept"
        ) from None
