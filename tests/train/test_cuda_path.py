"""Regression for each release of unsloth: its CUDA code, run on a CPU, does with our rows what the stage relies on."""

import json
import shutil

import pytest

from support import cuda_path

TRAIN = """
import json, os, sys, torch
from pathlib import Path
from stages.common.base import params, paths
from stages.train import adapter, backends, checkpoints, trainer

def build(directory, **changes):
    settings = params.load()
    settings = settings.model_copy(update={"train": settings.train.model_copy(update=changes)})
    model = backends.lora_model("trl", settings, torch.float32)
    tokenizer = adapter.trained_tokenizer(settings.model)
    return trainer.build(model, settings, "unsloth", torch.float32, tokenizer, Path(directory))

def losses(training):
    return [point["loss"] for point in training.state.log_history if "loss" in point]

def figures(directory, **changes):
    training = build(directory, **changes)
    batch = next(iter(training.get_train_dataloader()))
    trainer.run(training, Path(directory))
    found = {"shape": list(batch["input_ids"].shape), "positions": "position_ids" in batch}
    return found | {"losses": losses(training), "tokens": int(training.tokens)}
"""


PADDING = """
os.chdir("rows")
found = {
    "padded": figures("a", padding_free=False),
    "free": figures("b", padding_free=True),
    "packed": figures("c", packing=True, padding_free=True),
}
print(json.dumps(found))
"""
NAMES = """
os.chdir("../names")
from unsloth.models.loader_utils import get_model_name
mapped = get_model_name("Qwen/Qwen3-8B", True)
import inspect
from unsloth import FastLanguageModel
exact = "use_exact_model_name" in inspect.signature(FastLanguageModel.from_pretrained).parameters
whole = losses_of = figures("whole")["losses"]
class Stop(Exception): pass
training = build("cut")
step = training.training_step
def training_step(*arguments):
    if training.state.global_step == 5: raise Stop
    return step(*arguments)
training.training_step = training_step
try: trainer.run(training, Path("cut"))
except Stop: pass
again = build("cut")
trainer.run(again, Path("cut"))
print(json.dumps({"mapped": mapped, "exact": exact, "whole": whole, "again": losses(again), "from": again.first_step}))
"""


@pytest.mark.slow
def test_rows_end_to_end_lose_as_padded_ones_names_are_taken_as_they_are_and_a_cut_run_goes_on(prepared, tmp_path):
    """In one process, since importing unsloth takes most of the time."""
    for name, changes in (("rows", {"train__learning_rate": 0.01}), ("names", {"train__save_steps": 2})):
        prepared(train__max_steps=6, **changes)
        shutil.copytree(tmp_path / "data", tmp_path / name / "data")
        shutil.copyfile(tmp_path / "params.yaml", tmp_path / name / "params.yaml")
    said = cuda_path.run(TRAIN + PADDING + NAMES, tmp_path / "compiled")
    rows, names = (json.loads(line) for line in said.splitlines() if line.startswith('{"'))

    padded, free, packed = rows["padded"], rows["free"], rows["packed"]
    assert padded["shape"][0] == 8 and free["shape"][0] == 1 and free["positions"], "one sequence, no padding"
    assert free["losses"] == pytest.approx(padded["losses"], rel=2e-3) and len(padded["losses"]) == 6
    assert free["tokens"] == padded["tokens"], "as many tokens are trained"
    assert packed["shape"][0] == 1 and packed["tokens"] >= free["tokens"]

    assert names["mapped"] != "Qwen/Qwen3-8B" and names["exact"], "what use_exact_model_name switches off"
    assert names["from"] == 4 and names["again"] == pytest.approx(names["whole"], abs=1e-5)
