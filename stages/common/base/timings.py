"""How long each stage took, in `.cache/timings.jsonl`: a local log, kept out of the outputs so that those stay
a pure function of docs and params."""

import json
import time
from contextlib import suppress

from stages.common.base.paths import cache_dir


def append(stage: str, seconds: float) -> None:
    """Add one line for a stage that has just succeeded."""
    row = {"stage": stage, "seconds": round(seconds, 1), "at": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    with (cache_dir() / "timings.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def latest() -> dict[str, float]:
    """Seconds of each stage's last successful run on this machine."""
    log = cache_dir() / "timings.jsonl"
    if not log.exists():
        return {}
    found = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, KeyError, TypeError):  # of a line that a kill or a full disk cut off
            row = json.loads(line)
            found[row["stage"]] = row["seconds"]
    return found
