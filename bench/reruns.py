"""How many past commits would make a stage run again: what the lists of code in dvc.yaml cost a user who pulls.

Each commit's edited functions, classes and statements are taken to the file in which they stand today, and held against
the stage's code dependencies today and at the base. A file is followed through Git's renames; a function that stands no
longer in what became of its file is looked for by name and text in all files. Imports, the names of imported modules
and what only moved do not count: none of it would have been edited had the files stood where they stand.
Run: python bench/reruns.py [--base e76ed28] [--commits 100] [--stage train]
"""

import argparse
import ast
import functools
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator

from rapidfuzz import fuzz
from ruamel.yaml import YAML

ALIKE = 75  # per cent of the text from which on two functions of one name are one
Part = tuple[str, str]  # the name of a function or class, "" for other statements, and the text without comments


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


class WithoutModules(ast.NodeTransformer):
    """`module.name` as `name` where the module is one of ours."""

    def __init__(self, tree: ast.Module) -> None:
        ours = [node for node in tree.body if isinstance(node, ast.ImportFrom) and str(node.module)[:6] == "stages"]
        self.modules = {alias.asname or alias.name for node in ours for alias in node.names}

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return self.generic_visit(node)


@functools.cache
def parts(revision: str, file: str) -> Counter[Part]:
    """What a file consists of beside imports; of one part if it is no Python, of none if it is missing or empty."""
    try:
        text = git("show", f"{revision}:{file}")
    except subprocess.CalledProcessError:
        return Counter()
    if not file.endswith(".py"):
        return Counter([("", text)])
    tree = ast.parse(text)
    nodes = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    if file.endswith("/__init__.py") and len(nodes) < 2:
        return Counter()  # what a package is called
    modules = WithoutModules(tree)
    return Counter((getattr(node, "name", ""), ast.unparse(modules.visit(node))) for node in nodes)


def edits(commit: str) -> Iterator[tuple[str, Part]]:
    """File and part of what a commit adds or changes, or takes away without another in its place."""
    files = git("diff-tree", "--no-commit-id", "--name-only", "-r", "--no-renames", commit, "--", "stages").splitlines()
    old, new = ({file: parts(revision, file) for file in files} for revision in (f"{commit}^", commit))
    gone = sum((old[file] - new[file] for file in files), Counter[Part]())
    come = sum((new[file] - old[file] for file in files), Counter[Part]())
    for file in files:
        written = {part for part in new[file] - old[file] if part not in gone}
        names = {name for name, _ in written}
        yield from ((file, part) for part in written)
        yield from ((file, part) for part in old[file] - new[file] if part not in come and part[0] not in names)


@functools.cache
def functions() -> list[tuple[str, str, str]]:
    """Name, text and file of each function and class of HEAD."""
    files = [file for file in git("ls-tree", "-r", "--name-only", "HEAD", "stages").splitlines() if file[-3:] == ".py"]
    return [(name, text, file) for file in files for name, text in parts("HEAD", file) if name]


def today(file: str, part: Part) -> str:
    """The file of HEAD in which a part stands; `file` is what became of the file that it stood in."""
    name, text = part
    if not name:  # a statement of a module may have moved into a function
        return next((home for _, other, home in functions() if as_block(text) in f"{other}\n"), file)
    known = {home: other for function, other, home in functions() if function == name}
    score, home = max(((fuzz.ratio(text, other), home) for home, other in known.items()), default=(0.0, file))
    return file if file in known or score < ALIKE else home


def as_block(text: str) -> str:
    """A statement as it stands in a function."""
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n") + "\n"


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
        old = git("diff-tree", "--no-commit-id", "--name-only", "-r", commit, "--", "stages").splitlines()
        homes = {
            home: part[0] for file, part in edits(commit) if touches([home := today(moved.get(file, file), part)], now)
        }
        counts = [counts[0] + touches(old, before), counts[1] + bool(homes)]
        if homes:
            print(commit[:7], git("log", "-1", "--format=%s", commit).strip()[:80], sep="  ")
            print(*(f"    {home} {name}" for home, name in homes.items()), sep="\n")
    print(f"{arguments.stage} is stale after {counts[0]} of these commits by the old lists, {counts[1]} by today's")


if __name__ == "__main__":
    main()
