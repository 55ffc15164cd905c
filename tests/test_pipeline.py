"""dvc.yaml tells the truth about the code, and DVC behaves: each claim in a temporary clone with the real `dvc`."""

import ast
import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Clone, change_params
from ruamel.yaml import YAML

STAGES = ["ingest", "chunk", "generate", "curate", "format", "train", "merge", "evaluate"]
PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def shared_imports(path: Path) -> set[str]:
    """The modules and packages of stages/shared that a file, or a package's files, import: paths from the root."""
    found = set()
    files = (ROOT / path).rglob("*.py") if (ROOT / path).is_dir() else [ROOT / path]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "stages.shared":
            found |= {module_or_package(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages.shared."):
            found.add(module_or_package(str(node.module).split(".")[2]))
    return found


def module_or_package(name: str) -> str:
    package = f"stages/shared/{name}"
    return package if (ROOT / package).is_dir() else f"{package}.py"


def all_shared_imports(file: Path) -> set[str]:
    found: set[str] = set()
    waiting = shared_imports(file)
    while waiting - found:
        module = (waiting - found).pop()
        found.add(module)
        waiting |= shared_imports(Path(module))
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_its_script_and_on_every_shared_module_it_imports(stage):
    listed = {dep for dep in PIPELINE[stage]["deps"] if dep.startswith("stages/") and not dep.endswith(".jinja")}
    assert listed == all_shared_imports(Path(f"stages/{stage}.py")) | {f"stages/{stage}.py"}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_file_and_params_section_have_the_same_name(stage):
    section = "docs" if stage == "ingest" else stage  # what ingest reads is named after what it is
    assert PIPELINE[stage]["cmd"] == f"python -m stages.{stage}"
    assert any(param.split(".")[0] == section for param in PIPELINE[stage]["params"])


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another_stage(stage):
    tree = ast.parse((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not modules & {"stages", *(f"stages.{other}" for other in STAGES)}


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


slow = pytest.mark.slow


@slow
def test_repro_runs_nothing_when_nothing_changed(clone):
    assert clone.repro() == []


@slow
@pytest.mark.parametrize(
    ("change", "first"),
    [("lora.r=2", "train"), ("format.mode=alpaca", "format"), ("chunk.max_tokens=512", "chunk")],
)
def test_a_changed_value_runs_only_the_stages_behind_it(clone, change, first):
    assert clone.experiment("--set-param", change) == STAGES[STAGES.index(first) :]


@slow
def test_a_value_set_back_costs_no_second_run(clone):
    clone.experiment("--set-param", "lora.r=2")
    assert clone.experiment("--set-param", "lora.r=4") == []


@slow
def test_metrics_plots_and_experiments_have_content(clone):
    clone.experiment("--set-param", "lora.r=2", "--name", "narrow")
    metrics = json.loads(clone.run("dvc", "metrics", "show", "--json"))[""]["data"]
    assert {f"reports/{stage}.json" for stage in STAGES} == set(metrics)
    assert metrics["reports/evaluate.json"]["data"]["eval_seen"]["tuned_closed"]["loss"] > 0
    plots = clone.run("dvc", "plots", "show", "--show-vega", "reports/train_log.json")
    assert '"loss"' in plots and '"step"' in plots
    cells = json.loads(clone.run("dvc", "plots", "show", "--show-vega", "reports/cells.json"))["data"]["values"]
    evaluation = metrics["reports/evaluate.json"]["data"]
    for row in cells:
        split, cell = row["cell"].split()
        assert row["key_values"] == evaluation[split][cell]["key_values"], "the plot has the metrics' numbers"
    shown = json.loads((clone.directory / "reports/evaluate.json").read_text())  # what the report's page is made of
    assert len(cells) == 10 and all(evaluation[split] == shown[split] for split in ("eval_seen", "eval_unseen"))
    table = clone.run("dvc", "exp", "show", "--csv")
    assert "narrow" in table and "loss_last" in table


@slow
def test_a_colleague_who_pulls_runs_no_stage(finished, tmp_path):
    finished.run("dvc", "remote", "add", "--default", "--force", "store", str(tmp_path / "remote"))
    finished.run("dvc", "push", "--quiet")
    finished.run("git", "commit", "--quiet", "--all", "--message=remote")
    finished.run("git", "clone", "--quiet", str(finished.directory), str(tmp_path / "colleague"))
    colleague = Clone(tmp_path / "colleague")
    colleague.run("dvc", "pull", "--quiet")
    assert colleague.repro() == []
    assert (colleague.directory / "models/merged/model.safetensors").exists()


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
