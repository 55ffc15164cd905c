"""Reports as they reach the disk."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.records import files
from stages.common.records.files import beside, read_json, write_jsonl, write_report, write_rows
from support.repository import ROOT


def test_the_headline_holds_the_named_figures_of_the_report_and_leaves_out_what_it_lacks(tmp_path):
    figures = {"pages": 3, "exam": {"tuned": {"right": 0.5}}, "none": None, "zero": 0}
    places = {
        "pages": "pages",
        "right": "exam.tuned.right",
        "base": "exam.base.right",
        "deep": "pages.of",
        "nil": "none",
    }
    write_report("lamp", figures, places | {"zero": "zero"})
    assert read_json(paths.REPORTS / "lamp.json") == figures
    assert read_json(paths.REPORTS / "headline/lamp.json") == {"pages": 3, "right": 0.5, "zero": 0}


def test_what_a_killed_writer_left_is_removed_by_the_next_and_what_others_write_is_left_alone(tmp_path):
    file = tmp_path / "rows.jsonl"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    abandoned, alive, other = (
        tmp_path / name for name in (f".rows.jsonl.{gone.pid}", f".rows.jsonl.{os.getppid()}", f".x.jsonl.{gone.pid}")
    )
    for one in (abandoned, alive, other):
        one.write_text("half a row")
    write_jsonl(file, [{"a": 1}])
    assert {one.name for one in tmp_path.iterdir()} == {"rows.jsonl", alive.name, other.name}


KILLED = """
import os, pathlib, signal, sys
from stages.common.records.files import write_rows
def rows():
    for n in range(6):
        if n == int(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)
        yield {"page": str(n)}
def at(row):
    if row["page"] == sys.argv[2]: os.kill(os.getpid(), signal.SIGKILL)
    return row["page"]
write_rows(pathlib.Path("rows.jsonl"), rows(), at, 2)
"""


@pytest.mark.parametrize(("row", "sorted_row"), [(0, ""), (3, ""), (9, "0"), (9, "4")])
def test_what_a_writer_of_many_rows_leaves_at_whatever_row_it_is_killed_is_removed_by_the_next(row, sorted_row):
    script = [sys.executable, "-c", KILLED, str(row), sorted_row]
    done = subprocess.run(script, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    assert list(Path().iterdir())
    files.left_over.cache_clear()  # the next process has none
    write_rows(Path("rows.jsonl"), [{"page": "1"}], lambda row: row["page"], 2)
    assert [one.name for one in Path().iterdir()] == ["rows.jsonl"]


def test_what_is_written_first_finds_nothing_left_where_there_is_no_directory_yet(tmp_path):
    assert beside(tmp_path / "models/lamp").parent == tmp_path / "models"
