"""This machine against the params: Python, cores, memory, disk, GPU and the PyTorch that is installed for it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stages.common.schema import Params

Finding = tuple[str, str]  # good, note or bad, and a line
PYTHONS = ((3, 11), (3, 12))
ROOM_GB = 5  # for .cache, DVC's cache and the models of the default run, twice over
CUDA_13_DRIVER = 580  # the oldest driver that PyTorch's CUDA 13 wheels run on
MEMORY_GB = 6  # what a training of the embedded model takes at its default batch


def findings(settings: Params) -> Iterator[Finding]:
    yield python()
    yield disk()
    yield from memory(settings)
    yield from gpu(settings)


def python() -> Finding:
    here = sys.version_info[:2]
    line = f"Python {platform.python_version()} ({sys.executable})"
    return ("good", line) if here in PYTHONS else ("bad", f"{line}: accepted is 3.11 or 3.12")


def disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    line = f"{free:.0f} GB of disk are free"
    if free > ROOM_GB:
        return "good", line
    return "bad" if free < 1 else "note", f"{line}; a run takes up to {ROOM_GB} GB: `dvc gc --workspace` makes room"


def memory(settings: Params) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    file = Path("/proc/meminfo")
    if not file.exists():
        yield "good", f"{cores} cores"
        return
    free = int(dict(line.split(":") for line in file.read_text().splitlines())["MemAvailable"].split()[0]) / 1e6
    line = f"{cores} cores, {free:.0f} GB of memory are free"
    small = free < MEMORY_GB and settings.model.name.startswith("embedded:")
    yield ("note", f"{line}; a training takes about {MEMORY_GB} GB") if small else ("good", line)


def gpu(settings: Params) -> Iterator[Finding]:
    """What the driver and PyTorch say; PyTorch is not loaded for it."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        yield (
            "bad",
            "PyTorch is not installed, which the stages from format on need; type: make setup, or make setup-gpu",
        )
        return
    cards = nvidia()
    for name, driver, gigabytes in cards:
        yield "good", f"GPU {name}, {gigabytes:.0f} GB, driver {driver}"
        if int(driver.split(".")[0] or 0) < CUDA_13_DRIVER and "+cu13" in torch:
            yield "bad", f"PyTorch {torch} needs driver {CUDA_13_DRIVER} or later, here is {driver}; update the driver"
    if cards and "+cpu" in torch:
        yield "bad", f"PyTorch {torch} uses no GPU, though there is one; type: make setup-gpu"
    elif not cards:
        yield (
            "good" if settings.model.name.startswith("embedded:") else "note",
            f"no NVIDIA GPU; PyTorch {torch} trains on the CPU",
        )


def nvidia() -> list[tuple[str, str, float]]:
    """Name, driver and memory in GB of each card."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return [
        (name, driver, float(megabytes) / 1024) for name, driver, megabytes in (row for row in rows if len(row) == 3)
    ]
