"""Reports as they reach the disk."""

from stages.common.base import paths
from stages.common.records.files import read_json, write_report


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
