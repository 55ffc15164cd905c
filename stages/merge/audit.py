"""Whether the merged model is the one that was trained: the same prompts through base + adapter and through it.

Answers are compared token by token with the same text before each token (teacher forcing): two models that part once
would otherwise differ from there on, however alike they are.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from tqdm import tqdm

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import digest
from stages.common.schema import MergeAudit

TOKENS = 32  # of each greedy answer that are compared


class Row(NamedTuple):
    """A formatted row: its prompt and its reference, in ids."""

    pair_id: str
    prompt: list[int]
    reference: list[int]


class Seen(NamedTuple):
    """What a model makes of a row: its choice at each place of the answer, the logits there, and the cross entropy of
    the reference in nats, summed."""

    choices: list[int]
    logits: Any  # (tokens of the answer, vocabulary), float32, on the CPU; None where a runtime does not tell them
    loss: float


class Reference(NamedTuple):
    """What base + adapter make of the rows: their greedy answers in ids, and what they see at each token."""

    rows: list[Row]
    given: list[list[int]]
    seen: list[Seen]


def audit_rows(most: int) -> list[Row]:
    """Held-out rows, filled up with trained ones where there are too few."""
    import torch

    ignored = torch.nn.CrossEntropyLoss().ignore_index
    rows: list[Row] = []
    for split in (*paths.SPLITS[1:], paths.SPLITS[0]):
        for batch in pq.ParquetFile(paths.FORMATTED / f"{split}.parquet").iter_batches(batch_size=max(most, 1)):
            for row in batch.select(["pair_id", "input_ids", "labels"]).to_pylist():
                start = next((i for i, label in enumerate(row["labels"]) if label != ignored), 0)
                if start and len(rows) < most:
                    rows.append(Row(row["pair_id"], row["input_ids"][:start], row["input_ids"][start:]))
            break
    return rows


def greedy(model: Any, row: Row, stop: int) -> list[int]:
    """The first tokens of a model's answer, its stop token included."""
    import torch

    ids = torch.tensor([row.prompt], device=model.device)
    with torch.inference_mode():
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=TOKENS,
            do_sample=False,
            eos_token_id=stop,
            pad_token_id=stop,
        )
    return [int(token) for token in output[0, ids.shape[1] :]]


def look(model: Any, row: Row, answer: list[int]) -> Seen:
    """What a model says at each token of an answer, and of the reference."""
    import torch

    def logits(continuation: list[int]) -> Any:
        ids = torch.tensor([row.prompt + continuation], device=model.device)
        found = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, len(row.prompt) - 1 : -1]
        return found.float().cpu()

    with torch.inference_mode():
        at_answer = logits(answer)
        target = torch.tensor(row.reference)
        loss = torch.nn.functional.cross_entropy(logits(row.reference), target, reduction="sum")
    return Seen(at_answer.argmax(dim=-1).tolist(), at_answer, float(loss))


def reference(model: Any, rows: list[Row], stop: int) -> Reference:
    """`model` is base + adapter."""
    given = [greedy(model, row, stop) for row in tqdm(rows, desc="merge audit base + adapter", unit="prompt")]
    return Reference(rows, given, [look(model, row, answer) for row, answer in zip(rows, given, strict=True)])


def compare(adapted: Reference, merged: Sequence[Seen], stop: int) -> dict[str, Any]:
    """The figures of the audit. `greedy_agreement`: share of tokens of base + adapter's answers that the merged model
    would choose as well; `stop_agreement`: the same of the tokens that end them."""
    equal = total = ends = ended = 0
    differences, worst, lowest = [0.0], "", 2.0
    for row, answer, before, after in zip(adapted.rows, adapted.given, adapted.seen, merged, strict=True):
        same = sum(a == b for a, b in zip(answer, after.choices, strict=True))
        equal, total = equal + same, total + len(answer)
        if same / len(answer) < lowest:
            worst, lowest = row.pair_id, same / len(answer)
        if answer[-1] == stop:
            ends, ended = ends + 1, ended + (after.choices[-1] == stop)
        if after.logits is not None:
            differences.append(float((before.logits - after.logits).abs().max()))
    tokens = sum(len(row.reference) for row in adapted.rows)
    perplexity = [math.exp(sum(seen.loss for seen in model) / tokens) for model in (adapted.seen, merged)]
    figures = {
        "prompts": len(adapted.rows),
        "greedy_agreement": round(equal / total, 4),
        "worst_pair": worst,
        "answers_ended": ends,
        "stop_agreement": round(ended / ends, 4) if ends else 1.0,
        "perplexity_adapter": round(perplexity[0], 4),
        "perplexity_merged": round(perplexity[1], 4),
        "perplexity_change": round(abs(perplexity[1] / perplexity[0] - 1), 4),
    }
    return figures | ({"max_logit_difference": round(max(differences), 4)} if len(differences) > 1 else {})


def check(figures: dict[str, Any], section: MergeAudit, kind: str = "") -> None:
    """Raise UserError when the merged model is not the one that was trained, or its export of a `kind` (q8_0, q4_k_m)
    is too far from it: fewer bits change the perplexity, and how much is told, not judged."""
    name, limit = f"min_agreement{kind and '_'}{kind}", getattr(section, f"min_agreement{kind and '_'}{kind}")
    if kind:
        subject, remedy = f"{kind}: ", "take an export with more bits, or see merge.audit"
    else:
        subject, remedy = (
            "",
            "the merged model is not the trained one; run `dvc repro --force train merge`, or see merge.audit",
        )
    if figures["greedy_agreement"] < limit:
        raise UserError(
            f"merge audit: {subject}{figures['greedy_agreement']:.1%} of the tokens agree with base + adapter, below "
            f"merge.audit.{name} = {limit}; least on pair {figures['worst_pair']}; {remedy}"
        )
    missed = figures["answers_ended"] * (1 - figures["stop_agreement"])
    # One may differ by a rounding where two tokens are as likely as each other.
    if figures["stop_agreement"] < limit and missed > 1.5:
        raise UserError(f"merge audit: {subject}only {figures['stop_agreement']:.1%} of the answers end where base + "
                        f"adapter ends them; {remedy}")  # fmt: skip
    if not kind and figures["perplexity_change"] > section.max_perplexity_change:
        raise UserError(
            f"merge audit: perplexity {figures['perplexity_adapter']} became {figures['perplexity_merged']}, more than "
            f"merge.audit.max_perplexity_change = {section.max_perplexity_change}; {remedy}"
        )


def check_text(directory: Path, tokenizer: Any, rows: Sequence[Row]) -> None:
    """Raise UserError unless the written directory has the trained template, the stop token, and the same ids for the
    same prompts."""
    from transformers import AutoTokenizer, GenerationConfig

    written = AutoTokenizer.from_pretrained(directory)
    if digest(written.chat_template) != digest(tokenizer.chat_template):
        raise UserError(f"merge audit: {directory} does not carry the trained chat template; run `dvc repro`")
    if GenerationConfig.from_pretrained(directory).eos_token_id != tokenizer.eos_token_id:
        raise UserError(
            f"merge audit: {directory} does not stop at {tokenizer.eos_token}; run `dvc repro --force merge`"
        )
    for row in rows:
        text = tokenizer.decode(row.prompt, clean_up_tokenization_spaces=False)
        if written(text, add_special_tokens=False).input_ids != tokenizer(text, add_special_tokens=False).input_ids:
            raise UserError(f"merge audit: {directory} has other ids for the prompt of pair {row.pair_id}")
