"""Words and stages where a kill or a full disk left half a file: a line that names it, never a traceback."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from stages.commands import main as doclore
from stages.common.base import timings
from support.repository import ROOT

HALF = '{"path": "x'
STAGES = ("ingest", "chunk", "generate", "curate", "format", "train", "merge", "evaluate")
ROWS = ("docs", "chunks", "pairs", "rejected", "dataset/train", "dataset/eval_seen", "dataset/eval_unseen")


@pytest.fixture(autouse=True)
def half_made() -> None:
    """A project each of whose outputs ends in the middle of its first row."""
    for name in ("params.yaml", "dvc.yaml"):
        Path(name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    for file in [
        *(Path(f"data/{name}.jsonl") for name in ROWS),
        *(Path(f"reports/{n}.json") for n in STAGES),
    ]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HALF, "utf-8")
    Path("models/merged").mkdir(parents=True)


def complaint(capsys) -> str:
    *_, last = capsys.readouterr().err.strip().splitlines()
    return last


@pytest.mark.parametrize(
    "words", ["summary", "why x", "why page.md", "preview", "review --no-browser", "promote", "finish"]
)
def test_a_word_names_the_file_that_is_half_written(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["doclore", *words.split()])
    with pytest.raises(SystemExit) as ended:
        doclore.main()
    assert ended.value.code == 1
    assert "is not JSON" in (line := complaint(capsys)) and line.startswith("doclore: ")


@pytest.mark.parametrize(
    ("stage", "said"),
    [("chunk", "data/docs.jsonl"), ("generate", "data/chunks.jsonl"), ("curate", "data/chunks.jsonl"),
     ("report", "reports/ingest.json"), ("evaluate", "models/merged")],
)  # fmt: skip
def test_a_stage_names_the_file_that_is_half_written(stage, said):
    module = import_module(f"stages.{stage}.__main__")
    with pytest.raises(Exception, match=said) as caught:
        module.main()
    assert type(caught.value).__name__ in ("UserError", "FileNotFoundError")  # run_stage makes lines of both


@pytest.mark.parametrize("text", ["{{{", "", "- 1", "stages: 5", "stages:\n"])
@pytest.mark.parametrize("words", ["check", "doctor --offline"])
def test_a_dvc_yaml_without_stages_is_one_line(monkeypatch, capsys, text, words):
    Path("docs/faq").mkdir(parents=True)
    Path("docs/faq/lamp.md").write_text("# Lamp\n\nThe lamp is a signal.\n", "utf-8")
    Path("dvc.yaml").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "argv", ["doclore", *words.split()])
    with pytest.raises(SystemExit):
        doclore.main()
    assert "dvc.yaml" in complaint(capsys)


def test_a_log_of_times_that_was_cut_off_says_what_its_whole_lines_say():
    timings.append("chunk", 2)
    with Path(".cache/timings.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"stage": "gen')
    assert timings.latest() == {"chunk": 2}
