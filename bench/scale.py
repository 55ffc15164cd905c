"""What the data half costs as documentation grows, and what an edit of it costs.

Made-up corpora of several sizes go through the stages in processes of their own: CPU seconds, peak memory and bytes
written for each page, and the exponent of CPU over pages (1: linear). Pages recombine the paragraphs, lists, tables and
code of real ones with names and numbers of their own; some share a title, some are near-duplicates, some are copies.
Then one corpus is edited in five ways: an edit should cost what running again without one does, and its own pages.
Run: python bench/scale.py --pages 250 500 1000 --edited 500
Few pairs a page: --set generate.max_facts_per_chunk=1 generate.phrasings=1 generate.held_out_phrasings=1
"""

import argparse
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from stages.common.markdown.blocks import blocks

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("ingest", "chunk", "generate", "curate")  # format: by --stages, since it needs a model
WRITTEN = {"ingest": "docs.jsonl", "chunk": "chunks.jsonl", "generate": "pairs.jsonl", "curate": "dataset"}
KINDS = ("paragraph", "list", "table", "fence")
NAME = re.compile(r"`[a-z_.]+`|\b\d+\b")
SHARED_TITLE, NEAR, COPY = 0.1, 0.05, 0.03  # shares of the pages
A_DIRECTORY = 50  # pages


class Cost(NamedTuple):
    seconds: float  # of CPU, all processes
    megabytes: float  # at most, of one process


def pool(docs: Path) -> list[str]:
    """Blocks of real pages, the same order each time."""
    files = sorted(file for file in docs.rglob("*.md") if file.is_file())
    found = (block for file in files for block in blocks(file.read_text(encoding="utf-8", errors="replace")))
    return [block.text for block in found if block.kind in KINDS and 40 < len(block.text) < 2000]


def page(number: int, texts: list[str], draw: random.Random) -> str:
    """A page whose names and numbers are its own."""

    def own(name: re.Match[str]) -> str:
        return f"`{name[0].strip('`')}_{number}`" if "`" in name[0] else str(draw.randrange(1, 10_000))

    title = "Overview" if draw.random() < SHARED_TITLE else f"Unit {number} of plant {number % 97}"
    sections = []
    for section in range(draw.randrange(2, 7)):
        body = "\n\n".join(NAME.sub(own, draw.choice(texts)) for _ in range(draw.randrange(1, 5)))
        sections.append(f"## Part {section + 1} of unit {number}\n\n{body}")
    return f"# {title}\n\n" + "\n\n".join(sections) + "\n"


def pages(count: int, texts: list[str]) -> Iterator[tuple[str, str]]:
    """Paths and pages; those of a smaller corpus are the first of a larger one."""
    draw, last = random.Random(3407), ""
    for number in range(count):
        kind = draw.random()
        if not last or kind > NEAR + COPY:
            last = page(number, texts, draw)
        elif kind > COPY:
            last = last.replace("unit", "module", 1)
        yield f"part-{number // A_DIRECTORY}/page-{number}.md", last


def prepare(directory: Path, count: int, texts: list[str], settings: dict[str, object]) -> None:
    """A project over so many pages; `settings` are keys of params.yaml with their values."""
    for path, text in pages(count, texts):
        file = directory / "pages" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key, value in {"docs.path": "pages", **settings}.items():
        section, _, name = key.partition(".")
        values[section][name] = value
    with (directory / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    for name in ("data/extra", "data/exam", "data/wordings", "data/replay", "data/previous"):
        (directory / name).mkdir(parents=True)
    (directory / "data/review.jsonl").touch()
    shutil.copytree(ROOT / "prompts", directory / "prompts")


def run(stage: str, directory: Path) -> Cost:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(directory), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", f"stages.{stage}"]
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        if status:
            sys.exit(output.read().decode()[-2000:])
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def written(stage: str, directory: Path) -> int:
    place = directory / "data" / WRITTEN.get(stage, "formatted")
    return sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file())


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of log seconds over log pages, by least squares."""
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in seconds]
    middle, height = sum(x) / len(x), sum(y) / len(y)
    slope = sum((one - middle) * (other - height) for one, other in zip(x, y, strict=True))
    return slope / (sum((one - middle) ** 2 for one in x) or math.nan)


def first_pages(directory: Path) -> list[Path]:
    return sorted((directory / "pages/part-1").glob("*.md"))


def sentence(directory: Path) -> None:
    with first_pages(directory)[3].open("a", encoding="utf-8") as stream:
        stream.write("\nThe lamp of this unit is switched off at night.\n")


def new_title(directory: Path) -> None:
    file = first_pages(directory)[5]
    file.write_text("# Another title\n" + file.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")


EDITS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda directory: None,
    "a sentence": sentence,
    "a page renamed": lambda directory: first_pages(directory)[4].rename(directory / "pages/part-1/renamed.md"),
    "a new title": new_title,
    "a page deleted": lambda directory: first_pages(directory)[6].unlink(),
    "a directory moved": lambda directory: (directory / "pages/part-2").rename(directory / "pages/moved"),
}


def growth(sizes: list[int], stages: list[str], texts: list[str], settings: dict[str, object]) -> None:
    print("| stage | pages | CPU s | peak MB | bytes a page | exponent |\n|---|---|---|---|---|---|")
    costs: dict[str, list[Cost]] = {stage: [] for stage in stages}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            prepare(Path(name), size, texts, settings)
            for stage in stages:
                costs[stage].append(run(stage, Path(name)))
                seconds = [cost.seconds for cost in costs[stage]]
                slope = f"{exponent(sizes[: len(seconds)], seconds):.2f}" if len(seconds) > 1 else ""
                cost, share = costs[stage][-1], written(stage, Path(name)) / size
                print(
                    f"| {stage} | {size:,} | {cost.seconds:.1f} | {cost.megabytes:.0f} | {share:,.0f} | {slope} |",
                    flush=True,
                )


def edits(size: int, stages: list[str], texts: list[str], settings: dict[str, object]) -> None:
    print("\n| edit | CPU s | " + " | ".join(stages) + " |\n|---|---|" + "---|" * len(stages))
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), size, texts, settings)
        for edit, change in {"from nothing": lambda directory: None, **EDITS}.items():
            change(Path(name))
            seconds = [run(stage, Path(name)).seconds for stage in stages]
            print(f"| {edit} | {sum(seconds):.1f} | " + " | ".join(f"{one:.1f}" for one in seconds) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where blocks come from")
    parser.add_argument("--pages", type=int, nargs="*", default=[250, 500, 1000])
    parser.add_argument("--edited", type=int, default=500, help="pages of the corpus that is edited; 0: none")
    parser.add_argument("--stages", nargs="+", default=list(STAGES))
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes of params.yaml")
    options = parser.parse_args()
    texts = pool(options.docs)
    settings = {key: YAML(typ="safe").load(value) for key, _, value in (one.partition("=") for one in options.set)}
    growth(sorted(options.pages), options.stages, texts, settings)
    if options.edited:
        edits(options.edited, options.stages, texts, settings)


if __name__ == "__main__":
    main()
