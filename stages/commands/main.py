"""The `doclore` command. Each module beside this one is a command: its docstring's first line is the help, `run` does
the work, and `add_arguments`, where there is one, says what it takes; ANYWHERE marks those that need no project.
Modules import what is heavy inside `run`."""

import argparse
import difflib
import os
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import NoReturn

from doclore.launcher import project
from stages import commands
from stages.commands import check
from stages.common.base.errors import UserError, limit_of_memory
from stages.common.base.messages import said
from stages.common.base.printable import say, speak_any_language

ARGPARSE = (  # words of argparse that messages.zh.yaml translates
    "positional arguments",
    "options",
    "show this help message and exit",
    "show program's version number and exit",
)


def command_modules() -> Iterator[tuple[str, ModuleType]]:
    """The commands by name, in alphabetical order."""
    for module in iter_modules(commands.__path__):
        if not module.ispkg and module.name != "main":
            yield module.name.rstrip("_"), import_module(f"stages.commands.{module.name}")


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="doclore",
        description=said("Documentation in, LoRA-tuned model out. The pipeline itself runs with `dvc repro`."),
        epilog=said("DOCLORE_LANG=zh switches messages to Chinese, DOCLORE_LANG=en to English."),
    )
    root.add_argument("--version", action="version", version=f"doclore {version('doclore')}")
    translate(root)
    subparsers = root.add_subparsers(metavar="COMMAND")
    for name, module in command_modules():
        first, _, rest = str(module.__doc__).partition("\n")
        text = f"{said(first)}\n\n{explained(rest.strip())}"
        command = subparsers.add_parser(
            name, help=said(first), description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if hasattr(module, "add_arguments"):
            module.add_arguments(command)
        translate(command)
        command.set_defaults(run=module.run, anywhere=getattr(module, "ANYWHERE", False))
    return root


def explained(text: str) -> str:
    """A docstring in the reader's language, paragraph by paragraph; what has no translation stays as it is wrapped."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        head, _, commands = paragraph.partition("\n")
        if head == "Examples:":
            paragraphs.append(f"{said(head)}\n{commands}")
        else:
            line = " ".join(paragraph.split())
            paragraphs.append(said(line) if said(line) != line else paragraph)
    return "\n\n".join(paragraphs)


def translate(command: argparse.ArgumentParser) -> None:
    """Titles and options of a parser in the reader's language; ARGPARSE are the library's own words."""
    for group in command._action_groups:
        group.title = said(group.title or "")
    for action in command._actions:
        action.help = said(action.help or "")


def enter_project(arguments: argparse.Namespace) -> None:
    """Go to the project's root, where every path of doclore begins; files that were named stay the same files."""
    root = project(Path.cwd())
    if root is None:
        raise UserError(
            "no project here or in a directory above (one with dvc.yaml and params.yaml); go to one, "
            "or create one: doclore init DIR --docs DOCS"
        )
    for name, value in vars(arguments).items():
        if isinstance(value, Path):
            setattr(arguments, name, Path(os.path.relpath(value, root)))
    os.chdir(root)


def refuse_unknown(word: str) -> None:
    """Raise UserError with the word that was probably meant."""
    known = [name for name, _ in command_modules()]
    if word in known or word.startswith("-"):
        return
    if word in check.STAGES:
        raise UserError(f"{word} is a stage of the pipeline; type: dvc repro {word}")
    alike = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean `doclore {alike[0]}`?" if alike else "type `doclore` for a list"
    raise UserError(f"unknown command {word!r}; {hint}")


def main() -> None:
    words = sys.argv[1:]
    speak_any_language()
    try:
        if not words or words == ["help"]:
            parser().print_help()
            return
        refuse_unknown(words[0])
        arguments = parser().parse_args(words)
        if not arguments.anywhere:
            enter_project(arguments)
        with limit_of_memory():
            arguments.run(arguments)
        sys.stdout.flush()
    except UserError as error:
        stop(f"doclore: {said(str(error))}", error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever reads has seen enough: `doclore … | head`
        stop("", 128 + signal.SIGPIPE)
    except OSError as error:
        if not error.strerror:  # raised by a library, not by the system
            raise
        stop(f"doclore: {f'{error.filename}: ' if error.filename else ''}{error.strerror}", 1)


def stop(complaint: str, code: int) -> NoReturn:
    """End with a line on stderr. What stdout could not take is dropped: Python would try again, and complain."""
    if complaint:
        say(complaint, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
