"""How much memory each step of the chain takes, from the model's config alone: the plan that train checks before it
loads anything, and that `doclore doctor` prints."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stages.common.models import hub, memory, pretrained, quantised
from stages.common.schema import Params

# Bytes of a 4-bit weight: half a byte, an 8-bit scale for 64 of them, a 32-bit one for 256 scales (arXiv:2305.14314).
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
LOGITS_AT_ONCE = 256  # tokens whose logits are in memory at once, in TRL's chunked loss and in unsloth's
PROCESS = 0.8e9  # bytes that Python, PyTorch and transformers take, or a CUDA context
ADAM = {"adamw_torch": 8, "adamw_torch_fused": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2, "adafactor": 4, "sgd": 0}
CACHED = 4096  # tokens of keys and values that evaluate's batches and a server hold at least


@dataclass(frozen=True)
class Shape:
    """A model by its sizes: weights in all, those of linear layers but the head (which quantisation takes), and the
    adapter's; `inner` is the width between the two halves of a layer's MLP, `cached` that of keys and values."""

    parameters: int
    linear: int
    trainable: int
    layers: int
    hidden: int
    inner: int
    heads: int
    cached: int
    vocabulary: int


class Step(NamedTuple):
    """What one stage or server holds at its worst moment, in bytes, and where: cuda, or cpu."""

    name: str
    needed: float
    device: str


def shape(settings: Params) -> Shape:
    """Sizes from the config: the model's layers are made without memory for weights."""
    config = hub.config(settings.model)
    model = memory.empty_model(config)
    head = model.get_output_embeddings()
    layers = [(name, one) for name, one in model.named_modules() if hasattr(one, "in_features")]
    adapted = [one for name, one in layers if name.rpartition(".")[2] in settings.lora.target_modules]
    outer = [model.get_input_embeddings().weight] if "embed_tokens" in settings.lora.target_modules else []
    text = config.get_text_config()
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        parameters=memory.parameters(model),
        linear=sum(one.weight.numel() for _, one in layers if one is not head),
        trainable=settings.lora.r * (sum(one.in_features + one.out_features for one in adapted)
                                     + sum(sum(weight.shape) for weight in outer)),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        inner=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        heads=text.num_attention_heads,
        cached=2 * width * (getattr(text, "num_key_value_heads", None) or text.num_attention_heads),
        vocabulary=text.vocab_size,
    )  # fmt: skip


def weights(found: Shape, settings: Params, dtype: str) -> float:
    """Bytes of the base as it is trained on: embeddings, head and norms stay in `dtype` where the rest is quantised."""
    model = settings.model
    four = model.load_in_4bit or quantised.kind(model) == "bitsandbytes"
    each = NF4 if four else 1.0 if model.load_in_8bit else memory.BYTES[dtype]
    return (found.parameters - found.linear) * memory.BYTES[dtype] + found.linear * each


def fixed_memory(found: Shape, settings: Params, dtype: str) -> float:
    """Bytes that are needed whatever the batch: weights, adapter, its gradients and optimizer states."""
    return PROCESS + weights(found, settings, dtype) + found.trainable * (4 + 4 + ADAM[settings.train.optim])


def batch_memory(found: Shape, settings: Params, backend: str, tokens: int, length: int, eager: bool = False) -> float:
    """Bytes for the activations of the largest batch, `tokens` in rows of `length`.

    What a layer keeps for its gradients, in 16 bits, counted tensor by tensor in transformers' Llama under PEFT: 36
    bytes for each of its width (norms in 32 bits, queries, keys, values, the adapters' copies of their inputs) and 10
    of the MLP's inner width; in unsloth's kernels, which compute part of it again, 12 and 4. Eager attention keeps its
    scores as well, 12·a·s bytes a token, since their softmax is in 32 bits. With checkpointing 2 bytes of each
    layer's width and one layer in full; unsloth's own keeps them in main memory. Logits are made for 256 supervised
    tokens at a time, 10 bytes for each entry of the vocabulary.
    """
    a, b = (12, 4) if backend == "unsloth" and pretrained.device() == "cuda" else (36, 10)
    scores = 12 * found.heads * length if eager else 0
    layer = tokens * (a * found.hidden + b * found.inner + scores)
    checkpointing = settings.train.gradient_checkpointing
    kept = layer * found.layers
    if checkpointing:
        kept = layer + (
            0 if checkpointing == "unsloth" and backend == "unsloth" else 2 * tokens * found.hidden * found.layers
        )
    return kept + 10 * min(tokens, LOGITS_AT_ONCE) * found.vocabulary


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


def lines(settings: Params, backend: str, dtype: str, tokens: int, length: int) -> list[str]:
    """The plan in words, a line for each step: what it needs, of what there is. A step behind train that does not fit
    on the GPU spreads over main memory and takes longer."""
    shown = []
    for step in steps(shape(settings), settings, backend, dtype, tokens, length):
        free, device = memory.available(step.device)
        fits = "" if step.needed <= free else "; partly in main memory, slower"
        if fits and (step.name == "train" or step.device == "cpu"):
            fits = "; does not fit"
        shown.append(f"{step.name}: about {step.needed / 1e9:.1f} GB of {free / 1e9:.1f} GB on {device}{fits}")
    return shown
