"""Formatted batches by the hash of what they were made of, in `.cache/format`: what did not change is not formatted
again."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.common.base import paths
from stages.common.records.files import atomic, digest, file_sha256
from stages.format.audit import Figures
from stages.format.encoding import Encoder

KEEP_DAYS = 30
ELSEWHERE = {"replay", "documents", "documents_source", "processes", "audit"}  # keys of `format` that change no batch


def directory() -> Path:
    return paths.cache_dir() / "format"


def settings_key(encoder: Encoder) -> str:
    """Hash of everything but the rows: settings, template, tokenizer and this package's code."""
    code = [file_sha256(file) for file in sorted(Path(__file__).parent.glob("*.py"))]
    section = encoder.chat.section.model_dump(exclude=ELSEWHERE)
    return digest(section, encoder.chat.template, encoder.fingerprint, code)


def file_for(settings: str, rows: list[Any]) -> Path:
    content = json.dumps([settings, rows]).encode()
    return directory() / f"{hashlib.sha256(content).hexdigest()[:32]}.arrow"


def read(file: Path) -> tuple[pa.RecordBatch, Figures] | None:
    """A batch and its figures, None when it is not there or damaged. Marks it as used."""
    try:
        with pa.ipc.open_file(file) as reader:
            batch = reader.get_batch(0)
        figures = Figures.from_json(json.loads(reader.schema.metadata[b"figures"]))
        os.utime(file)
    except (OSError, pa.ArrowException, ValueError):
        return None
    return batch.replace_schema_metadata(None), figures


def write(file: Path, batch: pa.RecordBatch, figures: Figures) -> None:
    schema = batch.schema.with_metadata({"figures": json.dumps(figures.to_json(), ensure_ascii=False)})
    with atomic(file, "wb") as stream, pa.ipc.new_file(stream, schema) as writer:
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def forget_unused() -> None:
    """Delete batches that no run has used for a month."""
    oldest = time.time() - KEEP_DAYS * 24 * 3600
    for file in directory().glob("*.arrow"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
