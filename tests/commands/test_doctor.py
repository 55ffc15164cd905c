"""doclore doctor finds what would fail later, and says what to do."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from stages.commands import check, doctor
from stages.commands.examining import cards, machine, services
from stages.common.base import params
from stages.common.base.errors import UserError
from support.repository import ROOT

ONLINE = {"generate.backend": "llm", "generate.model": "teacher"}


def test_an_endpoint_that_answers_is_good_and_asked_once(endpoint, write_params):
    endpoint.reply = lambda body: "ok"
    settings = params.load(write_params(ONLINE))
    ((section, connection),) = services.asked(settings)
    kind, line = services.endpoint(section, connection)
    assert kind == "good", line
    assert endpoint.url in line and "answers as teacher" in line


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OPENAI_BASE_URL": ""}, "OPENAI_BASE_URL is not set, so nothing is sent"),
        ({"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "http://127.0.0.1:9"),
        ({"OPENAI_BASE_URL": "localhost"}, "accepted is an address such as"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_one_line(endpoint, write_params, monkeypatch, variables, told):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = params.load(write_params(ONLINE))
    kind, line = services.endpoint("generate", settings.generate)
    assert kind == "bad" and told in line and "\n" not in line


def test_no_endpoint_is_asked_while_no_section_needs_one(write_params):
    assert list(services.asked(params.load(write_params()))) == []


@pytest.mark.parametrize(
    ("torch", "driver", "told"),
    [
        ("2.13.0+cpu", "590.1", "make setup-gpu"),
        ("2.13.0", "550.9", "which takes cu126"),  # PyPI's, whose version does not say that it is built for CUDA 13
        ("2.13.0+cu126", "550.9", None),
        ("2.13.0+cu126", "470.9", "too old for PyTorch"),
        ("2.13.0", "590.1", None),
    ],
)
def test_a_gpu_that_the_installed_torch_cannot_use_is_found(write_params, monkeypatch, torch, driver, told):
    monkeypatch.setattr(cards, "asked", lambda: ([cards.Card("H200", driver, 143.0, (9, 0))], ""))
    monkeypatch.setattr(machine, "version", lambda name: torch)
    found = [line for kind, line in machine.gpu(params.load(write_params())) if kind == "bad"]
    assert bool(found) == bool(told) and (not told or told in found[0])


def test_a_python_or_a_disk_that_will_not_do_is_found(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    assert machine.python()[0] == "bad"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5e8))
    assert machine.disk()[0] == "bad"


def test_a_base_model_that_the_hub_does_not_give_is_found(write_params, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    ((kind, line),) = services.hub(params.load(write_params({"model.name": "owner/name"})))
    assert kind == "bad" and "http://127.0.0.1:9 cannot be reached" in line


def test_what_check_refuses_is_listed_and_counted(write_params, capsys):
    write_params({"chunk.encoding": "cl100k"})
    shutil.copyfile(ROOT / "dvc.yaml", "dvc.yaml")
    with pytest.raises(UserError, match="problems to fix"):
        doctor.run(SimpleNamespace(offline=True))
    assert "✗ params.yaml: chunk.encoding = 'cl100k'" in capsys.readouterr().out


def test_values_that_an_experiment_left_behind_are_told_with_the_way_back(write_params):
    file = write_params()
    for command in (["init", "-q"], ["add", "params.yaml"],
                    ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"]):  # fmt: skip
        subprocess.run(["git", *command], check=True)
    assert list(check.differences()) == []
    write_params({"lora.r": 99, "chunk.max_tokens": 300})
    subprocess.run(["git", "add", "params.yaml"], check=True)  # as DVC stages it
    (line,) = check.differences()
    assert "lora.r: " in line and "→ 99" in line and "chunk.max_tokens" in line
    subprocess.run(line.rpartition("type: ")[2].split(), check=True)
    assert list(check.differences()) == [] and params.load(file).lora.r != 99
