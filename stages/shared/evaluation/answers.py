"""What a model answers and how surprised it is by the reference, in batches of rows of like length."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from stages.shared.formatting.labels import IGNORED


@dataclass(frozen=True)
class Answer:
    """Greedy text, and whether the model ended it itself within the room it had."""

    text: str
    stopped: bool


def by_length(sizes: list[int], batch_size: int) -> Iterator[list[int]]:
    """Positions of rows in batches, the longest first: little padding, and too large a batch fails at once."""
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def generate(
    model: Any, tokenizer: Any, prompts: list[str], max_new_tokens: int, batch_size: int, desc: str
) -> list[Answer]:
    """One greedy answer per prompt, in the order of the prompts. Prompts hold their special tokens already."""
    import torch

    ids = tokenizer(prompts, add_special_tokens=False).input_ids
    answers: dict[int, Answer] = {}
    bar = tqdm(total=len(prompts), desc=desc, unit="answer")
    for batch in by_length([len(row) for row in ids], batch_size):
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
            )
        for i, tokens in zip(batch, output[:, width:].tolist(), strict=True):
            stopped = tokenizer.eos_token_id in tokens
            # An answer cut off within a character ends in U+FFFD.
            kept = tokens[: tokens.index(tokenizer.eos_token_id)] if stopped else tokens
            answers[i] = Answer(tokenizer.decode(kept).strip().rstrip("\ufffd"), stopped)
        bar.update(len(batch))
    bar.close()
    return [answers[i] for i in range(len(prompts))]


def loss(model: Any, rows: list[dict[str, list[int]]], pad: int, batch_size: int) -> float | None:
    """Mean cross entropy in nats per supervised token over all rows (not a mean of batch means); None without rows."""
    import torch

    total, count = 0.0, 0
    for batch in by_length([len(row["input_ids"]) for row in rows], batch_size):
        width = max(len(rows[i]["input_ids"]) for i in batch)
        ids = [rows[i]["input_ids"] + [pad] * (width - len(rows[i]["input_ids"])) for i in batch]
        labels = [rows[i]["labels"] + [IGNORED] * (width - len(rows[i]["labels"])) for i in batch]
        attended = [[1] * len(rows[i]["input_ids"]) + [0] * (width - len(rows[i]["input_ids"])) for i in batch]
        targets = torch.tensor(labels, device=model.device)[:, 1:]
        with torch.inference_mode():
            logits = model(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(attended, device=model.device),
            ).logits[:, :-1]
            kept = targets != IGNORED
            total += float(torch.nn.functional.cross_entropy(logits[kept].float(), targets[kept], reduction="sum"))
        count += int(kept.sum())
    return total / count if count else None
