"""The dataset of a Git revision, which DVC gets from its cache or a remote."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stages.commands.tracing.rows import FILES
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.git import git, refuse_without_git

WORKSPACE = "workspace"


@contextmanager
def dataset_files(revision: str) -> Iterator[dict[str, Path]]:
    """The file of every fate at a revision: a commit, branch, tag, the name of an experiment, or the workspace.

    Raises UserError when there is no such revision, or its data is neither here nor in a remote.
    """
    if revision == WORKSPACE:
        missing = [file for file in FILES.values() if not file.exists()]
        if missing:
            raise UserError(f"{missing[0]} is missing; run `dvc repro curate` to create it")
        yield FILES
        return
    with TemporaryDirectory() as directory:
        files = {fate: Path(directory) / file.name for fate, file in FILES.items()}
        fetch(revision, files)
        yield files


def fetch(revision: str, files: dict[str, Path]) -> None:
    """Write the dataset of a revision into `files`."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexDirError

    logging.getLogger("dvc").setLevel(logging.CRITICAL)  # it would list each file that is not here
    try:
        tree = DVCFileSystem(rev=commit(revision))
        for fate, file in files.items():
            tree.get_file(FILES[fate].as_posix(), str(file))
    except (FileNotFoundError, DataIndexDirError):
        raise UserError(
            f"the dataset of {revision} is not on this machine; if curate ran in that commit, fetch it from the DVC "
            f"remote: `dvc fetch --all-commits {paths.DATASET} {paths.REJECTED}`"
        ) from None
    except DvcException as error:
        raise UserError(f"the data of {revision} cannot be read: {error}") from None


def commit(revision: str) -> str:
    """The commit of a revision, or of the experiment with that name."""
    name = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    name = name or git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{revision}")
    if not name or not name.strip():
        refuse_without_git()
        raise UserError(f"{revision} is not a commit, branch, tag or experiment of this repository")
    return name.split()[0]
