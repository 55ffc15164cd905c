"""See in a minute what doclore makes of your docs: pages, what is left out, sample pairs, the cost of a full run.

Nothing is trained, sent or written, and neither DVC nor a model is needed. Inside a project, its params.yaml is used,
otherwise the defaults. For large documentation, the pairs come from a sample of the pages.

With a page instead of a directory, in a project with a language model, one chunk of the page is sent, and prompt,
reply, pairs and verdicts are shown side by side. The answers are stored as in a run.

Examples:
  doclore try ../my-docs
  doclore try . --pairs 50
  doclore try docs/page.md --chunk 2
"""

import argparse
import os
from pathlib import Path

from stages.common.base.errors import UserError
from stages.common.base.messages import said
from stages.common.base.printable import say, terminal

ANYWHERE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("docs", type=Path, metavar="DOCS", help="directory of the documentation, or one of its pages")
    parser.add_argument(
        "--pairs", type=int, default=20, metavar="N", help="number of sample pairs to print (default: 20)"
    )
    parser.add_argument(
        "--chunk", type=int, default=1, metavar="N", help="for a single page: which chunk to send (default: 1)"
    )


def run(arguments: argparse.Namespace) -> None:
    from doclore.launcher import project
    from stages.commands.trying import account, rehearsal
    from stages.common.base import params

    if arguments.docs.is_file() or (arguments.docs.suffix and not arguments.docs.exists()):
        try_page(arguments.docs.resolve(), arguments.chunk)
        return
    if not arguments.docs.is_dir():
        raise UserError(f"{arguments.docs} does not exist; name a directory")
    file = (project(Path.cwd()) or Path(__file__).parents[2]) / "params.yaml"
    seen = rehearsal.rehearse(arguments.docs, file)
    for line in account.lines(seen, params.load(file), max(arguments.pairs, 0)):
        say(said(line))


def try_page(page: Path, chunk: int) -> None:

    from doclore.launcher import project
    from stages.commands.trying import asked
    from stages.common.base import params

    root = project(Path.cwd())
    if root is None:
        raise UserError(
            f"{page} is not a directory; a single page can be tried inside a project: go to one, or name a directory"
        )
    os.chdir(root)
    asked.ask(page, chunk, params.load(), terminal())
