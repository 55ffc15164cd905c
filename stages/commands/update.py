"""Show what changed since the last promoted model, and what it would cost to train it.

Run it when `dvc repro curate` has read the new documentation. It compares the facts with those of OLD (the last tag
model@v…, unless you name another revision), writes data/previous/ (facts that changed or are gone, for evaluate's
freshness, and what was trained before) and models/previous/HASH (that adapter), and says how to go on from there.

Examples:
  dvc repro curate && doclore update
  doclore update model@v0.2.0 --keep 0.1
"""

import argparse
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.base.errors import UserError

if TYPE_CHECKING:
    from stages.commands.tracing.changes import Change, ComparedRow, Version

KEPT = 0.2  # share of the unchanged rows that are trained again, so that they are not forgotten


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", nargs="?", metavar="OLD", help="revision to go on from (default: the last model@v… tag)")
    parser.add_argument(
        "--keep", type=float, default=KEPT, metavar="SHARE", help="unchanged rows trained again (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.tracing.changes import changes, version
    from stages.commands.tracing.revisions import WORKSPACE, dataset_files
    from stages.common.base import paths
    from stages.common.records.files import write_jsonl

    if not 0 <= arguments.keep <= 1:
        raise UserError(f"--keep {arguments.keep}: accepted is a number from 0 to 1")
    old = arguments.old or last_promoted()
    with dataset_files(old) as files, dataset_files(WORKSPACE) as here:
        before, after = version(files), version(here)
    noted = changes(before, after)
    facts = changed_facts(noted)
    write_jsonl(paths.PREVIOUS / "facts.jsonl", facts)
    write_jsonl(paths.PREVIOUS / "known.jsonl", known(before))
    adapter = fetched_adapter(old)
    for line in told(old, noted, facts, after, arguments.keep):
        print(line)
    print(f"dvc exp run -S train.start_from={adapter} -S format.known_rows={arguments.keep:g}")


def last_promoted() -> str:
    """The newest model@v… tag. Raises UserError when no model was promoted yet."""
    from stages.common.base.git import git

    tags = (git("tag", "--list", "model@v*", "--sort=-version:refname") or "").split()
    if not tags:
        raise UserError("no model was promoted yet (no tag model@v…); name a revision: doclore update REVISION")
    return tags[0]


def changed_facts(noted: "list[Change]") -> list[dict[str, str]]:
    """One question for each old answer of a page that is another now or gone, a held-out wording if there is one."""
    chosen: dict[tuple[str, str, str], dict[str, str]] = {}
    order = sorted(noted, key=lambda one: (one.before is None or one.before.part != "eval_seen", one.path))
    for one in order:
        if one.before and one.kind in ("changed", "removed") and "rejected" not in one.reason and answer_differs(one):
            new = one.after.answer if one.after else ""
            fact = {"question": one.before.question, "old": one.before.answer, "new": new, "path": one.path}
            chosen.setdefault((one.path, one.before.answer, new), fact)
    return list(chosen.values())


def answer_differs(one: "Change") -> bool:
    return one.after is None or (one.before is not None and one.before.answer != one.after.answer)


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


def told(old: str, noted: "list[Change]", facts: list[dict[str, str]], after: "Version", keep: float) -> list[str]:
    """What changed, and the rows that each way would train."""
    counts = Counter(one.kind for one in noted)
    gone = sum(not fact["new"] for fact in facts)
    rows = [row for row in after.rows if row.part == "train"]
    new = sum(one.after is not None and one.after.part == "train" and one.kind != "moved" for one in noted)
    least = new + round(keep * (len(rows) - new))
    share = f"{least / len(rows):.0%}" if rows else "none"
    return [
        f"since {old}: {counts['added']} rows are new, {counts['changed']} changed, {counts['removed']} gone",
        f"facts with another answer: {len(facts) - gone}; facts that are gone: {gone} (data/previous/facts.jsonl)",
        f"from the start: {len(rows)} rows to train; going on from {old}: about {least} ({share}), the new and changed "
        f"ones and {keep:.0%} of the others:",
    ]
