"""What does formatting cost beside the tokenizer alone? Ratios to baselines that are interleaved in the same run.

Rows are made up (invented settings, English and Chinese); the tokenizer is the embedded model's. All is measured in CPU
seconds of one process with one thread. Run: TOKENIZERS_PARALLELISM=false python -m bench.formatting [--rows 4000], and
with --memory the peak memory of the whole stage over 10,000 and 200,000 rows.
"""

import argparse
import gc
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = (
    "relay valve buffer frame window signal amber cedar queue limit the a of is sets how long many rows seconds before "
    "after each page restarts opens when never always default value which"
)
WORDS = SENTENCE.split()
HAN = "电力系统仿真元件参数默认值说明设置变量名称类型输入输出接口控制保护模块电压电流频率"
ROUNDS = 5
SHORT, LONG = 30, 120  # words of an answer
MODES = ("chat", "alpaca", "token_level")
QWEN3 = "qwen3 template"  # costs three times as much to render as others


def made_up_rows(count: int, length: int) -> Iterator[dict[str, Any]]:
    """Rows with ids that differ, half of them Chinese; answers of about `length` words or twice as many characters."""
    draw = random.Random(0)
    for i in range(count):
        if i % 2:
            question = f"What is the default value of `{draw.choice(WORDS)}.{draw.choice(WORDS)}` in part {i}?"
            answer = " ".join(draw.choices(WORDS, k=length)) + "."
        else:
            question = f"请问元件 {i} 的参数{''.join(draw.choices(HAN, k=15))}是什么？"
            answer = "".join(draw.choices(HAN, k=2 * length)) + "。"
        place = {"path": f"page{i % 97}.md", "line_start": 1, "line_end": 2, "style": "lookup", "fact_id": f"f{i}"}
        texts = {"instruction": question, "input": "", "output": answer, "evidence": answer, "request_key": ""}
        yield {"pair_id": f"{i:016x}", "chunk_id": f"c{i}", **texts, **place}


def write_rows(directory: Path, count: int, length: int = SHORT) -> None:
    """A dataset of made-up rows."""
    target = directory / "data" / "dataset"
    target.mkdir(parents=True)
    for name in ("train", "eval_seen", "eval_unseen"):
        with (target / f"{name}.jsonl").open("w", encoding="utf-8") as stream:
            for row in made_up_rows(count if name == "train" else 1, length):
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def speed(rows: int) -> None:
    """CPU seconds of format to those of the tokenizer alone, and to those of the shortest script on the same rows."""
    from stages.common.base import params
    from stages.common.models.base import pretrained

    settings = params.load(ROOT / "params.yaml")
    tokenizer = pretrained.tokenizer(settings.model)
    print("format: read JSONL, render, tokenise, label, audit, write Parquet")
    print("tokenizer: the ids of the finished texts; script: apply_chat_template(tokenize=True), no labels, no files")
    for mode, length in [*((mode, SHORT) for mode in (*MODES, QWEN3)), ("chat", LONG)]:
        section = settings.format.model_copy(update={"mode": "chat" if mode == QWEN3 else mode, "max_length": 4096})
        compare(mode, tokenizer, section, rows, length)


def compare(mode: str, tokenizer: Any, section: Any, count: int, length: int) -> None:
    from stages.common.chat.conversations import conversation
    from stages.common.chat.templates import chat_for, pinned
    from stages.format import batches
    from stages.format.encoding import Encoder

    encoder = Encoder(chat_for(tokenizer, section, pinned(qwen3_template(), "empty") if mode == QWEN3 else None))
    parts = list(batches.batches(made_up_rows(count, length)))
    texts = [batches.format_batch(encoder, part)[0]["text"].to_pylist() for part in parts]
    talks = [[conversation(row, encoder.chat) for row in part] for part in parts]
    template = encoder.chat.template
    gc.freeze()  # as the stage does; the baselines gain, too
    seconds: dict[str, list[float]] = {"format": [], "tokenizer": [], "script": []}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["DVC_ROOT"] = name
        write_rows(directory, count, length)
        file = directory / "data" / "dataset" / "train.jsonl"
        work = {
            "format": lambda: write_formatted(encoder, file, directory / "out.parquet"),
            "tokenizer": lambda: [tokenizer(batch, add_special_tokens=False) for batch in texts],
            "script": lambda: [tokenizer.apply_chat_template(batch, chat_template=template) for batch in talks],
        }
        for _ in range(ROUNDS):
            for who, job in work.items():
                seconds[who].append(cpu_seconds(job))
    tokens = sum(len(ids) for batch in texts for ids in tokenizer(batch, add_special_tokens=False).input_ids)
    ratios = {
        who: statistics.median(mine / theirs for mine, theirs in zip(seconds["format"], seconds[who], strict=True))
        for who in ("tokenizer", "script")
    }
    each = ", ".join(f"{who} {min(spent) / count * 1e6:.0f}" for who, spent in seconds.items())
    print(
        f"{mode:15} {tokens / count:4.0f} tokens a row: {ratios['tokenizer']:.2f} x the tokenizer alone, "
        f"{ratios['script']:.2f} x the script (µs a row: {each})"
    )


def qwen3_template() -> str:
    from importlib.util import find_spec

    directory = Path(str(find_spec("trl").submodule_search_locations[0]))  # type: ignore[union-attr, index]
    return (directory / "chat_templates" / "qwen3.jinja").read_text(encoding="utf-8")


def write_formatted(encoder: Any, source: Path, target: Path) -> None:
    """What the stage does with one file, in one process."""
    import pyarrow.parquet as pq

    from stages.common.records.files import read_jsonl
    from stages.format import batches

    with pq.ParquetWriter(target, batches.SCHEMA, compression="zstd") as writer:
        for rows in batches.batches(read_jsonl(source)):
            writer.write_batch(batches.format_batch(encoder, rows)[0])


def cpu_seconds(work: Any) -> float:
    """CPU seconds of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def memory() -> None:
    """Peak memory of the whole stage over 10,000 and 200,000 rows, each in its own process."""
    from stages.common.base import params
    from stages.common.models.base import hub

    model = Path(hub.source(params.load(ROOT / "params.yaml").model))  # converted, if it is not yet
    peaks = {}
    for count in (10_000, 200_000):
        with tempfile.TemporaryDirectory() as name:
            write_rows(Path(name), count)
            settings = (ROOT / "params.yaml").read_text(encoding="utf-8")
            settings = settings.replace("  processes: 0 ", "  processes: 1 ")
            (Path(name) / "params.yaml").write_text(settings, encoding="utf-8")
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": name}
            (Path(name) / ".cache").mkdir()
            (Path(name) / ".cache" / "models").symlink_to(model.resolve().parent)
            command = [sys.executable, "-m", "bench.formatting", "--stage"]
            done = subprocess.run(command, cwd=name, env=environment, capture_output=True, text=True, check=True)
            told = done.stdout.strip().splitlines()[-1]
            peaks[count] = float(told.split()[-2])
            print(f"{count:,} rows: {told}")
    print(f"peak memory, 200,000 rows to 10,000: {peaks[200_000] / peaks[10_000]:.2f} x")


def stage() -> None:
    """Run the stage in this process and say what it took."""
    from stages.format import __main__ as format_stage

    start = time.process_time()
    format_stage.main()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.process_time() - start:.1f} CPU s, peak {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--stage", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        stage()
    elif arguments.memory:
        memory()
    else:
        speed(arguments.rows)


if __name__ == "__main__":
    main()
