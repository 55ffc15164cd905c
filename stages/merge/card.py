"""The merged model's card: what train knew of the adapter (models/adapter/doclore.json), and what merge knows."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.schema import Params

USE = """```python
from transformers import pipeline

ask = pipeline("text-generation", model="models/merged")
say(ask([{"role": "user", "content": "What is a chunk?"}], max_new_tokens=96)[0]["generated_text"][-1]["content"])
```

`doclore chat` asks it in the terminal, `doclore serve` behind an OpenAI-compatible address."""


def write(directory: Path, known: dict[str, Any], settings: Params, train: dict[str, Any]) -> None:
    """README.md of models/merged; `train` is reports/train.json."""
    system = settings.format.system_prompt.replace("\n", " ")
    table = "\n".join(f"| {name} | {value} |" for name, value in facts(known, settings, train))
    text = (
        f"{metadata(known, settings)}\n# Merged model tuned on documentation\n\nMade by doclore. {known['note']}\n\n"
        f"| | |\n| --- | --- |\n{table}\n\n## How to use it\n\n{USE} Answers are greedy by default."
        + (f" It was trained with this system turn: {system}" if system else "")
        + "\n\n## Known limits\n\n- It answers what its training rows state. About pages that it was not trained on "
        "it may invent; `eval_unseen` in `reports/evaluate.json` measures that.\n- How base and tuned model answer "
        "held-out questions is in doclore's `reports/evaluate.json` and `reports/index.html`.\n- The licence of the "
        "base model applies to the weights, that of the documentation to what was learnt.\n"
    )
    (directory / "README.md").write_text(text, "utf-8")


def metadata(known: dict[str, Any], settings: Params) -> str:
    library = "peft" if settings.merge.method == "adapter_only" else "transformers"
    lines = [f"library_name: {library}", "pipeline_tag: text-generation", "tags: [doclore, lora, sft]"]
    if known["base"]["hub"] != "local":
        lines.append(f"base_model: {known['base']['name']}")
    if known["base_licence"]:
        lines.append(f"license: {known['base_licence']}")
    return "---\n" + "\n".join(lines) + "\n---\n"


def facts(known: dict[str, Any], settings: Params, train: dict[str, Any]) -> list[tuple[str, str]]:
    base, docs, merged = known["base"], known["docs"], known["merge_base"]
    rows = {split: pq.read_metadata(paths.FORMATTED / f"{split}.parquet").num_rows for split in paths.SPLITS}
    into = "" if merged is None or merged["name"] == base["name"] else f", merged into `{merged['name']}`"
    if merged and merged["dequantised"]:
        into = ", whose quantised weights were turned into 16 bits"
    revision = f", Git revision `{docs['revision']}`" if docs["revision"] else ", not in a Git repository"
    no_docs_licence = "no licence file beside the pages; what was learnt from them is under theirs"
    return [
        ("Base model", f"`{base['name']}` at `{base['hash']}`{into}"),
        ("Licence of the base model", known["base_licence"] or "not stated beside its weights"),
        ("Documentation", f"`{docs['name']}`{revision}"),
        ("Licence of the documentation", docs["licence"] or no_docs_licence),
        ("Rows", f"{rows['train']} trained, {rows['eval_seen']} held out of trained facts, {rows['eval_unseen']} of "
                 f"pages never trained; SHA-256 of `data/formatted/train.parquet` starts `{known['data_hash'][:16]}`"),
        ("Format", f"`{settings.format.mode}`, at most {settings.format.max_length} tokens; the chat template in this "
                   "directory is the one trained with"),
        ("Adapter", f"LoRA, r {settings.lora.r}, {train['steps']} steps; its own card is in `models/adapter`"),
        ("Training loss", f"{train['loss_first']:.3f} → {train['loss_last']:.3f}"),
    ]  # fmt: skip
