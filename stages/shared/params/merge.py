"""Section `merge` of params.yaml: how the merged model is written, and how alike it must be."""

from typing import Annotated, Literal

from pydantic import Field

from stages.shared.params.section import Count, Section


class MergeAudit(Section):
    """Base + adapter and the merged model on the same prompts; the stage fails outside these limits."""

    rows: Count
    min_agreement: Annotated[float, Field(ge=0, le=1)]
    max_perplexity_change: Annotated[float, Field(ge=0)]


class Merge(Section):
    dtype: Literal["bfloat16", "float16"]
    max_shard_size: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")]
    audit: MergeAudit
