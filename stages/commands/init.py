"""Create a project: the pipeline's files, your documentation in params.yaml, Git and DVC set up.

The code of the pipeline is copied into the project, so it depends on no other checkout and you can edit it. Without
--docs, you are asked for the directory of the documentation.

Examples:
  doclore init my-model --docs ../my-docs
  doclore init .
"""

import argparse
from pathlib import Path

from stages.common.base.errors import UserError
from stages.common.base.messages import said
from stages.common.base.printable import say

ANYWHERE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="DIR", help="the project directory to create")
    parser.add_argument("--docs", type=Path, metavar="DOCS", help="directory of the documentation")
    parser.add_argument("--preset", default="", metavar="NAME", help="model and machine: a file of presets/")


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.starting import project

    docs = arguments.docs or asked()
    if not docs.is_dir():
        raise UserError(f"--docs {docs} {'is a file' if docs.exists() else 'does not exist'}; name a directory")
    project.refuse_occupied(arguments.directory)
    project.make(arguments.directory, docs.resolve(), arguments.preset)
    committed = project.committed(arguments.directory)
    more = "" if committed else said("; commit its files")
    say(said(f"{arguments.directory} is ready{more}. Next steps:") + "\n")
    say(f"  cd {arguments.directory}")
    say(f"  doclore doctor     # {said('check this machine')}\n  dvc repro          # {said('run the whole pipeline')}")


def asked() -> Path:
    """What the user answers. Raises UserError where nobody can."""
    try:
        answer = input(said("Directory of your documentation:") + " ").strip()
    except EOFError:
        answer = ""
    if not answer:
        raise UserError("which documentation? Type: doclore init DIR --docs DOCS")
    return Path(answer).expanduser()
