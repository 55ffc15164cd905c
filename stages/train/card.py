"""The facts about a training that travel with its adapter, and the adapter's model card."""

import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import ParamsError
from stages.common.models.base import hub, quantised
from stages.common.models.base.embedded import EMBEDDED
from stages.common.records.files import digest, file_sha256, read_jsonl
from stages.common.schema import Model, Params

EMBEDDED_NOTE = (
    "The base is SmolLM2-135M-Instruct (Apache-2.0) with weights dequantised from Q4_1: "
    "slightly worse than the original, and made for trying the pipeline out."
)
ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,64}")  # of whoever holds the rights
USE = """```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE), "models/adapter")
```

`BASE` is the base model above."""


def record(settings: Params, base: Model) -> dict[str, Any]:
    """models/adapter/doclore.json: what is trained on what, gathered before the training. `base` is the section at
    one commit, `settings.model` as it stands in params.yaml."""
    merge_base = mergeable(base, settings.merge.method)
    identity = hub.identity(base) | {"revision": settings.model.revision}
    return {
        "base": identity,
        "merge_base": merge_base and {
            "name": merge_base.section.name,
            "revision": merge_base.section.revision,
            "dequantised": merge_base.dequantised,
        },
        "base_licence": base_licence(base),
        "data_hash": file_sha256(paths.FORMATTED / "train.parquet"),
        "rows": pq.read_metadata(paths.FORMATTED / "train.parquet").num_rows,
        "params_hash": digest(*(part.model_dump() for part in (settings.model, settings.lora, settings.train))),
        "docs": {
            "name": Path(settings.docs.path).resolve().name,
            "revision": docs_revision(),
            "licence": docs_licence(Path(settings.docs.path)),
        },
        "note": EMBEDDED_NOTE if base.name == EMBEDDED else "",
    }  # fmt: skip


def mergeable(base: Model, method: str) -> quantised.MergeBase | None:
    """What the adapter will be merged into, None where it cannot be and need not. Raises ParamsError otherwise."""
    try:
        return quantised.merge_base(base)
    except ParamsError:
        if method == "adapter_only":
            return None
        raise


def facts(known: dict[str, Any], settings: Params, train: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines of the card's table: `known` as `record` gathered it, `train` as reports/train.json has it."""
    base, docs, lora = known["base"], known["docs"], settings.lora
    revision = f", Git revision `{docs['revision']}`" if docs["revision"] else ", not in a Git repository"
    state = "commit" if base["hub"] == "huggingface" else "SHA-256 of its files starts"
    no_docs_licence = "no licence file beside the pages; what was learnt from them is under theirs"
    return [
        ("Base model", f"`{base['name']}`, {state} `{base['hash']}`"),
        ("Licence of the base model", known["base_licence"] or "not stated beside its weights"),
        ("Documentation", f"`{docs['name']}`{revision}"),
        ("Licence of the documentation", docs["licence"] or no_docs_licence),
        ("Rows", f"{known['rows']} trained; SHA-256 of `data/formatted/train.parquet` starts "
                 f"`{known['data_hash'][:16]}`"),
        ("Parameters of the run", f"hash `{known['params_hash']}` of model, lora and train in params.yaml"),
        ("Format", f"`{settings.format.mode}`, at most {settings.format.max_length} tokens; the chat template in this "
                   "directory is the one trained with"),
        ("LoRA", f"r {lora.r}, alpha {lora.alpha}, dropout {lora.dropout}, begun with "
                 f"{settings.train.start_from or lora.init}, on "
                 f"{', '.join(lora.target_modules)}"),
        ("Training", f"{train['backend']} on {train['device']} in {train['dtype']}, {train['steps']} steps, learning "
                     f"rate {settings.train.learning_rate}"),
        ("Trained parameters", f"{train['trainable_parameters']} of {train['parameters']}"),
        ("Training loss", f"{train['loss_first']:.3f} → {train['loss_last']:.3f}"),
    ]  # fmt: skip


def write(directory: Path, known: dict[str, Any], settings: Params, train: dict[str, Any]) -> None:
    """README.md of an adapter."""
    lines = ["library_name: peft", "pipeline_tag: text-generation"]
    if known["base"]["hub"] != "local":
        lines.append(f"base_model: {known['base']['name']}")
    if known["base_licence"]:
        lines.append(f"license: {known['base_licence']}")
    lines.append("tags: [doclore, lora, sft]")
    table = "\n".join(f"| {name} | {value} |" for name, value in facts(known, settings, train))
    (directory / "README.md").write_text(
        "---\n" + "\n".join(lines) + "\n---\n\n# LoRA adapter tuned on documentation\n\n"
        f"Made by doclore. {known['note']}\n\n| | |\n| --- | --- |\n{table}\n\n## How to use it\n\n{USE}\n\n"
        "## Known limits\n\n- It answers what its training rows state. About pages that it was not trained on it may "
        "invent.\n- The licence of the base model applies to the weights, that of the documentation to what was learnt "
        "from it.\n",
        "utf-8",
    )


def base_licence(section: Model) -> str:
    """The licence that the base model's own card names, such as apache-2.0; empty when it has none or is out of
    reach."""
    from huggingface_hub import ModelCard

    if section.name == EMBEDDED:
        return "apache-2.0"
    file = hub.file(section, "README.md")
    try:
        return str(ModelCard.load(file).data.license or "") if file else ""
    except (OSError, ValueError):  # no metadata
        return ""


def docs_revision() -> str:
    """The commit of the documentation, as ingest found it: a fact beside the model, no input of it, so that a commit
    which changes no row trains nothing again."""
    page = next(read_jsonl(paths.DOCS), None) if paths.DOCS.exists() else None
    return str(page["rev"]) if page else ""


def docs_licence(directory: Path) -> str:
    """File and first line of the licence beside the pages or above them, up to the root of their repository; of a
    directory LICENSES (https://reuse.software) the licences' names."""
    for place in (directory.resolve(), *directory.resolve().parents):
        found = sorted(place.glob("LICEN[CS]E*"))
        for file in (one for one in found if one.is_file()):
            return f"`{file.name}`" + (f": {line}" if (line := first_line(file)) else "")
        for folder in (one for one in found if one.is_dir()):
            if names := sorted(file.stem for file in folder.glob("*.txt")):
                return f"`{folder.name}`: {', '.join(names)}"
        if (place / ".git").exists():
            break
    return ""


def first_line(file: Path) -> str:
    """The first line with text, at most 120 characters of it without e-mail addresses; "" where it cannot be read."""
    try:
        lines = (line.strip() for line in file.read_text("utf-8", errors="replace").splitlines())
    except OSError:
        return ""
    return next((ADDRESS.sub("[e-mail]", line[:120]) for line in lines if line), "")
