"""A small data set, formatted, with a tiny model to train."""

import shutil
from pathlib import Path
from types import ModuleType

import pytest

from stages.common.base import paths
from stages.common.records.files import write_jsonl
from stages.format import __main__ as format_stage
from support.settings import change_params


def dataset_row(i: int) -> dict:
    return {
        "pair_id": f"p{i}",
        "chunk_id": f"c{i}",
        "instruction": f"What is the size of part {i}?",
        "input": "",
        "output": f"`{i * 7}`",
        "evidence": f"`{i * 7}`",
        "style": "lookup",
        "request_key": "",
        "fact_id": f"f{i}",
        "path": f"page{i}.md",
        "line_start": 1,
        "line_end": 2,
    }


@pytest.fixture
def prepared(tiny_model, write_params, monkeypatch):
    """Formatted rows for the tiny model; call it to write params with changes. A training ends with 16 answers; each of
    their tokens costs as much as a step, and a few tell as much as 32."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("stages.train.as_trained.TOKENS", 6)

    def prepare(**changes):
        settings = {"model.name": str(tiny_model), "model.dtype": "float32", "lora.r": 4, "train.max_steps": 6}
        settings |= {"train.logging_steps": 1, "evaluate.max_new_tokens": 4, "evaluate.max_rows": 4}
        write_params(settings | {key.replace("__", "."): value for key, value in changes.items()})
        rows = [dataset_row(i) for i in range(40)]
        for name, part in zip(paths.SPLITS, (rows[:32], rows[32:36], rows[36:]), strict=True):
            write_jsonl(paths.DATASET / f"{name}.jsonl", part)
        format_stage.main()

    return prepare


@pytest.fixture(scope="session")
def runs() -> dict[str, Path]:
    """What stages left behind in this process, by what they were asked for."""
    return {}


@pytest.fixture
def after(prepared, runs, tmp_path, tmp_path_factory):
    """`prepared` and some stages behind it: run once for each set of changes, and copied wherever it is wanted again.
    Settings of merge are no part of a training, and are written afterwards."""

    def run(*stages: ModuleType, **changes: object) -> None:
        own = {key: changes.pop(key) for key in list(changes) if key.startswith("merge__")}
        key = repr(([stage.__name__ for stage in stages], sorted(changes.items())))
        if key in runs:
            shutil.copytree(runs[key], tmp_path, symlinks=True, dirs_exist_ok=True)
        else:
            prepared(**changes)
            for stage in stages:
                stage.main()
            runs[key] = tmp_path_factory.mktemp("after") / "project"
            shutil.copytree(tmp_path, runs[key], symlinks=True)
        change_params(tmp_path / "params.yaml", {name.replace("__", "."): value for name, value in own.items()})

    return run


def adapter_bytes() -> bytes:
    return (paths.ADAPTER / "adapter_model.safetensors").read_bytes()
