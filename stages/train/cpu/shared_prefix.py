"""Rows of a batch begin alike (system prompt, opening of the user turn): those tokens are computed once for them all.

The batch becomes one sequence, the prefix and then the rest of each row, in which every row's rest sees the prefix and
itself. That is what each row sees anyway, so loss and gradients stay the same (Prefix Grouper, arXiv:2506.05433).
"""

from typing import Any, NamedTuple

import torch

NAME = "shared_prefix"  # of the attention, among those of transformers
# Models whose attention is nothing but causal, position by position, when no layer has a window.
MODELS = ("llama", "mistral", "qwen2", "qwen3", "smollm3")


class Layout(NamedTuple):
    """`prefix` tokens, followed by `rows` times `rest` tokens, padded to the right."""

    prefix: int
    rows: int
    rest: int


def layout(inputs: dict[str, Any]) -> Layout:
    """The longest beginning that all rows share and in which nothing is supervised, the token behind it included."""
    ids, mask, labels = inputs["input_ids"], inputs["attention_mask"], inputs["labels"]
    alike = (ids == ids[:1]).all(0) & (mask == 1).all(0)
    alike[:-1] &= (labels[:, 1:] == -100).all(0)
    alike[-1] = False  # something must be left for each row
    prefix = int(alike.long().cumprod(0).sum()) if len(ids) > 1 else 0
    return Layout(prefix, len(ids), ids.shape[1] - prefix)


def joined(ids: torch.Tensor, shape: Layout) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (1, prefix + rows * rest) and their positions, which begin again behind the prefix for each row."""
    positions = torch.arange(shape.prefix + shape.rest)
    rests = positions[shape.prefix :].repeat(shape.rows)
    flat = torch.cat([ids[0, : shape.prefix], ids[:, shape.prefix :].reshape(-1)])
    return flat[None], torch.cat([positions[: shape.prefix], rests])[None]


def use(model: Any) -> bool:
    """Let a model attend so from now on, if it can; returns whether. It then takes batches through `states` only."""
    from transformers import AttentionInterface

    config = model.config
    windowed = config.sliding_window if hasattr(config, "sliding_window") else None
    if config.model_type not in MODELS or windowed or getattr(config, "attention_dropout", 0.0):
        return False
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
    return True


def is_used(model: Any) -> bool:
    return bool(model.config._attn_implementation == NAME)


def states(body: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Last hidden states (rows, rest - 1, width) of what stands behind the prefix, and the labels that they are to
    predict (rows, rest - 1)."""
    shape = layout(inputs)
    ids, positions = joined(inputs["input_ids"], shape)
    hidden = body(input_ids=ids, position_ids=positions, use_cache=False, shared_prefix=shape).last_hidden_state
    rests = hidden[0, shape.prefix :].view(shape.rows, shape.rest, -1)
    return rests[:, :-1], inputs["labels"][:, shape.prefix + 1 :]


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: None, scaling: float, **options: Any
) -> tuple[torch.Tensor, None]:
    """Causal attention over such a sequence; query (1, heads, tokens, width), key and value with fewer heads.

    Rows are padded to the right, where causal attention never looks, so no mask is needed for it.
    """
    shape: Layout = options["shared_prefix"]
    begin, groups = shape.prefix, query.shape[1] // key.shape[1]
    heads, width = key.shape[1], query.shape[3]
    # One sequence of queries for each head of keys: (heads, groups, tokens, width).
    query = query.view(heads, groups, -1, width) * scaling
    key, value = key[0], value[0]
    first = causal(query[:, :, :begin], key[:, None, :begin], value[:, None, :begin])
    rests = (heads, shape.rows, shape.rest, width)
    own_key, own_value = key[:, begin:].reshape(rests), value[:, begin:].reshape(rests)
    asked = query[:, :, begin:].reshape(heads, groups, shape.rows, shape.rest, width)
    second = causal(
        asked, own_key[:, None], own_value[:, None], key[:, None, None, :begin], value[:, None, None, :begin]
    )
    result = torch.cat([first, second.reshape(heads, groups, -1, width)], dim=2)
    return result.view(1, heads * groups, -1, width).transpose(1, 2), None


def causal(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    seen_key: torch.Tensor | None = None,
    seen_value: torch.Tensor | None = None,
) -> torch.Tensor:
    """Attention of (..., tokens, width) to the tokens up to each one's own, and to all of what was `seen` before."""
    scores = query @ key.transpose(-1, -2)
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, float("-inf"))
    if seen_key is None or seen_value is None:
        return scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype) @ value
    scores = torch.cat([query @ seen_key.transpose(-1, -2), scores], dim=-1)
    shares = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    before = seen_key.shape[-2]
    return shares[..., :before] @ seen_value + shares[..., before:] @ value
