"""The house: which room imports which, and that dvc.yaml names exactly the code that each stage runs."""

import ast
import functools
import subprocess
import sys
from pathlib import PurePosixPath

import pytest
from ruamel.yaml import YAML

from support.clone import STAGES
from support.edits import EDITS
from support.repository import ROOT

PIPELINE = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
FREE = ("stages/common/schema/", "stages/common/base/")  # values are tracked as params; the base changes no output
LIMIT = 45  # lines of dvc.yaml that name code


@functools.cache
def modules() -> dict[str, str]:
    """Dotted names of all modules and packages in stages/ -> their files, from the root."""
    files = [file.relative_to(ROOT) for file in (ROOT / "stages").rglob("*.py")]
    return {".".join(file.with_suffix("").parts).removesuffix(".__init__"): file.as_posix() for file in files}


@functools.cache
def imported_by(module: str) -> frozenset[str]:
    """The modules of stages/ that a module names in an import, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / modules()[module]).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found |= {full if full in modules() else str(node.module)} & modules().keys()
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & modules().keys()
    return frozenset(found)


def reached(module: str) -> set[str]:
    """Files of everything that a module imports, directly or not, and its own."""
    found, waiting = set(), {module}
    while waiting:
        found.add(name := waiting.pop())
        waiting |= imported_by(name) - found
    return {modules()[name] for name in found}


def room(file: str) -> str:
    """stages/NAME, or stages/common/NAME."""
    parts = PurePosixPath(file).parts
    return "/".join(parts[: 3 if parts[1] == "common" else 2])


def needed(stage: str) -> list[str]:
    """What dvc.yaml has to name: the own room, of the common ones the largest directories that a stage imports whole,
    and modules of others."""
    own = f"stages/{stage}"
    files = {file for file in reached(f"stages.{stage}.__main__") if not file.endswith("__init__.py")}
    found = {whole(file, files) for file in files if not file.startswith((*FREE, f"{own}/"))}
    return [own, *sorted(found)]


def whole(file: str, files: set[str]) -> str:
    """The largest directory of a common room that holds the module and none that is not in `files`, else the module."""
    rest = {other for other in modules().values() if not other.endswith("__init__.py")} - files
    for directory in map(str, list(PurePosixPath(file).parents)[-4::-1]):
        if not any(other.startswith(f"{directory}/") for other in rest):
            return directory
    return file


def code_of(stage: str) -> list[str]:
    return [dep for dep in PIPELINE[stage]["deps"] if dep.startswith("stages/")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_imports_and_on_no_more(stage):
    assert code_of(stage) == needed(stage)


def test_the_stage_that_always_runs_names_no_code():
    """It has the stage behind it run again only when what it wrote is another."""
    sources = PIPELINE["sources"]
    assert sources["cmd"] == "python -m stages.ingest.sources" and sources["always_changed"] and "deps" not in sources
    assert PIPELINE["ingest"]["deps"][0] == "data/sources.jsonl"
    assert set(PIPELINE) == {"sources", *STAGES}


def test_the_code_dependencies_stay_few():
    assert sum(len(code_of(stage)) for stage in STAGES) <= LIMIT


@pytest.mark.parametrize("stage", STAGES)
def test_stage_package_and_params_section_have_the_same_name(stage):
    assert PIPELINE[stage]["cmd"] == f"python -m stages.{stage}"
    sections = {str(param).split(".")[0] for param in PIPELINE[stage]["params"]}
    if stage != "report":  # it has no section of its own: it shows all of them
        assert {"ingest": "docs"}.get(stage, stage) in sections


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_other_stage_and_no_command(stage):
    foreign = {file for file in reached(f"stages.{stage}.__main__") if room(file) != f"stages/{stage}"}
    assert {file for file in foreign if not file.startswith(("stages/common/", "stages/__init__"))} == set()


def test_common_rooms_import_no_stage_and_no_command():
    for module, file in modules().items():
        if file.startswith("stages/common/"):
            names = {name.split(".")[1] for name in imported_by(module) if name != "stages"}
            assert names <= {"common"}, file


def test_the_schema_holds_pydantic_classes_and_nothing_that_reads_or_raises_errors_of_ours():
    for module, file in modules().items():
        if file.startswith("stages/common/schema/"):
            assert all(name.startswith("stages.common.schema") for name in imported_by(module)), file


def test_the_data_half_loads_no_large_library_before_it_needs_one():
    stages = ", ".join(f"stages.{stage}.__main__" for stage in ("ingest", "chunk", "generate", "curate", "format"))
    large = {"aiohttp", "bm25s", "detect_secrets", "openai", "requests", "scipy", "torch", "transformers"}
    code = f"import sys, {stages}; print(sorted({large} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def stale(edited: str) -> list[str]:
    return [
        stage
        for stage in STAGES
        if any(edited == dep or edited.startswith(f"{dep}/") for dep in map(str, PIPELINE[stage]["deps"]))
    ]


@pytest.mark.parametrize(("edited", "stages"), EDITS.items())
def test_an_edit_makes_these_stages_stale(edited, stages):
    assert (ROOT / edited).is_file()
    assert stale(edited) == stages
