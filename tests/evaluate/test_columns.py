"""The measures beside the sets, taken by the stage itself with a tiny model, and shown by the report."""

import pytest

from stages.common.base import params, paths
from stages.common.records.files import read_json, read_jsonl, write_jsonl
from stages.evaluate import __main__ as evaluate
from stages.merge import __main__ as merge
from stages.report import page
from stages.train import __main__ as train
from support.settings import change_params

ON = {"evaluate.distractors": 2, "evaluate.unanswerable_rows": 5, "evaluate.retention_rows": 3}


def chunk(number: int) -> dict:
    text = f"The size of part {number} is `{number * 7}`."
    place = {"path": f"page{number}.md", "headings": ["Parts"], "line_start": 1, "line_end": 2}
    return {"chunk_id": f"c{number}", **place, "tokens": 5, "text": text, "also_in": [], "partials": []}


@pytest.mark.slow
def test_base_and_tuned_are_measured_on_request_and_the_report_leads_with_it(after, tmp_path):
    after(train, merge, train__max_steps=3, format__system_prompt="Be brief.", format__mode="alpaca")
    write_jsonl(paths.CHUNKS, map(chunk, range(40)))
    row = next(iter(read_jsonl(paths.DATASET / "eval_seen.jsonl")))
    refusal = row | {"evidence": "", "output": "The documentation does not say.", "form": "unanswerable"}
    absent = [refusal | {"pair_id": f"u{n}", "instruction": f"What is the colour of x{n}?"} for n in range(9)]
    write_jsonl(paths.DATASET / "unanswerable.jsonl", absent)
    evaluate.main()
    plain = read_json(paths.REPORTS / "evaluate.json")
    assert not {"reading", "abstention", "retention", "freshness"} & plain.keys()
    assert {one["split"] for one in read_jsonl(paths.REPORTS / "predictions.jsonl")} <= set(paths.MEASURED)
    change_params(tmp_path / "params.yaml", ON)
    fact = {"question": "What is the size of part 1?", "old": "`6`", "new": "`7`", "path": "page1.md"}
    write_jsonl(paths.PREVIOUS / "facts.jsonl", [fact])
    evaluate.main()
    results = read_json(paths.REPORTS / "evaluate.json")
    assert results["eval_seen"]["tuned_closed"] == plain["eval_seen"]["tuned_closed"], "the sets stay as they were"
    assert results["reading"]["mixed"]["rows"] == results["eval_seen"]["tuned_mixed"]["rows"] == 4
    assert results["abstention"]["tuned_closed"]["rows"] == 5 and results["retention"]["rows"] == 3
    assert {"base_loss", "tuned_loss", "loss_change", "agreement"} <= results["retention"].keys()
    assert results["freshness"]["tuned_closed"]["changed"] == 1
    headline = read_json(paths.REPORTS / "headline" / "evaluate.json")
    assert headline["retention_loss"] == results["retention"]["loss_change"], "experiments are compared by it"
    assert {"reading", "refused", "confident_wrong"} <= headline.keys()
    rows = list(read_jsonl(paths.REPORTS / "predictions.jsonl"))
    assert sum(one["split"] == "unanswerable" for one in rows) == 5
    page.write(paths.REPORTS / "index.html", params.load())
    html = (paths.REPORTS / "index.html").read_text()
    for text in (
        "right with the passage among others",
        "Refuses what the documentation does not answer",
        "nats per token",
    ):
        assert text in html
