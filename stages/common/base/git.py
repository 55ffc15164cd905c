"""The one way to ask Git."""

import subprocess
from pathlib import Path


def git(*arguments: str, directory: Path | None = None) -> str | None:
    """What a Git command prints, run in `directory`; None when it fails or there is no Git."""
    command = ["git", *(["-C", str(directory)] if directory else []), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
