"""doclore try: a first look that needs neither DVC nor a model, and leaves nothing behind."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from stages.commands.trying import rehearsal
from support.clone import PAGES
from support.repository import ROOT


@pytest.fixture
def docs(tmp_path) -> Path:
    directory = tmp_path / "manual"
    directory.mkdir()
    for name, text in PAGES.items():
        (directory / name).write_text(text, encoding="utf-8")
    (directory / "short.md").write_text("# Only a title\n")
    return directory


HEAVY = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "dvc", "datasets"):
            raise ImportError(f"{name} is not to be needed")
sys.meta_path.insert(0, Refused())
from stages.commands.main import main
main()
"""


def test_it_runs_without_dvc_torch_or_an_endpoint_and_writes_nothing(docs, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", HEAVY, "try", "manual", "--pairs", "4"], cwd=tmp_path,
                          env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout
    assert f"{len(PAGES)} pages from {len(PAGES) + 1} files" in said
    assert "(only a title): 1, such as short.md" in said
    assert "largest pages: long.md" in said and "pages held out from training: " in said
    assert "sample pairs: 4" in said and said.count("\n  → ") == 4
    assert "(8 per step, steps: " in said and "`doclore plan` shows" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["manual"]


def test_each_sample_pair_names_lines_that_hold_its_answer(docs, write_params):
    seen = rehearsal.rehearse(docs, write_params())
    assert seen.rows and seen.scale == 1
    for row in seen.rows:
        lines = (docs / row["path"]).read_text("utf-8").splitlines()[row["line_start"] - 1 : row["line_end"]]
        assert row["evidence"].split("\n")[0].strip() in "\n".join(lines)


def test_the_format_that_most_pages_have_is_read_and_told(tmp_path, capsys):
    section = {"include": ["**/*.md"], "exclude": ["**/.*/**"]}
    for name in ("pump.rst", "valve.rst", "theme.html", ".hidden/a.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("The pump\n========\n")
    assert rehearsal.included(str(tmp_path), section) == ["**/*.rst"]
    assert "reading 2 .rst files, too" in capsys.readouterr().out
    (tmp_path / "start.md").write_text("# Start\n")
    assert rehearsal.included(str(tmp_path), section) == ["**/*.md", "**/*.rst"]
    (tmp_path / "next.md").write_text("# Next\n")
    capsys.readouterr()
    for number in range(3):  # a build may have made these
        (tmp_path / f"{number}.html").touch()
    assert rehearsal.included(str(tmp_path), section) == ["**/*.md"] and capsys.readouterr().out == ""


def test_of_many_chunks_whole_pages_are_drawn_and_the_cost_is_scaled_up(docs, write_params, monkeypatch):
    file = write_params()
    whole = rehearsal.rehearse(docs, file)
    monkeypatch.setattr(rehearsal, "SAMPLE", 8)
    part = rehearsal.rehearse(docs, file)
    assert len(part.chunks) == len(whole.chunks) and 8 <= part.sampled < len(whole.chunks)
    assert part.scale == len(whole.chunks) / part.sampled
    drawn = {row["path"] for row in [*part.rows, *part.unseen]}
    assert len(drawn) < len({row["path"] for row in [*whole.rows, *whole.unseen]})


def test_the_values_of_a_project_hold_but_no_model_is_asked(docs, write_params):
    file = write_params({"generate.backend": "llm", "generate.model": "m", "curate.judge.enabled": True,
                         "curate.judge.model": "m", "docs.exclude": ["long.md"]})  # fmt: skip
    seen = rehearsal.rehearse(docs, file)
    assert seen.rows and "long.md" not in {chunk["path"] for chunk in seen.chunks}


def test_a_directory_that_is_not_there_is_one_line(tmp_path):
    word = import_module("stages.commands.try_")
    with pytest.raises(Exception, match=r"nowhere does not exist; name a directory"):
        word.run(type("Arguments", (), {"docs": Path("nowhere"), "pairs": 1}))
