"""Configs and tokenizers that transformers 4 and 5, vLLM, llama.cpp's converter and Ollama read alike.

transformers 5 writes what older ones refuse (the class TokenizersBackend) or pass over in silence (`rope_parameters`:
the model then turns with rope_theta 10000, another model). All of them read the older form, in which the hub's models
are published.
"""

import shutil
from pathlib import Path
from typing import Any

from stages.common.models.base import hub
from stages.common.records.files import read_json, write_json
from stages.common.schema import Model


def write(directory: Path, tokenizer: Any, base: Model) -> None:
    """Add the tokenizer to a model directory, and bring what is there into the older form."""
    tokenizer.save_pretrained(directory)
    change(directory / "tokenizer_config.json", lambda config: tokenizer_config(config, tokenizer.chat_template))
    change(directory / "config.json", model_config)
    # llama.cpp's converter makes the vocabulary of Gemma and Llama 2 from it.
    if (sentence_piece := hub.file(base, "tokenizer.model")) is not None:
        shutil.copyfile(sentence_piece, directory / "tokenizer.model")


def change(file: Path, changed: Any) -> None:
    write_json(file, changed(read_json(file)))


def tokenizer_config(config: dict[str, Any], template: str) -> dict[str, Any]:
    """The class that takes tokenizer.json as it is in all versions, further special tokens under their older name, and
    the template where servers look that know no chat_template.jinja."""
    changed = config | {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template}
    changed.pop("backend", None)
    if isinstance(further := changed.pop("extra_special_tokens", None), list):
        changed["additional_special_tokens"] = further
    elif further:
        changed["extra_special_tokens"] = further
    return changed


def model_config(config: dict[str, Any]) -> dict[str, Any]:
    """`rope_parameters` as rope_theta, rope_scaling and, where windowed layers turn otherwise, rope_local_base_freq;
    `dtype` as torch_dtype as well. The config of a text model within another is changed there."""
    changed = {name: model_config(part) if name == "text_config" else part for name, part in config.items()}
    if dtype := changed.get("dtype"):
        changed["torch_dtype"] = dtype
    rope = changed.get("rope_parameters")
    if not isinstance(rope, dict):
        return changed
    if "rope_theta" in rope:
        older = flat(rope)
    elif rope.keys() == {"full_attention", "sliding_attention"} and rope["sliding_attention"]["rope_type"] == "default":
        older = flat(rope["full_attention"]) | {"rope_local_base_freq": rope["sliding_attention"]["rope_theta"]}
    else:
        return changed  # a model that only transformers 5 knows
    del changed["rope_parameters"]
    return changed | older


def flat(rope: dict[str, Any]) -> dict[str, Any]:
    scaling = {name: value for name, value in rope.items() if name != "rope_theta"}
    older = {"rope_theta": rope["rope_theta"], "rope_scaling": None}
    return older if rope.get("rope_type", "default") == "default" else older | {"rope_scaling": scaling}
