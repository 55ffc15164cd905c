"""Show rows added, removed and changed per page between two revisions.

Compares the dataset of OLD (a commit, branch, tag or experiment; HEAD by default) with that of NEW (the workspace by
default). A changed row has the same question with another answer, or the same answer in other words.

Examples:
  doclore diff
  doclore diff v1 --page install --rows
"""

import argparse
import json
from typing import TYPE_CHECKING

from stages.common.base.printable import say, terminal

if TYPE_CHECKING:
    from stages.commands.tracing.changes import Change, ComparedRow

PAGES = 30  # listed unless all are asked for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "old", nargs="?", default="HEAD", metavar="OLD", help="revision to compare with (default: HEAD)"
    )
    parser.add_argument("new", nargs="?", default="workspace", metavar="NEW", help="default: the workspace")
    parser.add_argument("--page", default="", help="only pages whose path contains this")
    parser.add_argument("--rows", action="store_true", help="list the rows as well")
    parser.add_argument("--all", action="store_true", help="list every page")
    parser.add_argument("--json", action="store_true", help="print JSON lines, one a row")


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.tracing.changes import changes, version
    from stages.commands.tracing.revisions import dataset_files

    with dataset_files(arguments.old) as before, dataset_files(arguments.new) as after:
        old, new = version(before), version(after)
    listed = [masked(change) for change in changes(old, new) if arguments.page in change.path]
    if arguments.json:
        for change in listed:
            say(json.dumps(as_json(change), ensure_ascii=False))
    else:
        show(f"{arguments.old} → {arguments.new}: {len(old.rows)} → {len(new.rows)} rows", listed, arguments)


def masked(change: "Change") -> "Change":
    """The change as people may see it: an older dataset may hold what is masked today."""
    from stages.commands.tracing.rows import shown

    def hidden(row: "ComparedRow | None") -> "ComparedRow | None":
        texts = {"question": row.question, "answer": row.answer, "first": row.first} if row else {}
        return row and row._replace(**shown(texts))  # type: ignore[arg-type]

    return change._replace(before=hidden(change.before), after=hidden(change.after))


def as_json(change: "Change") -> dict[str, object]:
    sides = {name: row and row._asdict() for name, row in (("before", change.before), ("after", change.after))}
    return {"kind": change.kind, "path": change.path, "reason": change.reason, **sides}


def show(heading: str, listed: "list[Change]", arguments: argparse.Namespace) -> None:

    from stages.commands.tracing.changes import per_page
    from stages.commands.tracing.display import changed_row, changed_table

    console = terminal(highlight=False, soft_wrap=True)
    console.print(heading)
    counts = per_page(listed)
    if not counts:
        console.print("No row differs.")
        return
    largest = sorted(counts, key=lambda path: (-sum(counts[path].values()), path))
    shown = largest if arguments.all or arguments.rows else largest[:PAGES]
    console.print(changed_table({path: counts[path] for path in shown}, counts))
    if len(largest) > len(shown):
        console.print(f"… and {len(largest) - len(shown)} more pages; --all lists them")
    for change in listed if arguments.rows else []:
        for line in changed_row(change):
            console.print(line)
