"""What all trials are made of: an endpoint that can be killed, directories, processes, and what is stored."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.asking_runs import ROOT

STORE = Path(".cache/responses.sqlite")


class Trial(NamedTuple):
    """What was done, how often, what could be lost and how much of it was; `detail` is for the table."""

    name: str
    times: int
    could: str
    total: int
    lost: int
    detail: str = ""


class Endpoint:
    """bench/endpoint.py as a process; it can be killed and started again at the same address."""

    def __init__(self, latency: float = 0.05, faults: float = 0.0, seed: int = 0) -> None:
        self.options = ["--latency", str(latency), "--faults", str(faults), "--seed", str(seed)]
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "bench.endpoint", *self.options, "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rsplit(":", 1)[1].split("/")[0])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def stats(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/stats") as reply:
            found: dict[str, int] = json.load(reply)
        return found


@contextmanager
def workspace(endpoint: Endpoint | None = None) -> Iterator[Path]:
    """An empty directory that processes run in; the stages and words find endpoint and code in the environment."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        os.chdir(name)
        os.environ |= {
            "PYTHONPATH": str(ROOT),
            "OPENAI_API_KEY": "x",
            "OPENAI_BASE_URL": endpoint.url if endpoint else "",
        }
        shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
        try:
            yield Path(name)
        finally:
            os.chdir(before)
            if endpoint:
                endpoint.stop()


def begin(module: str, *words: str, **options: Any) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    return subprocess.Popen([sys.executable, "-m", module, *words], **pipes)


def end(module: str, *words: str, **options: Any) -> tuple[int, str]:
    """Exit code and output of a run."""
    process = begin(module, *words, **options)
    output, _ = process.communicate()
    return process.returncode, output


def stored() -> dict[str, str]:
    """The answers on the disk, by key."""
    if not STORE.exists():
        return {}
    connection = sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)
    try:
        return dict(connection.execute("SELECT key, answer FROM responses WHERE refused = ''"))
    except sqlite3.OperationalError:  # the table is not made yet
        return {}
    finally:
        connection.close()


def gone(before: dict[str, str]) -> int:
    """How many answers that were stored are not, or are others."""
    now = stored()
    return sum(now.get(key) != answer for key, answer in before.items())


def asked_about() -> int:
    """Chunks that pairs were made of."""
    file = Path("data/pairs.jsonl")
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return len({json.loads(line)["chunk_id"] for line in lines})
