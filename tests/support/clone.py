"""A pipeline in a temporary clone, with the real Git and DVC."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
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
            "PYTHONPATH": str(Path(__file__).parent / "lean"),
            **{
                f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        for name in ("DVC_ROOT", "OPENAI_API_KEY", "OPENAI_BASE_URL", "TIKTOKEN_CACHE_DIR"):
            self.environment.pop(name, None)

    def run(self, *command: str, code: int | None = 0) -> str:
        """Run a command in the clone; its output, after a check of the exit code."""
        with tempfile.NamedTemporaryFile() as said:
            if command[0] == "dvc":
                returned = dvc(command[1:], self.directory, self.environment, said.name)
            else:
                returned = subprocess.run(
                    command,
                    cwd=self.directory,
                    env=self.environment,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    check=False,
                ).returncode
            said.seek(0)
            output = said.read().decode("utf-8")
        assert code is None or returned == code, output[-4000:]
        return output

    def repro(self, *options: str, code: int | None = 0) -> list[str]:
        """`dvc repro`, and the stages that it ran."""
        return stages_run(self.run("dvc", "repro", *options, code=code))

    def experiment(self, *options: str, code: int | None = 0) -> list[str]:
        """`dvc exp run`, and the stages that it ran."""
        return stages_run(self.run("dvc", "exp", "run", *options, code=code))


# dvc, imported once. Each command is a process of its own that goes on from there: its imports take most of its time.
SERVER = """
import json, os, sys
import dvc.cachemgr, dvc.cli, dvc.cli.parser, dvc.repo.experiments.run, dvc.repo.reproduce, dvc.stage.run, dvc_render
import networkx, ruamel.yaml
dvc.cli.parser.get_main_parser()
for line in sys.stdin:
    words, directory, environment, said = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["dvc", *words]
    sys.exit(dvc.cli.main(words))
"""


@functools.cache
def server() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def dvc(words: tuple[str, ...], directory: Path, environment: dict[str, str], said: str) -> int:
    """Run `dvc` with its output in a file; its exit code."""
    running = server()
    running.stdin.write(json.dumps([words, str(directory), environment, said]) + "\n")
    running.stdin.flush()
    return int(running.stdout.readline())


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
