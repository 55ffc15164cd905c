"""The two models under test: the base and the tuned one, loaded here or asked at an endpoint, each by a hash of what
its answers depend on."""

import json
from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.templates import Chat
from stages.common.models import pretrained
from stages.common.records.files import atomic, digest, file_sha256
from stages.common.schema import Evaluate, Model, Params
from stages.evaluate.endpoint import EndpointModel
from stages.evaluate.local import LocalModel

WEIGHTS = ("*.safetensors", "*.bin", "config.json", "generation_config.json", "adapter_config.json")
Models = dict[str, LocalModel | EndpointModel]  # "base" and "tuned"


def under_test(settings: Params, chat: Chat) -> Models:
    """Base and tuned model: loaded here when there is something new to ask, or asked through the endpoint."""
    section, tokenizer = settings.evaluate, chat.tokenizer
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    tuned = adapter if section.model == "adapter" else merged
    return {
        "base": endpoint_base(settings, chat) or base(settings.model, dtype, tokenizer),
        "tuned": endpoint_tuned(section, chat) or tuned(settings.model, dtype, tokenizer),
    }


def endpoint_base(settings: Params, chat: Chat) -> EndpointModel | None:
    """The base model at the endpoint, if it is asked there. A hub id is not looked up: it need not be on this
    machine."""
    name = settings.evaluate.base_model
    if settings.evaluate.endpoint != "env" or not name:
        return None
    directory = pretrained.local_directory(settings.model)
    weights = fingerprint(directory) if directory else digest(settings.model.name, settings.model.revision)
    return EndpointModel("base", name, digest(weights, chat.template))


def endpoint_tuned(section: Evaluate, chat: Chat) -> EndpointModel | None:
    if section.endpoint != "env" or not section.tuned_model:
        return None
    return EndpointModel("tuned", section.tuned_model, digest(fingerprint(paths.MERGED), chat.template))


def base(section: Model, dtype: Any, tokenizer: Any) -> LocalModel:
    identity = digest(base_fingerprint(section), loading(section, dtype), reading(tokenizer))
    return LocalModel("base", identity, lambda: pretrained.causal_lm(section, dtype), tokenizer)


def merged(section: Model, dtype: Any, tokenizer: Any) -> LocalModel:
    """The tuned model as merge left it, loaded as the base is."""
    alone = not (paths.MERGED / "adapter_config.json").exists()
    hashes = [fingerprint(paths.MERGED), *([] if alone else [base_fingerprint(section)])]
    identity = digest(*hashes, loading(section, dtype), reading(tokenizer))
    return LocalModel("tuned", identity, lambda: pretrained.tuned(section, dtype), tokenizer)


def adapter(section: Model, dtype: Any, tokenizer: Any) -> LocalModel:
    """The base with the adapter, as it was trained: without the rounding of the merge."""
    if not (paths.ADAPTER / "adapter_config.json").exists():
        raise UserError(f"there is no adapter in {paths.ADAPTER}; run `dvc repro train`, or `dvc pull`")
    hashes = base_fingerprint(section), fingerprint(paths.ADAPTER)
    identity = digest("adapter", hashes, loading(section, dtype), reading(tokenizer))
    return LocalModel("tuned", identity, lambda: pretrained.adapted(section, dtype, paths.ADAPTER), tokenizer)


def loading(section: Model, dtype: Any) -> list[str]:
    """What the same weights may answer differently under."""
    return [str(dtype), pretrained.device(), *pretrained.attention(section).values()]


def reading(tokenizer: Any) -> str:
    """Hash of what a prompt becomes, and of the token that ends an answer."""
    return digest(tokenizer.backend_tokenizer.to_str(), tokenizer.eos_token)


def base_fingerprint(section: Model) -> str:
    """Hash of the base model's files; for a hub id its commit, which names them."""
    source = pretrained.source(section)
    if Path(source).is_dir():
        return fingerprint(Path(source))
    from transformers import AutoConfig

    return digest(source, pretrained.from_pretrained(AutoConfig, section)._commit_hash)


def fingerprint(directory: Path) -> str:
    """Hash of the files that a model's answers depend on. Files that have not been touched are not read again."""
    known_file = paths.cache_dir() / "answers" / "hashes.json"
    known: dict[str, str] = json.loads(known_file.read_text()) if known_file.exists() else {}
    hashes = []
    for file in sorted({file for pattern in WEIGHTS for file in directory.glob(pattern)}):
        state = file.stat()
        place = f"{file.resolve()} {state.st_size} {state.st_mtime_ns}"
        known[place] = known.get(place) or file_sha256(file)
        hashes.append([file.name, known[place]])
    with atomic(known_file) as stream:
        json.dump(known, stream)
    return digest(hashes)
