"""`doclore` runs the code of the project that one stands in, whichever that is; nothing else is importable."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from doclore.launcher import project
from support.repository import ROOT


@pytest.fixture
def site(tmp_path) -> Path:
    """A directory of installed packages, with the launcher and nothing else of ours."""
    shutil.copytree(ROOT / "doclore", tmp_path / "site" / "doclore", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "stages", tmp_path / "site" / "doclore" / "project" / "stages")
    return tmp_path / "site"


def launched(site: Path, directory: Path, *words: str) -> tuple[int, str]:
    """`doclore …` in a directory, as the installed script starts it: exit code and all output."""
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"} | {"PYTHONPATH": str(site)}
    script = "import sys; from doclore.launcher import main; sys.argv[0] = 'doclore'; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words], cwd=directory, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def checkout(directory: Path, name: str) -> Path:
    """A copy of the code whose `doclore check` says its own name."""
    shutil.copytree(ROOT / "stages", directory / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(ROOT / file, directory / file)
    (directory / "stages/commands/check.py").write_text(
        f'"""Say a name."""\n\ndef run(arguments):\n    import os\n    print("{name}", os.getcwd())\n'
    )
    return directory


def test_each_checkout_runs_its_own_code_from_any_directory_in_it(tmp_path, site):
    for name in ("first", "second"):
        below = checkout(tmp_path / name, name) / "docs" / "howto"
        below.mkdir(parents=True)
        assert launched(site, below, "check") == (0, f"{name} {tmp_path / name}\n")


def test_a_checkout_within_another_is_the_nearer_one(tmp_path, site):
    """As `dvc exp run --temp` copies into .dvc/tmp, and Git's worktrees may lie."""
    outer = checkout(tmp_path / "outer", "outer")
    inner = checkout(outer / ".dvc" / "tmp" / "exps" / "copy", "inner")
    assert launched(site, inner / "stages", "check") == (0, f"inner {inner}\n")
    assert project(outer / ".dvc") == outer


def test_outside_any_project_one_line_says_so_and_words_that_need_none_run(tmp_path, site):
    code, said = launched(site, tmp_path, "check")
    assert code == 1 and said.count("\n") == 1 and said.startswith("doclore: no project here or in a directory above")
    (tmp_path / "rows.jsonl").write_text('{"a": "b"}\n')
    assert launched(site, tmp_path, "convert", "rows.jsonl", "rows.csv")[0] == 0


@pytest.mark.slow
def test_the_wheel_installs_no_module_but_doclore_and_carries_the_project_s_files(tmp_path):
    building = ["-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", str(tmp_path)]
    subprocess.run([sys.executable, *building, str(ROOT)], check=True, env={**os.environ, "PYTHONPATH": ""})
    (wheel,) = tmp_path.glob("doclore-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    tops = {file.name.partition("-")[0] for file in (tmp_path / "site").iterdir()}
    assert tops == {"doclore"}
    installed = tmp_path / "site" / "doclore" / "project"
    for room in ("stages", "presets", "prompts"):
        files = {file.relative_to(ROOT) for file in (ROOT / room).rglob("*") if file.is_file()}
        assert all((installed / file).is_file() for file in files if "__pycache__" not in file.parts)
    (tmp_path / "rows.jsonl").write_text('{"a": "b"}\n')
    assert launched(tmp_path / "site", tmp_path, "convert", "rows.jsonl", "rows.csv")[0] == 0
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# Lamp\n\nThe lamp takes 7 watts.\n")
    assert launched(tmp_path / "site", tmp_path, "init", "mine", "--docs", "docs")[0] == 0
    assert launched(tmp_path / "site", tmp_path / "mine", "check") == (0, "params.yaml: all values are usable\n")
