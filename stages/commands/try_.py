"""See in a minute what doclore makes of a documentation: pages, what is left out, sample pairs, the cost of a full run.

Nothing is trained, asked or written, and neither DVC nor a model is needed. In a project its params.yaml holds, outside
one the defaults. Of a large documentation pairs are made from a sample of the pages.

Examples:
  doclore try ../my-docs
  doclore try . --pairs 50
"""

import argparse
from pathlib import Path

from stages.common.base.errors import UserError

ANYWHERE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("docs", type=Path, metavar="DOCS", help="directory of the documentation")
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="so many sample pairs (default: 20)")


def run(arguments: argparse.Namespace) -> None:
    from doclore.launcher import project
    from stages.commands.trying import account, rehearsal
    from stages.common.base import params

    if not arguments.docs.is_dir():
        raise UserError(f"{arguments.docs} is {'a file' if arguments.docs.exists() else 'not there'}; name a directory")
    file = (project(Path.cwd()) or Path(__file__).parents[2]) / "params.yaml"
    seen = rehearsal.rehearse(arguments.docs, file)
    for line in account.lines(seen, params.load(file), max(arguments.pairs, 0)):
        print(line)
