"""What a user may lose when things go wrong: kills, faults, damage, full disks, hostile pages, two of everything.

Each trial runs the real stages or words as processes in a directory of its own, beside an endpoint that answers as
planned (bench/endpoint.py), and counts what was kept against what was told or paid. It prints a table: what was done,
how often, in how many seconds, and how many of what could be lost are lost. The exit code is 1 where any is.
Run: make torture, or python -m bench.torture [--only kills] [--chunks 200] [--seed 1]
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator

from bench.torture import answers, disks, experiments, pages, words
from bench.torture.tools import Trial

TRIALS: dict[str, Callable[[int, random.Random], Iterator[Trial]]] = {
    "kills": answers.kills, "faults": answers.faults, "outages": answers.outages, "two": answers.two,
    "damage": disks.damage, "disk": disks.full_disk, "read-only": disks.read_only,
    "temp": experiments.temporary, "queue": experiments.queued,
    "pages": pages.hostile, "report": pages.report, "teacher": words.teacher, "promote": words.promote,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TRIALS, help="one kind of trial")
    parser.add_argument("--chunks", type=int, default=200, help="chunks that are asked about in each trial")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print("| tried | times | could be lost | lost | seconds | |\n|---|---|---|---|---|---|", flush=True)
    lost = 0
    for name, run in TRIALS.items():
        if arguments.only in (None, name):
            start = time.monotonic()
            for trial in run(arguments.chunks, random.Random(arguments.seed)):
                seconds = time.monotonic() - start
                could = f"{trial.total:,} {trial.could}"
                print(
                    f"| {trial.name} | {trial.times} | {could} | {trial.lost} | {seconds:.0f} | {trial.detail} |",
                    flush=True,
                )
                lost += trial.lost
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
