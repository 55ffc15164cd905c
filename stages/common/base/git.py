"""The one way to ask Git."""

import subprocess
from pathlib import Path

from stages.common.base.errors import UserError


def git(*arguments: str, directory: Path | None = None) -> str | None:
    """What a Git command prints, run in `directory`; None when it fails or there is no Git."""
    done = ran(*arguments, directory=directory)
    return done.stdout if done and done.returncode == 0 else None


def refuse_without_git() -> None:
    """Raise UserError where Git cannot tell about this directory: it is not installed, this is no repository, or it is
    another user's."""
    done = ran("rev-parse", "--git-dir")
    if done is None:
        raise UserError("Git cannot be run; install it, or add it to PATH")
    if done.returncode:
        raise UserError(f"Git: {' '.join(done.stderr.split()).removeprefix('fatal: ')}")


def ran(*arguments: str, directory: Path | None = None) -> "subprocess.CompletedProcess[str] | None":
    command = ["git", *(["-C", str(directory)] if directory else []), *arguments]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return None
