"""The plan of memory is right within 15 % of what others publish, and the chain of a preset fits the card it is for."""

import json

import pytest

from stages.commands import check, doctor, preset
from stages.common.base import params
from stages.common.base.errors import UserError
from stages.common.models.base import memory, pretrained
from stages.train import plan, preflight
from support.repository import ROOT

LLAMA = {"model_type": "llama", "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 128_256}
QWEN = {"model_type": "qwen3", "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936}
MODELS = {
    "Llama-3.2-3B": LLAMA | {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28,
                             "num_attention_heads": 24, "tie_word_embeddings": True},
    "Llama-3.1-8B": LLAMA | {"hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
                             "num_attention_heads": 32, "tie_word_embeddings": False},
    "Qwen3-8B": QWEN | {"hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36,
                        "num_attention_heads": 32, "tie_word_embeddings": False},
    "Llama-3.3-70B": LLAMA | {"hidden_size": 8192, "intermediate_size": 28_672, "num_hidden_layers": 80,
                              "num_attention_heads": 64, "tie_word_embeddings": False},
}  # fmt: skip
# Model, backend, 4 bits, rank, and by rows and their length the published peak in GB: of what PyTorch allocates, and
# where a card is named, of all of it, the CUDA context included. unsloth's context lengths are the longest row that it
# trains on a card of so much.
PUBLISHED = {
    "torchtune's README: LoRA, RTX 4090, 16.2 GiB": ("Llama-3.1-8B", "trl", False, 8, {(2, 2048): 17.4}),
    "torchtune's README: QLoRA, RTX 4090, 7.4 GiB": ("Llama-3.1-8B", "trl", True, 8, {(2, 2048): 7.95}),
    "torchtune's Llama 3 tutorial: LoRA, 24 GB card": ("Llama-3.1-8B", "trl", False, 8, {(2, 2048): 18.5}),
    "unsloth's requirements: on a card of": ("Llama-3.2-3B", "unsloth", True, 16, {(1, 2048): 3.5}),
    "unsloth's context lengths: on a card of": (
        "Llama-3.1-8B", "unsloth", True, 32,
        {(1, 2972): 8, (1, 21_848): 12, (1, 40_724): 16, (1, 78_475): 24, (1, 153_977): 40, (1, 191_728): 48},
    ),
    "unsloth's context lengths of 70B: on a card of": (
        "Llama-3.3-70B", "unsloth", True, 32, {(1, 12_106): 48, (1, 89_389): 80}
    ),
}  # fmt: skip


@pytest.fixture
def settings(tmp_path, write_params, monkeypatch):
    """Params for a model of real sizes, on a GPU as far as the plan asks."""
    monkeypatch.setattr(pretrained, "device", lambda: "cuda")

    def of(name, changes):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        (directory / "config.json").write_text(json.dumps(MODELS[name]))
        return params.load(write_params(changes | {"model.name": str(directory)}))

    return of


@pytest.mark.parametrize("source", PUBLISHED)
def test_the_plan_is_within_15_percent_of_published_peaks(settings, source):
    name, backend, four, rank, peaks = PUBLISHED[source]
    chosen = settings(name, {"model.load_in_4bit": four, "lora.r": rank, "train.optim": "adamw_8bit",
                             "train.gradient_checkpointing": "unsloth" if backend == "unsloth" else True})  # fmt: skip
    shape = plan.shape(chosen)
    fixed = plan.fixed_memory(shape, chosen, "bfloat16") - (0 if "card of" in source else plan.PROCESS)
    for (rows, length), peak in peaks.items():
        planned = fixed + plan.batch_memory(shape, chosen, backend, rows * length, length)
        assert planned / 1e9 == pytest.approx(peak, rel=0.15), (source, length)


@pytest.mark.parametrize(
    ("name", "values", "card"),
    [("Qwen3-8B", "qwen3-8b-4bit-24gb", 23.5e9), ("Llama-3.2-3B", "llama-3.2-3b-4bit", 11.6e9)],
)
@pytest.mark.parametrize("backend", ["unsloth", "trl"])
def test_the_chain_of_a_preset_fits_its_card(settings, monkeypatch, name, values, card, backend):
    monkeypatch.chdir(ROOT)
    changes = {key: value for key, value in preset.read(values).items() if key != "model.name"}
    chosen = settings(name, changes | {"merge.export": ["gguf-q8_0"]})
    length, rows = chosen.format.max_length, chosen.train.per_device_train_batch_size
    steps = list(plan.steps(plan.shape(chosen), chosen, backend, "bfloat16", rows * length, length))
    assert [step.name for step in steps] == ["train", "merge", "evaluate", "export", "serve"]
    assert all(step.needed < card for step in steps), steps
    monkeypatch.setattr(memory, "available", lambda device: (card, "a card"))
    told = plan.verdicts(chosen, backend, "bfloat16", rows * length, length)
    assert [one.kind for one in told] == ["fits"] * 5
    room = {"cuda": (card / 4, "a small card"), "cpu": (64e9, "this machine")}
    monkeypatch.setattr(memory, "available", room.get)
    told = plan.verdicts(chosen, backend, "bfloat16", rows * length, length)
    assert [one.kind for one in told] == ["fails", "spreads", "spreads", "fits", "spreads"]
    assert "does not fit" in told[0].line and "main memory" in told[1].line


def test_an_automatic_batch_is_the_largest_that_the_plan_allows(settings):
    chosen = settings(
        "Qwen3-8B", {"train.per_device_train_batch_size": "auto", "train.gradient_accumulation_steps": 12}
    )
    for room, (size, passes) in {99: (12, 1), 4: (4, 3), 5: (4, 3), 0: (1, 12)}.items():
        train = preflight.with_batch(chosen, lambda batch, room=room: batch <= room).train
        assert (train.per_device_train_batch_size, train.gradient_accumulation_steps) == (size, passes)


def test_heads_and_embeddings_of_a_quantised_model_count_as_they_are_kept(settings):
    chosen = settings("Llama-3.1-8B", {"model.load_in_4bit": True})
    shape = plan.shape(chosen)
    outer = 2 * 128_256 * 4096 * 2.0 + 2 * 4096 * 14_336  # bytes of both, and of a layer at work, in 16 bits
    assert shape.parameters == 8_030_261_248
    assert plan.weights(shape, chosen, "bfloat16") == pytest.approx(outer + 6_979_321_856 * plan.NF4, rel=1e-3)


def test_a_model_that_the_gpu_has_no_room_for_spreads_over_main_memory(settings, monkeypatch, capsys):
    config = pretrained.hub.config(settings("Llama-3.2-3B", {}).model)
    monkeypatch.setattr(memory, "available", lambda device: (12e9, "a card"))
    assert memory.placement(config, "torch.bfloat16", "cuda") == "cuda" and not capsys.readouterr().out
    monkeypatch.setattr(memory, "available", lambda device: (6e9, "a card"))
    assert memory.placement(config, "torch.bfloat16", "cuda") == "auto"
    assert "6.4 GB, the GPU has 6.0 GB" in capsys.readouterr().out
    assert memory.placement(config, "torch.bfloat16", "cpu") == "cpu"


def on_a_card(monkeypatch, gigabytes):
    monkeypatch.setattr(
        memory, "available", lambda device: (gigabytes * 1e9 if device == "cuda" else 64e9, "a card of that size")
    )
    monkeypatch.setattr(preflight.backends, "choose_backend", lambda settings: ("unsloth", "there is a GPU"))
    monkeypatch.setattr(pretrained, "choose_dtype", lambda name: ("torch.bfloat16", "the GPU computes in it"))


@pytest.mark.parametrize(
    ("name", "values", "card"), [("Qwen3-8B", "qwen3-8b-4bit-24gb", 23.5), ("Llama-3.2-3B", "llama-3.2-3b-4bit", 11.6)]
)
def test_check_prints_the_plan_of_every_step_and_refuses_a_training_that_does_not_fit(
    settings, monkeypatch, capsys, name, values, card
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(check, "problems", lambda settings: [])
    monkeypatch.setattr(check, "differences", list)
    changes = {key: value for key, value in preset.read(values).items() if key != "model.name"}
    chosen = settings(name, changes | {"merge.export": ["gguf-q8_0"]})
    monkeypatch.setattr(params, "load", lambda: chosen)
    on_a_card(monkeypatch, card)
    check.run(None)
    *told, last = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told] == ["train", "merge", "evaluate", "export", "serve"]
    assert all(f"GB of {card} GB on a card" in line for line in told if not line.startswith("export"))
    assert last == "params.yaml: all values are usable"
    on_a_card(monkeypatch, 2)
    with pytest.raises(UserError, match=r"GB for weights and adapter alone, a card of that size has 2\.0 GB free"):
        check.run(None)


def test_a_step_that_is_far_too_large_is_refused_with_the_values_to_change(settings, monkeypatch):
    monkeypatch.chdir(ROOT)
    chosen = settings("Llama-3.2-3B", {"train.per_device_train_batch_size": 64, "format.max_length": 2048})
    on_a_card(monkeypatch, 12)
    with pytest.raises(UserError, match=r"step needs about \d+\.\d GB.*train\.per_device_train_batch_size=32 with"):
        preflight.forecast_of_memory(chosen)
    kinds = [kind for kind, _ in doctor.memory(chosen)]
    assert kinds == ["bad"]
