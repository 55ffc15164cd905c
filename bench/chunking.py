"""What doclore's chunks keep, and at what speed, beside other chunkers of Markdown on the same pages.

Every chunker runs in a process of its own, in turns, each round another time; seconds are the least CPU seconds of the
rounds. Everything else is measured by bench/chunking_oracle.py, which knows none of them.
Needs: pip install -r requirements-bench.txt
Run: python bench/chunking.py --docs DIRECTORY --caps 2048 512 --rounds 3
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from chunking_oracle import (
    Page,
    continuations,
    cut_regions,
    in_code,
    lost_headings,
    lost_words,
    mid_sentence,
    scan,
    starts,
)
from chunking_tools import ENCODING, TOOLS

from stages.common.text import tokens

ROOT = Path(__file__).resolve().parents[1]
IMPORT = re.compile(r"""^import\s+(\w+)\s+from\s+['"](\.[^'"]+\.mdx?)['"]""", re.MULTILINE)
PACKAGES = ("tiktoken", "markdown-it-py", "semantic-text-splitter", "langchain-text-splitters")
KINDS = ("code", "table", "formula", "admonition")


def run(command: list[str], directory: Path, seed: int) -> tuple[str, float]:
    """Output and CPU seconds of a command."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'bench'}",
        "PYTHONHASHSEED": str(seed),
        "OMP_NUM_THREADS": "1",
    }
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read().decode()
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return text, usage.ru_utime + usage.ru_stime


def stage(name: str, directory: Path, seed: int) -> tuple[float, float]:
    code = (
        f"import sys, runpy; runpy.run_module('stages.{name}', run_name='__main__'); import chunking_tools as tools; "
    )
    output, seconds = run([sys.executable, "-c", code + "print(tools.peak_memory())"], directory, seed)
    return seconds, float(output.splitlines()[-1])


def prepare(docs: Path, directory: Path) -> None:
    """A params.yaml that reads `docs`."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^  path: docs\b", f"  path: {json.dumps(str(docs.resolve()))}", text, flags=re.MULTILINE)
    (directory / "params.yaml").write_text(text, encoding="utf-8")


def set_cap(directory: Path, cap: int) -> None:
    file = directory / "params.yaml"
    text = re.sub(
        r"^(chunk:\n(?:  .*\n)*?  max_tokens: )\d+", rf"\g<1>{cap}", file.read_text("utf-8"), flags=re.MULTILINE
    )
    file.write_text(text, encoding="utf-8")


def imports(docs: Path, rows: list[Any]) -> tuple[int, int]:
    """Partials that pages import by a relative path, use and could read; and how many of them stand in docs.jsonl.

    A page that is the duplicate of another may import its own copy of a partial, or the other page itself.
    """
    wanted = resolved = 0
    for row in rows:
        inlined = {(docs / path).read_bytes() for path in [row["path"], *row["partials"]]}
        for file in (docs / path for path in [row["path"], *row["also_in"]]):
            text = file.read_text(encoding="utf-8", errors="replace")
            for name, module in IMPORT.findall(text):
                target = Path(os.path.normpath(file.parent / module))
                if target.is_file() and re.search(rf"^\s*<{name}\s*/>", text, re.MULTILINE):
                    wanted += 1
                    resolved += target.read_bytes() in inlined
    return wanted, resolved


def measure(pages: dict[str, Page], texts: dict[str, str], chunks: list[Any], cap: int) -> dict[str, Any]:
    """The figures of one chunker at one cap."""
    sizes: dict[str, int] = {}

    def count(text: str) -> int:
        if text not in sizes:
            sizes[text] = tokens.count(text, ENCODING)
        return sizes[text]

    by_page: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
    for path, headings, text in chunks:
        by_page[path].append((headings, text))
    figures: dict[str, Any] = defaultdict(int)
    for path, page in pages.items():
        found = by_page[path]
        parts = [text for _, text in found]
        figures["chunks"] += len(found)
        whole_small = count(texts[path]) < 64
        for (headings, text), start in zip(found, starts(page, parts), strict=True):
            above = " > ".join(headings) + "\n\n" if headings else ""
            figures["U+FFFD"] += "\ufffd" in text and "\ufffd" not in texts[path]
            figures["over budget"] += count(above + text) > cap
            figures["under 64"] += count(text) < 64
            figures["under 64, page itself smaller"] += count(text) < 64 and whole_small
            figures["path lost"] += lost_headings(page, start, headings, text)
            if mid_sentence(page, start):
                figures["mid-line of code" if in_code(page, start) else "mid-sentence"] += 1
        for region in cut_regions(page, parts):
            source = "\n".join(page.lines[region.first : region.last + 1])
            above = " > ".join([page.title, *page.paths[region.first]]) + "\n\n" if found and found[0][0] else ""
            figures[f"{region.kind} cut"] += 1
            figures[f"{region.kind} avoidable"] += count(above + source.strip()) <= cap
            if region.kind == "table":
                parts_after, with_header = continuations(page, region, parts)
                figures["continuations"] += parts_after
                figures["with header"] += with_header
        figures["lost words"] += sum(1 for _ in lost_words(page, [headings for headings, _ in found], parts))
    return figures


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none"


def column(figures: dict[str, Any], megabytes: float) -> dict[str, str]:
    chunks = figures["chunks"]
    under = figures["under 64"] - figures["under 64, page itself smaller"]
    return {
        "chunks": str(chunks),
        "MB per CPU second": f"{megabytes / figures['cpu_s']:.2f}",
        "speed, token slices = 1": f"{figures['naive_s'] / figures['cpu_s']:.2f}",
        "peak memory, MB": f"{figures['mb']:.0f}",
        "chunks with U+FFFD": str(figures["U+FFFD"]),
        "chunks over budget": str(figures["over budget"]),
        **{f"{kind} cut (avoidable)": f"{figures[f'{kind} cut']} ({figures[f'{kind} avoidable']})" for kind in KINDS},
        "table continuations with header": f"{share(figures['with header'], figures['continuations'])}"
        f" of {figures['continuations']}",
        "full heading path": share(chunks - figures["path lost"], chunks),
        "starts mid-sentence": f"{share(figures['mid-sentence'], chunks)} ({figures['mid-sentence']})",
        "starts inside a line of code": f"{share(figures['mid-line of code'], chunks)} ({figures['mid-line of code']})",
        "under 64 tokens": f"{share(figures['under 64'], chunks)} ({share(under, chunks)} of larger pages)",
        "words in no chunk": str(figures["lost words"]),
        "two runs byte-identical": "yes" if figures["identical"] else "no",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT.parent / "shared" / "corpora" / "cloudpss-docs")
    parser.add_argument("--caps", type=int, nargs="+", default=[2048, 512])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    try:
        versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)
    except importlib.metadata.PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed; type: pip install -r requirements-bench.txt")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {versions}")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["DVC_ROOT"] = name
        prepare(arguments.docs, directory)
        measure_all(arguments, directory)


def measure_all(arguments: argparse.Namespace, directory: Path) -> None:
    ingest_s, ingest_mb = stage("ingest", directory, 0)
    rows = [json.loads(line) for line in (directory / "data/docs.jsonl").read_text("utf-8").splitlines()]
    texts = {row["path"]: row["text"] for row in rows}
    pages = {row["path"]: scan(row["text"], row["title"]) for row in rows}
    megabytes = sum(len(text.encode()) for text in texts.values()) / 1e6
    wanted, resolved = imports(arguments.docs.resolve(), rows)
    regions = [region.kind for page in pages.values() for region in page.regions]
    print(f"{len(rows)} pages, {megabytes:.2f} MB;", ", ".join(f"{regions.count(kind)} {kind}" for kind in KINDS))
    print(f"imports resolved: {resolved} of {wanted}; ingest alone: {ingest_s:.2f} CPU s, {ingest_mb:.0f} MB")
    for cap in arguments.caps:
        set_cap(directory, cap)
        seconds, peak = stage("chunk", directory, 0)
        print(f"\nCap {cap}: ingest {ingest_s:.2f} and chunk {seconds:.2f} CPU s, {max(ingest_mb, peak):.0f} MB\n")
        found = rounds(directory, cap, arguments.rounds)
        table = {}
        for tool, (chunks, timing) in found.items():
            figures = {**measure(pages, texts, chunks, cap), **timing, "naive_s": found["token slices"][1]["cpu_s"]}
            table[tool] = column(defaultdict(int, figures), megabytes)
        print_table(table)


def rounds(directory: Path, cap: int, times: int) -> dict[str, tuple[list[Any], dict[str, Any]]]:
    """Each chunker's chunks and timing, from runs in turns: least CPU seconds, largest memory."""
    timings: dict[str, list[dict[str, float]]] = defaultdict(list)
    hashes: dict[str, set[str]] = defaultdict(set)
    target = directory / "chunks.json"
    found: dict[str, list[Any]] = {}
    for seed in range(max(times, 2)):
        for tool in TOOLS:
            command = [
                sys.executable,
                str(ROOT / "bench/chunking_tools.py"),
                tool,
                str(cap),
                "data/docs.jsonl",
                str(target),
            ]
            output, _ = run(command, directory, seed)
            timings[tool].append(json.loads(output))
            hashes[tool].add(hashlib.sha256(target.read_bytes()).hexdigest())
            found[tool] = json.loads(target.read_text(encoding="utf-8"))
    return {
        tool: (
            found[tool],
            {
                "cpu_s": min(timing["cpu_s"] for timing in timings[tool]),
                "mb": max(timing["mb"] for timing in timings[tool]),
                "identical": len(hashes[tool]) == 1,
            },
        )
        for tool in TOOLS
    }


def print_table(table: dict[str, dict[str, str]]) -> None:
    names = list(table)
    print("| | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    for row in table[names[0]]:
        print(f"| {row} | " + " | ".join(table[name][row] for name in names) + " |")


if __name__ == "__main__":
    main()
