"""A server of the tuned model."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stages.merge import __main__ as merge
from stages.train import __main__ as train
from support.repository import ROOT


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The real command in a process of its own: its base URL, and the process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCLORE_API_KEY": "right"}
    command = [sys.executable, "-m", "stages.commands.main", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        try:
            assert "127.0.0.1" in first, process.stderr.read() if process.poll() is not None else first
            assert all("right" not in process.stdout.readline() for _ in range(3)), "the key is not repeated"
            yield first.split(" at ")[1].split()[0], process
        finally:
            process.kill()


@pytest.fixture
def trained(after):
    """A model trained with a text that is not its tokenizer's own template; so little that its answers are long, and
    others for other prompts."""
    after(train, merge, train__max_steps=3, format__system_prompt="Be brief.", format__mode="alpaca")
