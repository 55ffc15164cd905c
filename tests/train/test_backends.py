"""Both backends train the same: number types, GPUs, outer layers, batches without padding."""

import os
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.common.models.base import pretrained
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from stages.train import attention, backends, batches, refusals, trainer


@pytest.fixture
def untied(tiny_model, tmp_path):
    """A model whose head is a matrix of its own."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=False, initializer_range=0.3, **ends, **sizes)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "untied")
    tokenizer.save_pretrained(tmp_path / "untied")
    return tmp_path / "untied"


@pytest.fixture
def on_gpu(monkeypatch):
    """A GPU as far as choices ask for one."""
    monkeypatch.setattr(pretrained, "device", lambda: "cuda")
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(attention, "flash_reason", lambda dtype: "flash-attn is not installed")


@pytest.mark.parametrize("outer", ["lm_head", "embed_tokens"])
def test_outer_layers_of_their_own_are_trained_and_merged(prepared, untied, outer):
    prepared(model__name=str(untied), lora__target_modules=["q_proj", "v_proj", outer], train__max_steps=20,
             train__learning_rate=0.02)  # fmt: skip
    train.main()
    merge.main()
    assert read_json(paths.REPORTS / "merge.json")["audit"]["greedy_agreement"] >= 0.95
    base, merged = (LlamaForCausalLM.from_pretrained(one, dtype=torch.float32) for one in (untied, paths.MERGED))
    get = {"lm_head": lambda model: model.lm_head, "embed_tokens": lambda model: model.model.embed_tokens}[outer]
    assert (get(base).weight - get(merged).weight).abs().max() > 0.02, "what was learnt is in it"


@pytest.mark.parametrize("outer", ["lm_head", "embed_tokens"])
def test_outer_layers_that_are_one_matrix_are_refused_before_anything_is_loaded(prepared, monkeypatch, outer):
    prepared(lora__target_modules=["q_proj", outer])
    monkeypatch.setattr(pretrained, "causal_lm", lambda *_: pytest.fail("weights were loaded"))
    with pytest.raises(ParamsError, match=rf"lora\.target_modules: {outer} cannot be trained.*leave it out") as refused:
        train.main()
    assert "\n" not in str(refused.value)


def test_what_unsloth_trains_otherwise_goes_to_trl_and_is_said(write_params, on_gpu):
    for change, reason in (
        ({"lora.target_modules": ["q_proj", "lm_head"]}, "trains lm_head .* in full, not as LoRA"),
        ({"model.dtype": "float32"}, "computes in 16 bits"),
    ):
        backend, said = backends.choose_backend(params.load(write_params(change)))
        assert backend == "trl"
        with pytest.raises(ParamsError, match=rf"{reason}.*train\.backend=trl"):
            backends.choose_backend(params.load(write_params(change | {"train.backend": "unsloth"})))
        assert "unsloth" in said
    assert backends.choose_backend(params.load(write_params())) == ("unsloth", "there is a GPU")


def test_of_several_gpus_one_is_used_and_named(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for visible, used in ((None, "0"), ("2,3,5,6", "2")):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        backends.use_one_gpu("python")
        assert os.environ["CUDA_VISIBLE_DEVICES"] == used
        assert f"uses GPU {used} of 4" in capsys.readouterr().out


@pytest.mark.parametrize(("seen", "used"), [(0, 0), (1, 1), (4, 1)])
def test_a_batch_is_not_multiplied_by_the_gpus_that_are_there(seen, used):
    assert trainer.on_one_gpu(SimpleNamespace(n_gpu=seen))._n_gpu == used


def test_gpus_that_emulate_bfloat16_compute_in_float16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert pretrained.choose_dtype("auto")[0] == torch.float16


def test_trained_weights_stay_in_32_bits_on_a_quantised_base(prepared, tmp_path, tiny_model):
    prepared()
    settings = params.load()
    model = backends.lora_model("trl", settings, torch.float32)
    model.is_loaded_in_4bit = True  # TRL rounds the trained weights of such a model
    training = trainer.build(model, settings, "trl", torch.float32, AutoTokenizer.from_pretrained(tiny_model), tmp_path)
    assert {weight.dtype for weight in training.model.parameters() if weight.requires_grad} == {torch.float32}


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_a_gpu_trains_without_padding_unless_rows_would_see_each_other(
    write_params, on_gpu, monkeypatch, capsys, backend
):
    settings = params.load(write_params())
    monkeypatch.setattr(attention, "model_type", lambda section: "llama")
    assert attention.settled(settings, backend, torch.bfloat16).train.padding_free is True
    monkeypatch.setattr(attention, "model_type", lambda section: "mamba")
    assert attention.settled(settings, backend, torch.bfloat16).train.padding_free is (backend == "unsloth")
    assert ("batches are padded: rows would attend to each other" in capsys.readouterr().out) == (backend == "trl")


def test_a_cpu_trains_with_padding_and_says_nothing(write_params, capsys):
    settled = attention.settled(params.load(write_params()), "trl", torch.float32)
    assert settled.train.padding_free is False and not capsys.readouterr().out


def test_rows_say_how_long_they_are_at_most_so_that_unsloth_lays_them_end_to_end(prepared):
    prepared()
    assert trainer.rows(paths.FORMATTED / "train.parquet", 77)._unsloth_truncated_to == 77


class Hungry(torch.nn.Module):
    """A model that a GPU has room for up to so many rows of."""

    def __init__(self, rows):
        super().__init__()
        self.rows, self.seen, self.device = rows, [], torch.device("cpu")
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.config = SimpleNamespace(model_type="other")

    def get_output_embeddings(self):
        return None

    def forward(self, input_ids, **inputs):
        self.seen.append(len(input_ids))
        if len(input_ids) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return SimpleNamespace(loss=self.weight.sum())


def test_the_batch_is_the_largest_that_fits_and_a_step_keeps_its_rows(prepared, tmp_path, monkeypatch):
    prepared(train__per_device_train_batch_size="auto", train__gradient_accumulation_steps=12)
    planned = batches.split(params.load(), 6)
    monkeypatch.setattr(batches, "pretrained", SimpleNamespace(device=lambda: "cuda"))
    monkeypatch.setattr(batches, "longest", lambda batch, settings: {"input_ids": torch.zeros(batch, 3)})
    model = Hungry(3)
    before = torch.get_rng_state()
    chosen = batches.probed(model, planned, "unsloth", tmp_path).train
    assert (chosen.per_device_train_batch_size, chosen.gradient_accumulation_steps) == (3, 4)
    assert model.seen == [6, 4, 3] and torch.equal(torch.get_rng_state(), before) and model.weight.grad is None
    again = batches.probed(Hungry(12), planned, "unsloth", tmp_path).train
    assert again.per_device_train_batch_size == 3, "a run that goes on keeps its batches"
    with pytest.raises(torch.OutOfMemoryError):
        batches.probed(Hungry(0), planned, "unsloth", tmp_path / "other")


def test_a_batch_that_the_plan_chose_trains_as_many_rows_a_step(prepared, capsys):
    prepared(train__per_device_train_batch_size="auto", train__gradient_accumulation_steps=8, train__max_steps=4)
    train.main()
    assert "batches of 8, 1 a step" in capsys.readouterr().out
    assert read_json(paths.REPORTS / "train.json")["epochs"] == 1.0


def test_modules_that_the_model_lacks_are_refused_from_its_config_alone(prepared, monkeypatch):
    prepared(lora__target_modules=["q_prj"])
    with pytest.raises(ParamsError, match="the model has no 'q_prj'"):
        refusals.refuse_impossible(params.load())
