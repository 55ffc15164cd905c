"""mistakes.yaml: what people get wrong, each with the one line that helps."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.commands import main
from support.repository import ROOT
from support.settings import change_params

MISTAKES = YAML(typ="safe").load(Path(__file__).with_name("mistakes.yaml").read_text("utf-8"))


@pytest.fixture
def project(isolated, write_params):
    """A project that has not run yet."""
    write_params()
    for room in ("presets", "prompts"):
        shutil.copytree(ROOT / room, room)
    shutil.copyfile(ROOT / "dvc.yaml", "dvc.yaml")
    for room in ("benchmarks", "exam", "extra", "previous", "replay", "wordings"):
        Path("data", room).mkdir(parents=True)
    Path("data/review.jsonl").touch()
    Path("stages").symlink_to(ROOT / "stages")
    Path("docs").mkdir()
    Path("docs/lamp.md").write_text("# Lamp\n\nThe lamp draws 5 W.\n")
    subprocess.run(["git", "init", "--quiet"], check=True)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one['type']} {one.get('set', '')}".strip())
def test_a_typical_mistake_is_answered_with_one_line_that_helps(mistake, project, monkeypatch, capsys):
    change_params(Path("params.yaml"), mistake.get("set", {}))
    for name, value in mistake.get("env", {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["doclore", *shlex.split(mistake["type"])])
    with pytest.raises(SystemExit) as ended:
        main.main()
    complaint = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code in (1, 2)
    assert mistake["says"] in complaint[-1]
    assert len(complaint) == 1 or complaint[0].startswith("usage:")


def test_there_are_as_many_as_people_make():
    assert len(MISTAKES) >= 25
