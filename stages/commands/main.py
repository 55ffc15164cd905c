"""The `doclore` command. Each module beside this one is a command: its docstring's first line is the help, `run` does
the work, and `add_arguments`, where there is one, says what it takes. Modules import what is heavy inside `run`."""

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules
from types import ModuleType

from stages import commands
from stages.shared.errors import UserError


def command_modules() -> Iterator[tuple[str, ModuleType]]:
    """The commands by name, in alphabetical order."""
    for module in iter_modules(commands.__path__):
        if module.name != "main":
            yield module.name, import_module(f"stages.commands.{module.name}")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="doclore", description="Documentation in, LoRA-tuned model out. The pipeline itself runs with `dvc repro`."
    )
    found.add_argument("--version", action="version", version=f"doclore {version('doclore')}")
    subparsers = found.add_subparsers(required=True, metavar="COMMAND")
    for name, module in command_modules():
        text = str(module.__doc__)
        command = subparsers.add_parser(name, help=text.partition("\n")[0], description=text)
        if hasattr(module, "add_arguments"):
            module.add_arguments(command)
        command.set_defaults(run=module.run)
    return found


def main() -> None:
    arguments = parser().parse_args()
    try:
        arguments.run(arguments)
    except UserError as error:
        print(f"doclore: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
