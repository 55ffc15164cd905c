"""The whole chain once with random weights of a real model's sizes: seconds and peak memory of every stage, beside the
plan that `doclore check` prints.

`python -m bench.train chain` makes a project of doclore's own manual in a temporary directory, as `doclore init` does,
writes the weights there, and runs the stages one after the other as `dvc repro` would, then `doclore serve` and a
question. A row is written to .cache/bench/chain.jsonl as each step ends; a step that fails or takes too long is a row
as well, and ends the chain of that model. Answers of random weights say nothing; what is measured is whether everything
runs, how long it takes and what it holds.

- peak memory: on a GPU what nvidia-smi says is used of the card, above what was used before, looked at four times a
  second; on a CPU the high-water mark of the process's resident set.
- planned: what `doclore check` prints for the step once the rows are formatted.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import train_case

ROOT = Path(__file__).resolve().parents[1]
MANUAL = ROOT / "docs"
DATA = ("ingest.sources", "ingest", "chunk", "generate", "curate", "format")
MODEL = ("train", "merge", "evaluate")
QUESTION = {"messages": [{"role": "user", "content": "What is a chunk?"}], "max_tokens": 64}
SETTINGS: dict[str, object] = {
    "train.max_steps": 40,
    "train.learning_rate": 2e-4,
    "train.gradient_accumulation_steps": 2,
    "merge.export": ["gguf-q8_0"],
    "merge.audit.min_agreement_q8_0": 0.0,  # random weights decide by less than 8 bits keep
    "evaluate.max_rows": 8,
    "evaluate.max_context_rows": 2,
}
ON_A_CPU: dict[str, object] = {"train.max_steps": 2, "evaluate.max_rows": 2, "evaluate.max_context_rows": 1,
                               "evaluate.max_new_tokens": 8}  # fmt: skip


def measure(name: str, config: dict[str, Any], four: bool, minutes: float, out: Path) -> list[dict[str, Any]]:
    """The rows of one model, written to `out` as they come."""
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for row in chain(config, four, time.monotonic() + 60 * minutes):
        rows.append({"model": name, "load_in_4bit": four} | row)
        with out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(rows[-1]) + "\n")
        print(line(rows[-1]), flush=True)
    return rows


def chain(config: dict[str, Any], four: bool, end: float) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="bench-chain-") as directory:
        project = Path(directory) / "project"
        start = time.monotonic()
        prepare(project, config, four)
        yield {"step": "weights", "seconds": round(time.monotonic() - start, 1), **train_case.circumstances()}
        planned: dict[str, float] = {}
        for stage in (*DATA, *MODEL):
            row = {"step": stage} | step(project, ["-m", f"stages.{stage}"], end)
            yield row | ({"planned_gb": planned[stage]} if stage in planned else {}) | reported(project, stage)
            if "failed" in row:
                return
            if stage == "format":
                planned = plan(project)
        row = {"step": "serve"} | served(project, end)
        yield row | ({"planned_gb": planned["serve"]} if "serve" in planned else {})


def prepare(project: Path, config: dict[str, Any], four: bool) -> None:
    """A project of the manual's pages, whose base is a model of random weights with the embedded model's tokenizer,
    which llama.cpp's converter knows."""
    import torch
    from transformers import AutoTokenizer

    from stages.commands import preset
    from stages.commands.starting.project import make
    from stages.common.base.paths import PARAMS
    from stages.common.models.base.embedded import EMBEDDED, embedded_directory

    make(project, MANUAL, "")
    model = project / ".cache" / "base"
    model.parent.mkdir(exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(embedded_directory(EMBEDDED.removeprefix("embedded:")))
    config = config | {"vocab_size": max(config["vocab_size"], len(tokenizer))}
    train_case.write_model(model, config, random_weights=True)
    tokenizer.save_pretrained(model)
    changes = {"model.name": "./.cache/base", "model.load_in_4bit": four}
    preset.apply(
        SETTINGS
        | ({} if torch.cuda.is_available() else ON_A_CPU)
        | changes
        | {"docs.exclude": ["faq/**", "stages/**"]},
        project / PARAMS,
    )


def step(project: Path, words: list[str], end: float) -> dict[str, Any]:
    """Seconds and peak memory of a Python program in the project, or `failed` with its last line."""
    start = time.monotonic()
    with (project / ".cache" / "output").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=project, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
        with watched(process.pid) as peak:
            try:
                code: int | None = process.wait(max(end - start, 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
        output.seek(0)
        last = (output.read().strip().splitlines() or ["no message"])[-1]
    row = {"seconds": round(time.monotonic() - start, 1), "peak_gb": round(peak() / 1e9, 2)}
    if code == 0:
        return row
    return row | {"failed": "no time was left" if code is None else f"exit code {code}: {last[-300:]}"}


def environment() -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "OPENAI_", "DOCLORE_"))}
    return known | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "DOCLORE_API_KEY": "bench"}


@contextmanager
def watched(pid: int) -> Iterator[Callable[[], float]]:
    """Look at the memory until the block ends; gives a function that says the peak in bytes."""
    import torch

    used = used_of_card if torch.cuda.is_available() else lambda: high_water(pid)
    before = used() if torch.cuda.is_available() else 0.0
    seen, over = [before], threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            seen.append(used())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(seen) - before
    finally:
        over.set()
        thread.join()


def used_of_card() -> float:
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[0]) * 2**20 if done.stdout.split() else 0.0


def high_water(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    try:
        mark = re.search(r"VmHWM:\s+(\d+)", status.read_text())
    except OSError:  # it has ended
        return 0.0
    return float(mark[1]) * 1024 if mark else 0.0


def plan(project: Path) -> dict[str, float]:
    """GB of each step, as `doclore check` prints them."""
    command = [sys.executable, "-m", "stages.commands.main", "check"]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    return {name: float(size) for name, size in re.findall(r"^(\w+): about ([\d.]+) GB", done.stdout, re.MULTILINE)}


def reported(project: Path, stage: str) -> dict[str, Any]:
    """What the stage's own report says of speed and likeness."""
    file = project / "reports" / f"{stage}.json"
    if not file.exists():
        return {}
    report = json.loads(file.read_text(encoding="utf-8"))
    if stage == "train":
        names = ("backend", "dtype", "rows", "steps", "tokens_per_second", "loss_first", "loss_last")
        return {name: report[name] for name in names}
    if stage == "merge":
        found = {"agreement": report["audit"]["greedy_agreement"]}
        return found | {f"agreement_{kind}": one["greedy_agreement"] for kind, one in report["exports"].items()}
    return {}


def served(project: Path, end: float) -> dict[str, Any]:
    """Seconds until `doclore serve` has answered a question, and the tokens per second of a second answer."""
    start = time.monotonic()
    command = [sys.executable, "-m", "stages.commands.main", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=project, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        with watched(process.pid) as peak:
            said = ""
            for said in process.stdout or ():
                if address := re.search(r"OPENAI_BASE_URL=(\S+)", said):
                    break
            else:
                return {"seconds": round(time.monotonic() - start, 1), "failed": said.strip()[-300:] or "no message"}
            asked(address[1], end)
            ready = time.monotonic()
            tokens = asked(address[1], end)
        return {
            "seconds": round(ready - start, 1),
            "peak_gb": round(peak() / 1e9, 2),
            "tokens_per_second": round(tokens / (time.monotonic() - ready), 1),
        }
    except OSError as error:
        return {"seconds": round(time.monotonic() - start, 1), "failed": str(error)[:300]}
    finally:
        process.terminate()
        process.wait()


def asked(address: str, end: float) -> int:
    """The tokens of an answer, when the server is ready. Raises OSError when it is not in time."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer bench"}
    body = json.dumps(QUESTION | {"model": "models/merged"}).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        request = urllib.request.Request(f"{address}/chat/completions", body, headers)
        try:
            with opener.open(request, timeout=max(end - time.monotonic(), 1)) as answer:
                return int(json.load(answer)["usage"]["completion_tokens"])
        except urllib.error.URLError as error:
            loading = not isinstance(error, urllib.error.HTTPError) or error.code == 503
            if not loading or time.monotonic() >= end:
                raise
            time.sleep(1)


def line(row: dict[str, Any]) -> str:
    others = {key: value for key, value in row.items() if key not in ("model", "load_in_4bit", "step", "versions")}
    return f"{row['model']} {row['step']}: " + ", ".join(f"{key} {value}" for key, value in others.items())


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| model | step | s | peak GB | planned GB | |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row.get(name, "") for name in ("seconds", "peak_gb", "planned_gb")]
        told = row.get("failed") or ", ".join(
            f"{name} {row[name]}" for name in ("tokens_per_second", "agreement", "agreement_q8_0") if name in row
        )
        name = f"{row['model']}{' 4-bit' if row['load_in_4bit'] else ''}"
        lines.append(f"| {name} | {row['step']} | {' | '.join(map(str, cells))} | {told} |")
    return "\n".join(lines)
