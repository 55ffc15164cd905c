"""A pipeline in a temporary clone, with the real Git and DVC."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.repository import ROOT

STAGES = ["ingest", "chunk", "generate", "curate", "format", "train", "merge", "evaluate", "report"]


class Clone:
    """A clone of this working tree with small documentation and tiny settings, and what one does with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            **{
                f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        for name in ("DVC_ROOT", "OPENAI_API_KEY", "OPENAI_BASE_URL", "TIKTOKEN_CACHE_DIR"):
            self.environment.pop(name, None)

    def run(self, *command: str, code: int | None = 0) -> str:
        """Run a command in the clone; its output, after a check of the exit code."""
        done = subprocess.run(
            command, cwd=self.directory, env=self.environment, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stdout[-4000:]
        return done.stdout

    def repro(self, *options: str, code: int | None = 0) -> list[str]:
        """`dvc repro`, and the stages that it ran."""
        return stages_run(self.run("dvc", "repro", *options, code=code))

    def experiment(self, *options: str, code: int | None = 0) -> list[str]:
        """`dvc exp run`, and the stages that it ran."""
        return stages_run(self.run("dvc", "exp", "run", *options, code=code))


def stages_run(output: str) -> list[str]:
    """Without `sources`, which always runs."""
    names = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    return [name for name in names if name != "sources"]


def copy_working_tree(target: Path) -> None:
    """The files that git tracks or would track, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "dvc.lock")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def page(name: str, job: int) -> str:
    """A small page whose facts differ from those of every other page."""
    return f"""# {name}

The {name} is the part of the machine that does job {job}.

| Key | Default | Unit |
| --- | --- | --- |
| `{name}.size` | {job * 7 + 3} rows | row |
| `{name}.delay` | {job * 11 + 5} ms | ms |

- **{name} gauge**: shows how far job {job} has come
"""


NAMES = ["amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heath", "ivory", "jasper", "koala", "lemon"]

PAGES = {f"{name}.md": page(name, job) for job, name in enumerate(NAMES)}
# One chunk at 1,024 tokens, several at 512.
PAGES["long.md"] = "# long\n\n" + "\n".join(
    f"- **valve {i}**: opens at {i * 3} bar, and closes again at {i * 2} bar" for i in range(50)
)
