"""The first pass: which requests there are about each chunk, and what the store holds for them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stages.common.llm.entries import Entry
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.rows import Chunk
from stages.generate.labelling.focus import Everything
from stages.generate.labelling.recipe import Recipe, Task, leans_on

MOST_RECENT = 64


class Known(NamedTuple):
    """A task, and what its request says before the passage."""

    task: Task
    before: str


class FirstPass:
    """The tasks about the chunks. What is remembered of a request is its key."""

    def __init__(self, recipe: Recipe, store: Store, chunks: Callable[[], Iterator[Chunk]], focus: Everything) -> None:
        self.recipe, self.store, self.chunks, self.focus = recipe, store, chunks, focus
        self.recent: dict[str, Request] = {}  # the last requests that were made and are to be asked, by key
        self.looked_up: dict[str, Entry | None] = {}  # what was found for the requests of the last chunk
        self.known: dict[str, list[Known]] = {}  # tasks by chunk

    def keys(self) -> Iterator[str]:
        """Of all requests that were made."""
        return (task.key for tasks in self.known.values() for task, _ in tasks)

    def asked(self) -> Iterator[tuple[Chunk, list[Known]]]:
        """The chunks that are asked about, with their tasks of the first pass."""
        previous = None
        for chunk in self.chunks():
            if self.focus.asks(chunk):
                yield chunk, self.tasks(chunk, leans_on(chunk, previous))
            previous = chunk

    def tasks(self, chunk: Chunk, before: str = "") -> list[Known]:
        """The tasks about a chunk. Prompts and keys are worked out once in a run; the requests are made again when they
        are asked, as all of them together would hold every chunk several times."""
        if chunk["chunk_id"] not in self.known:
            sample = self.focus.sample(chunk, lambda index: (t.key for t, _ in self.recipe.requests(chunk, index)))
            self.known[chunk["chunk_id"]] = list(self.first_look(chunk, sample, before))
        return self.known[chunk["chunk_id"]]

    def first_look(self, chunk: Chunk, sample: int, before: str) -> Iterator[Known]:
        """What was asked once without the sentences before the passage is not paid for again with them."""
        self.looked_up.clear()
        plain = dict(self.recipe.requests(chunk, sample))
        leaning = self.recipe.requests(chunk, sample, before) if before else plain.items()
        for (task, request), (there, asked) in zip(leaning, plain.items(), strict=True):
            paid = self.store.look_up(request)  # also finds what has an older key
            self.looked_up[task.key] = paid
            if not paid:
                self.recent[task.key] = request
            if before and not paid and self.store.look_up(asked):
                yield Known(there, "")
            else:
                yield Known(task, before)

    def request(self, chunk: Chunk, known: Known) -> Request:
        """A request about a chunk, made anew unless that was done a moment ago."""
        if len(self.recent) > MOST_RECENT:
            self.recent.clear()
        task, before = known
        return self.recent.pop(task.key, None) or self.recipe.request(chunk, task.style, task.sample, before)

    def entry(self, known: Known) -> Entry | None:
        """What the store holds for a request."""
        key = known.task.key
        return (
            self.looked_up.pop(key)
            if key in self.looked_up
            else self.store.find_for(key, self.recipe.section.max_tokens)
        )
