"""One chunker over data/docs.jsonl in a process of its own: its chunks, CPU seconds and peak memory.

Run by bench/chunking.py: python bench/chunking_tools.py TOOL CAP DOCS OUT (prints one JSON object)
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stages.chunk import __main__ as chunk
from stages.common import schema
from stages.common.text import tokens

ENCODING = "cl100k_base"

Chunks = Iterator[tuple[str, list[str], str]]  # page, heading path that comes with the text, text


def doclore(docs: list[Any], cap: int, strategy: str = "markdown") -> Chunks:
    section = schema.Chunk(strategy=strategy, max_tokens=cap, min_tokens=64, overlap_tokens=0, encoding=ENCODING)
    for doc in docs:
        for row in chunk.page_chunks(doc, section):
            yield doc["path"], row["headings"], row["text"]


def doclore_fixed(docs: list[Any], cap: int) -> Chunks:
    yield from doclore(docs, cap, "fixed")


def semantic(docs: list[Any], cap: int) -> Chunks:
    from semantic_text_splitter import MarkdownSplitter

    splitter = MarkdownSplitter.from_tiktoken_model("gpt-4", cap)  # counts cl100k_base
    for doc in docs:
        for text in splitter.chunks(doc["text"]):
            yield doc["path"], [], text


def langchain(docs: list[Any], cap: int) -> Chunks:
    from langchain_text_splitters import MarkdownTextSplitter

    splitter = MarkdownTextSplitter.from_tiktoken_encoder(ENCODING, chunk_size=cap, chunk_overlap=0)
    for doc in docs:
        for text in splitter.split_text(doc["text"]):
            yield doc["path"], [], text


def langchain_headers(docs: list[Any], cap: int) -> Chunks:
    """Its recipe for Markdown with headings: sections by MarkdownHeaderTextSplitter, cut to size by the other one."""
    from langchain_text_splitters import MarkdownHeaderTextSplitter, MarkdownTextSplitter

    headers = MarkdownHeaderTextSplitter([("#" * level, str(level)) for level in range(1, 7)])
    splitter = MarkdownTextSplitter.from_tiktoken_encoder(ENCODING, chunk_size=cap, chunk_overlap=0)
    for doc in docs:
        for part in splitter.split_documents(headers.split_text(doc["text"])):
            yield doc["path"], [part.metadata[level] for level in sorted(part.metadata)], part.page_content


def naive(docs: list[Any], cap: int) -> Chunks:
    """The page's tokens in slices, each decoded."""
    encoding = tokens.encoding(ENCODING)
    for doc in docs:
        ids = encoding.encode_ordinary(doc["text"])
        for start in range(0, len(ids), cap):
            yield doc["path"], [], encoding.decode(ids[start : start + cap])


TOOLS: dict[str, Callable[[list[Any], int], Chunks]] = {
    "doclore": doclore,
    "doclore fixed": doclore_fixed,
    "semantic-text-splitter": semantic,
    "langchain Markdown": langchain,
    "langchain headers": langchain_headers,
    "token slices": naive,
}


def peak_memory() -> float:
    """MB. On Linux not by getrusage, which begins with the parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    name, cap, source, target = sys.argv[1:]
    with Path(source).open(encoding="utf-8") as stream:
        docs = [json.loads(line) for line in stream]
    tokens.count("warm up", ENCODING)
    list(TOOLS[name](docs[:3], int(cap)))
    start = time.process_time()
    found = list(TOOLS[name](docs, int(cap)))
    seconds = time.process_time() - start
    Path(target).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8", newline="\n")
    print(json.dumps({"cpu_s": seconds, "mb": peak_memory()}))


if __name__ == "__main__":
    main()
