"""A store that is damaged, has no room left, or cannot be written."""

import ctypes
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.asking_runs import prepare
from bench.torture.tools import STORE, Endpoint, Trial, asked_about, end, gone, stored, workspace

CONCURRENCY = 16


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


def bound_by_modes() -> None:
    """Before a process begins: the superuser obeys the modes of files like everyone else (Linux)."""
    with suppress(OSError):
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH of linux/capability.h
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def read_only(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """A store, then its directory, that may not be written: half answered, and with all that is asked for in it."""
    endpoint, times, lost, told = Endpoint(latency=0.01), 0, 0, []
    with workspace(endpoint) as directory:
        prepare(directory, chunks, CONCURRENCY)
        for answered in (0.5, 1.0):
            part = Path("data/chunks.jsonl")
            lines = part.read_text("utf-8").splitlines(keepends=True)
            part.write_text("".join(lines[: int(chunks * answered)]), "utf-8")
            end("stages.generate")
            part.write_text("".join(lines), "utf-8")
            before = stored()
            for files, mode in ((0o444, 0o755), (0o644, 0o555), (0o444, 0o555)):
                modes(files, mode)
                for module, *words in (["stages.generate"], ["stages.commands.main", "store", "repair"]):
                    code, output = end(module, *words, preexec_fn=bound_by_modes)
                    times += 1
                    silent = bool(code) and STORE.name not in output and STORE.parent.name not in output
                    lost += ("Traceback" in output) + silent
                    told += [output.strip().splitlines()[-1]] if silent or "Traceback" in output else []
                modes(0o644, 0o755)
                lost += gone(before)
        code, _ = end("stages.generate")
        lost += bool(code) + chunks - asked_about()
        yield Trial("a store that cannot be written", times, "stored answers", len(stored()), lost, "; ".join(told))


def modes(files: int, directory: int) -> None:
    for file in STORE.parent.glob("responses.sqlite*"):
        file.chmod(files)
    STORE.parent.chmod(directory)
