"""Paid answers while processes are killed, servers fail, and two write at once."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.asking_runs import prepare
from bench.torture.tools import Endpoint, Trial, asked_about, begin, end, gone, stored, workspace

CONCURRENCY = 16
KINDS = 10  # of faults, as bench/endpoint.py has them


def kills(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """SIGKILL while requests are in flight, until a run ends by itself."""
    endpoint, times, lost = Endpoint(latency=0.3), 0, 0
    with workspace(endpoint) as directory:
        prepare(directory, chunks, CONCURRENCY)
        while times < 40:
            before, process = stored(), begin("stages.generate", stdout=subprocess.DEVNULL)
            begun = time.monotonic()
            while len(stored()) < len(before) + chance.randint(1, 24) and process.poll() is None:
                time.sleep(0.05)
                if time.monotonic() - begun > 120:
                    break
            if process.poll() is not None:
                break
            seen = stored()
            process.kill()
            process.wait()
            times += 1
            lost += gone(seen)
        code, _ = end("stages.generate")
        left = [file.name for file in Path("data").iterdir() if file.name.startswith(".")]
        repeated = endpoint.stats()["repeated"]
        detail = f"{repeated} of at most {times * CONCURRENCY} in flight asked again"
        yield Trial("SIGKILL with requests in flight", times, "stored answers", len(stored()), lost, detail)
        yield Trial(
            "… and the pairs of all chunks at the end", times, "chunks", chunks, chunks - asked_about() + bool(code)
        )
        yield Trial("… and temporary files that stay", times, "files", len(left), len(left))


def faults(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Ten kinds of faults, then the same run again without any."""
    for share in (0.05, 0.3):
        endpoint = Endpoint(latency=0.02, faults=share, seed=chance.randint(0, 999))
        with workspace(endpoint) as directory:
            prepare(directory, chunks, CONCURRENCY, timeout=3, max_failed=1.0)
            _, output = end("stages.generate")
            stats, before = endpoint.stats(), stored()
            unanswered = chunks - len(before)
            endpoint.stop()
            endpoint.options[3] = "0.0"
            endpoint.start()
            code, output = end("stages.generate")
            counted = f"{stats.get('faults', 0)} faults in {stats['requests']} requests"
            detail = f"{counted}; {unanswered} of {chunks} chunks without an answer"
            name = f"{KINDS} kinds of faults in {share:.0%} of the requests"
            yield Trial(
                name,
                stats.get("faults", 0),
                "stored answers",
                len(before),
                gone(before) + ("Traceback" in output) + bool(code and "no answer" not in output),
                detail,
            )


def outages(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """An endpoint that is killed and comes back a few seconds later."""
    endpoint, times = Endpoint(latency=0.3), 3
    with workspace(endpoint) as directory:
        prepare(directory, chunks, CONCURRENCY)
        process = begin("stages.generate")
        for number in range(times):
            while len(stored()) < chunks * (number + 1) // (times + 2) and process.poll() is None:
                time.sleep(0.1)
            endpoint.stop()
            time.sleep(chance.uniform(2, 6))
            endpoint.start()
        process.communicate()
        yield Trial(
            "endpoint killed and started again",
            times,
            "chunks",
            chunks,
            chunks - asked_about() + bool(process.returncode),
        )


def two(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Two runs that fill one store, and two processes that write verdicts into one file."""
    endpoint = Endpoint(latency=0.2)
    with workspace(endpoint) as directory:
        prepare(directory, chunks, CONCURRENCY)
        first, second = begin("stages.generate"), begin("stages.generate")
        codes = [first.wait(), second.wait()]
        asked = endpoint.stats()
        detail = f"{asked['repeated']} asked twice"
        yield Trial(
            "two runs on one store", 2, "chunks", chunks, chunks - asked_about() + sum(map(bool, codes)), detail
        )
        judge = (
            "import sys; from stages.common.base import paths\n"
            "from stages.curate.review import Review, change_reviews\n"
            "for n in range(100): i = f'{sys.argv[1]}-{n}'; "
            "change_reviews(paths.REVIEW, {i: Review(pair_id=i, verdict='accept')})"
        )
        both = [subprocess.Popen([sys.executable, "-c", judge, name]) for name in "ab"]
        codes = [process.wait() for process in both]
        rows = len(Path("data/review.jsonl").read_text("utf-8").splitlines())
        yield Trial("two reviewers at once", 2, "verdicts", 200, 200 - rows + sum(map(bool, codes)))
