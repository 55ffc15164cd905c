"""The documentation of many repositories through ingest, chunk and generate: what is lost, what is not understood, what
it costs. The oracle of lost words is this file's own and knows no syntax but HTML's: it shares no code with ingest.

The repositories are read from a folder that holds a checkout of each under its name (`--folder`); nothing is fetched.
Run: python bench/panel.py --folder ../panel [--only NAME ...] [--pairs FILE]
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
PANEL = {
    # name of the checkout: directory of the pages
    "react-native-website": "docs",  # Docusaurus
    "apisix": "docs/zh",  # Docusaurus, Chinese
    "fastapi": "docs/en/docs",  # MkDocs with Material
    "fastapi-zh": "docs/zh/docs",
    "grpc.io": "content/en",  # Hugo
    "flask": "docs",  # Sphinx
    "jupyter-book": "docs",  # MyST
    "book": "src",  # mdBook
    "obsidian-help": "en",  # Obsidian
    "starlight": "docs/src/content/docs",  # Astro
    "mkdocs-material": "docs",
    "terraform-provider-github": "docs",  # plain Markdown
    "modelcontextprotocol": "docs",  # Mintlify
    "vitepress": "docs/en",
    "jekyll": "docs",  # Liquid
    "nextra": "docs",
    "docsy": "docsy.dev/content/en",  # Hugo
    "hugoDocs": "content/en",
    "poetry": "docs",
    "MyST-Parser": "docs",  # MyST
    "alembic": "docs/build",  # Sphinx
    "eslint": "docs/src",  # Eleventy: Nunjucks
    "content": "docs/content",  # Nuxt
    "docs-zh-cn": "src",  # VitePress, Chinese
}
REPOSITORY = {"fastapi-zh": "fastapi"}
STAGES = ("ingest", "chunk", "generate")
INCLUDE = ["**/*.md", "**/*.mdx", "**/*.markdown", "**/*.rst"]
SHOWN_PAIRS = 60
ON_PURPOSE = ("kind_", "unpublished", "only_", "other_", "empty")
PROSE_WORD = re.compile(r"[^\W\d_]{3,}")
HAN = re.compile(r"[\u4e00-\u9fff]")
EDGES = "*_~\"'()[],.;:!?。，、；：！？（）“”「」|#>`"
LEFTOVER = {
    "shortcode": re.compile(r"\{\{[<%]"),
    "template": re.compile(r"\{\{[^}\n]*\}\}|\{%[^\n]*%\}"),
    "include": re.compile(r"\{\*[^\n]*\*\}|-8<-|^<<< ", re.MULTILINE),
    "container": re.compile(r"^\s*(?::::|!!! |\?\?\? |/// )", re.MULTILINE),
    "wikilink": re.compile(r"\[\[[A-Za-z][^\]\n]*\]\]"),
    "role": re.compile(r"(?:^|\s):[a-z:]+:`|\{[a-z:]+\}`"),
    "component": re.compile(r"(?<!\w)<[A-Z][a-z]\w*(?:\s[^>]*)?/?>"),  # Array<Link | Group> is a type
}
CODE = re.compile(r"^\s*(`{3,}|~{3,}).*?^\s*\1|`[^`\n]+`", re.DOTALL | re.MULTILINE)
WIKILINK = re.compile(r"!\[\[[^\]\n]*\]\]|\[\[[^\]|\n]*\||#[^\]|\[\n]*(?=\]\])")  # targets, not what is shown
EXPORT = re.compile(r"^export\b[^\n]*[{(\[]$", re.MULTILINE)
IMPORT = re.compile(r"^import\s*(?:\w+,\s*)?\{[^{}]*\}\s*from[^\n]*", re.MULTILINE)
AUTODOC = re.compile(r"^::: [\w.]+\n(?:[ \t]+[^\n]*\n)*", re.MULTILINE)  # options of mkdocstrings
DEVELOPMENT = re.compile(r"NODE_ENV !== 'production' && <(\w+) ?/>")  # no site shows what stands behind it
LINES = re.compile(
    r"^(?:import|export)\b[^\n]*|^[ \t]*(?:\.\. |:\w+:(?!`)|\[[^\]]+\]:)[^\n]*|^%[ \t][^\n]*", re.MULTILINE
)
COMMENT = re.compile(  # of reStructuredText
    r"^([ \t]*)\.\.(?: (?![_[|]|[\w:+.-]+::)[^\n]*)?\n(?:\1[ \t]+[^\n]*\n|\n(?=\1[ \t]))*", re.MULTILINE
)
ROLE = re.compile(r"(?<![\w:]):[a-z][\w:+.-]*:(?=`)")  # of reStructuredText: its name is no word of the page
CONTENTS = re.compile(r"^\.\. toctree::[^\n]*\n(?:[ \t]+[^\n]*\n|\n(?=[ \t]))*", re.MULTILINE)  # names of files
PROPERTIES = re.compile(  # in YAML, of a component of Nuxt Content
    r"^([ \t]*):{2,}[a-z][^\n]*\n\1---\n.*?\n\1---[ \t]*$", re.DOTALL | re.MULTILINE
)
PROPERTY = re.compile(r"^[ \t-]*[\w-]+:(?=\s|$)|^[ \t]*:{2,}[a-z][\w-]*", re.MULTILINE)  # its name is no word of a page
PART = re.compile(r"^[ \t]*#[a-z][\w-]*(?:\{[^{}\n]*\})?[ \t]*$", re.MULTILINE)
BLOCK_NAME = re.compile(r"^([ \t]*/{3,})[ \t]*\w+", re.MULTILINE)  # of pymdownx
INLINE = ("strong", "b", "em", "i", "code", "kbd", "sub", "sup", "span", "mark", "u")
TEMPLATES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{/\*.*?\*/\}|%%.*?%%|\{[:#.][^}\n]*\}|<!--.*?-->", re.DOTALL)


class Measured(NamedTuple):
    files: int
    pages: int
    words: int
    lost: int
    pairs: int
    leftover: Counter[str]
    unread: dict[str, int]
    seconds: float
    megabytes: float
    worst: list[tuple[int, str, list[str]]]


class Shown(HTMLParser):
    """What a browser would show of a text, and the prose in its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style")
        names = ("title", "label", "caption", "alt", "description", "summary")
        self.parts += [f" {value} " for name, value in attrs if value and name in names]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style") and self.hidden > 0
        self.parts.append("" if tag in INLINE else " ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def prose(text: str) -> Counter[str]:
    """Words that can be nothing but prose: letters only, between white space and punctuation."""
    words = (word.strip(EDGES) for word in re.sub(r"\]\([^)\s]*", " ", text).split())
    return Counter(word.lower() for word in words if PROSE_WORD.fullmatch(word) and word.isascii()) + Counter(
        HAN.findall(text)
    )


def source_prose(text: str) -> Counter[str]:
    """Of a source file without its metadata, imports and code, whose words may be anything."""
    text = re.sub(r"\A(---|\+\+\+)\n.*?\n\1[ \t]*\n", "", text, flags=re.DOTALL)
    text = without_exports(AUTODOC.sub("", IMPORT.sub("", WIKILINK.sub(" ", text))))
    if PROPERTIES.search(text):
        text = PART.sub("", PROPERTIES.sub(lambda match: PROPERTY.sub("", match[0]), text))
    text = BLOCK_NAME.sub(r"\1", COMMENT.sub("", text))
    text = LINES.sub("", CODE.sub(" ", CONTENTS.sub("", ROLE.sub("", text))))
    return visible(TEMPLATES.sub(" ", text))


def without_exports(text: str) -> str:
    """The text without exported code, each piece to where its brackets are closed."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        depth, end = 0, number
        while EXPORT.match(line) and end < len(lines):
            depth += sum((sign in "([{") - (sign in ")]}") for sign in lines[end])
            end += 1
            if depth <= 0:
                lines[number:end] = [""] * (end - number)
                break
    return "\n".join(lines)


def visible(text: str) -> Counter[str]:
    """The prose of a text in which tags may stand between words."""
    shown = Shown()
    shown.feed(re.sub(r"<(?![A-Za-z/!])", " ", text))
    shown.close()
    return prose("".join(shown.parts))


def losses(docs: Path, report: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[tuple[str, int, list[str]]]:
    """Each source file with its words of prose and those that no page holds."""
    kept: dict[str, Counter[str]] = {}
    for row in rows:
        text = f"{row['title']} {row['description']} {row['text']}"
        words = prose(text) | visible(text)
        for path in {row["path"], *row["also_in"], *row["partials"]}:
            kept[path] = kept.get(path, Counter()) | words
    left_out = {path for reason, paths in report["skipped"].items() if reason.startswith(ON_PURPOSE) for path in paths}
    left_out |= set(for_developers(docs))
    for file in sorted(docs.rglob("*")):
        path = file.relative_to(docs).as_posix()
        if file.suffix.lower() not in (".md", ".mdx", ".markdown", ".rst") or path in left_out or "/." in f"/{path}":
            continue
        if path in kept or path in report["skipped"].get("partial", []):
            words = source_prose(file.read_text("utf-8", errors="replace"))
            missing = words - kept.get(path, Counter())
            yield path, words.total(), sorted(missing.elements())


# A stage that writes its own peak at its end: what `wait4` says of a child counts the memory of the process that began
# it, too, which is this one with all its pairs.
STAGE = """
import atexit, pathlib, re, runpy, sys
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: pathlib.Path("peak").write_text(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]))
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
"""


def for_developers(docs: Path) -> Iterator[str]:
    """The files that pages show in development alone."""
    for page in docs.rglob("*.mdx"):
        text = page.read_text("utf-8", errors="replace")
        for name in DEVELOPMENT.findall(text):
            if found := re.search(rf"import {name} from ['\"](\./[^'\"]+)", text):
                yield (page.parent / found[1]).relative_to(docs).as_posix()


def run(directory: Path, docs: Path) -> tuple[float, float]:
    """The stages on a repository, in an empty directory: CPU seconds and megabytes of ingest alone."""
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text("utf-8"))
    values["docs"] |= {"path": str(docs), "include": INCLUDE, "max_unread": 1.0}
    values["generate"] |= {"backend": "extractive", "max_facts_per_chunk": 0}
    with (directory / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(values, file)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    figures = (0.0, 0.0)
    for stage in STAGES:
        command = [sys.executable, "-c", STAGE, f"stages.{stage}"]
        with subprocess.Popen(
            command, cwd=directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            errors = process.stderr.read() if process.stderr else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{docs}: {stage} failed: {errors.decode()[-500:]}")
        if stage == "ingest":
            figures = (usage.ru_utime + usage.ru_stime, int((directory / "peak").read_text()) / 1024)
    return figures


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def measure(docs: Path, directory: Path) -> tuple[Measured, list[dict[str, Any]]]:
    seconds, megabytes = run(directory, docs)
    report = json.loads((directory / "reports/ingest.json").read_text("utf-8"))
    rows, pairs = read(directory / "data/docs.jsonl"), read(directory / "data/pairs.jsonl")
    found = list(losses(docs, report, rows))
    leftover: Counter[str] = Counter()
    for pair in pairs:
        text = CODE.sub(" ", f"{pair['instruction']}\n{pair['output']}")
        leftover.update(kind for kind, pattern in LEFTOVER.items() if pattern.search(text))
    worst = sorted(((len(missing), path, missing[:8]) for path, _, missing in found if missing), reverse=True)[:3]
    unread = {kind: entry["count"] for kind, entry in report["unread"].items()}
    lost = sum(len(missing) for _, _, missing in found)
    total = sum(words for _, words, _ in found)
    return Measured(
        report["files"], report["pages"], total, lost, len(pairs), leftover, unread, seconds, megabytes, worst
    ), pairs


def sample(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(pairs, key=lambda pair: hashlib.sha256(pair["pair_id"].encode()).hexdigest())[:SHOWN_PAIRS]


def place_of(folder: Path, name: str, place: str) -> Path:
    """The pages of a repository, whose checkout is called NAME or OWNER+NAME."""
    repository = REPOSITORY.get(name, name)
    checkouts = [folder / repository, *sorted(folder.glob(f"*+{repository}"))]
    return next(
        (docs for checkout in checkouts if (docs := (checkout / place).resolve()).is_dir()), folder / repository / place
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="holds a checkout of each repository under its name")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="of the panel's repositories")
    parser.add_argument(
        "--pairs", type=Path, help="file for 60 pairs of each repository, by hash, to be read by a person"
    )
    parser.add_argument("--worst", action="store_true", help="name the files and words that lost most")
    arguments = parser.parse_args()
    print("repository                  files  pages    words  lost %   pairs  with syntax  CPU s   MB  not understood")
    for name, place in PANEL.items():
        docs = place_of(arguments.folder, name, place)
        if (arguments.only and name not in arguments.only) or not docs.is_dir():
            continue
        with tempfile.TemporaryDirectory() as directory:
            row, pairs = measure(docs, Path(directory))
        kinds = sorted(row.unread.items(), key=lambda item: -item[1])[:4]
        unread = ", ".join(f"{count} {kind}" for kind, count in kinds)
        print(
            f"{name:26} {row.files:6} {row.pages:6} {row.words:8} {100 * row.lost / max(row.words, 1):7.2f}"
            f" {row.pairs:7} {sum(row.leftover.values()):12} {row.seconds:6.1f} {row.megabytes:4.0f}  {unread or '-'}",
            flush=True,
        )
        for count, path, words in row.worst if arguments.worst else []:
            print(f"    {count:5} {path}: {' '.join(words)}")
        if arguments.pairs:
            with arguments.pairs.open("a", encoding="utf-8") as file:
                for pair in sample(pairs):
                    file.write(f"## {name}\n\nQ: {pair['instruction']}\n\nA: {pair['output']}\n\n")


if __name__ == "__main__":
    main()
