"""Train, merge and evaluate on a tiny random model: the adapter, the merged model and the figures are what they say."""

import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import torch

from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.base.params import load
from stages.common.records.files import write_json, write_jsonl
from stages.evaluate import __main__ as evaluate
from stages.evaluate import answers
from stages.merge import __main__ as merge
from stages.report import __main__ as report
from stages.train import __main__ as train
from stages.train import backends, checkpoints, faults, throughput, trainer
from support.repository import ROOT
from support.training import adapter_bytes


def test_training_lowers_the_loss_and_logs_its_curve(prepared):
    prepared(train__max_steps=30, train__learning_rate=0.02)
    train.main()
    curve = json.loads((paths.REPORTS / "train_log.json").read_text())
    assert [point["step"] for point in curve] == list(range(1, 31))
    assert curve[-1]["loss"] < curve[0]["loss"] * 0.8
    report = json.loads((paths.REPORTS / "train.json").read_text())
    assert report["backend"] == "trl" and report["steps"] == 30 and report["rows"] == 32


def test_each_point_of_the_curve_has_what_dvc_plots_and_every_token_is_counted_once(prepared, monkeypatch):
    counted = []
    monkeypatch.setattr(trainer, "run", spy(trainer.run, counted))
    prepared(train__num_train_epochs=1, train__max_steps=-1, train__logging_steps=2)
    train.main()
    curve = json.loads((paths.REPORTS / "train_log.json").read_text())
    assert all({"loss", "learning_rate", "grad_norm", "tokens_per_second"} <= point.keys() for point in curve)
    assert all(point["tokens_per_second"] > 0 for point in curve)
    ids = pq.read_table(paths.FORMATTED / "train.parquet")["input_ids"].to_pylist()
    assert int(counted[0].tokens) == sum(map(len, ids)), "padding is not counted"


def spy(function, calls):
    """`function`, whose first argument is kept in `calls`."""

    def called(first, *others):
        calls.append(first)
        return function(first, *others)

    return called


def test_mfu_is_four_flops_for_each_parameter_and_token_over_the_peak():
    assert throughput.peak_flops("NVIDIA H200") == throughput.peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert throughput.peak_flops("NVIDIA H20") == 148e12 and throughput.peak_flops("a CPU") is None
    assert throughput.peak_flops("NVIDIA L40S") == 362e12 and throughput.peak_flops("NVIDIA L40") is None
    # NeMo AutoModel reports 40.6 % for LoRA on Llama-3-8B at 12,473 tokens/s on one H100.
    assert throughput.mfu(12_473, 8_030_000_000, 989e12) == pytest.approx(0.405, abs=0.002)


def test_two_runs_write_the_same_adapter(prepared):
    prepared()
    train.main()
    first, config = adapter_bytes(), (paths.ADAPTER / "adapter_config.json").read_bytes()
    train.main()
    assert adapter_bytes() == first
    assert (paths.ADAPTER / "adapter_config.json").read_bytes() == config


def test_another_seed_of_the_adapter_gives_another_adapter(prepared):
    prepared()
    train.main()
    first = adapter_bytes()
    prepared(lora__random_state=7)
    train.main()
    assert adapter_bytes() != first


@pytest.mark.parametrize("strategy", ["group_by_length", "random"])
@pytest.mark.parametrize(("stopped", "again"), [(5, [4, 5, 6, 7]), (7, [6, 7])])
def test_an_interrupted_run_goes_on_from_its_checkpoint_to_the_same_adapter(
    prepared, monkeypatch, strategy, stopped, again
):
    """Its checkpoint is that of an epoch's end, or one from the middle of the second."""
    prepared(train__save_steps=2, train__max_steps=8, train__train_sampling_strategy=strategy)
    train.main()
    undisturbed = adapter_bytes()
    shutil.rmtree(paths.ADAPTER)

    from transformers import Trainer

    steps_run = []
    training_step = Trainer.training_step

    def interrupted(self, *args, **options):
        steps_run.append(self.state.global_step)
        if len(steps_run) == stopped + 1:
            raise KeyboardInterrupt
        return training_step(self, *args, **options)

    monkeypatch.setattr(Trainer, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.main()
    assert not paths.ADAPTER.exists()
    steps_run.clear()
    train.main()
    assert steps_run == again, "only the steps behind the last checkpoint are run again"
    assert adapter_bytes() == undisturbed
    assert not list((paths.cache_dir() / "checkpoints").iterdir())


def test_a_changed_value_never_resumes_from_another_runs_checkpoint(prepared):
    prepared()
    first = checkpoints.directory(load(), "trl", "float32")
    assert checkpoints.directory(load(), "unsloth", "float32") != first
    prepared(lora__r=2)
    assert checkpoints.directory(load(), "trl", "float32") != first


def test_a_checkpoint_that_was_cut_off_while_written_is_passed_over(prepared, capsys):
    prepared()
    half = checkpoints.directory(load(), "trl", torch.float32) / "checkpoint-4"
    half.mkdir(parents=True)
    (half / "adapter_model.safetensors").write_bytes(b"half")
    (half / "trainer_state.json").write_text("{}")
    train.main()
    assert "going on" not in capsys.readouterr().out
    assert json.loads((paths.REPORTS / "train.json").read_text())["steps"] == 6


def test_a_checkpoint_is_whole_until_any_of_its_files_is_cut(tmp_path):
    checkpoint = tmp_path / "checkpoint-2"
    checkpoint.mkdir()
    (checkpoint / "optimizer.pt").write_bytes(b"0123")
    assert checkpoints.last(tmp_path) is None, "the marker comes last"
    checkpoint.mkdir()
    (checkpoint / "optimizer.pt").write_bytes(b"0123")
    checkpoints.mark_whole(checkpoint)
    assert checkpoints.last(tmp_path) == checkpoint
    (checkpoint / "optimizer.pt").write_bytes(b"01")
    assert checkpoints.last(tmp_path) is None and not checkpoint.exists()


def test_a_loss_that_is_no_number_stops_with_step_and_rows_and_keeps_the_earlier_adapter(prepared, monkeypatch):
    from transformers import Trainer

    prepared()
    train.main()
    before = adapter_bytes()
    prepared(train__seed=5)
    training_step, steps = Trainer.training_step, []

    def broken(self, *arguments, **options):
        loss = training_step(self, *arguments, **options)
        steps.append(1)
        return loss * float("nan") if len(steps) == 3 else loss

    monkeypatch.setattr(Trainer, "training_step", broken)
    with pytest.raises(
        UserError, match=r"the loss is nan at step 3, on the pairs p\d+ \(page\d+\.md:1-2\), p\d+ \("
    ) as refusal:
        train.main()
    named = refusal.value.args[0].split("pairs ")[1].split(";")[0].split(", ")
    assert len(named) == 8, "the rows of one batch"
    assert adapter_bytes() == before


@pytest.mark.parametrize("passes", [1, 2])
def test_a_gradient_that_is_no_number_under_a_finite_loss_stops_before_any_weight_changes(
    prepared, monkeypatch, passes
):
    """Its rows are those of the whole step, whichever of its passes it came from."""
    from transformers import Trainer

    prepared(train__gradient_accumulation_steps=passes, train__per_device_train_batch_size=4)
    training_step, models_seen = Trainer.training_step, []

    def broken(self, model, *arguments, **options):
        loss = training_step(self, model, *arguments, **options)
        if self.state.global_step == 2 and not models_seen:
            models_seen.append(model)
            next(weight.grad for weight in model.parameters() if weight.grad is not None)[0, 0] = float("nan")
        return loss

    monkeypatch.setattr(Trainer, "training_step", broken)
    with pytest.raises(
        UserError, match=r"the gradient is nan at step 3, on the pairs p\d+ \(page\d+\.md:1-2\)"
    ) as refusal:
        train.main()
    assert len(refusal.value.args[0].split("pairs ")[1].split(";")[0].split(", ")) == 4 * passes
    assert "\n" not in refusal.value.args[0] and not paths.ADAPTER.exists()
    assert all(weight.isfinite().all() for weight in models_seen[0].parameters())


def test_the_rows_of_a_packed_batch_are_found_where_their_positions_begin(prepared):
    prepared()
    rows = pq.read_table(paths.FORMATTED / "train.parquet").to_pylist()[:3]
    ids = torch.tensor([[token for row in rows for token in row["input_ids"]]])
    positions = torch.cat([torch.arange(len(row["input_ids"])) for row in rows])[None]
    found = faults.pairs_of([{"input_ids": ids, "position_ids": positions}])
    assert found == [f"{row['pair_id']} (page{row['pair_id'][1:]}.md:1-2)" for row in rows]
    (paths.DATASET / "train.jsonl").unlink()
    assert faults.pairs_of([{"input_ids": ids, "position_ids": positions}]) == [row["pair_id"] for row in rows]


# Forked where all is imported, as each stage's process is; one that ends by itself would be no signal.
KILLED = """
import os, signal, sys
import trl
from transformers import Trainer
from stages.train import __main__ as train
training_step, save = Trainer.training_step, Trainer._save_optimizer_and_scheduler
for step in map(int, sys.argv[1:]):
    def stepping(self, *arguments, **options):
        loss = training_step(self, *arguments, **options)
        if self.state.global_step + 1 == step != 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return loss
    def saving(self, directory):
        if self.state.global_step == step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return save(self, directory)
    if child := os.fork():
        print(os.WTERMSIG(os.waitpid(child, 0)[1]))
        continue
    os.chdir(f"killed{step}")
    os.environ["DVC_ROOT"] = os.getcwd()
    Trainer.training_step, Trainer._save_optimizer_and_scheduler = stepping, saving
    train.main()
    os._exit(0)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_very_adapter_of_an_undisturbed_one(prepared, tmp_path, monkeypatch, capsys):
    """Real kills of the real stage: at the end of a step, and (step 4) while a checkpoint is being written."""
    prepared(train__save_steps=2)
    kept = {1: None, 3: 2, 4: 2, 5: 4}
    for step in kept:
        shutil.copytree(tmp_path / "data", tmp_path / f"killed{step}" / "data")
        shutil.copyfile(tmp_path / "params.yaml", tmp_path / f"killed{step}" / "params.yaml")
    train.main()
    undisturbed = adapter_bytes()
    command = [sys.executable, "-c", KILLED, *map(str, kept)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.isdigit()] == ["9"] * len(kept), done.stderr[-3000:]
    for step, checkpoint in kept.items():
        monkeypatch.chdir(tmp_path / f"killed{step}")
        monkeypatch.setenv("DVC_ROOT", str(tmp_path / f"killed{step}"))
        assert not paths.ADAPTER.exists()
        capsys.readouterr()
        train.main()
        said = capsys.readouterr().out
        assert (f"checkpoint-{checkpoint}" in said) == (checkpoint is not None), said
        assert adapter_bytes() == undisturbed


@pytest.mark.parametrize("error", ["[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"])
def test_out_of_memory_says_what_to_change_with_numbers(prepared, monkeypatch, error):
    from transformers import Trainer

    def full(*arguments, **options):
        raise RuntimeError(error)

    prepared()
    monkeypatch.setattr(Trainer, "training_step", full)
    with pytest.raises(UserError, match=r"batch_size=4 with .*steps=2 \(now 8 and 1\).*checkpointing.*max_length=256"):
        train.main()


def test_the_adapter_carries_tokenizer_and_trained_template(prepared):
    prepared(format__mode="alpaca")
    train.main()
    assert (paths.ADAPTER / "chat_template.jinja").read_text() == paths.CHAT_TEMPLATE.read_text()
    assert "r 4" in (paths.ADAPTER / "README.md").read_text()
    assert str(paths.cache_dir().resolve()) not in (paths.ADAPTER / "adapter_config.json").read_text()


def test_the_merged_model_answers_like_base_and_adapter_and_loads_without_doclore(prepared, tiny_model):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    prepared(train__max_steps=30, train__learning_rate=0.02)
    train.main()
    merge.main()
    tokenizer = AutoTokenizer.from_pretrained(paths.MERGED)
    merged = AutoModelForCausalLM.from_pretrained(paths.MERGED)
    assert merged.dtype == torch.bfloat16
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, str(paths.ADAPTER))
    ids = tokenizer("<|im_start|>user\nWhat is the size of part 3?", return_tensors="pt").input_ids
    with torch.inference_mode():
        difference = (merged.float()(ids).logits - adapted(ids).logits).abs().max()
        untuned = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)(ids).logits
        change = (adapted(ids).logits - untuned).abs().max()
    assert difference < change / 10, "rounding to 16 bits is small beside what was learnt"
    assert tokenizer.chat_template == paths.CHAT_TEMPLATE.read_text()
    assert merged.generation_config.eos_token_id == tokenizer.eos_token_id
    assert "Training loss" in (paths.MERGED / "README.md").read_text()


def test_evaluate_measures_base_and_tuned_and_writes_a_self_contained_report(prepared):
    prepared(train__max_steps=30, train__learning_rate=0.02)
    train.main()
    merge.main()
    for stage, figures in {
        "ingest": {"pages": 40},
        "chunk": {"chunks": 40},
        "curate": {"pairs": 40, "kept": 40},
    }.items():
        write_json(paths.REPORTS / f"{stage}.json", figures)
    write_jsonl(paths.CHUNKS, [])
    evaluate.main()
    figures = json.loads((paths.REPORTS / "evaluate.json").read_text())
    assert figures["eval_seen"]["tuned_closed"]["loss"] < figures["eval_seen"]["base_closed"]["loss"]
    predictions = [json.loads(line) for line in (paths.REPORTS / "predictions.jsonl").read_text().splitlines()]
    assert {row["split"] for row in predictions} == {"eval_seen", "eval_unseen"} and len(predictions) == 8
    report.main()
    page = (paths.REPORTS / "index.html").read_text()
    assert predictions[0]["instruction"] in page and predictions[0]["path"] in page
    assert "http" not in page.replace("http-equiv", ""), "the report must load nothing from elsewhere"


def test_loss_is_the_mean_over_supervised_tokens_whatever_the_batching(prepared, tiny_model):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    rows = [{"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, 8]}, {"input_ids": [9, 10], "labels": [-100, 10]}]
    together = answers.mean(answers.losses(model, rows, 0))
    apart = answers.mean([answers.losses(model, [row], 0)[0] for row in rows])
    assert together == pytest.approx(apart, rel=1e-5)
    assert answers.mean([]) is None


def test_batched_answers_are_those_of_single_prompts(tiny_model):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny_model), AutoTokenizer.from_pretrained(tiny_model)
    prompts = ["a", "What is the size?", "one two three four five six"]
    batched = answers.generate(model, tokenizer, prompts, 6, 3)
    single = [answers.generate(model, tokenizer, [prompt], 6, 1)[0] for prompt in prompts]
    assert batched == single


@pytest.mark.slow
def test_both_backends_give_the_same_loss_curve_from_one_seed_and_unsloth_leaves_nothing_in_the_tree(
    prepared, tmp_path
):
    """unsloth in a process of its own: it must be imported before transformers, which it patches."""
    changes = {"train__max_steps": 20, "train__learning_rate": 0.01}
    prepared(train__backend="unsloth", **changes)
    before = {path for path in tmp_path.rglob("*") if ".cache" not in path.parts}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.train"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    after = {path for path in tmp_path.rglob("*") if ".cache" not in path.parts}
    new = {path.relative_to(tmp_path).parts[0] for path in after - before}
    assert new == {"models", "reports"}
    assert json.loads((paths.REPORTS / "train.json").read_text())["backend"] == "unsloth"
    assert adapter_bytes()
    curve = losses()
    prepared(train__backend="trl", **changes)
    train.main()
    assert json.loads((paths.REPORTS / "train.json").read_text())["backend"] == "trl"
    assert len(losses()) == 20 and losses()[-1] < losses()[0] * 0.95, "it learns"
    assert curve == pytest.approx(losses(), rel=2e-2)


def losses() -> list[float]:
    return [point["loss"] for point in json.loads((paths.REPORTS / "train_log.json").read_text())]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model__load_in_4bit": True}, "model.load_in_4bit"),
        ({"model__load_in_8bit": True}, "model.load_in_8bit"),
        ({"train__packing": True}, "train.packing"),
        ({"train__optim": "adamw_8bit"}, "train.optim"),
        ({"lora__target_modules": ["q_prj"]}, "the model has no 'q_prj'"),
    ],
)
def test_what_this_machine_or_model_cannot_do_is_refused_in_one_line(prepared, change, message):
    if backends.pretrained.device() == "cuda":
        pytest.skip("a GPU can do these")
    prepared(**change)
    with pytest.raises(ParamsError, match=message) as error:
        train.main()
    assert "\n" not in str(error.value)
