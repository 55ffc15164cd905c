"""The files of a new project, and its first commit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages.commands import preset
from stages.common.base.errors import UserError
from stages.common.base.git import git
from stages.common.base.paths import PARAMS
from stages.common.records.files import write_jsonl
from stages.ingest import refusals

SOURCE = Path(__file__).parents[3]  # the checkout or, installed, the wheel's files
ROOMS = ("stages", "presets", "prompts")
FILES = ("dvc.yaml", "params.yaml")
OWN = (
    "data/benchmarks",
    "data/exam",
    "data/extra",
    "data/previous",
    "data/replay",
    "data/wordings",
)  # what people bring; dvc.yaml depends on them
IGNORED = """\
/.venv/
/.cache/
# Not /data/*: DVC would take the directory itself as ignored, and overlook what `dvc add` keeps in data/extra.
/data/?*
!/data/benchmarks/
!/data/exam/
!/data/extra/
!/data/previous/
!/data/replay/
!/data/review.jsonl
!/data/wordings/
/models/
/reports/
__pycache__/
"""


def refuse_occupied(directory: Path) -> None:
    """Raise UserError for a directory that holds anything but Git's own files."""
    if directory.exists() and (not directory.is_dir() or {entry.name for entry in directory.iterdir()} - {".git"}):
        raise UserError(f"{directory} already exists and is not empty; name another directory")


def make(directory: Path, docs: Path, name: str) -> None:
    """Write the project's files; nothing is left of them when that fails."""
    kept = directory.exists()
    try:
        write(directory, docs, name)
    except BaseException:
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)
        raise


def write(directory: Path, docs: Path, name: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        shutil.copytree(SOURCE / room, directory / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copyfile(SOURCE / file, directory / file)
    for room in OWN:
        (directory / room).mkdir(parents=True)
        (directory / room / ".gitkeep").touch()
    write_jsonl(directory / "data/review.jsonl", [])
    (directory / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (directory / ".dvcignore").write_text("__pycache__\n.DS_Store\n", encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("README.md"), directory / "README.md")
    values = preset.read(name, directory / preset.DIRECTORY) if name else {}
    include, _, added = refusals.fitting(str(docs), as_shipped(directory / PARAMS)["docs"])
    named = {"docs.path": place(docs, directory), **({"docs.include": include} if added else {})}
    preset.apply({**named, **values}, directory / PARAMS)


def as_shipped(file: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return dict(YAML(typ="safe").load(file.read_text(encoding="utf-8")))


def place(docs: Path, directory: Path) -> str:
    """The documentation as params.yaml names it: from the project, where both lie side by side."""
    root = directory.resolve()
    return Path(os.path.relpath(docs, root)).as_posix() if docs.is_relative_to(root.parent) else docs.as_posix()


def committed(directory: Path) -> bool:
    """Set up Git and DVC and make the first commit; False when Git does not know who commits."""
    if (
        git("rev-parse", "--git-dir", directory=directory) is None
        and git("init", "--quiet", directory=directory) is None
    ):
        raise UserError("git is not installed; install it, and type: git init && dvc init")
    outside = git("rev-parse", "--show-prefix", directory=directory)
    command = [sys.executable, "-m", "dvc", "init", "--quiet", *(["--subdir"] if (outside or "").strip() else [])]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc init failed: {' '.join(done.stderr.split())[-200:]}")
    (directory / ".dvc" / "config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    git("add", "--all", ".", directory=directory)
    return git("commit", "--quiet", "--message=A doclore project", directory=directory) is not None
