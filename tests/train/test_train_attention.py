"""Packing and padding-free training: rows never see each other, or train refuses in one line."""

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.train import adapter, attention, backends, trainer

KEYS = ("packing", "padding_free")


def settings_with(write_params, attn="auto", **train):
    write_params({"model.attn_implementation": attn} | {f"train.{key}": value for key, value in train.items()})
    return params.load()


@pytest.fixture
def on_gpu(monkeypatch):
    """A GPU as far as the choice of attention asks; call it with the reason against FlashAttention."""

    def pretend(reason=None):
        monkeypatch.setattr(attention.pretrained, "device", lambda: "cuda")
        monkeypatch.setattr(attention, "flash_reason", lambda dtype: reason)

    return pretend


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_a_cpu_refuses_rows_without_padding(write_params, key, backend):
    with pytest.raises(ParamsError) as error:
        attention.settled(settings_with(write_params, **{key: True}), backend, torch.bfloat16)
    line = str(error.value)
    assert f"train.{key} = True: accepted is False" in line and "on a CPU" in line and "\n" not in line


@pytest.mark.parametrize("key", KEYS)
def test_trl_needs_flash_attention_or_a_model_whose_masks_are_tested(
    write_params, tiny_model, on_gpu, monkeypatch, key
):
    model = {"model.name": str(tiny_model), f"train.{key}": True}
    on_gpu("the package flash-attn is not installed")
    attention.settled(params.load(write_params(model)), "trl", torch.bfloat16)
    eager = params.load(write_params(model | {"model.attn_implementation": "eager"}))
    with pytest.raises(ParamsError, match="eager attention"):
        attention.settled(eager, "trl", torch.bfloat16)
    monkeypatch.setattr(attention, "model_type", lambda section: "gemma3")
    with pytest.raises(ParamsError, match=r"the model is gemma3.*flash-attn is not installed"):
        attention.settled(params.load(write_params(model)), "trl", torch.bfloat16)
    on_gpu()
    attention.settled(params.load(write_params(model)), "trl", torch.bfloat16)


@pytest.mark.parametrize("kind", attention.MASKED_BY_POSITION)
def test_sdpa_keeps_rows_of_one_sequence_apart(kind):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = AutoConfig.for_model(kind, vocab_size=100, num_key_value_heads=2, pad_token_id=0, head_dim=8, **sizes)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    rows = [torch.randint(3, 100, (length,)) for length in (5, 9, 2)]
    joined = torch.cat(rows)[None], torch.cat([torch.arange(len(row)) for row in rows])[None]
    with torch.no_grad():
        together = model(input_ids=joined[0], position_ids=joined[1], use_cache=False).logits[0]
        alone = torch.cat([model(input_ids=row[None]).logits[0] for row in rows])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_unsloth_on_a_gpu_brings_its_own_attention(write_params, on_gpu):
    on_gpu("the package flash-attn is not installed")
    packed = settings_with(write_params, "eager", packing=True)
    assert attention.settled(packed, "unsloth", torch.bfloat16).train.padding_free is True
    with pytest.raises(ParamsError, match="eager attention cannot hold"):
        attention.settled(packed, "trl", torch.bfloat16)


def test_auto_takes_flash_attention_only_where_it_runs(write_params, on_gpu):
    section = settings_with(write_params).model
    assert attention.for_training(section, torch.bfloat16) == {"attn_implementation": "eager"}
    on_gpu()
    assert attention.for_training(section, torch.bfloat16) == {"attn_implementation": "flash_attention_2"}
    on_gpu("the GPU is older than Ampere")
    assert attention.for_training(section, torch.bfloat16) == {}
    chosen = settings_with(write_params, "sdpa").model
    on_gpu()
    assert attention.for_training(chosen, torch.bfloat16) == {"attn_implementation": "sdpa"}


def built(tmp_path):
    settings = params.load()
    tokenizer = adapter.trained_tokenizer(settings.model)
    model = backends.lora_model("trl", settings, torch.float32)
    return trainer.build(model, settings, "trl", torch.float32, tokenizer, tmp_path / "checkpoints")


def summed_loss(training):
    with torch.no_grad():
        return sum(
            training.compute_loss(training.model, batch, num_items_in_batch=1).item() for batch in loader(training)
        )


def loader(training):
    return training.get_train_dataloader()


@pytest.mark.parametrize("key", KEYS)
def test_rows_without_padding_have_the_loss_that_they_have_alone(prepared, tmp_path, key):
    prepared()
    alone = summed_loss(built(tmp_path))
    prepared(**{f"train__{key}": True, "format__max_length": 256, "model__attn_implementation": "eager"})
    training = built(tmp_path)
    assert summed_loss(training) == pytest.approx(alone, rel=1e-4)
    starts = sum(int((batch["position_ids"] == 0).sum()) for batch in loader(training))
    assert starts == pq.read_metadata(paths.FORMATTED / "train.parquet").num_rows
    training.data_collator.padding_free = False
    with pytest.raises(UserError, match=f"train.{key} = True is not possible"):
        attention.verify_unpadded(training, params.load())
