"""What the report is made of: files of the stages, as far as they are there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common.base import paths, timings
from stages.common.records.files import file_sha256, read_json, read_jsonl
from stages.common.records.rows import Chunk

STAGES = ("ingest", "chunk", "curate", "format", "train", "merge", "evaluate")
HASHED = ("data/chunks.jsonl", "data/dataset/train.jsonl", "data/dataset/eval_seen.jsonl",
          "data/dataset/eval_unseen.jsonl", "data/formatted/train.parquet")  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """`stages` are the reports by stage, `uncovered` the chunk_ids that no surviving
    pair asks about, `seconds` what each stage took at its last run on this machine."""

    stages: dict[str, dict[str, Any]]
    curve: list[dict[str, float]]
    coverage: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    chunks: list[Chunk]
    uncovered: set[str]
    seconds: dict[str, float]
    hashes: dict[str, str]


def read() -> Inputs:
    reports = paths.REPORTS
    return Inputs(
        stages={stage: value(reports / f"{stage}.json", {}) for stage in STAGES},
        curve=value(reports / "train_log.json", []),
        coverage=value(reports / "coverage.json", []),
        predictions=[row for row in rows(reports / "predictions.jsonl") if row["split"] in paths.MEASURED],
        chunks=rows(paths.CHUNKS),
        uncovered={row["chunk_id"] for row in rows(paths.UNCOVERED)},
        seconds=timings.latest(),
        hashes=hashes(),
    )


def value(file: Path, missing: Any) -> Any:
    return read_json(file) if file.exists() else missing


def rows(file: Path) -> list[Any]:
    return list(read_jsonl(file)) if file.exists() else []


def hashes() -> dict[str, str]:
    """The first 16 hex digits of the SHA-256 of what the figures rest on."""
    return {file: file_sha256(Path(file))[:16] for file in HASHED if Path(file).exists()}
