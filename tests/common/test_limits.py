"""Where memory runs out or an input is missing, every stage and every command says so in one line."""

import importlib
import re
import shutil
import subprocess
import sys

import pytest

from stages.common.base import errors
from stages.common.base.errors import is_out_of_memory
from support.repository import ROOT

# As they are raised: by PyTorch on a GPU, by CUDA and its libraries, by PyTorch on a CPU, by Python.
RAISED = {
    "torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')": "GPU",
    "RuntimeError('CUDA error: out of memory')": "GPU",
    "RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`')": "GPU",
    'RuntimeError("[enforce fail] DefaultCPUAllocator: can\'t allocate memory: 8 bytes.")': "machine",
    "MemoryError()": "machine",
}
STAGE = "from stages.common.base.errors import run_stage; run_stage('train', fail)"
COMMAND = """
import os, sys
from types import ModuleType
from stages.commands import main
word = ModuleType("word", "A word."); word.run, word.ANYWHERE = fail, True
main.command_modules = lambda: iter([("word", word)])
sys.argv = ["doclore", "word"]
main.main()
"""


@pytest.mark.parametrize("program", [STAGE, COMMAND], ids=["stage", "command"])
@pytest.mark.parametrize(("raised", "where"), RAISED.items())
def test_a_stage_and_a_command_end_with_one_line_where_memory_runs_out(program, raised, where, tmp_path):
    kind = "class torch:\n    class OutOfMemoryError(RuntimeError): pass\n" if raised.startswith("torch") else ""
    code = f"{kind}def fail(*arguments):\n    raise {raised}\n{program}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert f"the {where} is out of memory; " in done.stderr and "doclore check" in done.stderr


def test_other_failures_are_not_taken_for_it():
    assert not is_out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
    assert not is_out_of_memory(ValueError("out of memory, said a page"))


@pytest.mark.parametrize("stage", ["chunk", "generate", "curate", "train", "merge", "evaluate"])
def test_a_stage_without_what_it_reads_names_it_in_one_line(stage, write_params, tmp_path, monkeypatch, capsys):
    write_params()
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    monkeypatch.chdir(tmp_path)
    main = importlib.import_module(f"stages.{stage}.__main__").main
    with pytest.raises(SystemExit) as ended:
        errors.run_stage(stage, main)
    *_, line = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert re.fullmatch(rf"{stage}: (?:data|models)/\S+ is missing; run `dvc repro` to create it", line)
