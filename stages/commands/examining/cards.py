"""The NVIDIA cards of this machine, and the CUDA that PyTorch's wheels have to be built with for them.

The standard library alone: `make setup-gpu` runs this file before anything is installed, and takes what it prints.
"""

import subprocess
import sys
from typing import NamedTuple

FIELDS = ("name", "driver_version", "memory.total", "compute_cap")
# Oldest drivers: https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html. GPUs: the CUDA
# support matrix of PyTorch 2.12 to 2.14, which has no wheels for CUDA 12.8 (https://github.com/pytorch/pytorch/pull/187075).
DRIVERS = {"cu130": 580, "cu126": 525}
TURING, BLACKWELL = (7, 5), (10, 0)
UPDATE = (
    "update it, on Ubuntu with: sudo apt install nvidia-driver-580 (https://www.nvidia.com/drivers has those of other "
    "systems), and restart"
)


class Card(NamedTuple):
    """A GPU as nvidia-smi tells of it; 0 GB where memory is shared with the processor, capability (0, 0) if unknown."""

    name: str
    driver: str
    gigabytes: float
    capability: tuple[int, int]

    @property
    def branch(self) -> int:
        """The first part of the driver's version."""
        first = self.driver.partition(".")[0]
        return int(first) if first.isdigit() else 0


class NoWheelsError(Exception):
    """There are none for this machine; the message says what to do."""


def asked() -> tuple[list[Card], str]:
    """The cards, or none and what nvidia-smi says instead."""
    said = ""
    for fields in (FIELDS, FIELDS[:-1]):  # old drivers know no compute_cap
        query = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return [], "nvidia-smi is not there or does not answer"
        if found := read(done.stdout):
            return found, ""
        said = said or " ".join((done.stdout + done.stderr).split())[:200]
    return [], said or "nvidia-smi lists none"


def read(text: str) -> list[Card]:
    """The cards of a table without header: name, driver, MiB and, where it is known, compute capability."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    return [
        Card(row[0], row[1], number(row[2]) * 2**20 / 1e9, capability((*row, "")[3]))
        for row in rows
        if len(row) in (3, 4) and row[1][:1].isdigit()
    ]


def number(text: str) -> float:
    return float(text) if text.replace(".", "", 1).isdigit() else 0.0


def capability(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def wheels(cards: list[Card], said: str = "") -> str:
    """The wheels that run on all the cards: cu130 or cu126. Raises NoWheelsError."""
    if not cards:
        raise NoWheelsError(
            f"no NVIDIA GPU responds ({said or 'nvidia-smi lists none'}); install a driver of "
            f"{DRIVERS['cu130']} or later, or say what to set up for: make setup-gpu CUDA=cu130"
        )
    first, known = cards[0], [card.capability for card in cards if card.capability != (0, 0)]
    if first.branch < DRIVERS["cu126"]:
        raise NoWheelsError(
            f"driver {first.driver} is too old for PyTorch, which needs {DRIVERS['cu126']} or later; {UPDATE}"
        )
    old, new = any(one < TURING for one in known), any(one >= BLACKWELL for one in known)
    if first.branch >= DRIVERS["cu130"] and not old:
        return "cu130"
    if new and old:
        raise NoWheelsError(
            "no PyTorch build runs both on cards older than Turing and on Blackwell; choose those to use in "
            "CUDA_VISIBLE_DEVICES and the wheels for them: make setup-gpu CUDA=cu130, or CUDA=cu126 for the old ones"
        )
    if new:
        raise NoWheelsError(
            f"{first.name} needs a driver of {DRIVERS['cu130']} or later, and this one is {first.driver}; {UPDATE}"
        )
    return "cu126"


def main() -> None:
    try:
        print(wheels(*asked()))
    except NoWheelsError as reason:
        sys.exit(f"setup-gpu: {reason}")


if __name__ == "__main__":
    main()
