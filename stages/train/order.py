"""The order in which rows are trained."""

from collections.abc import Iterator

import torch

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
