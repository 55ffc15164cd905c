"""How much memory each step of the chain takes, from the model's config alone: the plan that train checks before it
loads anything, and that `doclore check` and `doclore doctor` print."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stages.common.models.base import hub, memory, pretrained, quantised
from stages.common.schema import Params
from stages.train import processes

# Bytes of a 4-bit weight: half a byte, an 8-bit scale for 64 of them, a 32-bit one for 256 scales (arXiv:2305.14314).
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
LOGITS_AT_ONCE = 256  # tokens whose logits are in memory at once, in TRL's chunked loss and in unsloth's
PROCESS = 0.8e9  # bytes that Python, PyTorch and transformers take, or a CUDA context
ADAM = {"adamw_torch": 8, "adamw_torch_fused": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2, "adafactor": 4, "sgd": 0}
BEYOND = 1.15  # a plan that is that far above what is free fits nowhere: published peaks are met within 15 %
CACHED = 4096  # tokens of keys and values that evaluate's batches and a server hold at least


@dataclass(frozen=True)
class Shape:
    """A model by its sizes: weights in all, those of linear layers but the head (which quantisation takes), those of
    the largest of these, and the adapter's; `inner` is the width between the two halves of a layer's MLP, `queries`
    that of all heads together, `cached` that of keys and values."""

    parameters: int
    linear: int
    largest: int
    trainable: int
    layers: int
    hidden: int
    inner: int
    heads: int
    queries: int
    cached: int
    vocabulary: int


class Step(NamedTuple):
    """What one stage or server holds at its worst moment, in bytes, and where: cuda, or cpu."""

    name: str
    needed: float
    device: str


class Verdict(NamedTuple):
    """Whether a step fits: "fits", "spreads" (over GPU and main memory, which is slower) or "fails"; and the line."""

    kind: str
    line: str


def shape(settings: Params) -> Shape:
    """Sizes from the config: the model's layers are made without memory for weights."""
    config = hub.config(settings.model)
    model = memory.empty_model(config)
    head = model.get_output_embeddings()
    layers = [(name, one) for name, one in model.named_modules() if hasattr(one, "in_features")]
    inside = [one.weight.numel() for _, one in layers if one is not head]
    adapted = [one for name, one in layers if name.rpartition(".")[2] in settings.lora.target_modules]
    outer = [model.get_input_embeddings().weight] if "embed_tokens" in settings.lora.target_modules else []
    text = config.get_text_config()
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        parameters=memory.parameters(model),
        linear=sum(inside),
        largest=max(inside, default=0),
        trainable=settings.lora.r * (sum(one.in_features + one.out_features for one in adapted)
                                     + sum(sum(weight.shape) for weight in outer)),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        inner=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        heads=text.num_attention_heads,
        queries=width * text.num_attention_heads,
        cached=2 * width * (getattr(text, "num_key_value_heads", None) or text.num_attention_heads),
        vocabulary=text.vocab_size,
    )  # fmt: skip


def quantised_to(settings: Params) -> float:
    """Bytes of a weight of the base's linear layers, 0.0 where they stay whole."""
    model = settings.model
    four = model.load_in_4bit or quantised.kind(model) == "bitsandbytes"
    return NF4 if four else 1.0 if model.load_in_8bit else 0.0


def weights(found: Shape, settings: Params, dtype: str) -> float:
    """Bytes of the base as it is trained on: embeddings, head and norms stay in `dtype` where the rest is quantised,
    and one layer at a time is turned back into it."""
    each, whole = quantised_to(settings), memory.BYTES[dtype]
    if not each:
        return found.parameters * whole
    return (found.parameters - found.linear + found.largest) * whole + found.linear * each


def fixed_memory(found: Shape, settings: Params, dtype: str) -> float:
    """Bytes that are needed whatever the batch: weights, adapter, its gradients and optimizer states, or this process's
    part of them."""
    held = weights(found, settings, dtype) / processes.parts(settings)
    return PROCESS + held + found.trainable * (4 + 4 + ADAM[settings.train.optim])


def layer_memory(found: Shape, unsloth: bool) -> tuple[float, float]:
    """Bytes a token that a layer keeps for its gradients, and more while they are computed; in 16 bits.

    PEFT's layers, counted tensor by tensor in transformers' Llama: 36 for each of the width (norms in 32 bits, queries,
    keys, values, the adapters' copies of their inputs) and 10 of the MLP's inner width. unsloth's kernels
    (unsloth/kernels, unsloth/utils/attention_dispatch.py) keep the inputs of both norms and what these give (8 of the
    width), queries, the attention's result, and keys and values repeated for all heads, as xformers takes them (8 of
    the queries), and both halves of the MLP (4). Its gradients need a third such half, the layer's output with its
    gradient, and the checkpoint that is fetched for the layer below.
    """
    if not unsloth:
        return 36 * found.hidden + 10 * found.inner, 0
    return 8 * found.hidden + 8 * found.queries + 4 * found.inner, 6 * found.hidden + 2 * found.inner


def batch_memory(found: Shape, settings: Params, backend: str, tokens: int, length: int, eager: bool = False) -> float:
    """Bytes for the activations of the largest batch, `tokens` in rows of `length`.

    With checkpointing one layer in full and the input of each, 2 bytes of its width, which unsloth's own keeps in main
    memory. Eager attention keeps its scores as well, 12·a·s bytes a token, since their softmax is in 32 bits. Logits
    are made for 256 supervised tokens at a time, 10 bytes for each entry of the vocabulary; unsloth makes as many as
    there is room for.
    """
    own = backend == "unsloth" and pretrained.device() == "cuda"
    kept, computed = layer_memory(found, own)
    kept += 12 * found.heads * length if eager else 0
    checkpointing = settings.train.gradient_checkpointing
    layers = found.layers
    if checkpointing:
        inputs = 0 if checkpointing == "unsloth" and backend == "unsloth" else 2 * found.hidden * layers
        kept, layers = kept + inputs, 1
    return tokens * (kept * layers + computed) + 10 * min(tokens, LOGITS_AT_ONCE) * found.vocabulary


def steps(found: Shape, settings: Params, backend: str, dtype: str, tokens: int, length: int) -> Iterator[Step]:
    """The chain on this machine: train with batches of `tokens`, then what works on the merged model."""
    device = pretrained.device()
    eager = settings.model.attn_implementation == "eager" or (
        settings.model.attn_implementation == "auto" and device == "cpu"
    )
    training = fixed_memory(found, settings, dtype) + batch_memory(found, settings, backend, tokens, length, eager)
    yield Step("train", training, device)
    whole = found.parameters * memory.BYTES[dtype]
    asked = PROCESS + whole + 2 * CACHED * found.layers * found.cached + 8 * CACHED * found.hidden
    yield Step("merge", PROCESS + whole * 1.1, device)
    yield Step("evaluate", asked, device)
    if any(name.startswith("gguf") for name in settings.merge.export):
        yield Step("export", PROCESS + found.parameters * 1.1, "cpu")
    yield Step("serve", asked, device)


def verdict(step: Step) -> Verdict:
    """A step beside the memory that is free now. What works on the merged model spreads over main memory where the GPU
    is too small; a training does not."""
    free, place = memory.available(step.device)
    line = f"{step.name}: about {step.needed / 1e9:.1f} GB of {free / 1e9:.1f} GB on {place}"
    if step.needed <= free:
        return Verdict("fits", line)
    if step.device == "cuda" and step.name != "train" and step.needed <= free + memory.available("cpu")[0]:
        return Verdict("spreads", f"{line}; partly in main memory, slower")
    return Verdict("fails", f"{line}; does not fit")


def verdicts(settings: Params, backend: str, dtype: str, tokens: int, length: int) -> list[Verdict]:
    """The whole chain on this machine, a line for each step."""
    return [verdict(step) for step in steps(shape(settings), settings, backend, dtype, tokens, length)]
