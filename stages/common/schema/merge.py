"""Section `merge` of params.yaml: how the merged model is written, and how alike it must be."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stages.common.schema.section import Section

Agreement = Annotated[float, Field(ge=0, le=1)]
Export = Literal["gguf-q8_0", "gguf-q4_k_m", "ollama", "vllm"]


def unsloths_name(method: object) -> object:
    """unsloth has two words for one method."""
    return "merged_4bit_forced" if method == "forced_merged_4bit" else method


class MergeAudit(Section):
    """Base + adapter and the merged model on the same prompts; the stage fails outside these limits."""

    rows: Annotated[int, Field(ge=1, le=16)]
    min_agreement: Agreement
    min_agreement_q8_0: Agreement
    min_agreement_q4_k_m: Agreement
    max_perplexity_change: Annotated[float, Field(ge=0)]


class Merge(Section):
    method: Annotated[Literal["merged_16bit", "merged_4bit_forced", "adapter_only"], BeforeValidator(unsloths_name)]
    dtype: Literal["bfloat16", "float16"]
    max_shard_size: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")]
    export: list[Export]
    audit: MergeAudit

    @model_validator(mode="after")
    def exports_have_what_they_need(self) -> Self:
        gguf = [name for name in self.export if name.startswith("gguf-")]
        if "ollama" in self.export and not gguf:
            raise ValueError("export: ollama also needs gguf-q8_0 or gguf-q4_k_m")
        if gguf and self.method != "merged_16bit":
            raise ValueError(f"export: {gguf[0]} needs method merged_16bit, not {self.method}")
        return self
