"""Convert rows between .jsonl, .json (an array), .csv and .parquet.

Nested values are kept: a column that a table cannot hold carries JSON text, and its name says so. Rows that cannot be
read are listed with their lines; all others are converted, and the exit code is 1.

Examples:
  doclore convert rows.parquet rows.jsonl
  doclore convert rows.jsonl rows.csv
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.common.base.errors import UserError
from stages.common.base.printable import say

if TYPE_CHECKING:
    from stages.common.rows.json_rows import Fault

ANYWHERE = True
SHOWN = 20  # faults listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN", help="file to read")
    parser.add_argument("target", type=Path, metavar="OUT", help="file to write")
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.conversion.writers import WRITERS

    source, target = arguments.source, arguments.target
    checked(source, target, arguments.force)
    faults: list[Fault] = []
    content = list(rows(source, faults))
    WRITERS[target.suffix.lower()](target, content)
    say(f"{source} → {target}: {len(content)} rows")
    report(source, faults)


def checked(source: Path, target: Path, force: bool) -> None:
    from stages.commands.conversion.readers import READERS

    if not source.is_file():
        raise UserError(f"{source} is {'a directory; name a file in it' if source.is_dir() else 'not found'}")
    for file in (source, target):
        if file.suffix.lower() not in READERS:
            raise UserError(f"{file}: the name must end in one of {', '.join(READERS)}")
    if target.exists() and (target.samefile(source) or not force):
        hint = "give another name" if target.samefile(source) else "add --force to overwrite it"
        raise UserError(f"{target} is there already; {hint}")


def rows(source: Path, faults: "list[Fault]") -> Iterator[dict[str, Any]]:
    """The source's rows, under a bar of bytes; what is no row joins `faults`."""
    from tqdm import tqdm

    from stages.commands.conversion.readers import READERS
    from stages.common.rows.json_rows import Fault

    with tqdm(total=source.stat().st_size, desc="convert", unit="B", unit_scale=True, leave=False) as bar:
        for item in READERS[source.suffix.lower()](source, lambda done: bar.update(done - bar.n)):
            if isinstance(item, Fault):
                faults.append(item)
            else:
                yield item.value


def report(source: Path, faults: "list[Fault]") -> None:
    for fault in faults[:SHOWN]:
        say(f"{source}:{fault.line}: {fault.problem}", file=sys.stderr)
    if faults:
        more = f" ({SHOWN} of them shown)" if len(faults) > SHOWN else ""
        raise UserError(f"{len(faults)} rows of {source} were not converted{more}")
