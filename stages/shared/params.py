"""params.yaml as frozen, validated sections.

DVC does not check types (`-S lora.r=abc` reaches the stage), so every stage validates the whole file before it
does anything: a typo in `lora` is found before an hour of `generate`. The file is the only place with defaults.
"""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.shared.errors import ParamsError

FILE = Path("params.yaml")
EMBEDDED = "embedded:smollm2-135m-instruct"

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Limit = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """One section of params.yaml: no unknown keys, no silent conversions, read-only."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


SectionType = TypeVar("SectionType", bound=Section)


def ordered(section: SectionType, low: str, high: str) -> SectionType:
    """The section itself, when its value `low` is not above `high`."""
    if getattr(section, low) > getattr(section, high):
        raise ValueError(f"{low} = {getattr(section, low)} is above {high} = {getattr(section, high)}")
    return section


class Docs(Section):
    path: Annotated[str, Field(min_length=1)]
    include: list[str]
    exclude: list[str]

    def directory(self) -> Path:
        """`docs.path`, which must exist. Only ingest needs it: who pulled the data can train without the docs."""
        if not Path(self.path).is_dir():
            raise ParamsError(f"{FILE}: docs.path = {self.path!r}: accepted is an existing directory of Markdown pages")
        return Path(self.path)


class Chunk(Section):
    strategy: Literal["markdown", "fixed"]
    max_tokens: Annotated[int, Field(ge=64)]
    min_tokens: Limit
    encoding: str

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        return ordered(self, "min_tokens", "max_tokens")


class Generate(Section):
    backend: Literal["extractive", "llm"]
    language: Literal["auto", "zh", "en"]
    phrasings: Annotated[int, Field(ge=1, le=6)]
    model: str
    prompts: str
    pairs_per_chunk: Count
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    concurrency: Count
    timeout: Annotated[float, Field(gt=0)]
    max_retries: Limit
    max_failed: Annotated[float, Field(ge=0, le=1)]


class Curate(Section):
    min_question_chars: Limit
    max_question_chars: Count
    min_answer_chars: Count
    max_answer_chars: Count
    holdout_pages: Share
    holdout_facts: Share

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        ordered(self, "min_question_chars", "max_question_chars")
        return ordered(self, "min_answer_chars", "max_answer_chars")


class Format(Section):
    mode: Literal["chat", "alpaca", "token_level"]
    system_prompt: str
    max_length: Annotated[int, Field(ge=16)]
    overlong: Literal["drop", "truncate"]


def known_if_embedded(name: str) -> str:
    if name.startswith("embedded:") and name != EMBEDDED:
        raise ValueError(f"the embedded model is {EMBEDDED}")
    return name


class Model(Section):
    name: Annotated[str, AfterValidator(known_if_embedded)]
    revision: str
    dtype: Literal["auto", "bfloat16", "float16", "float32"]
    load_in_4bit: bool
    attn_implementation: Literal["auto", "eager", "sdpa", "flash_attention_2"]

    def directory(self) -> Path | None:
        """The local directory that `model.name` names, or None for an embedded model or a hub id (owner/name).

        Only the stages from format on need it: pairs can be made where the model is not.
        """
        path = Path(os.path.expanduser(self.name))  # noqa: PTH111 - unlike pathlib's, it lets an unknown user pass
        if path.is_dir() and (path / "config.json").is_file():
            return path
        if self.name == EMBEDDED or (self.name.count("/") == 1 and not self.name.startswith((".", "/", "~"))):
            return None
        raise ParamsError(
            f"{FILE}: model.name = {self.name!r}: accepted is {EMBEDDED}, a hub id (owner/name) or a local directory "
            "with a config.json"
        )


class Lora(Section):
    r: Count
    alpha: Annotated[float, Field(gt=0)]
    dropout: Share
    bias: Literal["none", "all", "lora_only"]
    target_modules: Annotated[list[str], Field(min_length=1)]
    use_rslora: bool
    random_state: Limit


class Train(Section):
    backend: Literal["auto", "unsloth", "trl"]
    per_device_train_batch_size: Count
    gradient_accumulation_steps: Count
    num_train_epochs: Annotated[float, Field(gt=0)]
    max_steps: Annotated[int, Field(ge=-1)]
    learning_rate: Annotated[float, Field(gt=0)]
    train_sampling_strategy: Literal["group_by_length", "random", "sequential"]
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup", "polynomial", "inverse_sqrt"]
    warmup_steps: Limit
    weight_decay: Annotated[float, Field(ge=0)]
    optim: Literal["adamw_torch", "adamw_torch_fused", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd"]
    seed: Limit
    gradient_checkpointing: Literal[True, False, "unsloth"]
    packing: bool
    save_steps: Count
    logging_steps: Count


class Merge(Section):
    dtype: Literal["bfloat16", "float16"]
    max_shard_size: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")]


class Evaluate(Section):
    max_rows: Limit
    max_new_tokens: Count
    batch_size: Count


class Params(Section):
    """All of params.yaml; a stage takes its own section from it."""

    docs: Docs
    chunk: Chunk
    generate: Generate
    curate: Curate
    format: Format
    model: Model
    lora: Lora
    train: Train
    merge: Merge
    evaluate: Evaluate


def load(file: Path = FILE) -> Params:
    """Read and validate params.yaml. Raises ParamsError with one line per mistake."""
    try:
        # YAML 1.2, as DVC reads it: in YAML 1.1 `8e-4` would be a string.
        values = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{file} not found; run this in the repository root") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from None
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError("\n".join(describe(item) for item in error.errors())) from None


def describe(error: Any) -> str:
    """One of pydantic's errors as: key, value, what is accepted."""
    location = [str(part) for part in error["loc"] if not str(part).startswith(("literal", "bool"))]
    key = ".".join(location) or "params.yaml"
    if error["type"] == "extra_forbidden":
        return f"{FILE}: {key} is not a known key{suggestion(location)}"
    if error["type"] == "missing":
        return f"{FILE}: {key} is missing; its values are described in docs/params.md"
    accepted = re.sub(r"^(Input|String|List) should (be )?", "accepted is ", error["msg"].removeprefix("Value error, "))
    accepted = accepted.replace("is match pattern", "is text of the pattern").replace("is have", "is a value with")
    value = "" if isinstance(error["input"], dict) else f" = {error['input']!r}"
    return f"{FILE}: {key}{value}: {accepted}"


def suggestion(location: list[str]) -> str:
    """The closest known key, or all of them."""
    *parents, name = location
    model: Any = Params
    for parent in parents:
        model = model.model_fields[parent].annotation
    known = list(model.model_fields)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {'.'.join([*parents, close[0]])}?" if close else f"; known keys: {', '.join(known)}"
