"""Training on a shared CPU: threads that wait do not spin, and there are no more of them than granted cores."""

import os
import subprocess
import sys

import pytest
import torch

from stages.common.models.base import pretrained
from support.repository import ROOT


@pytest.mark.parametrize("stage", ["train", "merge", "evaluate"])
@pytest.mark.parametrize("own", ["", "active"])
def test_waiting_threads_do_not_spin_unless_the_user_says_so(stage, own):
    """The variable is read once, when PyTorch is loaded."""
    code = f"import os, sys, stages.{stage}.__main__; from stages.common.base.errors import run_stage; run_stage("
    code += "'x', lambda: print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY']))"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"PYTHONPATH": str(ROOT)} | ({"OMP_WAIT_POLICY": own} if own else {})
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", own or "passive"]


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000\n", None), ("250000 100000\n", 2), ("50000 100000\n", 1), (None, None)]
)
def test_granted_cores_are_those_of_the_containers_quota(tmp_path, monkeypatch, quota, cores):
    if quota:
        (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(pretrained, "CPU_QUOTA", tmp_path / "cpu.max")
    assert pretrained.granted_cores() == cores


@pytest.mark.parametrize(("set_by_user", "threads"), [(None, 2), ("8", 8)])
def test_threads_are_limited_to_granted_cores_unless_the_user_says_how_many(monkeypatch, set_by_user, threads):
    monkeypatch.setattr(pretrained, "granted_cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_by_user:
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_user)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(8)
        pretrained.limit_threads()
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
