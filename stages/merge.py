"""Adapter in, complete 16-bit model out.

Reads models/adapter/, the base model and data/formatted/; writes models/merged/ (safetensors, tokenizer, the trained
chat template, a model card), models/exports/ (GGUF, Ollama, vLLM as wanted) and reports/merge.json. Fails when held-out
prompts show another model than base + adapter.
Run: python -m stages.merge
"""

from typing import Any

from stages.shared import cards, models, params, paths
from stages.shared.errors import UserError, run_stage
from stages.shared.exporting import exports
from stages.shared.merging import audit
from stages.shared.records import digest, read_json, write_json


def merged_model(settings: params.Params) -> Any:
    """The 16-bit base with the adapter's weights added. A base that was trained on in 4 bits is read in 16."""
    import torch
    from peft import PeftModel

    base = models.causal_lm(settings.model, getattr(torch, settings.merge.dtype))
    adapted = PeftModel.from_pretrained(base, str(paths.ADAPTER))
    # PEFT only warns when no name fits, and lora_B starts at zero: merging would give the base back.
    if not any(bool(weight.any()) for name, weight in adapted.named_parameters() if "lora_B" in name):
        raise UserError("no weight of models/adapter fits the base model; run `dvc repro --force train`")
    model = adapted.merge_and_unload(progressbar=True)
    if any(not bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise UserError("the merged weights contain NaN or infinity; train again with a lower train.learning_rate")
    return model


def stop_at(model: Any, tokenizer: Any) -> None:
    """Make generation end where training ended an answer, and be greedy unless asked otherwise."""
    config = model.generation_config
    config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    config.do_sample, config.temperature, config.top_p, config.top_k = False, None, None, None
    model.config.eos_token_id = tokenizer.eos_token_id


def reference(settings: params.Params, tokenizer: Any) -> audit.Reference:
    """What base + adapter make of held-out prompts."""
    from peft import PeftModel

    dtype, _ = models.choose_dtype(settings.model.dtype)
    model = PeftModel.from_pretrained(models.causal_lm(settings.model, dtype), str(paths.ADAPTER)).eval()
    return audit.reference(model, audit.audit_rows(settings.merge.audit.rows), tokenizer.eos_token_id)


def audited(settings: params.Params, tokenizer: Any, adapted: audit.Reference) -> dict[str, Any]:
    """Figures of the written model beside base + adapter. Raises UserError."""
    from transformers import AutoModelForCausalLM

    audit.check_text(paths.MERGED, tokenizer, adapted.rows)
    dtype, _ = models.choose_dtype(settings.model.dtype)
    options = {"dtype": dtype, "device_map": models.device(), **models.attention(settings.model)}
    model = AutoModelForCausalLM.from_pretrained(paths.MERGED, **options)
    merged = [audit.look(model, row, answer) for row, answer in zip(adapted.rows, adapted.given, strict=True)]
    figures = audit.compare(adapted, merged, tokenizer.eos_token_id)
    audit.check(figures, settings.merge.audit)
    return figures


def main() -> None:
    from transformers import AutoTokenizer

    settings = params.load()
    exports.require(settings.merge)
    tokenizer = AutoTokenizer.from_pretrained(paths.ADAPTER)
    template = paths.CHAT_TEMPLATE.read_text(encoding="utf-8")
    trained = read_json(paths.REPORTS / "train.json")["template_hash"]
    if tokenizer.chat_template != template or trained != digest(template):
        raise UserError("models/adapter was not trained with data/formatted/chat_template.jinja; run `dvc repro`")
    model = merged_model(settings)
    stop_at(model, tokenizer)
    model.save_pretrained(paths.MERGED, max_shard_size=settings.merge.max_shard_size)
    tokenizer.save_pretrained(paths.MERGED)
    cards.write(paths.MERGED, settings, "Merged model")
    parameters = sum(weight.numel() for weight in model.parameters())
    del model
    adapted = reference(settings, tokenizer)
    compared = audited(settings, tokenizer, adapted)
    exports.write(settings, tokenizer)
    files = list(paths.MERGED.glob("*.safetensors"))
    figures = {
        "dtype": settings.merge.dtype,
        "parameters": parameters,
        "shards": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "template_hash": digest(template),
        "audit": compared,
        "exports": exports.audited(settings.merge, tokenizer, adapted),
    }
    write_json(paths.REPORTS / "merge.json", figures)
    print(
        f"merge: audit: {compared['greedy_agreement']:.1%} of the tokens as base + adapter, perplexity "
        f"{compared['perplexity_adapter']:.3f} → {compared['perplexity_merged']:.3f}"
    )
    for kind, seen in figures["exports"].items():
        print(f"merge: audit: {kind}: {seen['greedy_agreement']:.1%} of the tokens, {seen['bytes'] / 1e6:.0f} MB")
    print(f"merge: {figures['parameters']} parameters, {figures['bytes'] / 1e6:.0f} MB in {paths.MERGED}")


if __name__ == "__main__":
    run_stage("merge", main)
