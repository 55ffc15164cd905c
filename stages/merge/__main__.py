"""Adapter in, complete 16-bit model out.

Reads models/adapter/, the base model and data/formatted/; writes models/merged/ (safetensors, tokenizer, the trained
chat template, a model card), models/exports/ (GGUF, Ollama, vLLM as wanted) and reports/merge.json. Fails when held-out
prompts show another model than base + adapter; what lay there before then stays.
Run: python -m stages.merge
"""

from typing import Any

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import UserError, run_stage
from stages.common.base.printable import say
from stages.common.models.base import hub, memory, pretrained
from stages.common.models.tuned import adapted, tuned
from stages.common.records.files import digest, read_json, require, write_report
from stages.merge import audit, card, refusals, weights
from stages.merge.exports import exports

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"agreement": "audit.greedy_agreement", "perplexity_change": "audit.perplexity_change"}


def reference(settings: schema.Params) -> audit.Reference:
    """What base + adapter make of held-out prompts."""
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    memory.release()  # the model that was merged
    model = adapted(settings.model, dtype, paths.ADAPTER)
    return audit.reference(model, audit.audit_rows(settings.merge.audit.rows), settings.merge.dtype)


def audited(settings: schema.Params, tokenizer: Any, adapted: audit.Reference) -> dict[str, Any]:
    """Figures of the written model beside base + adapter. Raises UserError."""
    audit.check_text(paths.MERGED, tokenizer, adapted.rows)
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    memory.release()  # base + adapter
    model = tuned(settings.model, dtype)
    merged = [audit.prediction(model, row) for row in adapted.rows]
    figures = audit.compare(adapted, merged, tokenizer.eos_token_id)
    # Weights that are rounded to 4 bits are as far from the trained ones as an export of that size may be.
    audit.check(figures, settings.merge.audit, "q4_k_m" if settings.merge.method == "merged_4bit_forced" else "")
    return figures


def main() -> None:
    from transformers import AutoTokenizer

    settings = params.load()
    refusals.refuse_impossible(settings)
    tokenizer = AutoTokenizer.from_pretrained(require(paths.ADAPTER))
    template = paths.CHAT_TEMPLATE.read_text(encoding="utf-8")
    train, known = read_json(paths.REPORTS / "train.json"), read_json(hub.RECORD)
    if tokenizer.chat_template != template or train["template_hash"] != digest(template):
        raise UserError("models/adapter was not trained with data/formatted/chat_template.jinja; run `dvc repro`")
    settings = settings.model_copy(update={"model": weights.merged_into(settings)})
    weights.require_disk(settings)
    with weights.kept_on_failure(paths.MERGED, paths.EXPORTS):
        weights.write(settings, tokenizer)
        card.write(paths.MERGED, known, settings, train)
        adapted = reference(settings)
        figures = weights.figures(settings) | {"template_hash": digest(template), "base": known["base"]["hash"]}
        figures["audit"] = audited(settings, tokenizer, adapted)
        exports.write(settings, tokenizer)
        figures["exports"] = exports.audited(settings.merge, tokenizer, adapted)
    write_report("merge", figures, HEADLINE)
    show(figures)


def show(figures: dict[str, Any]) -> None:
    """A line for the model and one for each export, and how far both are from the model as it was trained."""
    seen = figures["audit"]
    change = f"perplexity {seen['perplexity_adapter']:.3f} → {seen['perplexity_merged']:.3f}"
    say(f"merge: audit: {seen['greedy_agreement']:.1%} of the tokens as base + adapter, {change}; {gap(seen)}")
    for kind, seen in figures["exports"].items():
        size = f"{seen['bytes'] / 1e6:.0f} MB"
        say(f"merge: audit: {kind}: {seen['greedy_agreement']:.1%} of the tokens, {size}; {gap(seen)}")
    say(f"merge: {figures['parameters']} parameters, {figures['bytes'] / 1e6:.0f} MB in {paths.MERGED}")


def gap(seen: dict[str, Any]) -> str:
    """What lies between the model as trained and what is served."""
    trained = seen["trained"]
    losses = f", loss {trained['loss']:.3f} → {trained['loss_merged']:.3f}" if "loss" in trained else ""
    return f"{trained['greedy_agreement']:.1%} as trained{losses}"


if __name__ == "__main__":
    run_stage("merge", main)
