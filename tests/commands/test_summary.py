"""doclore summary: what each stage made, and no stage's work credited to another."""

from io import StringIO

from rich.console import Console

from stages.commands.summary import counts_table
from stages.common.base import paths
from stages.common.records.files import write_json

REPORTS = {
    "ingest": {"pages": 9},
    "chunk": {"chunks": 20},
    "generate": {"pairs": 51},
    "curate": {"pairs": 81, "own": 30, "kept": 70, "rejected": 11},
    "format": {"train": {"rows": 60}, "eval_seen": {"rows": 6}, "eval_unseen": {"rows": 4}},
    "train": {"steps": 3, "backend": "trl", "device": "cpu", "dtype": "float32"},
    "evaluate": {"exam": {"rows": 5}, "eval_seen": {"rows": 4}, "headline": {}},
}


def table(**changes: dict) -> dict[str, str]:
    """The lines of the table by stage."""
    for name, figures in (REPORTS | changes).items():
        write_json(paths.REPORTS / f"{name}.json", figures)
    screen = StringIO()
    Console(file=screen, width=120).print(counts_table())
    return {line.split()[1]: line for line in screen.getvalue().splitlines() if len(line.split()) > 3}


def test_rows_of_one_s_own_are_curate_s_and_not_generate_s():
    lines = table()
    assert "51 pairs" in lines["generate"] and "81" not in "".join(lines.values())
    assert "70 pairs kept, 11 rejected, 30 of them yours" in lines["curate"]


def test_without_rows_of_one_s_own_none_are_spoken_of():
    assert "own" not in table(curate=REPORTS["curate"] | {"own": 0})["curate"]


def test_questions_are_evaluate_s_and_the_page_is_report_s():
    lines = table()
    assert " 9 questions " in lines["evaluate"] and "index.html" not in lines["evaluate"]
    assert "index.html" in lines["report"]
