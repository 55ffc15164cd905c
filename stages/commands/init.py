"""Make a project of your own: the pipeline's files, your documentation in params.yaml, Git and DVC set up.

The code of the pipeline is copied into the project, which then depends on no other checkout; whatever is edited there
is the project's own. Without --docs the directory of the documentation is asked for.

Examples:
  doclore init my-model --docs ../my-docs
  doclore init .
"""

import argparse
from pathlib import Path

from stages.common.base.errors import UserError

ANYWHERE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="DIR", help="the project's directory; it is made")
    parser.add_argument("--docs", type=Path, metavar="DOCS", help="directory of the documentation")
    parser.add_argument("--preset", default="", metavar="NAME", help="model and machine: a file of presets/")


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.starting import project

    docs = arguments.docs or asked()
    if not docs.is_dir():
        raise UserError(f"--docs {docs}: {'a file' if docs.exists() else 'not there'}; name a directory")
    project.refuse_occupied(arguments.directory)
    project.make(arguments.directory, docs.resolve(), arguments.preset)
    committed = project.committed(arguments.directory)
    print(f"{arguments.directory} is a project{'' if committed else '; commit its files'}. What to type next:\n")
    print(f"  cd {arguments.directory}")
    print("  doclore doctor     # what this machine lacks\n  dvc repro          # the whole chain")


def asked() -> Path:
    """What the user answers. Raises UserError where nobody can."""
    try:
        answer = input("Directory of your documentation: ").strip()
    except EOFError:
        answer = ""
    if not answer:
        raise UserError("no documentation named; type: doclore init DIR --docs DOCS")
    return Path(answer).expanduser()
