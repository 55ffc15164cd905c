"""Where the base model comes from: embedded, Hugging Face, ModelScope or a local directory; and which commit of it all
stages use."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.paths import ADAPTER, PARAMS, cache_dir
from stages.common.models.base.embedded import EMBEDDED, embedded_directory
from stages.common.records.files import atomic, digest, file_sha256, read_json
from stages.common.schema import Model

RECORD = ADAPTER / "doclore.json"  # what an adapter was trained on: written by train, read by merge and evaluate
# What a model's answers depend on.
WEIGHTS = ("*.safetensors", "*.bin", "config.json", "generation_config.json", "adapter_config.json")
# What a tokenizer needs of a ModelScope repository: everything but weights.
NO_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.onnx", "*.h5", "*.msgpack")


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


def is_hub_id(section: Model) -> bool:
    return section.name != EMBEDDED and local_directory(section) is None


def source(section: Model, *, weights: bool = True) -> str:
    """What `from_pretrained` takes: a directory or an id of Hugging Face. ModelScope's repositories are downloaded,
    without `weights` where a tokenizer or config is all that is needed."""
    if section.name == EMBEDDED:
        return str(embedded_directory(section.name.removeprefix("embedded:")))
    directory = local_directory(section)
    if directory is None and section.hub == "modelscope":
        return modelscope_directory(section, weights)
    return str(directory or section.name)


def modelscope_directory(section: Model, weights: bool) -> str:
    """A repository of https://modelscope.cn on this machine. Raises UserError without the library or the repository."""
    try:
        from modelscope import snapshot_download
    except ImportError:
        raise UserError("model.hub = 'modelscope' needs its library; type: pip install 'doclore[modelscope]'") from None
    options: dict[str, Any] = {"revision": section.revision} if section.revision else {}
    options |= {} if weights else {"ignore_patterns": list(NO_WEIGHTS)}
    try:
        return str(snapshot_download(section.name, **options))
    except Exception as error:
        raise unloadable(section, error) from None


def unloadable(section: Model, error: Exception) -> ParamsError:
    """The line for a model that a library cannot load."""
    reason = str(error).strip().split("\n")[0][:200]
    where = "MODELSCOPE_API_TOKEN for private models" if section.hub == "modelscope" else (
        "HF_TOKEN for gated models, HF_ENDPOINT for a mirror, or model.hub=modelscope")  # fmt: skip
    return ParamsError(
        f"{PARAMS}: model.name = {section.name!r}: cannot be loaded ({reason}); check name and revision, {where}"
    )


def from_pretrained(loader: Any, section: Model, *, weights: bool = True, **options: Any) -> Any:
    """`loader.from_pretrained` for `model.name`, its failures as one line. Code that a repository brings is not run."""
    from safetensors import SafetensorError

    revision = None if section.hub == "modelscope" else section.revision or None
    options = {"revision": revision, "trust_remote_code": False, **options}
    try:
        return loader.from_pretrained(source(section, weights=weights), **options)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise unloadable(section, error) from None


def adapter(directory: Path) -> str:
    """The directory of an adapter. Raises UserError where its weights are a pickle, which can run code when it is
    loaded."""
    if (directory / "adapter_model.bin").exists() and not (directory / "adapter_model.safetensors").exists():
        raise UserError(
            f"{directory / 'adapter_model.bin'} is a pickle, which can run code when it is loaded; where you trust it, "
            "load it with PEFT elsewhere, save it with save_pretrained, and take the adapter_model.safetensors"
        )
    return str(directory)


def refuse_pickles(section: Model) -> None:
    """Raise ParamsError unless there are weights in safetensors: some libraries take a pickle where there are none."""
    directory = Path(source(section))
    names = ("model.safetensors.index.json", "model.safetensors")
    if not (any(directory.glob("*.safetensors")) if directory.is_dir() else any(file(section, name) for name in names)):
        reason = "there is no *.safetensors, and weights that are a pickle can run code when they are loaded"
        raise unloadable(section, OSError(reason))


def config(section: Model) -> Any:
    """The base model's config."""
    from transformers import AutoConfig

    return from_pretrained(AutoConfig, section, weights=False)


def file(section: Model, name: str) -> Path | None:
    """A file of the base model beside its weights, such as tokenizer.model; None where there is none in reach."""
    from transformers.utils import cached_file

    path = cached_file(
        source(section, weights=False),
        name,
        revision=None if section.hub == "modelscope" else section.revision or None,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(path) if path else None


def pinned(section: Model) -> Model:
    """The section with the commit that its revision means now, so that all that is loaded later is of one commit."""
    if section.hub == "modelscope" or not is_hub_id(section):
        return section
    commit = getattr(config(section), "_commit_hash", None)
    return section.model_copy(update={"revision": commit}) if commit else section


def identity(section: Model) -> dict[str, str]:
    """What names the weights: the commit of a hub id, else the hash of a directory's files."""
    hub = section.hub if is_hub_id(section) else "local"
    named = {"name": section.name, "hub": hub, "revision": section.revision}
    if hub == "huggingface":
        return named | {"hash": pinned(section).revision}
    return named | {"hash": fingerprint(Path(source(section)))}


def as_trained(section: Model) -> Model:
    """The section at the commit that the adapter was trained on. Raises UserError where that is another base."""
    if not RECORD.exists():  # an adapter of elsewhere, or a tuned model that is asked at an endpoint
        return pinned(section)
    record = read_json(RECORD)
    base, section = record["base"], section.model_copy(update={"merge_base": recorded_merge_base(record)})
    named = {"name": section.name, "hub": section.hub, "revision": section.revision}
    if base["hub"] == "huggingface" and named.items() <= base.items():
        return section.model_copy(update={"revision": base["hash"]})  # wherever its branch points by now
    present = identity(section)
    if (present["name"], present["hash"]) != (base["name"], base["hash"]):
        raise UserError(
            f"{ADAPTER} was trained on {base['name']} at {base['hash'][:12]}, but model.name = {section.name!r} is "
            f"a different base or revision, at {present['hash'][:12]}; run `dvc repro`"
        )
    return pinned(section)


def recorded_merge_base(record: dict[str, Any]) -> str:
    """`model.merge_base` as the training settled it."""
    settled = record["merge_base"]
    if settled is None or (settled["name"] == record["base"]["name"] and not settled["dequantised"]):
        return "auto"
    return "dequantised" if settled["dequantised"] else f"{settled['name']}@{settled['revision']}"


def fingerprint(directory: Path) -> str:
    """Hash of the files that a model's answers depend on. Files that have not been touched are not read again."""
    known_file = cache_dir() / "answers" / "hashes.json"
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):  # no file yet, or one that is damaged
        known = dict(json.loads(known_file.read_text("utf-8")))
    hashes = []
    for weights in sorted({weights for pattern in WEIGHTS for weights in directory.glob(pattern)}):
        state = weights.stat()
        place = f"{weights.resolve()} {state.st_size} {state.st_mtime_ns}"
        known[place] = known.get(place) or file_sha256(weights)
        hashes.append([weights.name, known[place]])
    with atomic(known_file) as stream:
        json.dump(known, stream)
    return digest(hashes)
