"""Adapter in, complete 16-bit model out.

Reads models/adapter/, the base model and data/formatted/; writes models/merged/ (safetensors, tokenizer, the trained
chat template, a model card), models/exports/ (GGUF, Ollama, vLLM as wanted) and reports/merge.json. Fails when held-out
prompts show another model than base + adapter.
Run: python -m stages.merge
"""

from typing import Any

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import UserError, run_stage
from stages.common.models import cards, pretrained
from stages.common.records.files import digest, read_json, write_json
from stages.merge import audit, refusals, weights
from stages.merge.exports import exports


def reference(settings: schema.Params, tokenizer: Any) -> audit.Reference:
    """What base + adapter make of held-out prompts."""
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    model = pretrained.adapted(settings.model, dtype, paths.ADAPTER)
    return audit.reference(model, audit.audit_rows(settings.merge.audit.rows), tokenizer.eos_token_id)


def audited(settings: schema.Params, tokenizer: Any, adapted: audit.Reference) -> dict[str, Any]:
    """Figures of the written model beside base + adapter. Raises UserError."""
    audit.check_text(paths.MERGED, tokenizer, adapted.rows)
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    model = pretrained.tuned(settings.model, dtype)
    merged = [audit.look(model, row, answer) for row, answer in zip(adapted.rows, adapted.given, strict=True)]
    figures = audit.compare(adapted, merged, tokenizer.eos_token_id)
    audit.check(figures, settings.merge.audit)
    return figures


def main() -> None:
    from transformers import AutoTokenizer

    settings = params.load()
    refusals.refuse_impossible(settings)
    tokenizer = AutoTokenizer.from_pretrained(paths.ADAPTER)
    template = paths.CHAT_TEMPLATE.read_text(encoding="utf-8")
    trained = read_json(paths.REPORTS / "train.json")["template_hash"]
    if tokenizer.chat_template != template or trained != digest(template):
        raise UserError("models/adapter was not trained with data/formatted/chat_template.jinja; run `dvc repro`")
    weights.require_disk(settings)
    weights.write(settings, tokenizer)
    cards.write(paths.MERGED, settings, "Merged model")
    adapted = reference(settings, tokenizer)
    figures = weights.figures(settings) | {"template_hash": digest(template)}
    figures["audit"] = audited(settings, tokenizer, adapted)
    exports.write(settings, tokenizer)
    figures["exports"] = exports.audited(settings.merge, tokenizer, adapted)
    write_json(paths.REPORTS / "merge.json", figures)
    show(figures)


def show(figures: dict[str, Any]) -> None:
    """A line for the model and one for each export."""
    seen = figures["audit"]
    change = f"perplexity {seen['perplexity_adapter']:.3f} → {seen['perplexity_merged']:.3f}"
    print(f"merge: audit: {seen['greedy_agreement']:.1%} of the tokens as base + adapter, {change}")
    for kind, seen in figures["exports"].items():
        print(f"merge: audit: {kind}: {seen['greedy_agreement']:.1%} of the tokens, {seen['bytes'] / 1e6:.0f} MB")
    print(f"merge: {figures['parameters']} parameters, {figures['bytes'] / 1e6:.0f} MB in {paths.MERGED}")


if __name__ == "__main__":
    run_stage("merge", main)
