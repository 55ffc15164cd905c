"""Does asking fill the server, cost little CPU and lose nothing? Ratios to baselines interleaved in the same run.

Each way of asking runs in a process of its own against bench/endpoint.py, a server with fixed latency and planned
faults. Baselines: a bare loop over the same SDK and transport, and the naive script (bench/naive_pairs.py). CPU and
wall seconds are those of the asking alone, imports left out. Prints a Markdown table with each target beside what was
measured. Run: python -m bench.generation [rate cpu parts memory faults kill two] [--rounds 3] [--kills 100]
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.asking_runs import TEXT, prepare
from bench.endpoint import completion, pairs
from stages.common.text.tokens import seed_cl100k

ROOT = Path(__file__).resolve().parents[1]
IN_FLIGHT = 256
Figures = dict[str, Any]


def row(what: str, measured: str, target: str, met: bool | None = None) -> None:
    """One line of the table; `met` is left out where there is no target."""
    verdict = "" if met is None else "yes" if met else "**no**"
    print(f"| {what} | {measured} | {target} | {verdict} |", flush=True)


@contextmanager
def server(latency: float, faults: float = 0.0) -> Iterator[str]:
    """A fresh server; its address."""
    command = [sys.executable, "-m", "bench.endpoint", "--latency", str(latency), "--faults", str(faults)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def stats(address: str) -> dict[str, int]:
    """What the server saw."""
    with urllib.request.urlopen(f"{address}/stats", timeout=30) as reply:
        return dict(json.load(reply))


def environment(address: str) -> dict[str, str]:
    """The environment of a way of asking; the naive script's vocabulary comes from a package, not from the network."""
    vocabulary = ROOT / ".cache" / "tiktoken"
    vocabulary.mkdir(parents=True, exist_ok=True)
    seed_cl100k(vocabulary)
    ours = {"OPENAI_BASE_URL": address, "OPENAI_API_KEY": "bench", "PYTHONPATH": str(ROOT)}
    return {"TIKTOKEN_CACHE_DIR": str(vocabulary), **os.environ, **ours}


def figures_of(command: list[str], address: str) -> Figures:
    """Run a way of asking in an empty directory; the figures that it prints last."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=directory, env=environment(address), capture_output=True, text=True
        )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr[-500:]}")
    merged: Figures = {}
    for line in done.stdout.splitlines():
        merged |= json.loads(line) if line.startswith("{") else {}
    return merged


def asking(way: str, chunks: int, concurrency: int = IN_FLIGHT) -> list[str]:
    return ["bench.asking_runs", way, "--chunks", str(chunks), "--concurrency", str(concurrency)]


def naive(directory: Path, semaphore: int) -> list[str]:
    return ["bench.naive_pairs", str(directory), os.devnull, "--semaphore", str(semaphore)]


def rate(options: argparse.Namespace) -> None:
    chunks, latency = 2000, 2.0
    with server(latency) as address:
        walls = [figures_of(asking("doclore", chunks), address)["asking"] for _ in range(options.rounds)]
    share = chunks * latency / IN_FLIGHT / statistics.median(walls)
    row(f"{chunks:,} chunks, {latency:.0f} s an answer, {IN_FLIGHT} in flight: share of the ideal rate",
        f"{share:.2f} ({statistics.median(walls):.1f} s)", "≥ 0.9", share >= 0.9)  # fmt: skip


def cpu(options: argparse.Namespace) -> None:
    chunks = 1000
    with server(0.2) as address, tempfile.TemporaryDirectory() as docs:
        for number in range(chunks):
            Path(docs, f"{number}.md").write_text(f"Passage {number}:\n{TEXT}", encoding="utf-8")
        ways = {way: asking(way, chunks) for way in ("doclore", "bare", "post", "aiohttp")}
        ways |= {"naive 256": naive(Path(docs), IN_FLIGHT), "naive 10": naive(Path(docs), 10)}
        runs: dict[str, list[Figures]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, command in ways.items():
                runs[way].append(figures_of(command, address))
    walls = {way: statistics.median(run["wall"] for run in found) for way, found in runs.items()}
    cpus = {way: statistics.median(run["cpu"] for run in found) for way, found in runs.items()}

    def ratio(figure: dict[str, float], way: str, other: str) -> float:
        """The median of the ratios of runs that followed each other."""
        name = "wall" if figure is walls else "cpu"
        both = zip(runs[way], runs[other], strict=True)
        return statistics.median(a[name] / b[name] for a, b in both)

    spent = ratio(cpus, "doclore", "bare")
    row(f"{chunks:,} chunks, 200 ms, {IN_FLIGHT} in flight: CPU beside a bare loop over the same SDK and transport",
        f"{spent:.2f}× ({cpus['doclore']:.2f} s to {cpus['bare']:.2f} s)", "≤ 0.8×", spent <= 0.8)  # fmt: skip
    for semaphore, target in ((IN_FLIGHT, 1.5), (10, 6.0)):
        faster = ratio(walls, f"naive {semaphore}", "doclore")
        row(f"the same: wall of the naive script at semaphore {semaphore}",
            f"{faster:.1f}× ({walls[f'naive {semaphore}']:.1f} s to {walls['doclore']:.1f} s)",
            f"≥ {target:g}×", faster >= target)  # fmt: skip
    for way, what in (("post", "a bare loop over the SDK's untyped `post`"),
                      ("aiohttp", "a bare loop over aiohttp without the SDK, which doclore uses")):  # fmt: skip
        row(f"the same: CPU of {what}", f"{cpus[way] / chunks * 1e3:.2f} ms a request", "")
    row("the same: CPU of doclore", f"{cpus['doclore'] / chunks * 1e3:.2f} ms a request", "")


def parts(options: argparse.Namespace) -> None:
    """CPU of what doclore adds to a call, each part alone."""
    from tqdm import tqdm

    from bench.asking_runs import request
    from stages.common.llm import replies
    from stages.common.llm.claims import Claims
    from stages.common.llm.entries import Response
    from stages.common.llm.store import Store
    from stages.generate.labelling.answer import Answer

    reply = json.loads(completion(json.dumps({"pairs": pairs("a question")})))["choices"][0]["message"]["content"]
    answer = replies.read(reply, Answer).model_dump_json()
    with tempfile.TemporaryDirectory() as directory, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        store, bar = Store(Path(directory, "store.sqlite")), tqdm(total=10**9, file=nowhere)
        claims = Claims(Path(directory, "store.claims"))
        numbers = iter(range(10**9))

        def eight() -> None:  # as many answers as one commit holds when some hundred arrive in a second
            store.put_all([Response(str(next(numbers)), answer, model="teacher") for _ in range(8)])

        def claim() -> None:
            key = str(next(numbers))
            claims.take(key)
            claims.give_back(key)

        costs: dict[str, tuple[Callable[[], object], int]] = {
            "request and key": (lambda: request(next(numbers)).key(), 1),
            "look-up in the store": (lambda: store.find("none"), 1),
            "claim": (claim, 1),
            "checks: JSON and schema": (lambda: replies.read(reply, Answer).model_dump_json(), 1),
            "store, 8 answers a commit": (eight, 8),
            "progress bar": (bar.update, 1),
        }
        for name, (work, count) in costs.items():
            row(f"CPU a request: {name}", f"{cost(work) / count * 1e6:.0f} µs", "")
        claims.close()
        store.connection.close()
        bar.close()


def cost(work: Callable[[], object], times: int = 500) -> float:
    """CPU seconds of one call, the median of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - start) / times)
    return statistics.median(rounds)


def memory(options: argparse.Namespace) -> None:
    few, many = 1000, 20_000
    with server(0.05) as address:
        small, large = (figures_of(asking("doclore", chunks), address)["mb"] for chunks in (few, many))
    row(f"peak memory for {many:,} chunks beside {few:,}", f"{large / small:.2f}× ({large:.0f} MB to {small:.0f} MB)",
        "≤ 1.3×", large <= 1.3 * small)  # fmt: skip


def faults(options: argparse.Namespace) -> None:
    chunks, share = 1000, 0.05
    with server(0.2, share) as address:
        found = figures_of(asking("impatient", chunks, 64), address)
        seen = stats(address)
    lost, extra = chunks - found["answered"], seen["requests"] - chunks
    row(f"{chunks:,} chunks, {share:.0%} faults of ten kinds: chunks lost", str(lost), "0", lost == 0)
    row("the same: extra requests, of so many faults", f"{extra} of {seen['faults']}", "≤ faults",
        extra <= seen["faults"])  # fmt: skip


def stage(directory: Path, address: str) -> "subprocess.Popen[bytes]":
    """The generate stage, started as DVC does."""
    env = {**environment(address), "DVC_ROOT": str(directory)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "stages.generate"], cwd=directory, env=env, **quiet)  # type: ignore[call-overload, no-any-return]


def stored(directory: Path) -> dict[str, str]:
    """The answers in the store, by key."""
    file = directory / ".cache" / "responses.sqlite"
    if not file.exists():
        return {}
    with sqlite3.connect(file, timeout=60) as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'responses'").fetchone()
        return dict(connection.execute("SELECT key, answer FROM responses")) if tables else {}


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def finished(directory: Path, address: str) -> str:
    """Run the stage to its end; the hash of its pairs."""
    if stage(directory, address).wait():
        raise SystemExit(f"the stage failed in {directory}")
    return sha256(directory / "data" / "pairs.jsonl")


def kill(options: argparse.Namespace) -> None:
    concurrency, latency, kills = 32, 0.3, 0
    chunks = options.kills * 110  # more than are answered until the last kill
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as calm, tempfile.TemporaryDirectory() as torn:
        for directory in (calm, torn):
            prepare(Path(directory), chunks, concurrency)
        with server(0.01) as address:
            expected = finished(Path(calm), address)
        lost, known = 0, dict[str, str]()
        with server(latency) as address:
            while kills < options.kills:
                asked = stats(address).get("requests", 0)
                process = stage(Path(torn), address)
                while process.poll() is None and stats(address).get("requests", 0) == asked:
                    time.sleep(0.05)
                try:
                    process.wait(draw.uniform(0.0, 2.5))  # from its first request on, so that some are in flight
                    break  # it was done before
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
                now = stored(Path(torn))
                lost += sum(now.get(key) != answer for key, answer in known.items())
                known = now
            same = finished(Path(torn), address) == expected
            repeated = stats(address)["repeated"]
    row(f"{kills} SIGKILLs at random moments, {chunks:,} chunks: stored answers lost", str(lost), "0", lost == 0)
    row("the same: requests repeated, of so many that can have been in flight", f"{repeated} of {kills * concurrency}",
        "≤ in flight", repeated <= kills * concurrency)  # fmt: skip
    row("the same: pairs.jsonl as after an undisturbed run", "identical" if same else "differs", "identical", same)


def two(options: argparse.Namespace) -> None:
    chunks = 1000
    with tempfile.TemporaryDirectory() as directory, server(0.2) as address:
        prepare(Path(directory), chunks, 64)
        both = [stage(Path(directory), address) for _ in range(2)]
        failed = sum(process.wait() != 0 for process in both)
        repeated = stats(address)["repeated"]
    row("two processes at once on one store: runs failed", str(failed), "0", failed == 0)
    row("the same: requests sent twice", str(repeated), "0", repeated == 0)


SECTIONS = {section.__name__: section for section in (rate, cpu, parts, memory, faults, kill, two)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="all when none is named")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each way, interleaved")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    print("| what | measured | target | met |\n| --- | --- | --- | --- |")
    for name in options.sections or SECTIONS:
        SECTIONS[name](options)


if __name__ == "__main__":
    main()
