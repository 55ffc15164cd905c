"""What makes a step on a CPU faster computes the same: the loss of answers, LoRA layers, and the whole step."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from stages.shared.training import answer_loss, cpu, fused_lora


def lora_model(directory, **options):
    """The tiny model with an adapter that changes something (PEFT's B starts at zero), seeded."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    chosen = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "o_proj", "up_proj", "down_proj"]} | options
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **chosen))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def batch(rows=5, tokens=40, seed=0):
    """Random rows, padded to the right, whose last tokens are supervised; one row has none."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 200, (rows, tokens), generator=generator)
    labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for row in range(rows):
        end = tokens - 3 * row
        mask[row, :end] = 1
        labels[row, end - 5 * row : end] = ids[row, end - 5 * row : end]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}


def plain_step(model, inputs, tokens=None):
    """The model's own loss, over all logits."""
    model.zero_grad()
    loss = model(**inputs, **({"num_items_in_batch": tokens} if tokens is not None else {})).loss
    loss.backward()
    return loss.item(), gradients(model)


def own_step(model, inputs, tokens=None):
    model.zero_grad()
    loss = answer_loss.answer_loss(model, inputs, tokens)
    loss.backward()
    return loss.item(), gradients(model)


def assert_same(ours, theirs):
    assert ours[0] == pytest.approx(theirs[0], abs=1e-5)
    for name, gradient in theirs[1].items():
        torch.testing.assert_close(ours[1][name], gradient, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("at_once", [7, 96])
def test_the_loss_of_answers_is_the_loss_over_all_logits(tiny_model, monkeypatch, at_once):
    monkeypatch.setattr(answer_loss, "TOKENS_AT_ONCE", at_once)
    model = lora_model(tiny_model)
    assert answer_loss.has_plain_head(model)
    assert_same(own_step(model, batch()), plain_step(model, batch()))


def test_rows_of_an_accumulated_step_weigh_by_their_supervised_tokens(tiny_model):
    model = lora_model(tiny_model)
    parts = [batch(2, seed=1), batch(5, seed=2)]
    tokens = torch.tensor(sum(int((part["labels"] != -100).sum()) for part in parts))
    for part in parts:
        assert_same(own_step(model, part, tokens), plain_step(model, part, tokens))


def test_a_batch_without_answers_has_no_loss_and_no_gradient(tiny_model):
    inputs = batch()
    inputs["labels"][:] = -100
    loss, found = own_step(lora_model(tiny_model), inputs)
    assert loss == 0 and all(gradient.count_nonzero() == 0 for gradient in found.values())


def test_without_gradients_the_loss_is_the_same(tiny_model):
    model = lora_model(tiny_model)
    expected, _ = own_step(model, batch())
    with torch.no_grad():
        assert answer_loss.answer_loss(model, batch()).item() == pytest.approx(expected, abs=1e-5)


def test_fused_layers_compute_what_pefts_layers_compute(tiny_model):
    model = lora_model(tiny_model, use_rslora=True)
    theirs = plain_step(model, batch())
    assert fused_lora.fuse(model)
    assert_same(plain_step(model, batch()), theirs)


def test_fused_layers_keep_the_bias_of_a_frozen_layer(tiny_model):
    model = lora_model(tiny_model)
    for name, module in model.named_modules():
        if name.endswith("base_layer"):
            module.bias = torch.nn.Parameter(torch.rand(len(module.weight)), requires_grad=False)
    theirs = plain_step(model, batch())
    assert fused_lora.fuse(model)
    assert_same(plain_step(model, batch()), theirs)


@pytest.mark.parametrize("options", [{"lora_dropout": 0.1}, {"use_dora": True}, {"bias": "all"}])
def test_layers_of_another_kind_are_left_as_they_are(tiny_model, options):
    model = lora_model(tiny_model, **options)
    if "bias" in options:
        layer = next(module for name, module in model.named_modules() if name.endswith("base_layer"))
        layer.bias = torch.nn.Parameter(torch.zeros(len(layer.weight)))
    assert not fused_lora.fuse(model)
    assert not any("forward" in vars(module) for module in model.modules())


def test_fused_layers_in_bfloat16_are_as_near_to_float32_as_autocast_is(tiny_model):
    true_loss, truth = plain_step(lora_model(tiny_model), batch())
    model = lora_model(tiny_model)
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        autocast = plain_step(model, batch())
    fused_lora.fuse(model)
    ours = own_step(model, batch())

    def distance(found):
        return sum(float((found[name] - gradient).norm() ** 2) for name, gradient in truth.items()) ** 0.5

    assert abs(ours[0] - true_loss) < 0.02 and distance(ours[1]) < 1.2 * distance(autocast[1])
    assert all(gradient.dtype == torch.float32 for gradient in ours[1].values())


def test_models_that_scale_or_cap_their_logits_keep_the_trainers_loss(tiny_model):
    model = lora_model(tiny_model)
    model.config.model_type = "gemma2"
    assert cpu.speed_up(model, "trl", torch.float32).loss is None


def test_nothing_is_changed_for_unsloth_and_for_types_without_fast_arithmetic(tiny_model):
    model = lora_model(tiny_model)
    assert cpu.speed_up(model, "unsloth", torch.float32) == cpu.Faster()
    assert cpu.speed_up(model, "trl", torch.float16) == cpu.Faster()
    assert not any("forward" in vars(module) for module in model.modules())
