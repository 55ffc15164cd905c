"""Answers to the disk while others are awaited: a thread that commits what has arrived since its last commit."""

import asyncio
import queue
import threading
from types import TracebackType

from stages.common.llm.entries import Response
from stages.common.llm.store import Store

Item = tuple[Response, "asyncio.Future[None]"]


class Writer:
    """Commits answers in groups; a commit waits for the disk, which must hold up neither the event loop nor the next
    answer (group commit). Use as a context manager inside a running event loop."""

    def __init__(self, store: Store) -> None:
        self.store = Store(store.file)
        self.loop = asyncio.get_running_loop()
        self.items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.run, name="response store", daemon=True)

    def __enter__(self) -> "Writer":
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.items.put(None)
        self.thread.join()
        self.store.connection.close()

    async def put(self, response: Response) -> None:
        """Return when the answer is on the disk."""
        done = self.loop.create_future()
        self.items.put((response, done))
        await asyncio.shield(done)

    def run(self) -> None:
        while batch := self.batch():
            problem: Exception | None = None
            try:
                self.store.put_all(response for response, _ in batch)
            except Exception as error:
                problem = error
            self.loop.call_soon_threadsafe(settle, batch, problem)

    def batch(self) -> list[Item]:
        """The next item and all that wait behind it; empty at the end."""
        items = [self.items.get()]
        while not self.items.empty():
            items.append(self.items.get())
        if items[-1] is None:
            self.items.put(None)  # seen again when this batch is done
        return [item for item in items if item is not None]


def settle(batch: list[Item], problem: Exception | None) -> None:
    """Tell those who wait for these answers."""
    for _, done in batch:
        if done.done():
            continue
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
