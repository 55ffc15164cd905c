"""unsloth's CUDA code on a CPU: what a GPU's user gets of patches, batches and losses. Without this, unsloth on a CPU
is stock transformers, PEFT and TRL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT

WHEELS = ("triton==3.7.1", "einops==0.8.2", "diffusers==0.42.1", "pillow==13.0.0", "bitsandbytes==0.50.2")
ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "doclore-tests" / "cuda-path"

# Imported with leave to run on a CPU, patched without it.
BEGIN = """
import os
os.environ["UNSLOTH_ALLOW_CPU"] = "1"
import unsloth
os.environ["UNSLOTH_ALLOW_CPU"] = "0"
from unsloth.models.rl import PatchFastRL
from unsloth.trainer import _patch_trl_trainer
PatchFastRL(FastLanguageModel=None)
_patch_trl_trainer()
import trl
assert "Unsloth" in trl.SFTTrainer.__name__, trl.SFTTrainer
"""


def run(code: str, compiled: Path) -> str:
    """What a program prints that begins with unsloth's CUDA patches; the test is skipped without their wheels."""
    if not (ENVIRONMENT / "triton").is_dir():
        pytest.skip(
            f"no wheels in {ENVIRONMENT}; type: pip install --no-deps --target {ENVIRONMENT} {' '.join(WHEELS)}"
        )
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ENVIRONMENT}",
        "TORCHDYNAMO_DISABLE": "1",
        "UNSLOTH_COMPILE_LOCATION": str(compiled),
        "UNSLOTH_DISABLE_STATISTICS": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]
    return done.stdout
