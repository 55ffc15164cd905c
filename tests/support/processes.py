"""Trainings in several processes, started as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

from support.repository import ROOT
from support.settings import change_params

# On a CPU the stage refuses rows without padding, for they are slow there, and here they are few.
UNPADDED = """
from stages.train import attention
attention.unpadded_reason = lambda *given: None
from stages.train.__main__ import main
main()
"""


def train(words: list[str], **changes: object) -> subprocess.CompletedProcess[str]:
    """A command of Python in the project that one stands in, with changed values in its params.yaml."""
    change_params(Path("params.yaml"), {key.replace("__", "."): value for key, value in changes.items()})
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
