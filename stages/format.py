"""Dataset in, token ids and labels out: what the model will be trained on, audited.

Reads data/dataset/*.jsonl and the model's tokenizer; writes data/formatted/{train,eval_seen,eval_unseen}.parquet,
data/formatted/chat_template.jinja and reports/format.json. Run: python -m stages.format
"""

import itertools
import statistics
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from stages.shared import models, params, paths, templates
from stages.shared.errors import UserError, run_stage
from stages.shared.labels import Labelled, Rendered, label_apart, label_together
from stages.shared.records import DatasetRow, atomic, digest, read_jsonl, write_json

BATCH_ROWS = 1000
SCHEMA = pa.schema(
    {"text": pa.string(), "input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32()), "pair_id": pa.string()}
)


def named(row: DatasetRow) -> str:
    """A row as a person can find it."""
    return f"pair {row['pair_id']} ({row['path']}:{row['line_start']}, {row['instruction'][:60]!r})"


def rendered(row: DatasetRow, tokenizer: Any, template: str, section: params.Format) -> Rendered:
    """The row through the template, taken apart by position."""
    messages = templates.conversation(row, section.mode, section.system_prompt)
    prompt = templates.render(tokenizer, template, messages[:-1], prompt=True)
    text = templates.render(tokenizer, template, messages)
    answer = row["output"]
    if not text.startswith(prompt + answer):
        raise UserError(
            f"the chat template changes {named(row)}: its text is not the prompt with the answer behind it; "
            "try -S format.mode=token_level"
        )
    return Rendered(prompt, answer, text[len(prompt) + len(answer) :])


def audited(row: DatasetRow, labelled: Labelled, bos: int | None) -> None:
    """Raise on a row that would teach something wrong; the message leads back to the page."""
    problem = labelled.problem
    if not problem and bos is not None and labelled.input_ids[:2] == [bos, bos]:
        problem = "two BOS tokens"
    if problem:
        raise UserError(f"format audit: {problem} in {named(row)}; data/formatted is left as it was")


def shortened(labelled: Labelled, max_length: int) -> Labelled:
    """The first `max_length` tokens. What is cut off takes the end of the turn with it, so the answer stays open."""
    return Labelled(labelled.input_ids[:max_length], labelled.labels[:max_length])


class Figures:
    """What the audit counts over all rows."""

    def __init__(self) -> None:
        self.counts = Counter({"rows": 0, "tokens": 0, "supervised_tokens": 0, "dropped": 0, "truncated": 0})
        self.lengths: list[int] = []
        self.end_tokens: Counter[int] = Counter()

    def add(self, labelled: Labelled) -> None:
        self.counts.update(rows=1, tokens=len(labelled.input_ids), supervised_tokens=len(labelled.supervised))
        self.lengths.append(len(labelled.input_ids))


def formatted(
    rows: Iterator[DatasetRow], tokenizer: Any, template: str, section: params.Format, figures: Figures
) -> Iterator[pa.RecordBatch]:
    """Batches of audited rows; what exceeds `format.max_length` is dropped or cut, and counted."""
    label = label_apart if section.mode == "token_level" else label_together
    bos = tokenizer.bos_token_id if templates.adds_bos(tokenizer) else None
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        texts = [rendered(row, tokenizer, template, section) for row in batch]
        out = []
        for row, text, labelled in zip(batch, texts, label(tokenizer, texts), strict=True):
            audited(row, labelled, bos)
            if len(labelled.input_ids) > section.max_length:
                figures.counts["dropped" if section.overlong == "drop" else "truncated"] += 1
                labelled = shortened(labelled, section.max_length)
                if section.overlong == "drop" or not labelled.supervised:
                    continue
            else:
                figures.end_tokens[labelled.supervised[-1]] += 1
            figures.add(labelled)
            out.append(
                {
                    "text": text.text,
                    "input_ids": labelled.input_ids,
                    "labels": labelled.labels,
                    "pair_id": row["pair_id"],
                }
            )
        yield pa.RecordBatch.from_pylist(out, schema=SCHEMA)


def report(parts: dict[str, Figures], tokenizer: Any, template: str) -> dict[str, Any]:
    train = parts["train"]
    if len(train.end_tokens) != 1:
        names = ", ".join(map(str, tokenizer.convert_ids_to_tokens(list(train.end_tokens))))
        raise UserError(f"format audit: rows end in different tokens ({names}); data/formatted is left as it was")
    stop = next(iter(train.end_tokens))
    return {
        **{name: dict(figures.counts) for name, figures in parts.items()},
        "train_length_median": statistics.median(train.lengths),
        "train_length_max": max(train.lengths),
        "stop_token": tokenizer.convert_ids_to_tokens(stop),
        "template_hash": digest(template),
    }


def main() -> None:
    settings = params.load()
    tokenizer = models.tokenizer(settings.model)
    template = templates.template_for(settings.format.mode, tokenizer)
    parts = {name: Figures() for name in paths.SPLITS}
    for name, figures in parts.items():
        rows = tqdm(read_jsonl(paths.DATASET / f"{name}.jsonl"), desc=f"format {name}", unit="row")
        with atomic(paths.FORMATTED / f"{name}.parquet", "wb") as stream, pq.ParquetWriter(stream, SCHEMA) as writer:
            for batch in formatted(iter(rows), tokenizer, template, settings.format, figures):
                writer.write_batch(batch)
        if name == "train" and not figures.end_tokens:
            raise UserError(
                f"no whole row is left to train on: all are longer than format.max_length = "
                f"{settings.format.max_length} tokens; raise it"
            )
    with atomic(paths.CHAT_TEMPLATE) as stream:
        stream.write(template)
    figures_by_part = report(parts, tokenizer, template)
    write_json(paths.REPORTS / "format.json", figures_by_part)
    for name in paths.SPLITS:
        print(f"format: {name}:", ", ".join(f"{value} {key}" for key, value in figures_by_part[name].items()))


if __name__ == "__main__":
    run_stage("format", main)
