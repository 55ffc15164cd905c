"""Manage stored answers: info, gc, backup FILE, export FILE, import FILE, repair.

The store is .cache/responses.sqlite. `gc` shows what it would delete; nothing is deleted without --yes.

Examples:
  doclore store info
  doclore store export answers.jsonl
"""

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stages.common.llm.entries import Response
    from stages.common.llm.store import Store

STORE = Path(".cache/responses.sqlite")
REASONS = 10  # reasons of refusals that are listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("info", help="answers by model, with tokens and size")
    collect = actions.add_parser(
        "gc", help="delete entries that meet all of the given conditions; at least one is required"
    )
    collect.add_argument(
        "--unused",
        action="store_true",
        help="in none of data/responses.jsonl, data/verdicts.jsonl and data/asked.jsonl",
    )
    collect.add_argument("--older-than", type=days, metavar="DAYS", help="stored more than this many days ago")
    collect.add_argument("--model", help="answers of this model; '' for those that came with pulled data")
    collect.add_argument("--refusals", action="store_true", help="only refusals; they will be requested again")
    collect.add_argument("--key", help="only the entry with this key; it will be requested again")
    collect.add_argument("--yes", action="store_true", help="actually delete; otherwise only the counts are shown")
    export = actions.add_parser("export", help="write the entries to a JSONL file")
    export.add_argument("file", type=Path)
    export.add_argument("--model", help="only answers of this model")
    copy = actions.add_parser("backup", help="copy the store to a file, even while a run is writing to it")
    copy.add_argument("file", type=Path)
    actions.add_parser("repair", help="rebuild a damaged store from every readable row")
    take = actions.add_parser("import", help="put the entries of an exported file into the store")
    take.add_argument("file", type=Path)


def days(text: str) -> float:
    number = float(text)
    if not number >= 0:  # so that nan is none, either
        raise argparse.ArgumentTypeError(f"{text} is not a number of days")
    return number


def run(arguments: argparse.Namespace) -> None:
    from stages.common.base.paths import cache_dir
    from stages.common.llm.store import Store

    if arguments.action != "import" and not (Path(os.environ.get("DVC_ROOT") or ".") / STORE).exists():
        raise UserError(f"{STORE} does not exist: nothing has been asked yet, or this is not the repository root")
    if arguments.action == "repair":
        repair(cache_dir() / STORE.name)
        return
    actions = {"info": info, "gc": collect, "export": export, "import": take, "backup": back_up}
    with Store.of_repository() as store:
        actions[arguments.action](store, arguments)


def info(store: "Store", arguments: argparse.Namespace) -> None:
    from rich.table import Table

    from stages.commands.storing import upkeep

    numbers = ("answers", "refusals", "prompt tokens", "answer tokens")
    table = Table("model", *numbers, "first", "last", title=str(store.file))
    for held in upkeep.holdings(store):
        values = (held.answers, held.refusals, held.prompt_tokens, held.answer_tokens)
        days = (time.strftime("%Y-%m-%d", time.localtime(at)) for at in (held.first, held.last))
        table.add_row(held.model or "(from pulled data)", *(f"{value:,}" for value in values), *days)
    console = terminal()
    console.print(table)
    for reason, times in upkeep.reasons(store, REASONS):
        console.print(f"refused {times} ×: {reason}", markup=False, highlight=False)
    console.print(f"{upkeep.bytes_on_disk(store) / 1e6:.1f} MB", highlight=False)


def collect(store: "Store", arguments: argparse.Namespace) -> None:
    from stages.commands.storing import upkeep
    from stages.common.records.files import read_jsonl

    values = (arguments.older_than, arguments.model, arguments.key)
    if not (arguments.unused or arguments.refusals) and all(value is None for value in values):
        raise UserError("say what to delete: --unused, --older-than DAYS, --model MODEL, --key KEY or --refusals")
    persisted = [file for file in (paths.RESPONSES, paths.VERDICTS, paths.ASKED) if arguments.unused and file.exists()]
    used = {row["key"] for file in persisted for row in read_jsonl(file)}
    choice = upkeep.Choice(arguments.model, arguments.older_than, arguments.refusals, used, arguments.key)
    entries = [(entry.key, entry.refused, entry.answer_tokens) for entry in upkeep.chosen(store, choice)]
    refused = sum(bool(reason) for _, reason, _ in entries)
    tokens = sum(tokens for *_, tokens in entries)
    counted = f"{len(entries) - refused} answers ({tokens:,} answer tokens), {refused} refusals"
    if not arguments.yes:
        say(f"{counted} would be deleted; add --yes to delete them")
        return
    upkeep.delete(store, [key for key, *_ in entries])
    say(f"{counted} deleted; {upkeep.bytes_on_disk(store) / 1e6:.1f} MB left")


def export(store: "Store", arguments: argparse.Namespace) -> None:
    from stages.commands.storing import upkeep
    from stages.common.records.files import write_jsonl

    if arguments.file.is_dir():
        raise UserError(f"{arguments.file} is a directory; give a file in it")
    entries = Counted(entry._asdict() for entry in upkeep.chosen(store, upkeep.Choice(arguments.model)))
    write_jsonl(arguments.file, entries)
    say(f"{entries.count} entries in {arguments.file}")


def back_up(store: "Store", arguments: argparse.Namespace) -> None:
    from stages.commands.storing import upkeep

    if arguments.file.is_dir() or arguments.file.resolve() == store.file.resolve():
        raise UserError(f"{arguments.file}: give the name of another file")
    upkeep.back_up(store, arguments.file)
    say(
        f"{upkeep.count(store)} entries in {arguments.file}; to restore it, copy it to {STORE} while nothing is running"
    )


def repair(file: Path) -> None:
    from stages.commands.storing import upkeep

    kept, damaged = upkeep.repair(file)
    say(
        f"{kept} entries could be read and are in {file}; the damaged file is kept as {damaged}. Everything else in "
        f"{paths.RESPONSES} comes back with the next `dvc repro`"
    )


class Counted:
    """Items as they pass by, and how many there were."""

    def __init__(self, items: "Iterable[object]") -> None:
        self.items, self.count = items, 0

    def __iter__(self) -> "Iterator[object]":
        for item in self.items:
            self.count += 1
            yield item


def take(store: "Store", arguments: argparse.Namespace) -> None:
    from stages.commands.storing import upkeep

    if not arguments.file.is_file():
        raise UserError(f"{arguments.file} is not a file; name one that `doclore store export` wrote")
    entries = Counted(exported(arguments.file))
    new = upkeep.take_in(store, entries)  # type: ignore[arg-type]
    say(f"{entries.count} entries read, {new} of them new")


def exported(file: Path) -> "Iterator[Response]":
    """The entries of a file. Raises UserError with the line of the first that is none."""
    from stages.common.llm.entries import to_response
    from stages.common.rows.json_rows import Fault, read_json_rows

    for item in read_json_rows(file):
        if isinstance(item, Fault):
            raise UserError(f"{file}:{item.line}: {item.problem}; name a file that `doclore store export` wrote")
        yield to_response(item.value, file)  # type: ignore[arg-type]
