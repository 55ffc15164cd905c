"""Print a script that completes `doclore` commands and options in your shell.

Examples:
  doclore completion bash > ~/.local/share/bash-completion/completions/doclore
  doclore completion zsh > ~/.zfunc/_doclore
"""

import argparse

from stages.common.base.printable import say

ANYWHERE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(arguments: argparse.Namespace) -> None:
    import shtab

    from stages.commands.main import parser

    say(shtab.complete(parser(), shell=arguments.shell))
