"""A training in several processes is the training in one."""

import json
import shutil

import pytest
from safetensors.torch import load_file

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.train import __main__ as train
from stages.train import attention, checkpoints, launching, order, processes
from support.processes import UNPADDED
from support.processes import train as started
from support.repository import ROOT

TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.parametrize(
    ("size", "passes", "number", "own"),
    [(8, 1, 2, (4, 1)), (8, 2, 2, (8, 1)), (6, 2, 4, (3, 1)), (4, 6, 8, (3, 1)), (8, 1, 1, (8, 1)), (4, 8, 2, (4, 4))],
)
def test_processes_share_the_rows_of_a_step_evenly_in_batches_no_larger_than_asked(
    write_params, size, passes, number, own
):
    asked = {"train.per_device_train_batch_size": size, "train.gradient_accumulation_steps": passes}
    train = processes.shared(params.load(write_params(asked)), number).train
    assert (train.per_device_train_batch_size, train.gradient_accumulation_steps) == own
    assert own[0] * own[1] * number == size * passes and own[0] <= size


def test_rows_that_cannot_be_shared_are_one_line_with_a_number_that_can(write_params):
    asked = {"train.per_device_train_batch_size": 8, "train.gradient_accumulation_steps": 2}
    with pytest.raises(ParamsError, match=r"3 processes cannot share the 16 rows.*gradient_accumulation_steps=3$"):
        processes.shared(params.load(write_params(asked)), 3)
    by_rows = {"train.per_device_train_batch_size": "auto", "train.gradient_accumulation_steps": 16}
    assert processes.shared(params.load(write_params(by_rows)), 4).train.gradient_accumulation_steps == 4


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"launcher": "accelerate", "accelerate_config": "none.yaml"}, "train.accelerate_config = 'none.yaml'"),
        ({"launcher": "accelerate"}, "needs GPUs; on a CPU, type: -S train.launcher=torchrun"),
        ({"launcher": "torchrun", "processes": 3}, "3 processes cannot share the 8 rows"),
    ],
)
def test_what_cannot_be_started_is_refused_before_it_is(write_params, monkeypatch, changes, line):
    asked = {"train.accelerate_config": str(ROOT / "presets/launch/ddp.yaml")}
    asked |= {f"train.{key}": value for key, value in changes.items()}
    with pytest.raises(ParamsError, match=line):
        launching.refuse_impossible(params.load(write_params(asked)))


def test_accelerate_is_asked_for_all_processes_of_all_machines_with_each_config_we_bring(write_params, monkeypatch):
    from accelerate.commands import launch

    started = []
    monkeypatch.setattr(launch, "launch_command", started.append)
    monkeypatch.setenv("PET_NNODES", "2")
    monkeypatch.setenv("PET_NODE_RANK", "1")
    monkeypatch.setenv("PET_MASTER_ADDR", "10.0.0.1")
    for config in (ROOT / "presets/launch").iterdir():
        written = write_params({"train.launcher": "accelerate", "train.accelerate_config": str(config)})
        launching.with_accelerate(params.load(written), 8)
        asked = started[-1]
        assert (asked.num_processes, asked.num_machines, asked.machine_rank) == (16, 2, 1)
        assert (asked.main_process_ip, asked.module, asked.training_script) == ("10.0.0.1", True, "stages.train")
        checked, defaults, _ = launch._validate_launch_command(asked)
        fsdp = "fsdp2" in config.name
        assert (bool(checked.use_fsdp), bool(checked.multi_gpu)) == (fsdp, not fsdp)
        if fsdp:
            assert int(checked.fsdp_version) == 2 and defaults.fsdp_config["fsdp_reshard_after_forward"] is True


@pytest.mark.parametrize("strategy", ["random", "sequential", "group_by_length"])
def test_each_row_is_trained_once_an_epoch_and_a_filler_takes_the_places_that_are_left(write_params, strategy):
    train = params.load(write_params({"train.train_sampling_strategy": strategy})).train
    lengths = [7 + row % 5 for row in range(30)]
    grouped = strategy == "group_by_length"
    sampler = order.LengthGroupedSampler(lengths, 8, 1) if grouped else order.of_one_process(30, train)
    filled = order.Filled(sampler, 30, 8)
    filled.set_epoch(1)
    rows = list(filled)
    assert len(rows) == len(filled) == 32 and rows[30:] == [30, 30] and sorted(rows[:30]) == list(range(30))


@pytest.mark.slow
def test_two_processes_train_what_one_does_padded_and_packed_and_go_on_from_its_checkpoint(
    prepared, tmp_path, monkeypatch
):
    """32 rows in steps of 6 end each epoch with a step of 2, which leaves one process none."""
    sizes = {"train__per_device_train_batch_size": 6, "train__max_steps": -1, "train__num_train_epochs": 2}
    prepared(**sizes, train__save_steps=4, train__learning_rate=0.01)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(checkpoints, "remove", lambda directory: None)
        train.main()
    one, weights = losses(), adapter()
    (newest,) = (tmp_path / ".cache/checkpoints").glob("*/checkpoint-12")
    shutil.rmtree(newest)
    both = started(["-m", "stages.train"], train__launcher="torchrun", train__processes=2)
    assert both.returncode == 0, both.stderr
    assert "checkpoint-8" in both.stdout and both.stdout.count("12 steps in") == 1, "the first process speaks for all"
    assert len(one) == 12 and losses() == pytest.approx(one, abs=1e-4)
    assert all(float((weight - weights[name]).abs().max()) < 1e-4 for name, weight in adapter().items())
    report = json.loads((paths.REPORTS / "train.json").read_text())
    assert (report["rows"], report["processes"], report["steps"]) == (32, 2, 12)

    packed = {"train__packing": True, "model__attn_implementation": "sdpa"}  # a CPU's own attention needs padded rows
    prepared(**packed, train__per_device_train_batch_size=2, train__max_steps=4, train__learning_rate=0.01)
    with monkeypatch.context() as unpadded:
        unpadded.setattr(attention, "unpadded_reason", lambda *given: None)
        train.main()
    one = losses()
    (tmp_path / "packed.py").write_text(UNPADDED)
    both = started([*TWO, "packed.py"])
    assert both.returncode == 0, both.stderr
    assert len(one) == 4 and losses() == pytest.approx(one, abs=1e-4)


def losses():
    return [point["loss"] for point in json.loads((paths.REPORTS / "train_log.json").read_text())]


def adapter():
    return load_file(paths.ADAPTER / "adapter_model.safetensors")
