"""PEFT's LoRA layers with forward and backward written out: fewer operations, which is what counts on a CPU."""

import types
from typing import Any

import torch


class FusedLora(torch.autograd.Function):  # type: ignore[misc]
    """x W^T + c + s (x A^T) B^T in the type of x, for frozen W (out, in) and c (out, or None); A (r, in) and
    B (out, r) may be float32.

    The gradients are those of Hu et al. 2021 (arXiv:2106.09685), written out as unsloth does on a GPU: only x and
    x A^T are kept, and neither x nor the result is copied into another type on the way, as they are under autocast.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: Any, a: torch.Tensor, b: torch.Tensor, scaling: float
    ) -> torch.Tensor:
        rows, down, up = x.reshape(-1, x.shape[-1]), a.to(x.dtype), (b * scaling).to(x.dtype)
        inner = rows @ down.t()
        result = torch.nn.functional.linear(rows, weight, bias).addmm_(inner, up.t())
        ctx.save_for_backward(rows, inner, weight, down, up)
        ctx.scaling, ctx.shape = scaling, x.shape
        return result.view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, of_result: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, inner, weight, down, up = ctx.saved_tensors
        of_result = of_result.reshape(-1, of_result.shape[-1])
        of_inner = of_result @ up
        of_a = (of_inner.t() @ rows).float()
        of_b = (of_result.t() @ inner).float().mul_(ctx.scaling)
        wanted = ctx.needs_input_grad[0]  # not for the first layer: the embeddings are frozen
        of_x = (of_result @ weight).addmm_(of_inner, down).view(ctx.shape) if wanted else None
        return of_x, None, None, of_a, of_b, None


def fused_forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """What PEFT's Linear.forward computes for its one adapter, without dropout."""
    (name,) = layer.active_adapters
    base, a, b = layer.base_layer, layer.lora_A[name].weight, layer.lora_B[name].weight
    return FusedLora.apply(x, base.weight, base.bias, a, b, layer.scaling[name])


def is_plain(layer: Any) -> bool:
    """Whether FusedLora computes this layer: one that is quantised, has dropout or trains a bias is another matter."""
    from peft.tuners.lora.layer import Linear

    dropout = any(isinstance(module, torch.nn.Dropout) for module in layer.lora_dropout.values())
    trained = any(parameter.requires_grad for parameter in layer.base_layer.parameters())
    return type(layer) is Linear and not (dropout or trained or any(layer.lora_bias.values()) or layer.lora_variant)


def fuse(model: Any) -> bool:
    """Let the LoRA layers of a PEFT model compute through FusedLora, if it can compute them all; returns whether.

    The weights stay where PEFT has them, so saving and loading know nothing of it.
    """
    from peft.tuners.lora.layer import LoraLayer

    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    if not all(map(is_plain, layers)):
        return False
    for layer in layers:
        layer.forward = types.MethodType(fused_forward, layer)
    return True
