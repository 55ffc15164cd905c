"""Show what changed since the last promoted model, and what it would cost to train it.

Run it after `dvc repro curate` has read the new documentation. It compares the facts with those of OLD, by default
the last tag model@v…, shows what each way costs in rows, steps and requests, and prints the command that continues
the training. It writes data/previous/ (changed and deleted facts, for evaluate's freshness, and what was trained
before) and models/previous/HASH (the old adapter).

Examples:
  dvc repro curate && doclore update
  doclore update model@v0.2.0 --keep 0.1
"""

import argparse
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.base.errors import UserError
from stages.common.base.printable import say

if TYPE_CHECKING:
    from stages.commands.tracing.changes import Change, ComparedRow, Version
    from stages.common.schema import Params, Train

KEPT = 0.2  # share of the unchanged rows that are trained again, so that they are not forgotten


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "old", nargs="?", metavar="OLD", help="revision to continue from (default: the last model@v… tag)"
    )
    parser.add_argument(
        "--keep", type=float, default=KEPT, metavar="SHARE", help="unchanged rows trained again (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.tracing.changes import changes, version
    from stages.commands.tracing.revisions import WORKSPACE, dataset_files
    from stages.common.base import params, paths
    from stages.common.records.files import write_jsonl

    if not 0 <= arguments.keep <= 1:
        raise UserError(f"--keep {arguments.keep}: accepted is a number from 0 to 1")
    old = arguments.old or last_promoted()
    with dataset_files(old) as files, dataset_files(WORKSPACE) as here:
        before, after = version(files), version(here)
    noted = changes(before, after)
    facts = changed_facts(noted, after.rows)
    write_jsonl(paths.PREVIOUS / "facts.jsonl", facts)
    write_jsonl(paths.PREVIOUS / "known.jsonl", known(before))
    adapter = fetched_adapter(old)
    settings = params.load()
    for line in chain(told(old, noted, facts, after, arguments.keep, settings.train), calls(settings)):
        say(line)
    say(f"dvc exp run -S train.start_from={adapter} -S format.known_rows={arguments.keep:g}")


def last_promoted() -> str:
    """The newest model@v… tag. Raises UserError when no model was promoted yet."""
    from stages.common.base.git import git, refuse_without_git

    tags = (git("tag", "--list", "model@v*", "--sort=-version:refname") or "").split()
    if not tags:
        refuse_without_git()
        raise UserError("no model was promoted yet (no tag model@v…); name a revision: doclore update REVISION")
    return tags[0]


def changed_facts(noted: "list[Change]", now: "Sequence[ComparedRow]") -> list[dict[str, str]]:
    """One question for each old answer of a page that is another now or gone, a held-out wording if there is one. An
    answer is not gone where another wording of its question has a new one, nor where rows of `now` still state it from
    the same words."""
    there = {(row.path, row.fact) for row in now if row.fact}
    chosen: dict[tuple[str, str, str], dict[str, str]] = {}
    order = sorted(noted, key=lambda one: (one.before is None or one.before.part != "eval_seen", one.path))
    for one in order:
        if one.before and one.kind in ("changed", "removed") and "rejected" not in one.reason and answer_differs(one):
            if one.kind == "removed" and (one.path, one.before.fact) in there:
                continue
            old, new = stated(one.before), stated(one.after) if one.after else ""
            fact = {"question": one.before.question, "old": old, "new": new, "path": one.path}
            chosen.setdefault((one.path, old, new), fact)
    replaced = {(path, old) for path, old, new in chosen if new}
    facts = [fact for (path, old, new), fact in chosen.items() if new or (path, old) not in replaced]
    return [fact if fact["new"] else fact | {"new": successor(fact, noted)} for fact in facts]


def successor(fact: dict[str, str], noted: "list[Change]") -> str:
    """What a page says now of the very names that the questions of a gone fact had, where no wording of these is asked
    any more; empty unless it is one answer, with a number where the old one had one."""
    asked = {
        names_in(one.before.question)
        for one in noted
        if one.before and one.kind == "removed" and (one.path, stated(one.before)) == (fact["path"], fact["old"])
    } - {frozenset()}
    answers = {
        stated(one.after)
        for one in noted
        if one.after and one.kind == "added" and one.path == fact["path"] and names_in(one.after.question) in asked
    }
    (only,) = answers if len(answers) == 1 else ("",)
    return only if bool(re.search(r"\d", only)) == bool(re.search(r"\d", fact["old"])) else ""


def names_in(question: str) -> frozenset[str]:
    from stages.common.values import names

    return frozenset([*names.inline_code(question), *names.identifiers(question)])


def answer_differs(one: "Change") -> bool:
    return one.after is None or (one.before is not None and stated(one.before) != stated(one.after))


def stated(row: "ComparedRow") -> str:
    """The fact's answer, whatever words the row has for it."""
    return row.first or row.answer


def known(version: "Version") -> list[dict[str, str]]:
    """What was trained, by a hash that outlives edits elsewhere on its page."""
    return [{"row": key(row)} for row in version.rows if row.part == "train"]


def key(row: "ComparedRow") -> str:
    from stages.format.known import row_key

    return row_key(row.question, row.answer)


def fetched_adapter(old: str) -> Path:
    """The adapter of a revision, from DVC's cache or a remote, in a directory named by its weights."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    from stages.commands.tracing.revisions import commit
    from stages.common.base import paths
    from stages.common.records.files import file_sha256

    fresh = paths.PREVIOUS_ADAPTERS / ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    try:
        DVCFileSystem(rev=commit(old)).get(str(paths.ADAPTER), str(fresh), recursive=True)
        name = file_sha256(fresh / "adapter_model.safetensors")[:12]
    except (FileNotFoundError, DvcException):
        raise UserError(
            f"the adapter of {old} is not here; type `dvc fetch --all-tags {paths.ADAPTER}`, which gets it"
        ) from None
    kept = paths.PREVIOUS_ADAPTERS / name
    shutil.rmtree(kept, ignore_errors=True)
    return fresh.rename(kept)


def told(
    old: str, noted: "list[Change]", facts: list[dict[str, str]], after: "Version", keep: float, train: "Train"
) -> list[str]:
    """What changed, and the rows and steps that each way would train."""
    counts = Counter(one.kind for one in noted)
    gone = sum(not fact["new"] for fact in facts)
    rows = [row for row in after.rows if row.part == "train"]
    new = sum(one.after is not None and one.after.part == "train" and one.kind != "moved" for one in noted)
    least = new + round(keep * (len(rows) - new))
    share = f"{least / len(rows):.0%}" if rows else "none"
    return [
        f"since {old}: {counts['added']} rows are new, {counts['changed']} changed, {counts['removed']} gone",
        f"facts with another answer: {len(facts) - gone}; facts that are gone: {gone} (data/previous/facts.jsonl)",
        f"from scratch: {len(rows)} rows to train; continuing from {old}: about {least} ({share}), the new and changed "
        f"ones and {keep:.0%} of the others",
        f"optimizer steps: about {steps(len(rows), train)} from scratch, about {steps(least, train)} continuing",
    ]


def steps(rows: int, train: "Train") -> int:
    """Optimizer steps for so many rows; what format adds (replay, documents) or drops comes on top."""
    if train.max_steps > 0:
        return train.max_steps
    size = train.per_device_train_batch_size
    in_a_step = train.gradient_accumulation_steps * (1 if size == "auto" else int(size))
    return math.ceil(train.num_train_epochs * math.ceil(rows / in_a_step))


def calls(settings: "Params") -> Iterator[str]:
    """What the language models were asked for the new pages, and what evaluate's judge would be asked."""
    from stages.commands.plan import judge_lines
    from stages.common.base import paths
    from stages.common.records.files import read_json

    if settings.generate.backend == "extractive":
        yield "language model: generate.backend is extractive, which asks none"
    elif (paths.REPORTS / "generate.json").exists():
        report = read_json(paths.REPORTS / "generate.json")
        yield (
            f"language model: {report.get('calls', 0):,} calls in the last run of generate, with "
            f"{report.get('prompt_tokens', 0):,} prompt and {report.get('answer_tokens', 0):,} answer tokens; "
            "neither way asks more for the data"
        )
    yield from judge_lines(settings)
