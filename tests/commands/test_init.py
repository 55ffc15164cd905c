"""doclore init: a project of one's own that checks and runs, out of the checkout and out of the wheel."""

import subprocess
from pathlib import Path

import pytest

from doclore.launcher import project
from stages.commands import check, init
from stages.commands.main import parser
from stages.commands.starting import project as starting
from stages.common.base import params
from stages.common.base.errors import UserError
from support.clone import PAGES, Clone


@pytest.fixture
def docs(tmp_path, monkeypatch) -> Path:
    directory = tmp_path / "my-docs"
    directory.mkdir()
    for name, text in PAGES.items():
        (directory / name).write_text(text, encoding="utf-8")
    monkeypatch.delenv("DVC_ROOT")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.org")
    return directory


def made(*words: str) -> None:
    init.run(parser().parse_args(["init", *words]))


def test_a_project_is_whole_committed_and_nothing_in_it_is_refused(docs, monkeypatch, capsys):
    made("mine", "--docs", "my-docs")
    assert "cd mine" in capsys.readouterr().out
    assert project(Path("mine/data").resolve()) == Path("mine").resolve()
    monkeypatch.chdir("mine")
    assert params.load().docs.path == "../my-docs"
    assert check.problems(params.load()) == []
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert status.stdout == ""
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"dvc.yaml", "params.yaml", ".dvc/config", "data/review.jsonl", "stages/ingest/__main__.py"} <= set(tracked)
    assert not any("__pycache__" in name for name in tracked)


def test_a_preset_is_applied_and_an_unknown_one_leaves_nothing_behind(docs):
    with pytest.raises(UserError, match="accepted is cpu-demo"):
        made("mine", "--docs", "my-docs", "--preset", "nothing")
    assert not Path("mine").exists()
    made("mine", "--docs", "my-docs", "--preset", "qwen3-8b-bf16-h200")
    assert "Qwen3-8B" in params.load(Path("mine/params.yaml")).model.name


def test_nothing_is_written_into_a_directory_that_holds_something(docs):
    (docs.parent / "full").mkdir()
    (docs.parent / "full" / "thesis.txt").touch()
    with pytest.raises(UserError, match="full already exists and is not empty"):
        made("full", "--docs", "my-docs")
    assert [entry.name for entry in Path("full").iterdir()] == ["thesis.txt"]


def test_pages_in_another_format_than_markdown_are_included(docs):
    for name in PAGES:
        (docs / name).rename((docs / name).with_suffix(".rst"))
    (docs / "README.md").write_text("# The manual\n")
    made("mine", "--docs", "my-docs")
    assert params.load(Path("mine/params.yaml")).docs.include[-1] == "**/*.rst"


def test_without_docs_they_are_asked_for(docs, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "my-docs")
    made("mine")
    assert params.load(Path("mine/params.yaml")).docs.path == "../my-docs"
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    with pytest.raises(UserError, match="doclore init DIR --docs DOCS"):
        made("other")


def test_documentation_far_from_the_project_is_named_whole(tmp_path):
    assert starting.place(tmp_path / "a" / "docs", tmp_path / "b" / "c" / "mine") == str(tmp_path / "a" / "docs")
    assert starting.place(tmp_path / "mine" / "docs", tmp_path / "mine") == "docs"


@pytest.mark.slow
def test_the_pipeline_of_a_new_project_runs_and_then_has_nothing_to_do(docs):
    made("mine", "--docs", "my-docs")
    clone = Clone(docs.parent / "mine")
    assert clone.repro("curate")[-1] == "curate"
    assert "curate" not in clone.repro("curate")
