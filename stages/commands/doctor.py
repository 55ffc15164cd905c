"""Check this machine for whatever would make a run fail later: Python, disk, GPU, endpoint, hub, DVC remote.

Also reports everything that `doclore check` refuses. Lines with ✗ must be fixed; lines with ! are worth knowing.

Examples:
  doclore doctor
  doclore doctor --offline
"""

import argparse
from collections.abc import Callable, Iterator

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.messages import said
from stages.common.base.printable import say
from stages.common.schema import Params

MARKS = {"good": "✓", "note": "!", "bad": "✗"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="ask no endpoint, hub or remote")


def run(arguments: argparse.Namespace) -> None:
    from stages.commands import check
    from stages.commands.examining import machine, services
    from stages.common.base import params

    settings = params.load()
    bad = 0
    parts: list[Callable[[], Iterator[tuple[str, str]]]] = [
        lambda: machine.findings(settings),
        lambda: (("bad", problem) for problem in check.problems(settings)),
        lambda: (("note", line) for line in check.differences()),
        lambda: memory(settings),
    ]
    if not arguments.offline:
        parts.append(lambda: services.findings(settings))
    for part in parts:
        for kind, line in part():
            bad += kind == "bad"
            say(f"{MARKS[kind]} {said(line)}", flush=True)
    if bad:
        raise UserError(f"problems to fix: {bad}")


def memory(settings: Params) -> Iterator[tuple[str, str]]:
    """The plan of the chain's memory. What has no plan is refused for another reason, which is listed."""
    from stages.commands import check

    kinds = {"fits": "good", "spreads": "note", "fails": "bad"}
    try:
        yield from ((kinds[one.kind], one.line) for one in check.memory_plan(settings))
    except ParamsError:
        return
    except UserError as error:
        yield "bad", str(error)
