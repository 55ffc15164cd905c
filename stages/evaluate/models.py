"""The two models under test: the base and the tuned one, loaded here or asked at an endpoint, each by a hash of what
its answers depend on."""

from typing import Any

from stages.common import schema
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.templates import Chat
from stages.common.models.base import hub, pretrained
from stages.common.models.base.hub import fingerprint
from stages.common.models.tuned import adapted, tuned
from stages.common.records.files import digest
from stages.common.schema import Params
from stages.evaluate.endpoint import EndpointModel
from stages.evaluate.local import LocalModel

Model = LocalModel | EndpointModel
Models = dict[str, Model]  # "base" and "tuned"


def under_test(settings: Params, chat: Chat) -> Models:
    """Base and tuned model: loaded here when there is something new to ask, or asked through the endpoint."""
    section, tokenizer = settings.evaluate, chat.tokenizer
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    tuned = adapter if section.model == "adapter" else merged
    return {
        "base": endpoint_base(settings, chat) or base(settings.model, dtype, tokenizer),
        "tuned": endpoint_tuned(settings, chat) or tuned(settings.model, dtype, tokenizer),
    }


def endpoint_base(settings: Params, chat: Chat) -> EndpointModel | None:
    """The base model at the endpoint, if it is asked there."""
    name = settings.evaluate.base_model
    if settings.evaluate.endpoint != "env" or not name:
        return None
    return EndpointModel("base", name, digest(named_base(settings.model), chat.template))


def named_base(section: schema.Model) -> str:
    """What names the base's weights. A hub id is not looked up: it need not be on this machine."""
    directory = hub.local_directory(section)
    return fingerprint(directory) if directory else digest(section.name, section.revision)


def endpoint_tuned(settings: Params, chat: Chat) -> EndpointModel | None:
    """The tuned model at the endpoint: merged weights, or an adapter on the base, as vLLM serves it."""
    section = settings.evaluate
    if section.endpoint != "env" or not section.tuned_model:
        return None
    directory = paths.ADAPTER if section.model == "adapter" else paths.MERGED
    on_base = (directory / "adapter_config.json").exists()
    hashes = [fingerprint(directory), *([named_base(settings.model)] if on_base else [])]
    return EndpointModel("tuned", section.tuned_model, digest(*hashes, chat.template))


def base(section: schema.Model, dtype: Any, tokenizer: Any) -> LocalModel:
    identity = digest(base_fingerprint(section), loading(section, dtype), reading(tokenizer))
    return LocalModel("base", identity, lambda: pretrained.causal_lm(section, dtype), tokenizer)


def merged(section: schema.Model, dtype: Any, tokenizer: Any) -> LocalModel:
    """The tuned model as merge left it, loaded as the base is."""
    alone = not (paths.MERGED / "adapter_config.json").exists()
    hashes = [fingerprint(paths.MERGED), *([] if alone else [base_fingerprint(section)])]
    identity = digest(*hashes, loading(section, dtype), reading(tokenizer))
    return LocalModel("tuned", identity, lambda: tuned(section, dtype), tokenizer)


def adapter(section: schema.Model, dtype: Any, tokenizer: Any) -> LocalModel:
    """The base with the adapter, as it was trained: without the rounding of the merge."""
    if not (paths.ADAPTER / "adapter_config.json").exists():
        raise UserError(f"{paths.ADAPTER} contains no adapter; run `dvc repro train`, or `dvc pull`")
    hashes = base_fingerprint(section), fingerprint(paths.ADAPTER)
    identity = digest("adapter", hashes, loading(section, dtype), reading(tokenizer))
    return LocalModel("tuned", identity, lambda: adapted(section, dtype, paths.ADAPTER), tokenizer)


def loading(section: schema.Model, dtype: Any) -> list[str]:
    """What the same weights may answer differently under."""
    return [str(dtype), pretrained.device(), *pretrained.attention(section).values()]


def reading(tokenizer: Any) -> str:
    """Hash of what a prompt becomes, and of the token that ends an answer."""
    return digest(tokenizer.backend_tokenizer.to_str(), tokenizer.eos_token)


def base_fingerprint(section: schema.Model) -> str:
    """Hash of the base model: its commit on Hugging Face, else that of its files."""
    base = hub.identity(section)
    return digest(base["name"], base["hash"])
