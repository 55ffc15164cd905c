"""Section `format` of params.yaml: how rows become tokens."""

from typing import Annotated, Literal

from pydantic import Field

from stages.shared.params.section import Section


class Format(Section):
    mode: Literal["chat", "alpaca", "token_level"]
    system_prompt: str
    max_length: Annotated[int, Field(ge=16)]
    overlong: Literal["drop", "truncate"]
