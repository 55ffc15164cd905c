"""DVC behaves: each claim in a temporary clone with the real `dvc`."""

import json
import shutil
from collections.abc import Iterator

import pytest

from support.clone import STAGES, Clone
from support.edits import EDITS
from support.remotes import KEYS, bucket, sftp_server
from support.settings import change_params


@pytest.fixture(scope="module")
def finished(make_clone) -> Clone:
    """A clone in which the whole chain has run once and is committed."""
    clone = make_clone()
    assert clone.repro() == STAGES
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message=first run")
    return clone


@pytest.fixture
def clone(finished, tmp_path) -> Clone:
    """A copy of the finished clone, DVC's cache included, for one test to change."""
    shutil.copytree(finished.directory, tmp_path / "clone", symlinks=True)
    return Clone(tmp_path / "clone")


@pytest.fixture(scope="module")
def narrow(finished, tmp_path_factory) -> tuple[Clone, list[str]]:
    """A copy of the finished clone with one experiment of a smaller rank, and the stages that it ran."""
    directory = tmp_path_factory.mktemp("narrow") / "clone"
    shutil.copytree(finished.directory, directory, symlinks=True)
    clone = Clone(directory)
    return clone, clone.experiment("--set-param", "lora.r=2", "--name", "narrow")


slow = pytest.mark.slow


@slow
def test_repro_runs_nothing_when_nothing_changed(clone):
    assert clone.repro() == []


@slow
def test_dvc_sees_an_edit_as_the_table_says(clone):
    """DVC's own word for each row; for those that make nothing stale all at once."""
    of_no_stage = [edited for edited, stages in EDITS.items() if not stages]
    for edits, stages in [(of_no_stage, []), *(([edited], stages) for edited, stages in EDITS.items() if stages)]:
        before = {clone.directory / edited: (clone.directory / edited).read_bytes() for edited in edits}
        for file, content in before.items():
            file.write_bytes(content + b"\n")
        states = json.loads(clone.run("dvc", "status", "--json"))
        assert [stage for stage in STAGES if stage in states] == stages, edits
        for file, content in before.items():
            file.write_bytes(content)


@slow
@pytest.mark.parametrize(
    ("change", "first", "last"),
    [("format.mode=alpaca", "format", "report"), ("chunk.max_tokens=512", "chunk", "format")],
)
def test_a_changed_value_runs_only_the_stages_behind_it(clone, change, first, last):
    """The second experiment ends with the stage at which the first begins."""
    stages = STAGES[STAGES.index(first) : STAGES.index(last) + 1]
    assert clone.experiment("--set-param", change, last) == stages


@slow
def test_a_changed_value_of_the_adapter_runs_the_training_and_what_is_behind_it(narrow):
    assert narrow[1] == STAGES[STAGES.index("train") :]


@slow
def test_metrics_plots_and_experiments_have_content(narrow):
    clone, _ = narrow
    metrics = json.loads(clone.run("dvc", "metrics", "show", "--json"))[""]["data"]
    assert {f"reports/headline/{stage}.json" for stage in STAGES[:-1]} == set(metrics)
    assert sum(len(one["data"]) for one in metrics.values()) <= 40, "few enough to be read side by side"
    plots = clone.run("dvc", "plots", "show", "--show-vega", "reports/train_log.json")
    assert '"loss"' in plots and '"step"' in plots
    cells = json.loads(clone.run("dvc", "plots", "show", "--show-vega", "reports/cells.json"))["data"]["values"]
    evaluation = json.loads((clone.directory / "reports/evaluate.json").read_text())  # what the page is made of
    for row in cells:
        split, cell = row["cell"].split()
        assert row["key_values"] == evaluation[split][cell]["key_values"], "the plot has the metrics' numbers"
    told = metrics["reports/headline/evaluate.json"]["data"]
    assert len(cells) == 12 and told["eval_seen_tuned"] == evaluation["eval_seen"]["tuned_closed"]["key_values"]
    table = clone.run("dvc", "exp", "show", "--csv")
    assert "narrow" in table and "loss_last" in table


@slow
def test_a_value_set_back_costs_no_second_run(narrow):
    assert narrow[0].experiment("--set-param", "lora.r=4") == []


@pytest.fixture(params=["directory", "s3", "ssh"])
def remote(request, tmp_path, monkeypatch) -> Iterator[list[tuple[str, ...]]]:
    """The words after `dvc remote` that set one up."""
    if request.param == "directory":
        yield [("add", "-d", "team", str(tmp_path / "remote"))]
    elif request.param == "s3":
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        with bucket() as address:
            yield [("add", "-d", "team", "s3://team/doclore"), ("modify", "team", "endpointurl", address)]
    else:
        with sftp_server(tmp_path) as (port, key):
            there = f"ssh://somebody@127.0.0.1:{port}{tmp_path}/remote"
            yield [("add", "-d", "team", there), ("modify", "team", "keyfile", str(key))]


@slow
def test_a_colleague_who_pulls_trains_and_asks_nothing_again(finished, remote, tmp_path):
    for name in ("ours", "theirs"):
        finished.run("git", "clone", "--quiet", str(finished.directory), str(tmp_path / name))
    ours, theirs = Clone(tmp_path / "ours"), Clone(tmp_path / "theirs")
    ours.run("dvc", "cache", "dir", "--local", str(finished.directory / ".dvc/cache"))
    for words in remote:
        ours.run("dvc", "remote", *words)
    ours.run("dvc", "push", "--quiet")
    ours.run("git", "commit", "--quiet", "--all", "--message=remote")
    theirs.run("git", "pull", "--quiet", str(ours.directory))
    theirs.run("dvc", "pull", "--allow-missing", "--quiet")
    assert theirs.repro("--allow-missing") == []
    assert not (theirs.directory / "models/merged").exists()
    if remote[0][-1].startswith("/"):  # once is enough
        assert theirs.repro() == ["merge"], "made from adapter and base to the same bytes, so nothing runs behind it"


@slow
def test_a_failed_stage_leaves_its_previous_outputs_intact(clone):
    adapter = clone.directory / "models/adapter/adapter_model.safetensors"
    before = adapter.read_bytes()
    change_params(clone.directory / "params.yaml", {"lora.target_modules": ["q_prj"]})
    output = clone.run("dvc", "repro", code=None)
    assert "the model has no 'q_prj'" in output and "Traceback" not in output
    assert adapter.read_bytes() == before


@slow
def test_a_wrong_value_stops_the_first_stage_with_one_line(clone):
    pairs = (clone.directory / "data/pairs.jsonl").read_bytes()
    output = clone.run("dvc", "exp", "run", "--set-param", "generate.phrasings=many", code=None)
    assert "params.yaml: generate.phrasings = 'many': accepted is a valid integer" in output
    assert "exited with 2" in output and "Traceback" not in output
    assert (clone.directory / "data/pairs.jsonl").read_bytes() == pairs


@slow
def test_a_page_that_vanishes_takes_its_rows_along_and_a_renamed_one_keeps_them(clone):
    docs, dataset = clone.directory / "docs", clone.directory / "data/pairs.jsonl"
    before = dataset.read_text("utf-8")
    assert "amber.size" in before
    (docs / "amber.md").unlink()
    (docs / "birch.md").rename(docs / "zebra.md")
    clone.repro("curate")
    after = dataset.read_text("utf-8")
    assert "amber.size" not in after
    assert sorted(line for line in before.splitlines() if "amber" not in line) == sorted(after.splitlines())
