"""The order in which rows are trained."""

from collections.abc import Iterator
from typing import Any

import torch

from stages.common.schema import Train

POOL = 50  # batches whose rows are sorted by length together, as in transformers' LengthGroupedSampler


class LengthGroupedSampler(torch.utils.data.Sampler[int]):  # type: ignore[misc]
    """Rows of like length share a batch, which needs little padding; the batches come in random order.

    That of transformers, of the same name, leaves each pool sorted, so that a run ends on a stretch of short rows, and
    draws from the global generator, so that a run that goes on in the middle of a later epoch sees other rows than the
    rest of that epoch. Here the order follows from seed and epoch. The longest row comes first: what does not fit into
    memory fails at once.
    """

    def __init__(self, lengths: list[int], batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed, self.epoch = lengths, batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        rows = torch.randperm(len(self.lengths), generator=generator).tolist()
        pool = POOL * self.batch
        pools = [sorted(rows[i : i + pool], key=self.lengths.__getitem__) for i in range(0, len(rows), pool)]
        rows = [row for part in pools for row in reversed(part)]
        batches = [rows[i : i + self.batch] for i in range(0, len(rows), self.batch)]
        last = [batches.pop()] if len(rows) % self.batch else []  # the trainer cuts batches of one size
        mixed = [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
        longest = max(self.lengths, default=0)
        mixed.sort(key=lambda batch: self.lengths[batch[0]] < longest)  # stable: the rest stays mixed
        return iter([row for batch in mixed + last for row in batch])


def of_one_process(rows: int, train: Train) -> Any:
    """The sampler that accelerate gives a single process for the same settings; its order follows from seed and
    epoch."""
    from accelerate.data_loader import SeedableRandomSampler

    if train.train_sampling_strategy == "sequential":
        return torch.utils.data.SequentialSampler(range(rows))
    return SeedableRandomSampler(range(rows), data_seed=train.seed)


class Filled(torch.utils.data.Sampler[int]):  # type: ignore[misc]
    """An order of rows, filled up to whole batches of all processes with row number `filler`: accelerate would train
    rows of the beginning twice instead."""

    def __init__(self, sampler: Any, filler: int, batch: int) -> None:
        self.sampler, self.filler, self.batch = sampler, filler, batch

    def set_epoch(self, epoch: int) -> None:
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch) * self.batch

    def __iter__(self) -> Iterator[int]:
        yield from self.sampler
        yield from [self.filler] * (len(self) - len(self.sampler))


def with_filler(rows: Any) -> Any:
    """A datasets.Dataset with one more row, of two tokens that carry no loss."""
    from datasets import Dataset, concatenate_datasets

    empty = {"input_ids": [[0, 0]], "labels": [[-100, -100]], "seq_lengths": [[2]]}
    filler = Dataset.from_dict({name: empty[name] for name in rows.column_names}, features=rows.features)
    whole = concatenate_datasets([rows, filler])
    whole._unsloth_truncated_to = rows._unsloth_truncated_to
    return whole
