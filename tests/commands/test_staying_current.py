"""Ten of sixty facts change after a model was promoted: what `doclore update` says, and both ways to a new model."""

import re
from pathlib import Path

import pytest

from stages.chunk import __main__ as chunk
from stages.commands.main import parser
from stages.common.base import paths
from stages.common.records.files import read_json, read_jsonl
from stages.curate import __main__ as curate
from stages.evaluate import __main__ as evaluate
from stages.format import __main__ as format_stage
from stages.generate import __main__ as generate
from stages.ingest import __main__ as ingest
from stages.ingest.sources import __main__ as sources
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from support.clone import NAMES
from support.repository import typed
from support.settings import change_params

PAGES, FACTS, CHANGED = 6, 10, 10
SETTINGS = {
    "docs.path": "pages", "model.dtype": "float32", "lora.r": 4, "generate.phrasings": 4, "generate.searches": 0,
    "curate.holdout_pages": 0.0, "curate.forms.unanswerable_exam": 0, "evaluate.max_rows": 60,
    "evaluate.max_context_rows": 1, "evaluate.retrieved_chunks": 0, "evaluate.max_new_tokens": 4,
}  # fmt: skip


def write_pages(changed: int = 0) -> None:
    """Sixty settings on six pages; the first `changed` of them have another default than before."""
    Path("pages").mkdir(exist_ok=True)
    for page in range(PAGES):
        name = NAMES[page]
        lines = [
            f"# {name}",
            "",
            f"The {name} is part {page} of the machine.",
            "",
            "| Key | Default |",
            "| --- | --- |",
        ]
        for fact in range(FACTS):
            number = page * FACTS + fact
            lines.append(f"| `{name}.key{fact}` | {number * 7 + 1003 + 50_000 * (number < changed)} rows |")
        (Path("pages") / f"{name}.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def run(*stages) -> None:
    for stage in stages:
        stage.main()


def trained(capsys) -> tuple[int, dict]:
    """The steps of a training by the settings as they are, and the freshness that evaluate measures."""
    run(format_stage, train, merge, evaluate)
    capsys.readouterr()
    return read_json(paths.REPORTS / "train.json")["steps"], read_json(paths.REPORTS / "evaluate.json")["freshness"]


@pytest.mark.slow  # the stages from the pages to the figures, twice
def test_ten_changed_facts_cost_a_part_of_the_steps_and_are_measured_either_way(
    tiny_model, write_params, tmp_path, capsys
):
    write_params(SETTINGS | {"model.name": str(tiny_model)})
    write_pages()
    run(sources, ingest, chunk, generate, curate, format_stage, train)
    typed("git", "init", "--quiet")
    typed("dvc", "init", "--quiet")
    typed("dvc", "add", "--quiet", str(paths.DATASET), str(paths.REJECTED), str(paths.ADAPTER))
    typed("git", "add", ".")
    typed("git", "-c", "user.name=A", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", "One")
    typed("git", "tag", "model@v0.1.0")

    write_pages(CHANGED)
    run(sources, ingest, chunk, generate, curate)
    capsys.readouterr()
    words = parser().parse_args(["update", "--keep", "0.1"])
    words.run(words)
    said = capsys.readouterr().out
    facts = list(read_jsonl(paths.PREVIOUS / "facts.jsonl"))
    assert len(facts) == CHANGED and all(fact["new"] and fact["new"] != fact["old"] for fact in facts)
    assert {fact["path"] for fact in facts} == {f"{NAMES[0]}.md"}
    assert f"facts with another answer: {CHANGED}; facts that are gone: 0" in said
    assert "language model: generate.backend is extractive, which asks none" in said
    plan = re.search(r"optimizer steps: about (\d+) from scratch, about (\d+) continuing", said)
    start, known_rows = re.search(r"-S train.start_from=(\S+) -S format.known_rows=(\S+)$", said.strip()).groups()

    all_steps, scratch = trained(capsys)
    change_params(tmp_path / "params.yaml", {"train.start_from": start, "format.known_rows": float(known_rows)})
    fewer_steps, going_on = trained(capsys)
    assert int(plan[1]) == all_steps and abs(int(plan[2]) - fewer_steps) <= 2, "as it was said"
    assert fewer_steps <= 0.4 * all_steps
    for table in (scratch, going_on):
        assert table["rows"] == CHANGED
        for model in ("base_closed", "tuned_closed"):
            figures = table[model]
            assert (figures["changed"], figures["gone"]) == (CHANGED, 0)
            assert 0 <= figures["new"] <= 1 and 0 <= figures["stale"] <= 1 - figures["new"]
    assert scratch["base_closed"] == going_on["base_closed"], "the base is the same, and asked once"
