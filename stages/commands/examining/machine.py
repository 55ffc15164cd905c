"""This machine against the params: Python, cores, memory, disk, GPU and the PyTorch that is installed for it."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stages.commands.examining import cards
from stages.common.base.errors import UserError
from stages.common.base.git import refuse_without_git
from stages.common.schema import Params

Finding = tuple[str, str]  # good, note or bad, and a line
PYTHONS = ((3, 11), (3, 12))
ROOM_GB = 5  # for .cache, DVC's cache and the models of the default run, twice over
MEMORY_GB = 6  # what a training of the embedded model takes at its default batch


def findings(settings: Params) -> Iterator[Finding]:
    yield python()
    yield from repository()
    yield disk()
    yield from memory(settings)
    yield from gpu(settings)


def python() -> Finding:
    here = sys.version_info[:2]
    line = f"Python {platform.python_version()} ({sys.executable})"
    return ("good", line) if here in PYTHONS else ("bad", f"{line}: accepted is 3.11 or 3.12")


def repository() -> Iterator[Finding]:
    """Why Git cannot be asked, if so; nothing tells then which commit pages and models come from."""
    try:
        refuse_without_git()
    except UserError as error:
        yield "note", str(error)


def disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    line = f"{free:.0f} GB of disk space free"
    if free > ROOM_GB:
        return "good", line
    return "bad" if free < 1 else "note", f"{line}; a run takes up to {ROOM_GB} GB: `dvc gc --workspace` frees space"


def memory(settings: Params) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    file = Path("/proc/meminfo")
    if not file.exists():
        yield "good", f"{cores} cores"
        return
    free = int(dict(line.split(":") for line in file.read_text().splitlines())["MemAvailable"].split()[0]) / 1e6
    line = f"{cores} cores, {free:.0f} GB of memory free"
    small = free < MEMORY_GB and settings.model.name.startswith("embedded:")
    yield ("note", f"{line}; a training takes about {MEMORY_GB} GB") if small else ("good", line)


def gpu(settings: Params) -> Iterator[Finding]:
    """What the driver and PyTorch say; PyTorch is not loaded for it."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        yield (
            "bad",
            "PyTorch is not installed, and every stage from format on needs it; type: make setup, or make setup-gpu",
        )
        return
    found, _ = cards.asked()
    for card in found:
        memory = f", {card.gigabytes:.0f} GB" if card.gigabytes else ""
        yield "good", f"GPU {card.name}{memory}, driver {card.driver}"
    if not found:
        kind = "good" if settings.model.name.startswith("embedded:") else "note"
        yield kind, f"no NVIDIA GPU; PyTorch {torch} trains on the CPU"
    elif "+cpu" in torch:
        yield "bad", f"PyTorch {torch} is a CPU build, but this machine has a GPU; type: make setup-gpu"
    elif complaint := misfit(torch, found):
        yield "bad", complaint


def misfit(torch: str, found: list[cards.Card]) -> str:
    """Why the installed PyTorch does not run on the cards, "" when it does. PyPI's wheels, whose version says nothing
    of CUDA, are built for CUDA 13."""
    try:
        wanted = cards.wheels(found)
    except cards.NoWheelsError as reason:
        return str(reason)
    if wanted == "cu130" or "+cu12" in torch:
        return ""
    return (
        f"PyTorch {torch} is built for CUDA 13, which {found[0].name} with driver {found[0].driver} cannot run; "
        f"type: make setup-gpu, which takes {wanted} (or update the driver to {cards.DRIVERS['cu130']})"
    )
