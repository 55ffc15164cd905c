"""Section `model` of params.yaml: which base model is used."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from stages.common.schema.section import Section


def known_if_embedded(name: str) -> str:
    embedded = "embedded:smollm2-135m-instruct"
    if name.startswith("embedded:") and name != embedded:
        raise ValueError(f"the embedded model is {embedded}")
    return name


class Model(Section):
    name: Annotated[str, AfterValidator(known_if_embedded)]
    hub: Literal["huggingface", "modelscope"]
    revision: str
    dtype: Literal["auto", "bfloat16", "float16", "float32"]
    load_in_4bit: bool
    load_in_8bit: bool
    merge_base: Annotated[str, Field(min_length=1)]
    attn_implementation: Literal["auto", "eager", "sdpa", "flash_attention_2"]

    @model_validator(mode="after")
    def one_quantisation(self) -> Self:
        if self.load_in_4bit and self.load_in_8bit:
            raise ValueError("load_in_4bit and load_in_8bit exclude each other; set one of them to false")
        return self
