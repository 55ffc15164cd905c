"""Hostile pages beside a good one, and all that is written of them."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from bench.asking_runs import ROOT
from bench.torture.tools import Trial, end, workspace

BLANK = " " * 20_000
PAGE = "# Good\n\n## Lamp\n\nThe lamp is a signal that shows whether the machine may be opened.\n"


def bomb() -> str:
    """YAML whose aliases double forty times."""
    names = ["a", *(f"b{n}" for n in range(40))]
    lines = [f"{new}: &{new} [*{old}, *{old}]" for old, new in pairwise(names)]
    return "\n".join(["---", "a: &a [x, x]", *lines, "---", "# T", "", "Text.", ""])


def substitutions() -> str:
    """reStructuredText whose names stand for each other twice."""
    lines = [f".. |a{n}| replace:: |a{n + 1}| |a{n + 1}|" for n in range(24)]
    return "\n".join(["T", "=", "", "|a0|", "", *lines, ".. |a24| replace:: x", ""])


HOSTILE = {
    "spaces.md": f"# T\n\n:::note a{BLANK}b\ntext\n:::\n",
    "import.mdx": f"# T\n\nimport {{{BLANK}}}\n",
    "delimiter.md": f"# T\n\na|b\n-|-{BLANK}x\n",
    "tags.mdx": "# T\n\n" + "<A {" * 20_000,
    "quotes.md": "# T\n\n" + "".join("> " * n + "item\n" for n in range(1, 400)),
    "brackets.md": "# T\n\n" + "[" * 50_000 + "](" * 50_000,
    "stars.md": "# T\n\n" + "*a_" * 50_000,
    "hex.md": "+++\ntitle = 0x" + "F" * 8_000 + "\n+++\n# T\n\nText.\n",
    "yaml.md": bomb(),
    "rst.rst": substitutions(),
    "cycle.md": "# T\n\n--8<-- \"cycle.md\"\n\n{% include 'cycle.md' %}\n",
    "span.md": "# T\n\n<table><tr><th>Name</th></tr><tr><td colspan=1000000000 rowspan=100000000>x</td></tr></table>\n",
    "html.html": "<div>" * 20_000 + "deep",
    "escape.md": "# T\n\nThe limit \x1b[2J is \ue0000\ue001 8 MB \u202e per call.\n",
    "nul.md": "# T\n\n\x00\x00\x00 text\n",
    "notebook.ipynb": '{"cells": [' + "[" * 50_000,
    "script.md": "# </script><script>window.hacked=1</script>\n\n## <img src=x onerror=hacked=1>\n\nThe limit is.\n",
}


def hostile(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """Hostile pages beside a good one, through ingest, chunk, generate and the report."""
    with workspace() as directory:
        docs = directory / "docs"
        docs.mkdir()
        (docs / "good.md").write_text(PAGE, "utf-8")
        for name, text in HOSTILE.items():
            (docs / name).write_text(text, "utf-8")
        settings(docs)
        Path("data/extra").mkdir(parents=True)
        rows = [{"instruction": f"Which lamp is {n}? {text}", "output": f"{text} {n}."} for n, text in enumerate(SAID)]
        Path("data/extra/said.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        words = ("why", "good.md", "--all"), ("why", "data/extra/said.jsonl", "--all")
        failed = went_wrong(*((f"stages.{stage}",) for stage in ("ingest", "chunk", "generate", "curate", "report")))
        failed += went_wrong(*((DOCLORE, *some) for some in words))
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


def went_wrong(*commands: tuple[str, ...]) -> list[str]:
    """What fails, and what prints that acts on a terminal."""
    failed = []
    for module, *words in commands:
        code, output = end(module, *words)
        if code or "Traceback" in output or any(sign in output for sign in ACTING):
            last = output.strip().splitlines()[-1][:100] if output.strip() else ""
            failed.append(f"{module.removeprefix('stages.')} {' '.join(words)}: {code} {last!r}")
    return failed


def settings(docs: Path) -> None:
    from ruamel.yaml import YAML

    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text("utf-8"))
    values["docs"] |= {"path": str(docs), "max_unread": 1.0, "include": ["**/*"]}
    with Path("params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


DOCLORE = "stages.commands.main"
ACTING = ("\x1b[2J", "\x1b]0", "\x9b", "\x07")
SAID = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "![x](javascript:window.hacked=1) [x](javascript:window.hacked=1) <svg onload=window.hacked=1>",
    "{{ 7*7 }} {% raw %} ${7*7}",
    "\x1b[2J\x1b]0;hacked\x07 \x9b2J",
    "\u202e\u2066 \ue000\ue001 \u200b \x00 \ufffe",
    "\ud800 half a character",
    "=HYPERLINK(1)",
    "| a " * 5_000 + "\n" + "|-" * 5_000,
    "```\n" + "`" * 20_000,
    "[" * 20_000 + "](" * 20_000,
    "> " * 20_000,
    "*_" * 20_000,
    "<" * 50_000,
    "1" * 100_000,
)
PREPARE = """
import json, sys
from support.reporting import prediction, prepare
said = json.loads(sys.stdin.read())
rows = [prediction(n, tuned_closed=n % 2 == 0) for n in range(len(said) * 4)]
for n, row in enumerate(rows):
    text = said[n // 4]
    for cell in row["answers"].values():
        cell["text"] = text
    for name in ("instruction", "input", "reference", "evidence", "path"):
        row[name] = f"{row[name]} {text}"[:3_000]
prepare(rows=rows)
"""


def report(chunks: int, chance: random.Random) -> Iterator[Trial]:
    """A report after a run whose questions, references, paths and answers are hostile."""
    with workspace() as directory:
        (directory / "docs").mkdir()
        settings(directory / "docs")
        tests = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        said = [text for text in SAID if "\ud800" not in text]  # no stage writes such a file
        subprocess.run([sys.executable, "-c", PREPARE], input=json.dumps(said), text=True, env=tests, check=True)
        failed = went_wrong(("stages.report",))
        page = Path("reports/index.html").read_text("utf-8") if Path("reports/index.html").exists() else ""
        failed += [sign for sign in RUNS if sign in page] + ["no page"] * (not page)
        yield Trial("a report of hostile answers", len(said), "reports", 1, len(failed), "; ".join(failed))


RUNS = ("<script>window.hacked", "<img src=x", "<svg onload", 'href="javascript:', 'src="javascript:', "\x1b", "\x9b2J")
