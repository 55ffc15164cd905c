"""The data half of the pipeline in a temporary directory, on a sample of the pages where there are many."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from stages.common.base import paths
from stages.common.base.messages import said
from stages.common.base.printable import say
from stages.common.records.files import read_json, read_jsonl, share, write_jsonl
from stages.common.records.rows import Chunk, DatasetRow

SAMPLE = 400  # chunks from which pairs are made; more take longer than one waits for a first look


class Rehearsal(NamedTuple):
    """What the stages wrote. Of many chunks pairs are made from `sampled` alone."""

    ingest: dict[str, Any]
    chunks: list[Chunk]
    sampled: int
    curate: dict[str, Any]
    rows: list[DatasetRow]  # to train on
    unseen: list[DatasetRow]  # about pages that are never trained

    @property
    def scale(self) -> float:
        """How many times as much the whole documentation is."""
        return len(self.chunks) / max(self.sampled, 1)


def rehearse(docs: Path, params: Path) -> Rehearsal:
    """Run the stages up to curate on a documentation, with the values of a params.yaml. Raises UserError as they do."""
    with elsewhere(docs.resolve(), params.resolve()):
        for stage in ("ingest.sources", "ingest", "chunk"):
            run(stage)
        chunks = list(read_jsonl(paths.CHUNKS))
        sample = sampled(chunks)
        write_jsonl(paths.CHUNKS, sample)
        for stage in ("generate", "curate"):
            run(stage)
        ingest, curate = (read_json(paths.REPORTS / f"{name}.json") for name in ("ingest", "curate"))
        train, unseen = (list(read_jsonl(paths.DATASET / f"{split}.jsonl")) for split in ("train", "eval_unseen"))
        return Rehearsal(ingest, chunks, len(sample), curate, train, unseen)


def run(stage: str) -> None:
    """A stage's main; its bars are shown, its lines are not."""
    with redirect_stdout(io.StringIO()):
        import_module(f"stages.{stage}.__main__").main()


def sampled(chunks: list[Chunk]) -> list[Chunk]:
    """Whole pages in the order of their hashes, until there are so many chunks; in the chunks' own order."""
    size: dict[str, int] = {}
    for chunk in chunks:
        size[chunk["path"]] = size.get(chunk["path"], 0) + 1
    taken: set[str] = set()
    left = SAMPLE
    for path in sorted(size, key=lambda path: share("try", path)):
        if left > 0:
            taken.add(path)
            left -= size[path]
    return [chunk for chunk in chunks if chunk["path"] in taken]


def included(docs: str, section: dict[str, Any]) -> list[str]:
    """docs.include, and the format that most pages are written in, where that is another one."""
    from stages.ingest.refusals import fitting

    include, suffix, count = fitting(docs, section)
    if count:
        say(said(f"reading {count} {suffix} files, too; `doclore init` adds '**/*{suffix}' to docs.include"))
    return include


@contextmanager
def elsewhere(docs: Path, params: Path) -> Iterator[None]:
    """Stand in a temporary project whose documentation is `docs`; pairs are made without a model."""
    from ruamel.yaml import YAML

    values = YAML(typ="safe").load(params.read_text(encoding="utf-8"))
    values["docs"] |= {"path": str(docs), "include": included(str(docs), values["docs"])}
    values["generate"]["backend"] = "extractive"
    values["curate"]["judge"]["enabled"] = False
    values["curate"]["semantic_model"] = ""
    here, root = Path.cwd(), os.environ.get("DVC_ROOT")
    with TemporaryDirectory(prefix="doclore-try-") as directory:
        os.chdir(directory)
        os.environ["DVC_ROOT"] = directory
        try:
            with Path("params.yaml").open("w", encoding="utf-8") as stream:
                YAML().dump(values, stream)
            paths.EXTRA.mkdir(parents=True)
            write_jsonl(paths.REVIEW, [])
            yield
        finally:
            os.chdir(here)
            os.environ.pop("DVC_ROOT")
            os.environ |= {"DVC_ROOT": root} if root else {}
