"""Section `merge` of params.yaml: how the merged model is written."""

from typing import Annotated, Literal

from pydantic import Field

from stages.shared.params.section import Section


class Merge(Section):
    dtype: Literal["bfloat16", "float16"]
    max_shard_size: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")]
