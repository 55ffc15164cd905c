"""What makes a step on a CPU faster computes the same: the loss of answers, LoRA layers, and the whole step."""

import itertools

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from stages.common.base import params
from stages.train import order
from stages.train.cpu import answer_loss, fused_lora, shared_prefix
from stages.train.cpu import speed_up as cpu


def lora_model(directory, **options):
    """The tiny model with an adapter."""
    return adapted(AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32), **options)


def adapted(base, **options):
    """The model with an adapter that changes something (PEFT's B starts at zero), seeded."""
    torch.manual_seed(1)
    chosen = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"]}
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **chosen | options))
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
        torch.testing.assert_close(
            ours[1][name], gradient, rtol=1e-4, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}"
        )


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
    """Mean over batches of the relative distance of all gradients; one batch alone is a matter of luck."""
    exact, rounded = lora_model(tiny_model), lora_model(tiny_model)
    for parameter in rounded.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()

    def flat(step):
        return torch.cat([gradient.flatten() for gradient in step[1].values()])

    batches = [batch(seed=seed) for seed in range(6)]
    truth = [flat(plain_step(exact, inputs)) for inputs in batches]
    with torch.autocast("cpu", torch.bfloat16):
        autocast = [flat(plain_step(rounded, inputs)) for inputs in batches]
    fused_lora.fuse(rounded)
    ours = [flat(own_step(rounded, inputs)) for inputs in batches]

    def distance(found):
        return sum(float((one - true).norm() / true.norm()) for one, true in zip(found, truth, strict=True)) / 6

    assert distance(ours) < 1.1 * distance(autocast)


def with_prefix(inputs, length):
    """The batch with one beginning for all rows."""
    inputs["input_ids"][:, :length] = inputs["input_ids"][0, :length]
    return inputs


@pytest.mark.parametrize("length", [0, 1, 6, 17])
@pytest.mark.parametrize("use_dora", [False, True])
def test_tokens_that_rows_share_are_computed_once_for_the_same_loss(tiny_model, length, use_dora):
    model = lora_model(tiny_model, use_dora=use_dora)
    inputs = with_prefix(batch(), length)
    theirs = plain_step(model, inputs)
    assert shared_prefix.use(model.get_base_model())
    assert shared_prefix.layout(inputs).prefix == min(length, 7), "the token behind it is supervised"
    assert_same(own_step(model, inputs), theirs)
    one_row = {name: value[1:2] for name, value in inputs.items()}
    assert shared_prefix.layout(one_row).prefix == 0
    assert own_step(model, one_row)[0] > 0


def test_nothing_supervised_and_no_padding_is_taken_for_a_shared_beginning():
    inputs = with_prefix(batch(), 40)
    inputs["input_ids"][:] = inputs["input_ids"][0]  # rows that differ in length and labels only
    shape = shared_prefix.layout(inputs)
    first = min(int((row != -100).nonzero()[0]) for row in inputs["labels"] if (row != -100).any())
    assert shape.prefix == first - 1, "the token before the first answer predicts it, each row for itself"
    inputs["labels"][:] = -100
    assert shared_prefix.layout(inputs).prefix == int(inputs["attention_mask"].sum(1).min())


@pytest.mark.parametrize("kind", shared_prefix.MODELS)
def test_each_kind_of_model_gives_the_same_loss_with_all_that_is_faster(kind, write_params):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = AutoConfig.for_model(kind, vocab_size=200, num_key_value_heads=2, pad_token_id=0, head_dim=8, **sizes)
    if kind == "mistral":
        config.sliding_window = None
    model = adapted(AutoModelForCausalLM.from_config(config, attn_implementation="eager"))
    inputs = with_prefix(batch(), 12)
    theirs = plain_step(model, inputs)
    write_params()
    assert cpu.speed_up(model, params.load(), "trl", torch.float32).fused and shared_prefix.is_used(model)
    assert_same(own_step(model, inputs), theirs)


def test_attention_that_was_asked_for_or_has_a_window_is_left(tiny_model, write_params):
    model = lora_model(tiny_model)
    write_params({"model.attn_implementation": "sdpa"})
    cpu.speed_up(model, params.load(), "trl", torch.float32)
    assert not shared_prefix.is_used(model)
    model.config.sliding_window = 8
    assert not shared_prefix.use(model.get_base_model())


def test_models_that_scale_or_cap_their_logits_keep_the_trainers_loss(tiny_model, write_params):
    model = lora_model(tiny_model)
    model.config.model_type = "gemma2"
    write_params()
    assert cpu.speed_up(model, params.load(), "trl", torch.float32).loss is None


def test_nothing_is_changed_for_unsloth_and_for_types_without_fast_arithmetic(tiny_model, write_params):
    model = lora_model(tiny_model)
    write_params()
    assert cpu.speed_up(model, params.load(), "unsloth", torch.float32) == cpu.Faster()
    assert cpu.speed_up(model, params.load(), "trl", torch.float16) == cpu.Faster()
    assert not any("forward" in vars(module) for module in model.modules())


def order_of(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("rows", [1, 7, 8, 803])
def test_an_epoch_has_every_row_once_in_batches_of_like_length_and_random_order(rows):
    lengths = torch.randint(40, 400, (rows,), generator=torch.Generator().manual_seed(1)).tolist()
    sampler = order.LengthGroupedSampler(lengths, 8, seed=3)
    found = order_of(sampler, 0)
    assert sorted(found) == list(range(rows)) and len(sampler) == rows
    if rows < 16:
        return
    batches = [[lengths[row] for row in found[start : start + 8]] for start in range(0, rows, 8)]
    assert max(lengths) in batches[0], "what does not fit fails at once"
    padded = sum(max(batch) * len(batch) for batch in batches)
    assert padded < 1.05 * sum(lengths)
    ups = sum(max(after) > max(before) for before, after in itertools.pairwise(batches[1:]))
    assert 0.35 * len(batches) < ups < 0.65 * len(batches), "no stretches of rows that grow longer or shorter"


def test_the_order_follows_from_seed_and_epoch_and_from_nothing_else():
    lengths = list(range(100))
    first = order_of(order.LengthGroupedSampler(lengths, 8, seed=3), 1)
    torch.manual_seed(12345)
    assert order_of(order.LengthGroupedSampler(lengths, 8, seed=3), 1) == first
    assert order_of(order.LengthGroupedSampler(lengths, 8, seed=3), 0) != first
    assert order_of(order.LengthGroupedSampler(lengths, 8, seed=4), 1) != first
