"""`doclore promote` tags what passed and is committed, and nothing else."""

import json
import subprocess
from pathlib import Path

import pytest

from stages.commands import promote
from stages.commands.main import parser
from stages.common.base import params
from stages.common.base.errors import UserError

PASSED = {
    "headline": {"gap_recovery": 0.8},
    "gate": {"passed": True, "reasons": []},
    "eval_seen": {"tuned_minus_base": {"key_values": 0.6}},
}


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(isolated, monkeypatch, write_params):
    """A real Git and DVC repository with one stage and the settings, run and committed."""
    write_params()
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.org")
    git("init", "--quiet", "--initial-branch=main")
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    Path("source.json").write_text(json.dumps(PASSED))
    stage = {"cmd": "mkdir -p reports && cp source.json reports/evaluate.json", "deps": ["source.json"]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"evaluate": stage | {"metrics": ["reports/evaluate.json"]}}}))
    subprocess.run(["dvc", "repro", "--quiet"], check=True)
    commit("first")
    return Path()


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def run(*arguments: str) -> None:
    found = parser().parse_args(["promote", *arguments])
    found.run(found)


@pytest.mark.slow
def test_what_passed_and_is_committed_gets_an_annotated_version_and_then_the_next(repository, capsys):
    run("--check")
    assert not git("tag")
    run()
    assert git("tag").split() == ["model@v0.1.0"]
    assert git("cat-file", "-t", "model@v0.1.0").strip() == "tag"
    assert "gate passed: +60.0%" in git("tag", "-n1", "--list")
    (repository / "note.md").write_text("more")
    commit("second")
    run()
    assert git("tag").split() == ["model@v0.1.0", "model@v0.1.1"]
    with pytest.raises(UserError, match="--version"):
        run("--version", "v0.1.1")


@pytest.mark.slow
def test_what_failed_or_is_not_committed_gets_no_tag(repository):
    (repository / "source.json").write_text(json.dumps(PASSED | {"gate": {"passed": False, "reasons": ["too weak"]}}))
    with pytest.raises(UserError, match=r"source\.json differs from the last commit"):
        run()
    commit("changed, not run")
    with pytest.raises(UserError, match="dvc repro"):
        run()
    subprocess.run(["dvc", "repro", "--quiet"], check=True)
    with pytest.raises(UserError, match="the gate failed: too weak"):
        run()
    assert not git("tag")


def test_without_an_evaluation_there_is_nothing_to_promote(isolated):
    with pytest.raises(UserError, match="dvc repro"):
        promote.run(parser().parse_args(["promote"]))


def finish() -> None:
    found = parser().parse_args(["finish"])
    found.run(found)


@pytest.mark.slow
def test_finish_holds_nothing_out_once_the_measured_run_is_committed(repository, capsys):
    measured = params.load()
    assert measured.curate.holdout_pages > 0
    (repository / "source.json").write_text("{}")
    with pytest.raises(UserError, match="commit it"):
        finish()
    git("checkout", "source.json")
    finish()
    finished = params.load()
    assert (finished.curate.holdout_pages, finished.curate.holdout_facts) == (0, 0)
    assert finished.train == measured.train
    assert finished.evaluate.gate.set == "eval_seen"
    said = capsys.readouterr().out
    assert git("rev-parse", "--short", "HEAD").strip() in said
    assert "data/exam is empty" in said
    commit("finished")
    with pytest.raises(UserError, match="already"):
        finish()


def test_finish_refuses_what_failed(isolated):
    reports = Path("reports")
    reports.mkdir()
    (reports / "evaluate.json").write_text(json.dumps(PASSED | {"gate": {"passed": False, "reasons": ["too weak"]}}))
    with pytest.raises(UserError, match="too weak"):
        finish()
