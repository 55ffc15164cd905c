"""Cross-entropy of the supervised tokens alone, with its gradient found on the way forward."""

import math
from typing import Any

import torch

from stages.train.cpu import shared_prefix

TOKENS_AT_ONCE = 96  # supervised tokens whose logits are in memory at once: 19 MB in float32 at 49,152 words
INPUTS = ("input_ids", "attention_mask", "position_ids")
# Models whose logits are the head's product and nothing more; others scale or cap them.
PLAIN_HEADS = ("llama", "mistral", "qwen2", "qwen3", "smollm3")


class AnswerLoss(torch.autograd.Function):  # type: ignore[misc]
    """Summed cross-entropy of `hidden` (tokens, width) against `labels` (tokens) under a frozen head (words, width).

    Logits are made for a few tokens at a time, in float32, and turned into their own gradient at once, so they are
    computed once and never all in memory (as in Liger Kernel, arXiv:2410.10989, section 3.2). TRL's chunked loss
    computes them twice, pads them to 256 tokens, and measures entropy and accuracy besides.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        total = hidden.new_zeros((), dtype=torch.float32)
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        step = math.ceil(len(hidden) / max(1, math.ceil(len(hidden) / TOKENS_AT_ONCE)))  # parts of like size
        for start in range(0, len(hidden), step or 1):
            part = slice(start, start + step)
            wanted = labels[part, None]
            log_probabilities = (hidden[part] @ head.t()).float().log_softmax(dim=-1)
            total -= log_probabilities.gather(1, wanted).sum()
            if gradient is not None:
                of_logits = log_probabilities.exp_()
                of_logits.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=torch.float32))
                gradient[part] = of_logits.to(hidden.dtype) @ head
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, of_total: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * of_total.to(gradient.dtype), None, None


def has_plain_head(model: Any) -> bool:
    """Whether `answer_loss` is the loss of this model."""
    head = model.get_output_embeddings()
    # An adapter on the head shows the frozen weights as its own.
    plain = model.config.model_type in PLAIN_HEADS and type(head) is torch.nn.Linear
    return bool(plain and head.bias is None and not head.weight.requires_grad)


def answer_loss(model: Any, inputs: dict[str, Any], tokens: Any = None) -> torch.Tensor:
    """The loss of a PEFT model on `inputs` (input_ids, attention_mask, labels; -100 carries none), a float32 scalar.

    `tokens` is the number of supervised tokens of the whole optimizer step, which gradient accumulation divides by;
    without it, the loss is the mean over these rows.
    """
    body, head = model.get_base_model().base_model, model.get_output_embeddings()
    if shared_prefix.is_used(body):
        hidden, labels = shared_prefix.states(body, inputs)
    else:
        given = {name: inputs[name] for name in INPUTS if name in inputs}
        hidden, labels = body(**given, use_cache=False).last_hidden_state[:, :-1], inputs["labels"][:, 1:]
    supervised = labels != -100
    total = AnswerLoss.apply(hidden[supervised], head.weight, labels[supervised])
    return total / (supervised.sum().clamp(min=1) if tokens is None else tokens)
