"""llama.cpp's OpenAI-compatible server in this process (https://github.com/ggml-org/llama.cpp/tree/master/tools/server),
by xllamacpp."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from stages.common.base import paths
from stages.common.base.errors import UserError

MAGIC = b"GGUF"


def possible() -> bool:
    return find_spec("xllamacpp") is not None and bool(exports())


def exports() -> list[Path]:
    """The GGUF files of the merged model, the largest, which is nearest to it, first."""
    files = paths.EXPORTS.glob("model-*.gguf")
    return sorted(files, key=lambda file: (-file.stat().st_size, file.name))


def export() -> Path:
    """The file to serve. Raises UserError when there is none."""
    if not (files := exports()):
        raise UserError(f"{paths.EXPORTS}/model-*.gguf does not exist; type: dvc exp run -S 'merge.export=[gguf-q8_0]'")
    return files[0]


def require_gguf(file: Path) -> None:
    """Raise a UserError unless `file` begins like a GGUF file."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(len(MAGIC))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; name a GGUF file, such as a model's *.gguf from a hub") from None
    if magic != MAGIC:
        raise UserError(
            f"{file} is not a GGUF file; llama.cpp's convert_hf_to_gguf.py makes one from a model directory"
        )


def library() -> Any:
    """xllamacpp, loaded with threads that sleep while they wait for work: they would spin, and a small machine stalls.
    Raises UserError without it."""
    os.environ.update(OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0")  # read when it is loaded
    try:
        import xllamacpp
    except ImportError:
        raise UserError("llama.cpp is not installed; type: pip install 'doclore[teacher]'") from None
    return xllamacpp


def end_at_interrupt() -> None:
    """Let Ctrl-C end this process at once. Python's own handler would run only after llama.cpp has loaded the model,
    which takes minutes for a large one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def parameters(file: Path, name: str, host: str, port: int, key: str) -> Any:
    """xllamacpp's settings of a server that asks for the key. Raises UserError without GGUF file or library."""
    require_gguf(file)
    settings = library().CommonParams()
    settings.model.path = str(file)
    settings.model_alias = {name}
    settings.api_keys = [key]
    settings.hostnames = [host]
    settings.port = port
    settings.verbosity = 0
    return settings


def start(settings: Any, room: str) -> Any:
    """A running server; it has loaded the model and answers. Raises UserError, which names `room`, what its memory
    depends on."""
    try:
        return library().Server(settings)
    except RuntimeError:
        raise UserError(
            f"llama.cpp cannot load {settings.model.path}: the file is incomplete, of a newer format, or too large for "
            f"the memory with {room}"
        ) from None


def wait() -> NoReturn:
    """Serve until a signal ends the process."""
    while True:
        signal.pause()
