"""The dataset of a Git revision, out of DVC's cache: dvc.lock says which files it was."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stages.commands.tracing.rows import FILES
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.git import git

WORKSPACE = "workspace"
LOCK = "dvc.lock"


def dataset_files(revision: str) -> dict[str, Path]:
    """The file of every fate at a revision: a commit, branch, tag, the name of an experiment, or the workspace.

    Raises UserError when there is no such revision, or its data is not in DVC's cache.
    """
    if revision == WORKSPACE:
        missing = [file for file in FILES.values() if not file.exists()]
        if missing:
            raise UserError(f"{missing[0]} is missing; run `dvc repro curate`, which makes it")
        return FILES
    outs = locked_outs(revision)
    files = {}
    for fate, file in FILES.items():
        out = outs.get(file.as_posix()) or outs.get(file.parent.as_posix())
        if out is None:
            raise UserError(f"{LOCK} of {revision} has no {file.parent}; curate had not run there")
        files[fate] = member(out, file.name, revision) if out.endswith(".dir") else cached(out, revision)
    return files


def locked_outs(revision: str) -> dict[str, str]:
    """The hash of every output of curate, by path."""
    shown = git("show", f"{commit(revision)}:./{LOCK}")
    if shown is None:
        raise UserError(f"{revision} has no {LOCK}; `dvc repro` had not run there")
    stages = yaml.load(shown, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
    outs: list[dict[str, Any]] = stages.get("curate", {}).get("outs", [])
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def commit(revision: str) -> str:
    """The commit of a revision, or of the experiment with that name."""
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    found = found or git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{revision}")
    if not found or not found.strip():
        raise UserError(f"{revision} is no commit, branch, tag or experiment of this repository")
    return found.split()[0]


def member(directory: str, name: str, revision: str) -> Path:
    """A file of a directory that DVC keeps as a list of files and hashes."""
    listed = json.loads(cached(directory, revision).read_text(encoding="utf-8"))
    for entry in listed:
        if entry["relpath"] == name:
            return cached(entry["md5"], revision)
    raise UserError(f"{paths.DATASET} of {revision} has no {name}")


def cached(md5: str, revision: str) -> Path:
    """Where DVC's cache holds the content with this hash."""
    for directory in cache_directories():
        file = directory / "files" / "md5" / md5[:2] / md5[2:]
        if file.exists():
            return file
    raise UserError(f"the data of {revision} is not in DVC's cache; type `dvc fetch --all-commits {paths.DATASET} "
                    f"{paths.REJECTED}`, which gets it from the remote")  # fmt: skip


def cache_directories() -> Iterator[Path]:
    """Where DVC's cache may lie: the usual place, and only then where `dvc`, which takes half a second, says it is."""
    yield Path(".dvc/cache")
    done = subprocess.run(["dvc", "cache", "dir"], capture_output=True, encoding="utf-8", check=False)
    if done.returncode == 0:
        yield Path(done.stdout.strip())
