"""What the model answers as it was trained (4-bit weights, the trainer's own kernels), kept beside the adapter: merge
compares with it whatever is served later."""

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
from tqdm import tqdm

from stages.common.base import paths
from stages.common.base.printable import say
from stages.common.records.files import write_json
from stages.train import processes

FILE = "as_trained.json"
ROWS = 16  # held-out rows, filled up with trained ones
TOKENS = 32  # of each greedy answer


def rows() -> list[dict[str, Any]]:
    """pair_id, prompt and reference (ids) of the rows that are asked. Where all tokens are supervised, the first half
    of a row is its prompt."""
    chosen: list[dict[str, Any]] = []
    for split in ("eval_seen", "train"):
        file = pq.ParquetFile(paths.FORMATTED / f"{split}.parquet")
        batch = next(file.iter_batches(batch_size=ROWS, columns=["pair_id", "input_ids", "labels"]), None)
        for row in batch.to_pylist() if batch else ():
            ids, labels = row["input_ids"], row["labels"]
            start = next((place for place, label in enumerate(labels) if label >= 0), 0) or len(ids) // 2
            if len(chosen) < ROWS and 0 < start < len(ids):
                chosen.append({"pair_id": row["pair_id"], "prompt": ids[:start], "reference": ids[start:]})
    return chosen


def measure(model: Any, stop: int, batch_size: int) -> list[dict[str, Any]]:
    """The rows with the model's greedy `answer` (ids) and its `loss` on the reference, in nats, summed."""
    asked, measured = rows(), []
    with tqdm(total=len(asked), desc="train: answers as trained", unit="prompt") as bar:
        for batch in batched(asked, batch_size):
            answers = greedy(model, [row["prompt"] for row in batch], stop)
            measured += [
                row | {"answer": answer, "loss": loss(model, row)} for row, answer in zip(batch, answers, strict=True)
            ]
            bar.update(len(batch))
    return measured


def batched(asked: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """As many rows at a time as a step of the training holds, so that memory suffices."""
    for start in range(0, len(asked), size):
        yield asked[start : start + size]


def greedy(model: Any, prompts: list[list[int]], stop: int) -> list[list[int]]:
    """The first tokens of a model's answers, the stop token included."""
    import torch

    width = max(map(len, prompts))
    ids = torch.tensor([[stop] * (width - len(prompt)) + prompt for prompt in prompts], device=model.device)
    attended = torch.tensor(
        [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device
    )
    options = {"max_new_tokens": TOKENS, "do_sample": False, "eos_token_id": stop, "pad_token_id": stop}
    with torch.no_grad():
        output = model.generate(input_ids=ids, attention_mask=attended, **options)
    answers = output[:, width:].tolist()
    return [answer[: answer.index(stop) + 1] if stop in answer else answer for answer in answers]


def loss(model: Any, row: dict[str, Any]) -> float:
    import torch

    ids = torch.tensor([row["prompt"] + row["reference"]], device=model.device)
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    logits = logits[0, len(row["prompt"]) - 1 : -1].float()
    target = torch.tensor(row["reference"], device=logits.device)
    return float(torch.nn.functional.cross_entropy(logits, target, reduction="sum"))


def ready(model: Any, backend: str) -> None:
    """Prepare a model that has just been trained for being asked."""
    from stages.train.cpu import shared_prefix

    model.eval()
    if backend == "unsloth":
        from unsloth import FastLanguageModel

        FastLanguageModel.for_inference(model)
    base = model.get_base_model()
    if shared_prefix.is_used(base):
        base.set_attn_implementation("eager")


def write(model: Any, tokenizer: Any, backend: str, batch_size: int) -> None:
    """Add the answers to models/adapter, where the adapter is already whole: a failure here loses no training."""
    try:
        if processes.are_sharded():
            raise NotImplementedError("the model is spread over processes")
        ready(model, backend)
        write_json(paths.ADAPTER / FILE, measure(model, tokenizer.eos_token_id, batch_size))
    except Exception as error:
        say(f"train: the answers of the model as trained are not kept ({str(error).splitlines()[0][:200]})")
        write_json(paths.ADAPTER / FILE, [row | {"answer": row["reference"][:TOKENS], "loss": None} for row in rows()])
