"""What curate costs, and what its near-duplicates keep, beside MinHash that knows letters only.

Every measurement runs in a process of its own, in turns, `--rounds` times; seconds are the least CPU seconds of the
rounds, imports included. A statement is lost when no row with its evidence and answer is left.
Needs: pip install -r requirements-bench.txt
Run: python bench/curation.py --docs DIRECTORY --rows 50000 --rounds 3
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from stages.common import schema
from stages.common.base import params, paths
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Chunk
from stages.common.rows.rows import question_key, to_row
from stages.common.rows.source import sources
from stages.curate import checks, examining
from stages.curate.chunks import Sources
from stages.curate.duplicates import near, same_question, variants
from stages.curate.duplicates.minhash import BANDS, HASHES, SEED, jaccard, shingles
from stages.curate.exam import Exam
from stages.curate.private import masked_row
from stages.curate.shelf import Keyed
from stages.curate.table import Rows, best_first

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("datasketch", "rapidfuzz", "rensa")
PAIRWISE = 3000  # rows compared each with each


def load() -> tuple[Rows, schema.Curate]:
    """Rows that pass the checks, each question once."""
    section = params.load().curate
    chunks = Keyed(read_jsonl(paths.CHUNKS), "chunk_id")
    pairs = (to_row(pair, chunks) for pair in read_jsonl(paths.PAIRS))
    rows = examining.sift(pairs, Sources(chunks, {}), chunks.number, Exam([]), section).table.rows()
    return same_question.sift(rows, best_first(rows, np.ones(len(rows), np.bool_)))[0], section


def greedy(rows: Rows, neighbours: Callable[[int], Iterable[int]]) -> Rows:
    """Rows without those that are a neighbour of an earlier kept one."""
    kept: set[int] = set()
    for number in range(len(rows)):
        if not any(other in kept for other in neighbours(number)):
            kept.add(number)
    return rows.where(np.array(sorted(kept), np.int64))


def with_meaning(rows: Rows, section: schema.Curate) -> Rows:
    one = section.model_copy(update={"min_variants_per_fact": 1})
    return variants.sift(rows, near.links(rows, section), best_first(rows, np.ones(len(rows), np.bool_)), one)[0]


def with_rensa(rows: Rows, section: schema.Curate) -> Rows:
    """MinHash of the questions alone, by rensa's own index."""
    import rensa

    index = rensa.RMinHashLSH(section.question_similarity, BANDS * HASHES, BANDS)
    hashes = []
    for number, row in enumerate(rows):
        sketch = rensa.RMinHash(BANDS * HASHES, SEED)
        sketch.update(sorted(shingles(question_key(row), near.SHINGLE)))
        index.insert(number, sketch)
        hashes.append(sketch)

    def neighbours(number: int) -> Iterable[int]:
        found = (other for other in index.query(hashes[number]) if other < number)
        return (o for o in found if hashes[o].jaccard(hashes[number]) >= section.question_similarity)

    return greedy(rows, neighbours)


def with_datasketch(rows: Rows, section: schema.Curate) -> Rows:
    """MinHash of the questions alone, by datasketch."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=BANDS * HASHES, params=(BANDS, HASHES))
    hashes = []
    for number, row in enumerate(rows):
        sketch = MinHash(num_perm=BANDS * HASHES, seed=SEED)
        sketch.update_batch([gram.encode() for gram in sorted(shingles(question_key(row), near.SHINGLE))])
        index.insert(number, sketch)
        hashes.append(sketch)

    def neighbours(number: int) -> Iterable[int]:
        found = (other for other in index.query(hashes[number]) if other < number)
        return (o for o in found if hashes[o].jaccard(hashes[number]) >= section.question_similarity)

    return greedy(rows, neighbours)


def pairwise(rows: Rows, section: schema.Curate) -> Rows:
    """Every question with every earlier one, exactly; of the first rows only."""
    rows = rows[:PAIRWISE]
    grams = [shingles(question_key(row), near.SHINGLE) for row in rows]
    least = section.question_similarity
    return greedy(rows, lambda number: (o for o in range(number) if jaccard(grams[o], grams[number]) >= least))


METHODS = {"curate": with_meaning, "rensa": with_rensa, "datasketch": with_datasketch, "pairwise": pairwise}


def measure(method: str) -> dict[str, Any]:
    """CPU seconds and what is lost, of one method in this process."""
    rows, section = load()
    before = set((rows[:PAIRWISE] if method == "pairwise" else rows).column("statement").tolist())
    start = time.process_time()
    kept = METHODS[method](rows, section)
    seconds = time.process_time() - start
    lost = len(before - set(kept.column("statement").tolist()))
    return {
        "rows": PAIRWISE if method == "pairwise" else len(rows),
        "seconds": seconds,
        "kept": len(kept),
        "lost": lost,
    }


def measure_checks() -> dict[str, float]:
    """CPU microseconds for each pair, of every check in turn and of the search for private data."""
    section = params.load().curate
    chunks: dict[str, Chunk] = {chunk["chunk_id"]: chunk for chunk in read_jsonl(paths.CHUNKS)}
    known = sources(chunks.values())
    rows = [to_row(pair, chunks) for pair in read_jsonl(paths.PAIRS)]
    costs = {}
    for check in checks.CHECKS:
        start = time.process_time()
        for row in rows:
            check(row, known[row["chunk_id"]], section)
        costs[check.__name__] = (time.process_time() - start) / len(rows) * 1e6
    start = time.process_time()
    for row in rows:
        masked_row(row)
    costs["nothing_private"] = (time.process_time() - start) / len(rows) * 1e6
    return costs


def child(arguments: list[str], directory: Path) -> tuple[str, float, float]:
    """Last line of output, CPU seconds and peak MB of a command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(directory), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(arguments, cwd=directory, env=environment, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read().decode()
    if status:
        sys.exit(f"{' '.join(arguments)} failed")
    scale = 1024 if platform.system() == "Linux" else 1024 * 1024
    return text.strip().split("\n")[-1], usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale


def prepare(directory: Path, docs: Path, rows: int) -> int:
    """Pages, chunks and at most so many extractive pairs in a directory of its own; how many pairs there are."""
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["docs"]["path"] = str(docs.resolve())
    values["generate"]["backend"] = "extractive"
    with (directory / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    for stage in ("ingest", "chunk", "generate"):
        child([sys.executable, "-m", f"stages.{stage}"], directory)
    file = directory / paths.PAIRS
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:rows]
    file.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=[*METHODS, "checks"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure_checks() if options.child == "checks" else measure(options.child)))
        return
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        rows = prepare(directory, options.docs, options.rows)
        report(directory, rows, options.rounds)


def report(directory: Path, rows: int, rounds: int) -> None:
    this = [sys.executable, str(Path(__file__).resolve()), "--child"]
    stage: list[tuple[float, float]] = []
    found: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    for _ in range(rounds):
        stage.append(child([sys.executable, "-m", "stages.curate"], directory)[1:])
        for method in METHODS:
            found[method].append(json.loads(child([*this, method], directory)[0]))
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in PACKAGES)
    print(f"{versions}, Python {platform.python_version()}")
    seconds, megabytes = min(one for one, _ in stage), max(one for _, one in stage)
    print(f"curate, {rows} pairs: {seconds:.1f} CPU s, {rows / seconds:.0f} rows/s, {megabytes:.0f} MB at most\n")
    best = {method: min(runs, key=lambda one: one["seconds"]) for method, runs in found.items()}
    per_row = {method: one["seconds"] / one["rows"] for method, one in best.items()}
    print("| near-duplicates by | rows | CPU s | times curate's per row | dropped | statements lost |")
    print("|---|---|---|---|---|---|")
    for method, one in best.items():
        ratio = per_row[method] / per_row["curate"]
        dropped = one["rows"] - one["kept"]
        print(f"| {method} | {one['rows']} | {one['seconds']:.2f} | {ratio:.2f} | {dropped} | {one['lost']} |")
    costs = json.loads(child([*this, "checks"], directory)[0])
    print("\n| check | µs a pair |\n|---|---|")
    for check, cost in sorted(costs.items(), key=lambda item: -item[1]):
        print(f"| {check} | {cost:.1f} |")


if __name__ == "__main__":
    main()
