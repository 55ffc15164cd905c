"""Where things lie. Stages run in the repository root; what must outlive outputs lies in `$DVC_ROOT/.cache`."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
LOCK = Path("dvc.lock")
SOURCES = Path("data/sources.jsonl")
DOCS = Path("data/docs.jsonl")
CHUNKS = Path("data/chunks.jsonl")
PAIRS = Path("data/pairs.jsonl")
REWRITTEN = Path("data/rewritten.jsonl")
ABSENT = Path("data/absent.jsonl")
RESPONSES = Path("data/responses.jsonl")
EXAM = Path("data/exam")
EXTRA = Path("data/extra")
WORDINGS = Path("data/wordings")
REVIEW = Path("data/review.jsonl")
VERDICTS = Path("data/verdicts.jsonl")
ASKED = Path("data/asked.jsonl")
PREVIOUS = Path("data/previous")
REJECTED = Path("data/rejected.jsonl")
UNCOVERED = Path("data/uncovered.jsonl")
DATASET = Path("data/dataset")
FORMATTED = Path("data/formatted")
CHAT_TEMPLATE = FORMATTED / "chat_template.jinja"
ADAPTER = Path("models/adapter")
PREVIOUS_ADAPTERS = Path("models/previous")
MERGED = Path("models/merged")
EXPORTS = Path("models/exports")
REPORTS = Path("reports")

SPLITS = ("train", "eval_seen", "eval_unseen")
MEASURED = ("exam", "eval_seen", "eval_unseen")  # the sets of questions that evaluate asks, the first to be read first


def cache_dir() -> Path:
    """`$DVC_ROOT/.cache`, made when missing.

    DVC sets DVC_ROOT for every stage; in `dvc exp run --temp` and queue runs it still points to the parent
    repository, so what was paid for once is found there too. Outside DVC it is the current directory.
    """
    directory = Path(os.environ.get("DVC_ROOT") or ".") / ".cache"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
