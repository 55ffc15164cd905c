"""A preset changes its own values and nothing else, and every preset is valid."""

import shlex

import pytest
from ruamel.yaml import YAML

from stages.commands import preset
from stages.commands.main import parser
from stages.common.base import params
from stages.common.base.errors import ParamsError, UserError
from support.repository import ROOT

NAMES = sorted(file.stem for file in (ROOT / "presets").glob("*.yaml"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with the shipped params.yaml and presets."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "presets").mkdir()
    for name in NAMES:
        (tmp_path / "presets" / f"{name}.yaml").write_text((ROOT / "presets" / f"{name}.yaml").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> None:
    found = parser().parse_args(["preset", *arguments])
    found.run(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_valid_and_leaves_comments_and_other_values_alone(project, name):
    before = (project / "params.yaml").read_text("utf-8").splitlines()
    run(name)
    after = (project / "params.yaml").read_text("utf-8").splitlines()
    values = preset.read(name)
    assert len(before) == len(after)
    changed = [new for old, new in zip(before, after, strict=True) if old.split() != new.split()]
    assert len(changed) <= len(values)
    assert [line.partition(" # ")[2].strip() for line in before] == [line.partition(" # ")[2].strip() for line in after]
    loaded = params.load().model_dump()
    for key, value in values.items():
        found = loaded
        for part in key.split("."):
            found = found[part]
        assert found == value


def test_the_cpu_demo_is_the_default(project):
    before = params.load()
    run("cpu-demo")
    assert params.load() == before


def test_the_options_of_a_dry_run_are_its_values(project, capsys):
    before = (project / "params.yaml").read_bytes()
    run("llama-3.2-3b-4bit", "--dry-run")
    words = shlex.split(capsys.readouterr().out)
    given = {key: YAML(typ="safe").load(value) for key, _, value in (word.partition("=") for word in words[1::2])}
    assert given == preset.read("llama-3.2-3b-4bit")
    assert (project / "params.yaml").read_bytes() == before


def test_an_unknown_preset_names_those_there_are(project):
    with pytest.raises(UserError, match=r"'nope'.*cpu-demo, know-and-read, llama-3\.2-3b-4bit"):
        run("nope")


def test_a_preset_of_the_users_own_that_is_not_valid_changes_nothing(project):
    (project / "presets" / "mine.yaml").write_text("# mine\nlora.r: -1\n")
    before = (project / "params.yaml").read_bytes()
    with pytest.raises(ParamsError, match=r"lora\.r = -1"):
        run("mine")
    assert (project / "params.yaml").read_bytes() == before
    assert [file.name for file in project.iterdir() if file.name.startswith(".params")] == []


def test_the_list_says_what_each_is_for(project, capsys):
    run()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES and all(len(line.split()) > 4 for line in lines)
