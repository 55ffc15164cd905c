"""What a user may lose when things go wrong: kills, faults, damage, full disks, hostile pages, two of everything.

Each trial runs the real stages or words as processes in a directory of its own, beside an endpoint that answers as
planned (bench/endpoint.py), and counts what was kept against what was told or paid. It prints a table: what was done,
how often, in how many seconds, and how many of what could be lost are lost. The exit code is 1 where any is.
Run: make torture, or python -m bench.torture [--only kills] [--chunks 200] [--seed 1]
"""

import argparse
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench.asking_runs import ROOT, prepare
from bench.torture_tools import HOSTILE, PAGE, STORE, Endpoint, asked_about, begin, end, gone, stored, workspace

CONCURRENCY = 16
KINDS = 10  # of faults, as bench/endpoint.py has them


class Trial(NamedTuple):
    """What was done, how often, what could be lost and how much of it was; `detail` is for the table."""

    name: str
    times: int
    could: str
    total: int
    lost: int
    detail: str = ""


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


def damage(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Bytes flipped and ends cut off in a store; `doclore store repair`, then the rows whose bytes were not touched."""
    endpoint = Endpoint(latency=0.0)
    with workspace(endpoint) as directory:
        prepare(directory, chunks, CONCURRENCY)
        end("stages.generate")
        whole, data, lost, hit = stored(), STORE.read_bytes(), 0, 0
        for number in range(20):
            broken, places = bytearray(data), []
            for _ in range(1 + number % 10):
                places.append(chance.randrange(100, len(data)))
                broken[places[-1]] ^= 1 << chance.randrange(8)
            for file in STORE.parent.glob("responses.sqlite*"):
                file.unlink()
            STORE.write_bytes(broken)
            code, output = end("stages.commands.main", "store", "repair")
            found = stored()
            wrong = sum(whole.get(key) != answer for key, answer in found.items())
            missing = len(whole) - len(found)
            hit += missing
            lost += wrong + ("Traceback" in output) + bool(code) + (missing > per_page(data) * len(places)) * missing
        detail = f"{hit} of {20 * len(whole)} rows lay in what was flipped"
        yield Trial(
            "1 to 10 bits of a store flipped, then repair", 20, "other rows", 20 * len(whole) - hit, lost, detail
        )


def per_page(data: bytes) -> int:
    """Rows that one flipped bit can take along: those of the page whose list of cells it hits."""
    return max(2, int.from_bytes(data[16:18]) // 512)


def full_disk(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Files that cannot grow beyond a size, as on a full disk, with the size raised until the run ends well."""
    endpoint, times, lost, traces = Endpoint(latency=0.01), 0, 0, 0
    with workspace(endpoint) as directory:
        prepare(directory, chunks, CONCURRENCY)
        vocabulary = "from stages.common.text import tokens; tokens.count('', 'cl100k_base')"  # a file of its own
        subprocess.run([sys.executable, "-c", vocabulary], check=True)
        for kilobytes in (40, 80, 160, 240):
            limit = kilobytes * 1024

            def bounded(limit: int = limit) -> None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

            before = stored()
            _, output = end("stages.generate", preexec_fn=bounded)
            times, lost, traces = times + 1, lost + gone(before), traces + ("Traceback" in output)
        code, _ = end("stages.generate")
        yield Trial(
            "no room left on the disk",
            times,
            "stored answers",
            len(stored()),
            lost + bool(code) + traces,
            f"{traces} tracebacks",
        )


def hostile(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Hostile pages beside a good one, through ingest, chunk, generate and the report."""
    with workspace() as directory:
        docs = directory / "docs"
        docs.mkdir()
        (docs / "good.md").write_text(PAGE, "utf-8")
        for name, text in HOSTILE.items():
            (docs / name).write_text(text, "utf-8")
        settings(docs)
        failed = []
        for stage in ("ingest", "chunk", "generate", "report"):
            code, output = end(f"stages.{stage}")
            if code or "Traceback" in output or "\x1b[2J" in output:
                failed.append(f"{stage}: {output.strip().splitlines()[-1][:100] if output.strip() else code}")
        pairs = Path("data/pairs.jsonl")
        kept = pairs.exists() and '"The lamp is a signal that shows' in pairs.read_text("utf-8")
        page = Path("reports/index.html").read_text("utf-8") if Path("reports/index.html").exists() else ""
        run = "<script>window.hacked" in page or "<img src=x" in page
        yield Trial(
            "hostile pages beside a good one",
            len(HOSTILE),
            "good pages",
            1,
            (not kept) + len(failed) + run,
            "; ".join(failed),
        )


def settings(docs: Path) -> None:
    from ruamel.yaml import YAML

    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text("utf-8"))
    values["docs"] |= {"path": str(docs), "max_unread": 1.0, "include": ["**/*"]}
    with Path("params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


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
            "import sys; from stages.common.base import paths; from stages.curate.review import Review, change_review\n"
            "for n in range(100): i = f'{sys.argv[1]}-{n}'; "
            "change_review(paths.REVIEW, i, Review(pair_id=i, verdict='accept'))"
        )
        both = [subprocess.Popen([sys.executable, "-c", judge, name]) for name in "ab"]
        codes = [process.wait() for process in both]
        rows = len(Path("data/review.jsonl").read_text("utf-8").splitlines())
        yield Trial("two reviewers at once", 2, "verdicts", 200, 200 - rows + sum(map(bool, codes)))


TRIALS: dict[str, Callable[[int, random.Random], Iterator[Trial]]] = {
    "kills": kills, "faults": faults, "outages": outages, "damage": damage, "disk": full_disk, "pages": hostile,
    "two": two,
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
