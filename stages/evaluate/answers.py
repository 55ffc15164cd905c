"""What a model answers and how surprised it is by the reference, a batch at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from stages.common.chat.conversations import IGNORED

TEMPERATURE = 0.5  # of drawn answers, as in Gekhman et al. 2024 (arXiv:2405.05904)


@dataclass(frozen=True)
class Answer:
    """The text, and whether the model ended it itself within the room it had."""

    text: str
    stopped: bool

    @classmethod
    def of(cls, generated: str, stopped: bool) -> "Answer":
        """What a model wrote; an answer that is cut off within a character ends in U+FFFD."""
        return cls(generated.strip().rstrip("\ufffd"), stopped)


class Tokenised(TypedDict):
    """A row as format wrote it."""

    input_ids: list[int]
    labels: list[int]


def generate(
    model: Any,
    tokenizer: Any,
    prompts: list[str],
    max_new_tokens: int,
    batch_size: int,
    watch: Callable[[int], None] = lambda tokens: None,
    seeds: Sequence[int] = (),
) -> list[Answer]:
    """One answer per prompt, in the order of the prompts: the greedy one, or with `seeds`, one per prompt, one that is
    drawn. Prompts hold their special tokens already. `watch` is told how many tokens of the current batch's answers are
    written."""
    import torch

    ids = tokenizer(prompts, add_special_tokens=False).input_ids
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))  # rows of like length share a batch
    answers: dict[int, Answer] = {}
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        width = max(len(ids[i]) for i in batch)
        padded = [[tokenizer.pad_token_id] * (width - len(ids[i])) + ids[i] for i in batch]
        attended = [[0] * (width - len(ids[i])) + [1] * len(ids[i]) for i in batch]
        with torch.inference_mode():
            output = model.generate(
                input_ids=torch.tensor(padded, device=model.device),
                attention_mask=torch.tensor(attended, device=model.device),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
                stopping_criteria=[watching(watch, width)],
                logits_processor=[drawing([seeds[i] for i in batch])] if seeds else None,
            )
        for i, tokens in zip(batch, output[:, width:].tolist(), strict=True):
            answers[i] = read(tokenizer, tokens)
    return [answers[i] for i in range(len(prompts))]


def drawing(seeds: Sequence[int]) -> Callable[[Any, Any], Any]:
    """A logits processor after which the likeliest token of a row is one drawn at `TEMPERATURE`: Gumbel noise is added
    (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030). Each row has a generator of its own, so that its answer does
    not depend on which others stand in the batch."""
    import torch

    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def processor(ids: Any, scores: Any) -> Any:
        even = torch.stack([torch.rand(scores.shape[1], generator=generator) for generator in generators])
        noise = -torch.log(-torch.log(even.clamp(1e-12, 1 - 1e-7)))
        return scores.float() / TEMPERATURE + noise.to(scores.device)

    return processor


def watching(watch: Callable[[int], None], width: int) -> Callable[..., Any]:
    """A stopping criterion of transformers that stops nothing: it is called behind every token."""
    import torch

    def criterion(ids: Any, scores: Any, **_: Any) -> Any:
        watch(ids.shape[1] - width)
        return torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)

    return criterion


def read(tokenizer: Any, tokens: list[int]) -> Answer:
    """Generated ids as text. The tokenizer's own clean-up would take spaces out of code."""
    stopped = tokenizer.eos_token_id in tokens
    kept = tokens[: tokens.index(tokenizer.eos_token_id)] if stopped else tokens
    text = tokenizer.decode(kept, clean_up_tokenization_spaces=False)
    return Answer.of(text, stopped)


def losses(model: Any, rows: Sequence[Tokenised], pad: int) -> list[tuple[float, int]]:
    """Of each row of one batch the sum of cross entropies in nats, and the number of supervised tokens."""
    import torch

    width = max(len(row["input_ids"]) for row in rows)

    def padded(key: str, fill: int) -> Any:
        values = [row[key] + [fill] * (width - len(row[key])) for row in rows]  # type: ignore[literal-required]
        return torch.tensor(values, device=model.device)

    attended = torch.tensor([[i < len(row["input_ids"]) for i in range(width)] for row in rows], device=model.device)
    targets = padded("labels", IGNORED)[:, 1:]
    with torch.inference_mode():
        logits = model(input_ids=padded("input_ids", pad), attention_mask=attended.long()).logits[:, :-1]
        kept = targets != IGNORED
        sums = torch.zeros(targets.shape, dtype=torch.float32, device=model.device)
        sums[kept] = torch.nn.functional.cross_entropy(logits[kept].float(), targets[kept], reduction="none")
    return list(zip(sums.sum(dim=1).tolist(), kept.sum(dim=1).tolist(), strict=True))


def mean(measured: Sequence[Sequence[float]]) -> float | None:
    """Mean over all supervised tokens of the rows (not a mean of rows' means); None without any."""
    count = sum(count for _, count in measured)
    return sum(total for total, _ in measured) / count if count else None
