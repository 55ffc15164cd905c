"""What bench/torture.py is made of: an endpoint that can be killed, directories, processes, and hostile pages."""

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
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.asking_runs import ROOT

STORE = Path(".cache/responses.sqlite")
BLANK = " " * 20_000
PAGE = "# Good\n\n## Lamp\n\nThe lamp is a signal that shows whether the machine may be opened.\n"


def bomb() -> str:
    """YAML whose aliases double forty times."""
    names = ["a", *(f"b{n}" for n in range(40))]
    lines = [f"{new}: &{new} [*{old}, *{old}]" for old, new in pairwise(names)]
    return "\n".join(["---", "a: &a [x, x]", *lines, "---", "# T", "", "Text.", ""])


def substitutions() -> str:
    """reStructuredText whose names stand for each other twice."""
    lines = [f".. |a{n}| replace:: |a{n + 1}| |a{n + 1}|" for n in range(24)]
    return "\n".join(["T", "=", "", "|a0|", "", *lines, ".. |a24| replace:: x", ""])


HOSTILE = {
    "spaces.md": f"# T\n\n:::note a{BLANK}b\ntext\n:::\n",
    "import.mdx": f"# T\n\nimport {{{BLANK}}}\n",
    "delimiter.md": f"# T\n\na|b\n-|-{BLANK}x\n",
    "tags.mdx": "# T\n\n" + "<A {" * 20_000,
    "quotes.md": "# T\n\n" + "".join("> " * n + "item\n" for n in range(1, 400)),
    "brackets.md": "# T\n\n" + "[" * 50_000 + "](" * 50_000,
    "stars.md": "# T\n\n" + "*a_" * 50_000,
    "hex.md": "+++\ntitle = 0x" + "F" * 8_000 + "\n+++\n# T\n\nText.\n",
    "yaml.md": bomb(),
    "rst.rst": substitutions(),
    "cycle.md": "# T\n\n--8<-- \"cycle.md\"\n\n{% include 'cycle.md' %}\n",
    "span.md": "# T\n\n<table><tr><th>Name</th></tr><tr><td colspan=1000000000 rowspan=100000000>x</td></tr></table>\n",
    "html.html": "<div>" * 20_000 + "deep",
    "escape.md": "# T\n\nThe limit \x1b[2J is \ue0000\ue001 8 MB \u202e per call.\n",
    "nul.md": "# T\n\n\x00\x00\x00 text\n",
    "notebook.ipynb": '{"cells": [' + "[" * 50_000,
    "script.md": "# </script><script>window.hacked=1</script>\n\n## <img src=x onerror=hacked=1>\n\nThe limit is.\n",
}


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
