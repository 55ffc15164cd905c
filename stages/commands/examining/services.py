"""What the pipeline asks elsewhere: the endpoint of a language model, the hub, the DVC remote."""

import asyncio
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from stages.common.base.errors import UserError
from stages.common.schema import Params
from stages.common.schema.connection import Connection

Finding = tuple[str, str]  # good, note or bad, and a line
PATIENCE = 20  # seconds
TINY = {"messages": [{"role": "user", "content": "Answer with one word: ok"}], "max_tokens": 8}
# In a process of its own, which can be ended when the remote does not answer.
REMOTE = (
    "from dvc.repo import Repo; store = Repo().cloud.get_remote_odb(); print(store.path); "
    "store.fs.exists(store.path) or store.fs.makedirs(store.path)"
)


def findings(settings: Params) -> Iterator[Finding]:
    for section, connection in asked(settings):
        yield endpoint(section, connection)
    yield from hub(settings)
    yield from remote()


def asked(settings: Params) -> Iterator[tuple[str, Connection]]:
    """The sections that ask a language model now, by their keys."""
    if settings.generate.backend == "llm":
        yield "generate", settings.generate
    if settings.curate.judge.enabled:
        yield "curate.judge", settings.curate.judge
    if settings.evaluate.judge.enabled:
        yield "evaluate.judge", settings.evaluate.judge


def endpoint(section: str, connection: Connection) -> Finding:
    """One tiny request, as the stage would send it."""
    try:
        return "good", f"{section}: {asyncio.run(tried(section, connection))} answers as {connection.model}"
    except UserError as error:
        return "bad", f"{section}: {error}"
    except Exception as error:  # a fault of the server or of the way to it
        return "bad", f"{section}: no answer from the endpoint ({' '.join(str(error).split())[:200]})"


async def tried(section: str, connection: Connection) -> str:
    from stages.common.llm.endpoint import Endpoint

    lines: list[str] = []
    server = Endpoint(connection, section, lines.append)
    try:
        await server.check()
        await server.call(lambda address: {"model": connection.model, **TINY})
    finally:
        await server.close()
    return ", ".join(one.address.shown for one in server.servers)


def hub(settings: Params) -> Iterator[Finding]:
    """Whether a base model of the hub is on this disk, or the hub can be reached."""
    name = settings.model.name
    if name.startswith("embedded:") or os.path.isdir(os.path.expanduser(name)):  # noqa: PTH111, PTH112
        return
    from huggingface_hub import try_to_load_from_cache

    if isinstance(try_to_load_from_cache(name, "config.json", revision=settings.model.revision or None), str):
        yield "good", f"model.name = {name!r} is in the hub's cache"
        return
    place = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    request: Any = urllib.request.Request(f"{place}/api/models/{name}")
    if token := os.environ.get("HF_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):
            yield "good", f"{place} has model.name = {name!r}; it will be downloaded on first use"
    except urllib.error.HTTPError as error:
        why = "it is gated or unknown; set HF_TOKEN" if error.code in (401, 403, 404) else f"status {error.code}"
        yield "bad", f"model.name = {name!r} at {place}: {why}"
    except OSError:
        yield (
            "bad",
            f"{place} cannot be reached for model.name = {name!r}; set HF_ENDPOINT to a mirror, or name a directory",
        )


def remote() -> Iterator[Finding]:
    """Whether the default DVC remote is there."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", REMOTE], capture_output=True, text=True, timeout=3 * PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        yield "bad", "the DVC remote does not answer; check `dvc remote list`"
        return
    said = done.stderr.strip().splitlines()
    if not done.returncode:
        yield "good", f"DVC remote {done.stdout.strip()}"
    elif "NoRemoteError" in done.stderr:
        yield "note", "no DVC remote: data and models stay on this machine; docs/howto/share.md shows how to add one"
    else:
        yield "bad", f"the DVC remote cannot be used: {said[-1][:200] if said else 'check `dvc remote list`'}"
