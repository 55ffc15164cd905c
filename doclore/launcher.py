"""Run the `doclore` command of the project that one stands in, or below.

Only this is installed. The code of the pipeline belongs to the project, as dvc.yaml does: two checkouts, a worktree and
the copy that `dvc exp run --temp` makes each run their own. Outside any project the installed copy runs, for the words
that need none.
"""

import sys
from pathlib import Path

MARKS = ("dvc.yaml", "params.yaml")
INSTALLED = Path(__file__).parent / "project"  # where the wheel carries stages/, presets/, prompts/ and the rest


def project(start: Path) -> Path | None:
    """The nearest directory, from `start` upwards, with dvc.yaml and params.yaml."""
    for directory in (start, *start.parents):
        if all((directory / name).is_file() for name in MARKS):
            return directory
    return None


def code(root: Path | None) -> Path:
    """The directory whose stages/ runs: that of the project, or the installed one."""
    places = [root, INSTALLED, Path(__file__).parents[1]]
    return next(place for place in places if place and (place / "stages" / "commands").is_dir())


def main() -> None:
    try:
        sys.path.insert(0, str(code(project(Path.cwd()))))
    except FileNotFoundError:
        sys.exit("doclore: the directory that you stand in has been removed; type: cd .")
    from stages.commands.main import main

    main()


if __name__ == "__main__":
    main()
