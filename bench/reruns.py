"""How many past commits would make a stage run again: what the lists of code in dvc.yaml cost a user who pulls.

Each commit's changed files are taken to where they stand today (Git's rename detection between the two revisions), and
held against the stage's code dependencies today and at the base. A change of nothing but imports does not count: it
would not have been made had the files stood where they stand.
Run: python bench/reruns.py [--base e76ed28] [--commits 100] [--stage train]
"""

import argparse
import ast
import subprocess
from collections.abc import Iterable

from ruamel.yaml import YAML


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def code(revision: str, stage: str) -> list[str]:
    """The code dependencies of a stage in a revision's dvc.yaml."""
    stages = YAML(typ="safe").load(git("show", f"{revision}:dvc.yaml"))["stages"]
    return [dep for dep in map(str, stages[stage]["deps"]) if dep.startswith("stages/")]


def renames(base: str) -> dict[str, str]:
    """Where the files of `base` stand in HEAD."""
    rows = git("diff", "--find-renames=30%", "--diff-filter=R", "--name-status", base, "HEAD", "--", "stages")
    return {old: new for _, old, new in (row.split("\t") for row in rows.splitlines())}


def body(revision: str, file: str) -> str:
    """A module without its imports; the text of any other file; nothing where it is missing."""
    try:
        text = git("show", f"{revision}:{file}")
    except subprocess.CalledProcessError:
        return ""
    if not file.endswith(".py"):
        return text
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.dump(tree)


def changed(commit: str) -> list[str]:
    files = git("diff-tree", "--no-commit-id", "--name-only", "-r", commit, "--", "stages").splitlines()
    return [file for file in files if body(commit, file) != body(f"{commit}^", file)]


def touches(files: Iterable[str], deps: list[str]) -> bool:
    return any(file == dep or file.startswith(f"{dep}/") for file in files for dep in deps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="e76ed28", help="the last of the commits, and the lists to compare with")
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--stage", default="train")
    arguments = parser.parse_args()
    before, now = code(arguments.base, arguments.stage), code("HEAD", arguments.stage)
    moved, counts = renames(arguments.base), [0, 0]
    for commit in git("rev-list", "--first-parent", "-n", str(arguments.commits), arguments.base).split():
        files = changed(commit)
        today = [moved.get(file, file) for file in files]
        old = touches(git("diff-tree", "--no-commit-id", "--name-only", "-r", commit).splitlines(), before)
        counts = [counts[0] + old, counts[1] + (new := touches(today, now))]
        if new:
            print(commit[:7], git("log", "-1", "--format=%s", commit).strip()[:80], sep="  ")
    print(f"{arguments.stage} is stale after {counts[0]} of these commits by the old lists, {counts[1]} by today's")


if __name__ == "__main__":
    main()
