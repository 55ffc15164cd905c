"""transformers 4 beside the version that doclore uses: for what older programs make of the models it writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("transformers==4.57.6", "tokenizers==0.22.1", "huggingface_hub==0.36.0")
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "doclore-tests" / "transformers-4.57.6"


def transformers_4(code: str, *arguments: str) -> str:
    """What a Python program prints under transformers 4.57; the test is skipped where it cannot be installed."""
    if not (ENVIRONMENT / "transformers").is_dir():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(ENVIRONMENT),
            *PACKAGES,
        ]
        installed = subprocess.run(command, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(
                f"transformers 4.57 cannot be installed: {(installed.stderr.strip().splitlines() or ['?'])[-1]}"
            )
    environment = os.environ | {"PYTHONPATH": str(ENVIRONMENT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
