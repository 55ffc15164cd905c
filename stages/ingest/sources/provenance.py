"""Which commit of the documentation a page is: exact, or said to be none."""

from collections.abc import Iterable
from pathlib import Path

from stages.common.base.git import git


class Provenance:
    """The commit that last touched what ingest reads, and the files that are as this commit has them.

    `root` is the directory of the pages, `others` are files outside it that they include, relative to it.
    """

    def __init__(self, root: Path, others: Iterable[str]) -> None:
        self.commit, self.clean = "", frozenset[str]()
        where = [".", *sorted(others)]
        commit = (git("rev-list", "-1", "HEAD", "--", *where, directory=root) or "").strip()
        tracked = git("ls-files", "-z", "--", *where, directory=root)
        changed = git("diff", "--name-only", "-z", "--relative", "HEAD", "--", *where, directory=root)
        outside = git("diff", "--name-only", "-z", "HEAD", "--", *where[1:], directory=root) if where[1:] else ""
        if commit and tracked is not None and changed is not None and outside is not None:
            top = (git("rev-parse", "--show-cdup", directory=root) or "").strip()
            differ = {*changed.split("\0"), *(f"{top}{path}" for path in outside.split("\0"))}
            self.commit, self.clean = commit, frozenset(tracked.split("\0")) - differ

    def revision(self, files: Iterable[str]) -> str:
        """The commit that holds all of these files as they are; with `-dirty` behind it where it does not, as `git
        describe` says it; empty when the documentation is in no commit."""
        if not self.commit:
            return ""
        return self.commit if self.clean.issuperset(files) else f"{self.commit}-dirty"
