"""Show rows as they will be trained: raw row, conversation, text, and tokens with and without loss.

Reads data/dataset and the settings in params.yaml, so it works before format has run.

Examples:
  doclore preview -n 5
  doclore preview --html rows.html
"""

import argparse
from pathlib import Path

from stages.common.base import params
from stages.common.base.errors import UserError
from stages.common.base.printable import say, terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-n", type=int, default=3, metavar="N", help="number of rows of train, drawn by hash (default: 3)"
    )
    parser.add_argument("--pair", default="", metavar="ID", help="the row with this pair_id, of any split")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page instead of printing")


def run(arguments: argparse.Namespace) -> None:

    from stages.commands.previewing import page, screen, views

    if arguments.n < 1:
        raise UserError(f"-n {arguments.n}: accepted is a number of rows, at least 1")
    if arguments.html and arguments.html.is_dir():
        raise UserError(f"--html {arguments.html} is a directory; give a file in it")
    settings = params.load()
    rows = views.chosen(arguments.n, arguments.pair)
    encoder = views.encoder_for(settings)
    shown = [views.view(encoder, split, row, settings.curate.private != "keep") for split, row in rows]
    used = views.settings_used(settings, encoder)
    if arguments.html:
        try:
            page.write(arguments.html, shown, used)
        except OSError as error:
            raise UserError(f"--html {arguments.html}: {error.strerror}; give a file that can be written") from None
        say(f"{len(shown)} rows in {arguments.html}")
    else:
        screen.show(terminal(), shown, used)
