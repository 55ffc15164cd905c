"""Section `merge` of params.yaml: how the merged model is written, and how alike it must be."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from stages.shared.params.section import Count, Section

Agreement = Annotated[float, Field(ge=0, le=1)]
Export = Literal["gguf-q8_0", "gguf-q4_k_m", "ollama", "vllm"]


class MergeAudit(Section):
    """Base + adapter and the merged model on the same prompts; the stage fails outside these limits."""

    rows: Count
    min_agreement: Agreement
    min_agreement_q8_0: Agreement
    min_agreement_q4_k_m: Agreement
    max_perplexity_change: Annotated[float, Field(ge=0)]


class Merge(Section):
    dtype: Literal["bfloat16", "float16"]
    max_shard_size: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")]
    export: list[Export]
    audit: MergeAudit

    @field_validator("export")
    @classmethod
    def ollama_reads_gguf(cls, export: list[Export]) -> list[Export]:
        if "ollama" in export and not any(name.startswith("gguf-") for name in export):
            raise ValueError("ollama needs gguf-q8_0 or gguf-q4_k_m beside it")
        return export
