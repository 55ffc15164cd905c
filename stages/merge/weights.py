"""What `merge.method` writes into models/merged."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say
from stages.common.models.base import hub, memory, pretrained, quantised
from stages.common.records.files import read_json
from stages.common.schema import Merge, Model, Params
from stages.merge import portable

BYTES = {
    "merged_16bit": 2.0,
    "merged_4bit_forced": 2.6,
    "adapter_only": 0.0,
}  # on disk, per weight, at the worst moment
EXPORT_BYTES = {"gguf-q8_0": 1.1, "gguf-q4_k_m": 0.7}
COST_OF_4_BITS = "4-bit weights are rounded: answers differ from the trained model's, and the audit may fail for it"


def refuse_missing(section: Merge) -> None:
    """Raise UserError when a package is missing that `merge.method` needs."""
    if section.method == "merged_4bit_forced" and find_spec("bitsandbytes") is None:
        raise UserError(
            "merge.method = 'merged_4bit_forced' needs bitsandbytes; type: pip install bitsandbytes==0.50.2"
        )


def require_disk(settings: Params) -> None:
    """Raise UserError when the disk has no room for what is about to be written."""
    parameters = read_json(paths.REPORTS / "train.json")["parameters"]
    exports = [EXPORT_BYTES.get(name, 0.0) for name in settings.merge.export]
    # GGUF files are made from one in 16 bits, which is deleted again.
    each = BYTES[settings.merge.method] + sum(exports) + (2.0 if any(exports) else 0.0)
    free = shutil.disk_usage(".").free
    if parameters * each > free:
        raise UserError(
            f"merge needs {parameters * each / 1e9:.1f} GB of disk for {parameters / 1e9:.2g} billion weights, and "
            f"{free / 1e9:.1f} GB are free; free some space (dvc gc --workspace), shorten merge.export, or type: "
            "-S merge.method=adapter_only"
        )


def merged_into(settings: Params) -> Model:
    """The base as it was trained on. In forced 4 bits, the adapter of a pre-quantised one goes into its own weights."""
    section = hub.as_trained(settings.model)
    if settings.merge.method == "merged_4bit_forced" and quantised.kind(section) == "bitsandbytes":
        return section.model_copy(update={"merge_base": quantised.DEQUANTISED})
    return section


@contextmanager
def kept_on_failure(*directories: Path) -> Iterator[None]:
    """Put the directories aside while the block writes them anew; back as they were when it fails, gone when not."""
    kept = {directory: directory.with_name(f".{directory.name}.before") for directory in directories}
    for directory, aside in kept.items():
        if aside.exists():  # an earlier run was killed: what it had written is no whole model
            shutil.rmtree(directory, ignore_errors=True)
        elif directory.exists():
            directory.rename(aside)
    try:
        yield
    except BaseException:
        for directory, aside in kept.items():
            shutil.rmtree(directory, ignore_errors=True)
            if aside.exists():
                aside.rename(directory)
        raise
    for aside in kept.values():
        shutil.rmtree(aside, ignore_errors=True)


def write(settings: Params, tokenizer: Any) -> None:
    """The tuned model's files, tokenizer and template included."""
    if settings.merge.method == "adapter_only":
        write_adapter(settings, tokenizer)
    else:
        write_merged(settings, tokenizer)
    if settings.merge.method == "merged_4bit_forced":
        say(f"merge: {COST_OF_4_BITS}")
        round_to_4_bits(settings)
    portable.write(paths.MERGED, tokenizer, settings.model)


def write_merged(settings: Params, tokenizer: Any) -> None:
    """The 16-bit base (`model.merge_base` where the named one is quantised) with the adapter's weights added.

    Weights are changed where they lie and written in files of `merge.max_shard_size`, of which one at a time is copied.
    They lie in main memory where the GPU has no room for them.
    """
    import torch
    from peft import PeftModel

    adapter = hub.adapter(paths.ADAPTER)
    dtype = getattr(torch, settings.merge.dtype)
    place = memory.placement(hub.config(settings.model), dtype, pretrained.device())
    base = pretrained.merge_base(settings.model, dtype, device_map="cpu" if place == "auto" else place)
    adapted = PeftModel.from_pretrained(base, adapter)
    # PEFT only warns when no name fits, and lora_B starts at zero: merging would give the base back.
    if not any(bool(weight.any()) for name, weight in adapted.named_parameters() if "lora_" in name and "_B" in name):
        raise UserError("no weight of models/adapter fits the base model; run `dvc repro --force train`")
    model = adapted.merge_and_unload(progressbar=True)
    # A sum shows both, and makes no copy of an embedding as large as a shard.
    if any(not bool(weight.sum(dtype=torch.float32).isfinite()) for weight in model.parameters()):
        raise UserError("the merged weights contain NaN or infinity; train again with a lower train.learning_rate")
    stop_at(model.generation_config, tokenizer)
    model.config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(paths.MERGED, max_shard_size=settings.merge.max_shard_size)


def write_adapter(settings: Params, tokenizer: Any) -> None:
    """The adapter beside the base's config; the base itself is not copied."""
    from transformers import GenerationConfig

    config = hub.config(settings.model)
    config.eos_token_id = tokenizer.eos_token_id
    config.save_pretrained(paths.MERGED)
    generation = GenerationConfig.from_model_config(config)
    stop_at(generation, tokenizer)
    generation.save_pretrained(paths.MERGED)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copyfile(paths.ADAPTER / name, paths.MERGED / name)


def stop_at(generation: Any, tokenizer: Any) -> None:
    """Make generation end where training ended an answer, and be greedy unless asked otherwise."""
    generation.eos_token_id, generation.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    generation.do_sample, generation.temperature, generation.top_p, generation.top_k = False, None, None, None


def round_to_4_bits(settings: Params) -> None:
    """Replace the 16-bit weights by nf4 ones, as bitsandbytes rounds them when a model is loaded in 4 bits; for a
    pre-quantised base with its own settings, and the layers left whole that it leaves whole.

    These are the files that unsloth's `forced_merged_4bit` writes: it adds the adapter to the dequantised weights of
    the 4-bit model and rounds the sum, layer by layer.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = getattr(torch, settings.merge.dtype)
    own = getattr(hub.config(settings.model), "quantization_config", None)
    nf4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
    known = dict(own) if own else nf4
    config = BitsAndBytesConfig.from_dict(known | {"bnb_4bit_compute_dtype": dtype})
    options = {"dtype": dtype, "device_map": pretrained.device(), "quantization_config": config}
    model = AutoModelForCausalLM.from_pretrained(paths.MERGED, **options)
    rounded = paths.MERGED.with_name(".merged-4bit")
    model.save_pretrained(rounded, max_shard_size=settings.merge.max_shard_size)
    del model
    shutil.rmtree(paths.MERGED)
    rounded.rename(paths.MERGED)


def figures(settings: Params) -> dict[str, Any]:
    """What lies in models/merged now."""
    files = sorted(paths.MERGED.glob("*.safetensors"))
    trained = read_json(paths.REPORTS / "train.json")
    return {
        "method": settings.merge.method,
        "dtype": settings.merge.dtype,
        "parameters": trained["parameters"] - trained["trainable_parameters"],
        "shards": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }
