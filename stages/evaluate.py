"""Merged model and its base in, figures and a report out: does it know the documentation now?

Both answer the held-out questions without any context (closed-book). Reads models/merged/, the base model,
data/dataset/eval_*.jsonl and data/formatted/eval_*.parquet; writes reports/evaluate.json,
reports/predictions.jsonl and reports/index.html. Run: python -m stages.evaluate
"""

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from stages.shared import models, params, paths
from stages.shared.errors import UserError, run_stage
from stages.shared.evaluation import answers, metrics
from stages.shared.formatting.conversations import conversation
from stages.shared.formatting.templates import chat_for
from stages.shared.records import DatasetRow, digest, read_json, read_jsonl, share, write_json, write_jsonl
from stages.shared.reporting import report

EVAL_SPLITS = ("eval_seen", "eval_unseen")


def sample(rows: Iterator[DatasetRow], max_rows: int) -> list[DatasetRow]:
    """At most `max_rows` rows (0: all), the ones with the smallest hash: the same from run to run."""
    chosen = sorted(rows, key=lambda row: share("sample", row["pair_id"]))
    return chosen[:max_rows] if max_rows else chosen


def tokenised(split: str, rows: list[DatasetRow]) -> list[dict[str, list[int]]]:
    """Ids and labels of the rows as `format` wrote them; rows it dropped as too long are missing."""
    table = pq.read_table(paths.FORMATTED / f"{split}.parquet", columns=["pair_id", "input_ids", "labels"])
    wanted = {row["pair_id"] for row in rows}
    return [row for row in table.to_pylist() if row["pair_id"] in wanted]


def measure(
    model: Any, tokenizer: Any, held_out: dict[str, list[DatasetRow]], settings: params.Params, name: str
) -> tuple[dict[str, list[answers.Answer]], dict[str, Any]]:
    """A model's answers to every held-out question, and its figures per set."""
    found: dict[str, list[answers.Answer]] = {}
    figures: dict[str, Any] = {}
    for split, rows in held_out.items():
        if not rows:
            found[split], figures[split] = [], {}
            continue
        prompts = asked(tokenizer, rows, settings.format)
        section = settings.evaluate
        found[split] = answers.generate(
            model, tokenizer, prompts, section.max_new_tokens, section.batch_size, f"evaluate {name} {split}"
        )
        loss = answers.loss(model, tokenised(split, rows), tokenizer.pad_token_id, section.batch_size)
        figures[split] = metrics.scores(found[split], [row["output"] for row in rows], loss)
    return found, figures


def asked(tokenizer: Any, rows: list[DatasetRow], section: params.Format) -> list[str]:
    """The rows' prompts, as they were trained."""
    chat = chat_for(tokenizer, section, tokenizer.chat_template)
    return chat.texts([conversation(row, chat)[:-1] for row in rows], prompt=True)


def predictions(
    held_out: dict[str, list[DatasetRow]], base: dict[str, list[answers.Answer]], tuned: dict[str, list[answers.Answer]]
) -> Iterator[dict[str, Any]]:
    """One row per question: both answers beside the reference and where that stands in the documentation."""
    for split, rows in held_out.items():
        for row, before, after in zip(rows, base[split], tuned[split], strict=True):
            yield {
                "split": split,
                **{
                    key: row[key]
                    for key in ("pair_id", "chunk_id", "path", "line_start", "line_end", "instruction", "input")
                },  # type: ignore[literal-required]
                "reference": row["output"],
                "base": before.text,
                "tuned": after.text,
                "base_exact": metrics.exact_match(before.text, row["output"]),
                "tuned_exact": metrics.exact_match(after.text, row["output"]),
                "base_stopped": before.stopped,
                "tuned_stopped": after.stopped,
            }


def main() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = params.load()
    tokenizer = AutoTokenizer.from_pretrained(paths.MERGED)
    template_hash = digest(tokenizer.chat_template)
    if template_hash != read_json(paths.REPORTS / "format.json")["template_hash"]:
        raise UserError(
            "models/merged does not carry the chat template that data/formatted was made with; run `dvc repro`"
        )
    dtype, _ = models.choose_dtype(settings.model.dtype)
    held_out = {
        split: sample(read_jsonl(paths.DATASET / f"{split}.jsonl"), settings.evaluate.max_rows) for split in EVAL_SPLITS
    }
    base_answers, base_figures = measure(models.causal_lm(settings.model, dtype), tokenizer, held_out, settings, "base")
    options = {"dtype": dtype, "device_map": models.device(), **models.attention(settings.model)}  # as the base's
    tuned = AutoModelForCausalLM.from_pretrained(paths.MERGED, **options)
    tuned_answers, tuned_figures = measure(tuned, tokenizer, held_out, settings, "tuned")

    rows = list(predictions(held_out, base_answers, tuned_answers))
    figures = {
        split: {"rows": len(held_out[split]), "base": base_figures[split], "tuned": tuned_figures[split]}
        for split in EVAL_SPLITS
    }
    write_jsonl(paths.REPORTS / "predictions.jsonl", rows)
    write_json(paths.REPORTS / "evaluate.json", {**figures, "template_hash": template_hash})
    report.write(paths.REPORTS / "index.html", figures, rows, settings)
    for split, cell in figures.items():
        print(f"evaluate: {split}: base {cell['base']}")
        print(f"evaluate: {split}: tuned {cell['tuned']}")


if __name__ == "__main__":
    run_stage("evaluate", main)
