"""Who made a row and what happened to it beside curate: the generator, the reviewer, the format stage."""

from pathlib import Path
from typing import Any

from stages.commands.tracing.rows import REJECTED, TracedRow
from stages.common.base import paths
from stages.curate.review import read_reviews

LOCK = Path("dvc.lock")


def facts(traced: TracedRow) -> dict[str, str]:
    """Lines about the row, by name; those that do not apply are empty."""
    row = traced.row
    review = read_reviews(paths.REVIEW).get(row["pair_id"])
    return {
        "review": f"{review.verdict} {review.note}".strip() if review else "",
        "original": original(row) if row.get("review") == "edit" else "",
        "first answer": row.get("first_output", ""),
        "score": f"{row['score']} of 10 by the judge" if "score" in row else "",
        "format": dropped_by_format(traced),
        "style": row["style"],
        "generator": generator(row),
    }


def original(row: dict[str, Any]) -> str:
    """What the generator wrote before the reviewer's edit."""
    from stages.commands.tracing.sources import find_row

    pair = find_row(paths.PAIRS, "pair_id", row["pair_id"]) if row["chunk_id"] else None
    return f"{pair['instruction']} → {pair['output']}" if pair else ""


def generator(row: dict[str, Any]) -> str:
    """Backend, and for a language model its name and the request that it answered."""
    if not row["chunk_id"]:
        return "your own data"
    if not row["request_key"]:
        return "extractive"
    reworded = f", answer paraphrased by {row['answer_key']}" if "first_output" in row else ""
    return f"llm, {locked_model() or 'model unknown'}, request {row['request_key']}{reworded}"


def locked_model() -> str:
    """generate.model of the last run, from dvc.lock."""
    import yaml

    if not LOCK.exists():
        return ""
    stages = yaml.load(LOCK.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
    section = stages.get("generate", {}).get("params", {}).get("params.yaml", {}).get("generate", {})
    return str(section.get("model", ""))


def dropped_by_format(traced: TracedRow) -> str:
    """Whether the format stage left the row out of what is trained or measured."""
    file = paths.FORMATTED / f"{traced.fate}.parquet"
    if traced.fate == REJECTED or not file.exists():
        return ""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        return ""
    kept = parquet.read_table(file, columns=["pair_id"], filters=[("pair_id", "==", traced.row["pair_id"])])
    return "" if kept.num_rows else "left out: longer than format.max_length"
