"""Section `lora` of params.yaml: the shape of the adapter."""

from typing import Annotated, Literal

from pydantic import Field

from stages.common.schema.section import Count, Limit, Section, Share


class Lora(Section):
    r: Count
    alpha: Annotated[float, Field(gt=0)]
    dropout: Share
    bias: Literal["none", "all", "lora_only"]
    target_modules: Annotated[list[str], Field(min_length=1)]
    use_rslora: bool
    init: Literal["default", "pissa", "loftq"]
    random_state: Limit
