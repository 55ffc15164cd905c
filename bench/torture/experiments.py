"""Experiments that DVC runs elsewhere, in temporary copies or by queue workers, killed with all their processes."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from ruamel.yaml import YAML

from bench.asking_runs import ROOT, prepare
from bench.torture.tools import Endpoint, Trial, asked_about, gone, stored, workspace

CONCURRENCY = 8
KILLS = 4
MOST_SECONDS = 120.0  # until the next answers come


def project(directory: Path, chunks: int) -> None:
    """A Git and DVC repository of today's code in the current directory, with a page for each chunk, committed."""
    prepare(directory, chunks, CONCURRENCY, prompts="prompts")
    Path("data/chunks.jsonl").unlink()
    yaml = YAML()
    values = yaml.load(Path("params.yaml").read_text("utf-8"))
    values["docs"]["path"] = "docs"
    with Path("params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    for name in subprocess.check_output(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], text=True
    ).split():
        if not name.startswith(("tests/", "docs/", "bench/", "dvc.lock", "params.yaml")) and (ROOT / name).is_file():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, name)
    Path("docs").mkdir()
    for n in range(chunks):
        text = (
            f"# Station {n}\n\nStation {n} limits the current of branch {n * 7} and shows the level of its lamp {n}.\n"
        )
        Path(f"docs/station{n}.md").write_text(text, "utf-8")
    for who in ("AUTHOR", "COMMITTER"):
        os.environ |= {f"GIT_{who}_NAME": "torture", f"GIT_{who}_EMAIL": "torture@example.org"}
    os.environ |= {"DVC_NO_ANALYTICS": "1", "PYTHONPATH": ""}
    typed("git", "init", "--quiet", "--initial-branch=main")
    if not Path(".dvc/config").exists():
        typed("dvc", "init", "--quiet")
    typed("git", "add", "--all")
    typed("git", "commit", "--quiet", "--message", "all")


def typed(*words: str) -> tuple[int, str]:
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def answers_come(before: int, more: int, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Wait for so many new answers; False when the process ended or none came."""
    begun = time.monotonic()
    while len(stored()) < before + more and time.monotonic() - begun < MOST_SECONDS:
        if process and process.poll() is not None:
            return False
        time.sleep(0.1)
    return len(stored()) >= before + more


def processes() -> list[psutil.Process]:
    """All that run in the current directory or below it, but for this one."""
    here, those = str(Path.cwd().resolve()), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(here):
                those.append(process)
        except (psutil.Error, OSError):
            continue
    return those


def finished(endpoint: Endpoint, chunks: int, times: int, names: tuple[str, str], lost: int) -> Iterator[Trial]:
    """What `dvc repro` makes of the rest, and what the kills cost and changed."""
    before = stored()
    code, output = typed("dvc", "repro", "generate")
    changed = [line for line in typed("git", "status", "--porcelain")[1].splitlines() if "dvc.lock" not in line]
    lost += gone(before) + ("Traceback" in output)
    detail = f"{endpoint.stats()['repeated']} of at most {times * CONCURRENCY} in flight asked again"
    yield Trial(names[0], times, "stored answers", len(stored()), lost, detail)
    missing = chunks - asked_about() + bool(code)
    yield Trial(names[1], times, "chunks", chunks, missing + len(changed), "; ".join(changed))


def temporary(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """`dvc exp run --temp`, killed with its stage while requests are in flight."""
    endpoint, times, lost = Endpoint(latency=1.0), 0, 0
    with workspace(endpoint) as directory:
        project(directory, chunks)
        for _ in range(KILLS):
            before = stored()
            process = subprocess.Popen(
                ["dvc", "exp", "run", "--temp", "generate"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            alive = answers_come(len(before), chance.randint(1, chunks // (KILLS + 2)), process)
            seen = stored()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not alive:
                break
            times, lost = times + 1, lost + gone(seen)
        names = ("`dvc exp run --temp` killed with requests in flight", "… and the pairs of `dvc repro` after it")
        yield from finished(endpoint, chunks, times, names, lost)


def queued(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Two queue workers on one store, killed with their stages; then the queue is started again."""
    endpoint, times, lost = Endpoint(latency=1.0), 0, 0
    with workspace(endpoint) as directory:
        project(directory, chunks)
        for number in range(KILLS // 2):
            for words in (
                ("exp", "run", "--queue", "-S", f"generate.timeout={100 + 2 * number + n}", "generate") for n in (0, 1)
            ):
                typed("dvc", *words)
            before = stored()
            subprocess.run(
                ["dvc", "queue", "start", "-j", "2"], stdout=subprocess.DEVNULL, check=True
            )  # no pipe to hold
            alive = answers_come(len(before), chance.randint(1, chunks // (KILLS + 2)))
            seen, running = stored(), processes()
            for process in running:
                process.kill()
            psutil.wait_procs(running, 30)
            if not alive:
                break
            times, lost = times + len(running), lost + gone(seen)
        names = ("queue workers and their stages killed", "… and the pairs of `dvc repro` after it")
        yield from finished(endpoint, chunks, times, names, lost)
