"""Tag the committed model as model@vX.Y.Z if it passed evaluate's gate.

The tag is annotated and follows GTO (https://dvc.org/doc/gto), so DVC Studio and `gto show` list it. It is only
created if the commit contains the current reports and models. `git push origin TAG` shares it.

Examples:
  doclore promote --check
  doclore promote --version v0.2.0
"""

import argparse

from stages.commands.tracing import state
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.git import git, refuse_without_git
from stages.common.base.printable import say
from stages.common.records.files import read_json

ARTIFACT = "model"  # of dvc.yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", metavar="vX.Y.Z", help="default: one patch above the last version")
    parser.add_argument("--check", action="store_true", help="only say whether it could be promoted")


def run(arguments: argparse.Namespace) -> None:
    results = read_json(paths.REPORTS / "evaluate.json")
    refuse_failed(results)
    refuse_uncommitted()
    gain = results["eval_seen"]["tuned_minus_base"]["key_values"]
    message = f"gate passed: {gain:+.1%} right answers on eval_seen, gap recovery {results['headline']['gap_recovery']}"
    if arguments.check:
        say(f"could be promoted; {message}")
        return
    say(f"tagged {register(arguments.version, message)}; {message}")


def refuse_failed(results: dict[str, dict[str, object]]) -> None:
    gate = results["gate"]
    if not gate["passed"]:
        raise UserError(f"the gate failed: {'; '.join(gate['reasons'])}")  # type: ignore[arg-type]


def refuse_uncommitted() -> None:
    """Raise UserError unless the last commit's dvc.lock names the evaluation and the model that lie here."""
    if git("ls-files", "--error-unmatch", str(paths.LOCK)) is None:
        refuse_without_git()
        raise UserError(f"{paths.LOCK} is not committed; type: git add -f {paths.LOCK} && git commit")
    changed = git("status", "--porcelain", "--untracked-files=no")
    if changed:
        first = changed.splitlines()[0][3:]
        raise UserError(f"{first} differs from the last commit; commit it, then promote")
    if state.changed():
        raise UserError(f"data, models or reports are not those of {paths.LOCK}; run `dvc repro` and commit it")


def register(version: str | None, message: str) -> str:
    """The name of the new tag. Raises UserError when GTO refuses the version, such as one that exists already."""
    import gto
    from gto.exceptions import GTOException

    known = git("tag", "--list", f"{ARTIFACT}@v*") or ""
    first = None if version or known.strip() else "v0.1.0"
    try:
        event = gto.api.register(
            ".", ARTIFACT, "HEAD", version=version or first, bump_patch=not (version or first), message=message
        )
    except GTOException as error:
        raise UserError(f"{' '.join(str(error).split())}; choose another --version") from None
    return str(event.tag)
