"""Whether the merged model is the one that was trained: the same prompts through base + adapter and through it.

Answers are compared token by token with the same text before each token (teacher forcing): two models that part once
would otherwise differ from there on, however alike they are. The answers are those that train kept of the model as
trained, so what a 4-bit base was merged into is measured, too. Rounding changes logits: how far is measured on the
base itself, and no difference as small as that counts.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import digest, read_json
from stages.common.schema import MergeAudit

# By number type: the last digit of a weight as a share of it, at most. Moving one weight in twelve by that much has the
# variance of rounding them all.
ROUNDING = {"bfloat16": 2.0**-7, "float16": 2.0**-10}
BEYOND = 4  # times the noise of rounding: what is further from base + adapter is another model
REMEDY = "the merged model is not the trained one; run `dvc repro --force merge`, and report it if it fails again"


class AuditRow(NamedTuple):
    """A row that train asked: prompt and reference in ids, the greedy answer of the model as trained, and its loss on
    the reference (nats, summed; None where it is not known)."""

    pair_id: str
    prompt: list[int]
    reference: list[int]
    answer: list[int]
    loss: float | None


class Prediction(NamedTuple):
    """What a model makes of a row: its choice at each place of the answer, the logits there, and the cross entropy of
    the reference in nats, summed."""

    choices: list[int]
    logits: Any  # (tokens of the answer, vocabulary), float32, on the CPU; None where a runtime does not tell them
    loss: float


class Reference(NamedTuple):
    """What base + adapter make of the rows; `noise`: root mean square by which rounding the base's weights moves its
    logits."""

    rows: list[AuditRow]
    predictions: list[Prediction]
    noise: float


def audit_rows(most: int) -> list[AuditRow]:
    """The first rows that train kept the answers of."""
    return [AuditRow(**row) for row in read_json(paths.ADAPTER / "as_trained.json")[:most]]


def logits(model: Any, row: AuditRow, continuation: list[int]) -> Any:
    """(tokens of the continuation, vocabulary), float32, on the CPU."""
    import torch

    ids = torch.tensor([row.prompt + continuation], device=model.device)
    with torch.inference_mode():
        said = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, len(row.prompt) - 1 : -1]
    return said.float().cpu()


def prediction(model: Any, row: AuditRow) -> Prediction:
    """What a model says at each token of the answer as trained, and of the reference."""
    import torch

    at_answer, target = logits(model, row, row.answer), torch.tensor(row.reference)
    loss = torch.nn.functional.cross_entropy(logits(model, row, row.reference), target, reduction="sum")
    return Prediction(at_answer.argmax(dim=-1).tolist(), at_answer, float(loss))


def reference(model: Any, rows: list[AuditRow], dtype: str) -> Reference:
    """`model` is base + adapter by PEFT, which is of no use afterwards; `dtype` that of the merged weights."""
    predictions = [prediction(model, row) for row in tqdm(rows, desc="merge audit base + adapter", unit="prompt")]
    with model.disable_adapter():
        before = [logits(model, row, row.answer) for row in rows]
        round_weights(model, ROUNDING[dtype])
        after = [logits(model, row, row.answer) for row in rows]
    return Reference(rows, predictions, distance(before, after))


def round_weights(model: Any, share: float) -> None:
    """Move one weight in twelve of each matrix by its last digit, up or down: what rounding all of them once does."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and weight.is_floating_point() and "lora_" not in name:
                drawn = torch.randint(0, 24, weight.shape, generator=generator, dtype=torch.int8).to(weight.device)
                weight.mul_(1 + share * ((drawn == 0).to(weight.dtype) - (drawn == 1).to(weight.dtype)))


def distance(one: Sequence[Any], other: Sequence[Any]) -> float:
    """Root mean square of the differences of logits, each place's mean taken out: adding to all changes nothing."""
    total = places = 0.0
    for a, b in zip(one, other, strict=True):
        change = a - b
        change = change - change.mean(dim=-1, keepdim=True)
        total, places = total + float(change.double().square().sum()), places + change.numel()
    return math.sqrt(total / places) if places else 0.0


def compare(adapted: Reference, merged: Sequence[Prediction], stop: int) -> dict[str, Any]:
    """The figures of the audit. `greedy_agreement`: share of base + adapter's choices that the merged model makes as
    well; `stop_agreement`: the same of the tokens that end answers; `trained`: both beside the model as trained."""
    equal = total = ends = ended = as_trained = 0
    worst, lowest = "", 2.0
    for row, before, after in zip(adapted.rows, adapted.predictions, merged, strict=True):
        alike = list(agreements(before, after, BEYOND * adapted.noise))
        same = sum(alike)
        equal, total = equal + same, total + len(row.answer)
        as_trained += sum(a == b for a, b in zip(row.answer, after.choices, strict=True))
        if same / len(row.answer) < lowest:
            worst, lowest = row.pair_id, same / len(row.answer)
        if before.choices[-1] == stop:
            ends, ended = ends + 1, ended + alike[-1]
    perplexity = [math.exp(loss(adapted.rows, model)) for model in (adapted.predictions, merged)]
    figures = {
        "prompts": len(adapted.rows),
        "greedy_agreement": round(equal / total, 4),
        "worst_pair": worst,
        "answers_ended": ends,
        "stop_agreement": round(ended / ends, 4) if ends else 1.0,
        "perplexity_adapter": round(perplexity[0], 4),
        "perplexity_merged": round(perplexity[1], 4),
        "perplexity_change": round(abs(perplexity[1] / perplexity[0] - 1), 4),
        "trained": {"greedy_agreement": round(as_trained / total, 4), **trained_losses(adapted.rows, merged)},
    }
    if any(one.logits is None for one in merged):
        return figures
    pairs = list(zip(adapted.predictions, merged, strict=True))
    return figures | {
        "max_logit_difference": round(max(float((a.logits - b.logits).abs().max()) for a, b in pairs), 4),
        "logit_distance": round(distance([a.logits for a, _ in pairs], [b.logits for _, b in pairs]), 6),
        "logit_noise": round(adapted.noise, 6),
    }


def agreements(before: Prediction, after: Prediction, tie: float) -> Iterator[bool]:
    """Whether two models choose alike at each place; tokens between which the first hardly decides are alike."""
    for place, (one, other) in enumerate(zip(before.choices, after.choices, strict=True)):
        known = 0 <= other < before.logits.shape[-1]
        yield one == other or bool(known and before.logits[place, one] - before.logits[place, other] <= tie)


def loss(rows: Sequence[AuditRow], predictions: Sequence[Prediction]) -> float:
    """Mean cross entropy of the references, in nats per token."""
    return sum(one.loss for one in predictions) / sum(len(row.reference) for row in rows)


def trained_losses(rows: Sequence[AuditRow], merged: Sequence[Prediction]) -> dict[str, float]:
    """The loss on the references of the model as trained and of the merged one, where the first is known."""
    known = [row.loss for row in rows if row.loss is not None]
    if len(known) < len(rows):
        return {}
    tokens = sum(len(row.reference) for row in rows)
    return {"loss": round(sum(known) / tokens, 4), "loss_merged": round(loss(rows, merged), 4)}


def check(figures: dict[str, Any], section: MergeAudit, kind: str = "") -> None:
    """Raise UserError when the merged model is not the one that was trained, or its export of a `kind` (q8_0, q4_k_m)
    is too far from it: fewer bits change the perplexity, and how much is told, not judged."""
    name, limit = f"min_agreement{kind and '_'}{kind}", getattr(section, f"min_agreement{kind and '_'}{kind}")
    subject, remedy = (f"{kind}: ", "choose an export with more bits, or adjust merge.audit") if kind else ("", REMEDY)
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
    # The perplexity of a model that has hardly trained swings with the least rounding.
    beyond = figures.get("logit_distance", 0.0) > BEYOND * figures.get("logit_noise", 0.0)
    if not kind and beyond and figures["perplexity_change"] > section.max_perplexity_change:
        raise UserError(
            f"merge audit: perplexity {figures['perplexity_adapter']} became {figures['perplexity_merged']}, more than "
            f"merge.audit.max_perplexity_change = {section.max_perplexity_change}, and logits are "
            f"{figures['logit_distance']} apart where rounding makes {figures['logit_noise']}; {remedy}"
        )


def check_text(directory: Path, tokenizer: Any, rows: Sequence[AuditRow]) -> None:
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
