"""Evaluated training: the best weights, the early end, and a kill that changes neither; and what is saved when."""

import json
import os
import shutil
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.records.files import read_json
from stages.train import __main__ as train
from stages.train import adapter, checkpoints, evaluations, tracking, trainer
from support.training import adapter_bytes

EVALUATED = {"train__eval_steps": 2, "train__load_best_model_at_end": True}


@pytest.fixture
def losses_are(monkeypatch):
    """Let the evaluations of a run have these losses; what they are measured on stays."""
    from transformers import Trainer

    evaluate = Trainer.evaluate

    def planned(*values):
        def evaluated(self, *arguments, **options):
            log, self.log = self.log, lambda *_: None
            metrics = evaluate(self, *arguments, **options)
            self.log = log
            metrics["eval_loss"] = dict(zip(range(2, 40, 2), values, strict=False))[self.state.global_step]
            self.log(metrics)
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

        monkeypatch.setattr(Trainer, "evaluate", evaluated)

    return planned


def saved_weights(monkeypatch) -> dict[int, dict]:
    """The adapter's weights at each checkpoint of the next run."""
    found = {}
    mark = checkpoints.mark_whole

    def kept(checkpoint):
        found[checkpoints.step(checkpoint)] = load_file(checkpoint / "adapter_model.safetensors")
        mark(checkpoint)

    monkeypatch.setattr(checkpoints, "mark_whole", kept)
    return found


def test_the_loss_of_held_out_rows_is_measured_and_they_are_not_trained(prepared, monkeypatch):
    prepared()
    train.main()
    without = adapter_bytes()
    prepared(train__eval_steps=2)
    train.main()
    assert adapter_bytes() == without, "a look at other rows changes nothing"
    curve = read_json(paths.REPORTS / "train_log.json")
    assert {point["step"] for point in curve if "eval_loss" in point} == {2, 4, 6}
    report = read_json(paths.REPORTS / "train.json")
    assert report["eval_step"] == 6 and report["rows"] == 32
    settings = params.load()
    held_out = trainer.evaluated_rows(settings).to_list()
    trained = trainer.rows(paths.FORMATTED / "train.parquet", 512).to_list()
    assert len(held_out) == 4 and not any(row in trained for row in held_out)


def test_the_loss_is_that_of_the_adapter(prepared, tmp_path):
    prepared(train__eval_steps=3, train__max_steps=3)
    train.main()
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(params.load().model.name, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(paths.ADAPTER)).eval()
    rows = trainer.rows(paths.FORMATTED / "eval_seen.parquet", 512).to_list()
    total, tokens = 0.0, 0
    for row in rows:
        labels = torch.tensor([row["labels"]])
        count = int((labels[:, 1:] != -100).sum())
        with torch.no_grad():
            total += float(model(input_ids=torch.tensor([row["input_ids"]]), labels=labels).loss) * count
        tokens += count
    assert read_json(paths.REPORTS / "train.json")["eval_loss"] == pytest.approx(total / tokens, rel=1e-4)


def test_the_best_weights_are_kept_and_training_ends_when_the_loss_no_longer_falls(prepared, losses_are, monkeypatch):
    losses_are(5.0, 3.0, 4.0, 3.5, 1.0)
    weights = saved_weights(monkeypatch)
    prepared(**EVALUATED, train__max_steps=10, train__early_stopping_patience=2)
    train.main()
    report = read_json(paths.REPORTS / "train.json")
    assert (report["steps"], report["eval_step"], report["eval_loss"]) == (8, 4, 3.0)
    kept = load_file(paths.ADAPTER / "adapter_model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in weights[4].items())
    assert not all(torch.equal(kept[name], value) for name, value in weights[8].items())


@pytest.mark.parametrize(("step", "again"), [(5, [5, 6, 7, 8]), (7, [7, 8]), (9, [])])
def test_an_interrupted_run_has_the_same_best_weights_and_the_same_end(prepared, losses_are, monkeypatch, step, again):
    """Interrupted before the best evaluation, behind it, and behind the end, while the adapter is being saved."""
    losses_are(5.0, 4.0, 3.0, 3.5, 1.0)
    changes = EVALUATED | {"train__max_steps": 10, "train__early_stopping_patience": 1}
    prepared(**changes)
    train.main()
    undisturbed = adapter_bytes()
    shutil.rmtree(paths.ADAPTER)

    from transformers import Trainer

    training_step, write = Trainer.training_step, adapter.write
    run = []

    def interrupted(self, *arguments, **options):
        run.append(self.state.global_step + 1)
        if run[-1] == step:
            raise KeyboardInterrupt
        return training_step(self, *arguments, **options)

    def cut(model, tokenizer, settings, directory, *_):
        model.save_pretrained(directory)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "training_step", interrupted)
    monkeypatch.setattr(adapter, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        train.main()
    assert not paths.ADAPTER.exists()
    step = 0
    monkeypatch.setattr(adapter, "write", write)
    run.clear()
    train.main()
    assert run == again, "no step twice, and none behind the end"
    assert adapter_bytes() == undisturbed
    assert read_json(paths.REPORTS / "train.json")["steps"] == 8
    assert not [file for file in paths.ADAPTER.parent.iterdir() if file.name.startswith(".")]


def test_a_run_that_is_cut_while_its_adapter_is_saved_trains_no_step_more(prepared, monkeypatch):
    prepared(train__num_train_epochs=1.5, train__max_steps=-1)
    train.main()
    undisturbed = adapter_bytes()
    write = adapter.card.write
    monkeypatch.setattr(adapter.card, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train.main()
    assert adapter_bytes() == undisturbed, "the one of before is there, whole"
    monkeypatch.setattr(adapter.card, "write", write)
    shutil.rmtree(paths.ADAPTER)
    train.main()
    assert adapter_bytes() == undisturbed and read_json(paths.REPORTS / "train.json")["steps"] == 6


def test_the_best_checkpoint_stays_beside_the_last_two(prepared, losses_are, monkeypatch):
    losses_are(1.0, 3.0, 4.0, 3.5, 2.0)
    left = []
    monkeypatch.setattr(checkpoints, "remove", lambda directory: left.extend(sorted(directory.glob("checkpoint-*"))))
    prepared(**EVALUATED, train__max_steps=10)
    train.main()
    assert sorted(map(checkpoints.step, left)) == [2, 8, 10]


def test_a_checkpoint_is_written_when_the_last_one_is_so_old(prepared, monkeypatch):
    weights = saved_weights(monkeypatch)
    clock = iter(range(0, 10_000, 25))  # every look at the clock is 25 seconds later
    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    prepared(train__save_minutes=2, train__max_steps=12)
    train.main()
    assert sorted(weights) == [5, 10, 12]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__load_best_model_at_end": True}, "load_best_model_at_end = true needs eval_steps above 0"),
        ({"train__early_stopping_patience": 1, "train__eval_steps": 2}, "needs load_best_model_at_end = true"),
    ],
)
def test_what_is_chosen_by_a_loss_needs_evaluations(prepared, changes, message):
    with pytest.raises(ParamsError, match=f"params.yaml: train: .*{message}"):
        prepared(**changes)


def test_no_held_out_rows_are_refused_before_training(prepared):
    prepared(train__eval_steps=2)
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(evaluations.ROWS).slice(0, 0), evaluations.ROWS)
    with pytest.raises(UserError, match=r"eval_seen.parquet has no rows to evaluate; type: -S train.eval_steps=0"):
        train.main()


def test_other_held_out_rows_are_another_run_only_when_they_are_evaluated(prepared):
    def directories():
        return [checkpoints.directory(params.load(), "trl", torch.float32)]

    for evaluated in (0, 2):
        prepared(train__eval_steps=evaluated)
        before = directories()
        shutil.copyfile(paths.FORMATTED / "eval_unseen.parquet", evaluations.ROWS)
        assert (directories() == before) == (not evaluated)


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_missing_tracker_is_one_line(prepared, monkeypatch, name):
    prepared(train__report_to=name)
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=f"report_to = '{name}', but it is not installed; type: pip install 'doclore\\[{name}]'"
    ):
        tracking.prepare(name, "run")


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_what_a_tracker_writes_lies_below_the_cache(tmp_path, monkeypatch, name):
    for variable in ("TENSORBOARD_LOGGING_DIR", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda _: True)
    tracking.prepare(name, "run")
    told = os.environ["TENSORBOARD_LOGGING_DIR" if name == "tensorboard" else "WANDB_DIR"]
    assert told.startswith(str(tmp_path / ".cache" / name))
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '[".cache"]'
