"""Speed and memory of LoRA training: unsloth and plain TRL side by side, packed and not, in 16 bits and in 4.

`python -m bench.train` builds each model of MODELS with random weights, trains it with the stage's own trainer
(stages/train) for some seconds, and writes .cache/bench/train.json and train.md. On a GPU, the backend trl
is SFTTrainer and PEFT as they come; rows, batch and settings are the same for both, those of params.yaml but for
SETTINGS. The rows have the lengths of a formatted dataset (bench/train_case.py), their tokens are drawn at random.

- tokens/s: tokens of the rows, padding left out, over seconds of whole optimizer steps behind the first ones, in which
  kernels are compiled.
- MFU = tokens/s * 4N / peak FLOP/s, without what checkpointing computes again: forward 2N and the gradients of
  activations 2N for each token, N parameters (Kaplan et al. 2020, arXiv:2001.08361, section 2.1; PaLM,
  arXiv:2204.02311, appendix B, has 6N, of which LoRA leaves out the 2N for the gradients of frozen weights). Peaks are
  NVIDIA's for dense bf16, in stages/train/throughput.py.
- peak memory: torch.cuda.max_memory_allocated, loading included; on a CPU the resident set's peak.

The cases of one loaded model are a process of their own, and one that runs out of memory or time is a row of the
table. After --minutes the rest is left, in the order of worth; the next call goes on with what the file lacks. On a CPU
the models are tiny ones of the same families, in what a CPU trains: it shows that the bench runs, its figures say
nothing about a GPU.

`python -m bench.train chain` runs the whole chain once, from the pages to an answer of the server
(bench/train_chain.py); both together fit into 15 minutes. `python -m bench.train cpu` compares doclore with plain TRL's
defaults on the embedded model (bench/train_cpu.py).
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import train_chain, train_cpu

ROOT = Path(__file__).resolve().parents[1]
RESULT = "result: "  # begins the last line of a case
SECONDS = 3  # of measured steps of a case
LONGEST = 90  # seconds until the cases of one loaded model are given up: load, compile, measure
ROWS = ("padded", "padding-free", "packed")

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rms_norm_eps": 1e-5, "rope_theta": 5e5}
QWEN = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "rms_norm_eps": 1e-6, "rope_theta": 1e6}
ROPE_SCALING = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def sizes(family: dict[str, Any], hidden: int, inner: int, layers: int, heads: int, **others: Any) -> dict[str, Any]:
    """A config.json; 8 heads of keys, 128 wide, unless `others` say more."""
    shape = {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers, "head_dim": 128}
    return family | shape | {"num_attention_heads": heads, "num_key_value_heads": 8} | others


MODELS = {
    "Llama-3.2-3B": sizes(LLAMA, 3072, 8192, 28, 24, vocab_size=128_256, max_position_embeddings=131_072,
                          tie_word_embeddings=True, rope_scaling=ROPE_SCALING),
    "Qwen3-8B": sizes(QWEN, 4096, 12_288, 36, 32, vocab_size=151_936, max_position_embeddings=40_960,
                      tie_word_embeddings=False),
    "Qwen3-14B": sizes(QWEN, 5120, 17_408, 40, 40, vocab_size=151_936, max_position_embeddings=40_960,
                       tie_word_embeddings=False),
}  # fmt: skip
TINY = {
    "tiny Llama": sizes(LLAMA, 64, 128, 2, 8, vocab_size=4096, max_position_embeddings=2048, head_dim=8,
                        tie_word_embeddings=True),
    "tiny Qwen3": sizes(QWEN, 64, 128, 2, 8, vocab_size=4096, max_position_embeddings=2048, head_dim=8,
                        tie_word_embeddings=False),
}  # fmt: skip


def cases(device: str, models: list[str]) -> list[dict[str, Any]]:
    """What is measured, in the order of worth: packed before padded, 16 bits before 4; on a CPU padded rows only."""
    configs = MODELS if device == "cuda" else TINY
    names = [name for name in configs if (name in models if models else name != "Qwen3-14B")]
    fours, rows = ((False, True), ROWS) if device == "cuda" else ((False,), ROWS[:1])
    return [
        {"model": name, "backend": backend, "load_in_4bit": four, "rows": way}
        for name, four, backend, way in itertools.product(names, fours, ("unsloth", "trl"), rows)
    ]


def key(case: dict[str, Any]) -> str:
    weights = "4-bit" if case["load_in_4bit"] else "16-bit"
    return f"{case['model']} {case['backend']} {case['rows']} {weights}"


def loaded_alike(cases: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The cases of one model, backend and number type together: they need one process, and the weights once."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault((case["model"], case["load_in_4bit"], case["backend"]), []).append(case)
    return list(groups.values())


def run_cases(cases: list[dict[str, Any]], limit: float) -> Iterator[dict[str, Any]]:
    """The figures of each case, or `failed` with the reason, as they come from a process that has `limit` seconds."""
    first, ways = cases[0], [case["rows"] for case in cases]
    with tempfile.TemporaryDirectory(prefix="bench-train-") as directory:
        config = (MODELS | TINY)[first["model"]]
        options = first | {"directory": directory, "seconds": SECONDS, "config": config, "ways": ways}
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "DVC_ROOT": str(ROOT), "TOKENIZERS_PARALLELISM": "false"}
        command = [sys.executable, "-m", "bench.train_case", json.dumps(options)]
        with (Path(directory) / "stderr").open("w+") as errors:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            killer = threading.Timer(limit, process.kill)
            killer.start()
            for line in process.stdout or ():
                if line.startswith(RESULT):
                    result = json.loads(line.removeprefix(RESULT))
                    ways.remove(result["rows"])
                    yield first | result
            code, timed_out = process.wait(), not killer.is_alive()
            killer.cancel()
            errors.seek(0)
            last = (errors.read().strip().splitlines() or ["no message"])[-1]
    reason = f"no result within {limit:.0f} s" if timed_out else f"exit code {code}: {last[:300]}"
    yield from (first | {"rows": way, "failed": reason} for way in ways)


def measure(out: Path, models: list[str], minutes: float) -> dict[str, Any]:
    """All cases that `out` has no result of, until the time is over; written after each."""
    import torch

    end = time.monotonic() + 60 * minutes
    wanted = cases("cuda" if torch.cuda.is_available() else "cpu", models)
    results: dict[str, dict[str, Any]] = json.loads(out.read_text())["results"] if out.exists() else {}
    for group in loaded_alike([case for case in wanted if key(case) not in results]):
        left = end - time.monotonic()
        if left < 2 * SECONDS:
            break
        for result in run_cases(group, min(left, LONGEST)):
            if "failed" in result and time.monotonic() >= end:
                break  # for want of time in this call, not in the case
            results[key(result)] = result
            print(f"{key(result)}: {result.get('failed') or figures(result)}", flush=True)
            write(out, results, wanted)
    return write(out, results, wanted)


def write(out: Path, results: dict[str, Any], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """The results as JSON and, beside it, as a Markdown table; with the cases that were not reached."""
    whole = {"results": results, "not_reached": [key(case) for case in wanted if key(case) not in results]}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(whole) + "\n", encoding="utf-8")
    return whole


def figures(result: dict[str, Any]) -> str:
    mfu = f"{result['mfu']:.1%}" if result.get("mfu") else "-"
    return f"{result['tokens_per_second']:,.0f} tokens/s, MFU {mfu}, {result['peak_gb']:.1f} GB"


def ratio(results: dict[str, Any], above: dict[str, Any], **changes: Any) -> str:
    """Tokens/s of a case over those of the case that differs from it in `changes`."""
    below = results.get(key(above | changes), {})
    if "tokens_per_second" not in above or "tokens_per_second" not in below:
        return "-"
    return f"{above['tokens_per_second'] / below['tokens_per_second']:.2f}"


def table(whole: dict[str, Any]) -> str:
    """One line for each case; the ratios are to plain TRL in the same setting and to the padded rows of the same."""
    lines = ["| case | tokens/s | MFU | peak GB | to trl | to padded | |", "|---|---|---|---|---|---|---|"]
    for name, result in whole["results"].items():
        if "failed" in result:
            lines.append(f"| {name} | - | - | - | - | - | {result['failed']} |")
            continue
        mfu = f"{result['mfu']:.1%}" if result.get("mfu") else "-"
        to_trl = ratio(whole["results"], result, backend="trl") if result["backend"] != "trl" else ""
        to_padded = ratio(whole["results"], result, rows="padded") if result["rows"] != "padded" else ""
        lines.append(
            f"| {name} | {result['tokens_per_second']:,.0f} | {mfu} | {result['peak_gb']:.1f} | {to_trl} | {to_padded} "
            f"| {result['steps']} steps on {result['device']} |"
        )
    lines += [f"| {name} | | | | | | not reached |" for name in whole["not_reached"]]
    return "\n".join(lines)


def cpu(arguments: argparse.Namespace) -> None:
    """doclore and plain TRL in turns, on the rows of data/formatted, which `make run` or `dvc repro format` makes."""
    with tempfile.TemporaryDirectory(prefix="bench-train-") as directory:
        result = train_cpu.compare(
            arguments.rounds, arguments.steps, arguments.threads, arguments.order, Path(directory)
        )
    print(json.dumps(result, indent=2))
    print(train_cpu.table(result))


def chain(arguments: argparse.Namespace) -> None:
    """Each model's chain in turn; the first of MODELS, on a CPU of TINY, where none is named."""
    import torch

    configs = MODELS if torch.cuda.is_available() else TINY
    rows, file = [], arguments.out.with_name("chain.jsonl")
    for name in arguments.models or list(configs)[:1]:
        four = torch.cuda.is_available() and not arguments.whole
        rows += train_chain.measure(name, (MODELS | TINY)[name], four, arguments.minutes, file)
    print(train_chain.table(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    what = "chain: every stage once; cpu: doclore beside plain TRL's defaults on a CPU (default: speeds of training)"
    parser.add_argument("what", nargs="?", choices=["chain", "cpu"], help=what)
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "bench" / "train.json")
    parser.add_argument("--models", nargs="*", default=[], choices=[*MODELS, *TINY], help="these only")
    parser.add_argument(
        "--minutes", type=float, default=4, help="time for all cases together, or for one model's chain"
    )
    parser.add_argument(
        "--16bit", dest="whole", action="store_true", help="chain: train on 16-bit weights, not on 4-bit ones"
    )
    parser.add_argument("--rounds", type=int, default=9, help="cpu: turns of each side")
    parser.add_argument("--steps", type=int, default=5, help="cpu: steps of a turn")
    parser.add_argument("--order", choices=["group_by_length", "random"], default="random", help="cpu: doclore's rows")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="cpu: threads of each side")
    arguments = parser.parse_args()
    if arguments.what == "cpu":
        cpu(arguments)
    elif arguments.what == "chain":
        chain(arguments)
    else:
        print(table(measure(arguments.out, arguments.models, arguments.minutes)))


if __name__ == "__main__":
    main()
