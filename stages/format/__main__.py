"""Dataset in, token ids and labels out: what the model will be trained on, audited.

Reads data/dataset/*.jsonl, the model's tokenizer and, for a mix, data/replay/ and data/docs.jsonl; writes
data/formatted/{train,eval_seen,eval_unseen}.parquet, data/formatted/chat_template.jinja and reports/format.json.
Run: python -m stages.format
"""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import UserError, run_stage
from stages.common.base.printable import terminal
from stages.common.chat.templates import Chat, chat_for
from stages.common.models.base import hub, pretrained
from stages.common.records.files import atomic, digest, read_jsonl, write_report
from stages.common.records.masking import masked_values
from stages.format import audit, batches, refusals
from stages.format.audit import Figures
from stages.format.encoding import Encoder
from stages.format.known import without_known
from stages.format.mixing.documents import documents
from stages.format.mixing.replay import replay_rows
from stages.format.passages import with_context

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"rows": "train.rows", "tokens": "train.tokens", "dropped": "train.dropped"}


def dataset_file(split: str) -> Path:
    return paths.DATASET / f"{split}.jsonl"


def stop_token(figures: Figures, section: schema.Format, names: Callable[[list[int]], list[str]]) -> int:
    """The one token that ends the answers."""
    if not figures.counts["rows"] or not figures.ends:
        raise UserError(
            f"no rows left to train on: all are longer than format.max_length = {section.max_length} tokens; raise it"
        )
    if len(figures.ends) > 1:
        raise UserError(f"format audit: rows end in different tokens ({', '.join(names(list(figures.ends)))}); "
                        "data/formatted is unchanged")  # fmt: skip
    return next(iter(figures.ends))


def training_rows(settings: schema.Params, figures: Figures, chat: Chat) -> Iterator[Any]:
    """The rows of the dataset, then the general ones that are replayed among them, masked as curate masks rows."""
    section = settings.format
    file = dataset_file("train")
    replayed = replay_rows(section.replay, count_lines(file)) if section.replay.share else []
    hide = settings.curate.private != "keep"
    if hide:
        replayed, figures.private = masked_values(replayed)
    figures.counts["replayed"] = len(replayed)
    return itertools.chain(with_context(without_known(read_jsonl(file), section.known_rows), chat, hide), replayed)


def count_lines(file: Path) -> int:
    return sum(1 for _ in read_jsonl(file))


def document_batches(encoder: Encoder, figures: Figures, hide: bool) -> Iterator[pa.RecordBatch]:
    """Raw pages, so many tokens of them for each token of the rows before."""
    wanted = round(encoder.chat.section.documents * figures.counts["tokens"])
    for rows in batches.batches(documents(encoder, wanted, hide)) if wanted else ():
        figures.counts.update(documents=len(rows), document_tokens=sum(len(row["input_ids"]) for row in rows))
        yield pa.RecordBatch.from_pylist(rows, schema=batches.SCHEMA)


def write_split(split: str, encoder: Encoder, settings: schema.Params) -> Figures:
    """One Parquet file, a row group for each batch, its template, stop token and base model in the metadata."""
    figures, section, base = Figures(), settings.format, settings.model
    rows = training_rows(settings, figures, encoder.chat) if split == "train" else read_jsonl(dataset_file(split))
    with (
        atomic(paths.FORMATTED / f"{split}.parquet", "wb") as stream,
        pq.ParquetWriter(stream, batches.SCHEMA, compression="zstd") as writer,
    ):
        shown = tqdm(rows, desc=f"format {split}", unit="row")
        for batch in batches.formatted(settings, encoder, shown, figures):
            if batch.num_rows:
                writer.write_batch(batch)
        if split == "train":
            stop = stop_token(figures, section, encoder.chat.tokenizer.convert_ids_to_tokens)
            audit.check(figures, section)
            for batch in document_batches(encoder, figures, settings.curate.private != "keep"):
                writer.write_batch(batch)
            writer.add_key_value_metadata({"stop_token": encoder.chat.tokenizer.convert_ids_to_tokens(stop)})
            writer.add_key_value_metadata({"base": json.dumps({"name": base.name, "revision": base.revision})})
        writer.add_key_value_metadata({"template_hash": digest(encoder.chat.template)})
    return figures


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    base = hub.pinned(settings.model)
    settings = settings.model_copy(update={"model": base})
    encoder = Encoder(chat_for(pretrained.tokenizer(base), settings.format))
    parts = {split: write_split(split, encoder, settings) for split in paths.SPLITS}
    with atomic(paths.CHAT_TEMPLATE) as stream:
        stream.write(encoder.chat.template)
    report = audit.report(parts, encoder)
    write_report("format", report, HEADLINE)
    terminal().print(audit.table(report))


if __name__ == "__main__":
    run_stage("format", main)
