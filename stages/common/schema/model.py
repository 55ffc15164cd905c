"""Section `model` of params.yaml: which base model is used."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from stages.common.base.errors import ParamsError
from stages.common.schema.section import FILE, Section

EMBEDDED = "embedded:smollm2-135m-instruct"


def known_if_embedded(name: str) -> str:
    if name.startswith("embedded:") and name != EMBEDDED:
        raise ValueError(f"the embedded model is {EMBEDDED}")
    return name


class Model(Section):
    name: Annotated[str, AfterValidator(known_if_embedded)]
    revision: str
    dtype: Literal["auto", "bfloat16", "float16", "float32"]
    load_in_4bit: bool
    load_in_8bit: bool
    attn_implementation: Literal["auto", "eager", "sdpa", "flash_attention_2"]

    @model_validator(mode="after")
    def one_quantisation(self) -> Self:
        if self.load_in_4bit and self.load_in_8bit:
            raise ValueError("load_in_4bit and load_in_8bit exclude each other; set one of them to false")
        return self

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
