"""What the model answers as it was trained (4-bit weights, the trainer's own kernels), kept beside the adapter: merge
compares with it whatever is served later."""

from typing import Any

import pyarrow.parquet as pq
from tqdm import tqdm

from stages.common.base import paths
from stages.common.records.files import write_json

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


def measure(model: Any, stop: int) -> list[dict[str, Any]]:
    """The rows with the model's greedy `answer` (ids) and its `loss` on the reference, in nats, summed."""
    measured = []
    for row in tqdm(rows(), desc="train: answers as trained", unit="prompt"):
        measured.append(row | {"answer": greedy(model, row["prompt"], stop), "loss": loss(model, row)})
    return measured


def greedy(model: Any, prompt: list[int], stop: int) -> list[int]:
    """The first tokens of a model's answer, its stop token included."""
    import torch

    ids = torch.tensor([prompt], device=model.device)
    options = {"max_new_tokens": TOKENS, "do_sample": False, "eos_token_id": stop, "pad_token_id": stop}
    with torch.no_grad():
        output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
    return [int(token) for token in output[0, ids.shape[1] :]]


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


def write(model: Any, tokenizer: Any, backend: str) -> None:
    """Add the answers to models/adapter, where the adapter is already whole: a failure here loses no training."""
    try:
        ready(model, backend)
        write_json(paths.ADAPTER / FILE, measure(model, tokenizer.eos_token_id))
    except Exception as error:
        print(f"train: the answers of the model as trained are not kept ({str(error).splitlines()[0][:200]})")
        write_json(paths.ADAPTER / FILE, [row | {"answer": row["reference"][:TOKENS], "loss": None} for row in rows()])
