"""Serve a GGUF model to the llm backend: llama.cpp's OpenAI-compatible server, on this machine only.

Prints the two variables that the llm backend reads once the server answers, and runs until Ctrl-C.
"""

import argparse
import os
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from stages.shared.errors import UserError

HOST = "127.0.0.1"
MAGIC = b"GGUF"


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", type=Path, help="GGUF file of an instruct model")
    command.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    command.add_argument("--slots", type=positive, default=2, help="requests answered at once (default: %(default)s)")
    command.add_argument(
        "--context",
        type=positive,
        default=6144,
        help="tokens of prompt and answer together in a slot (default: %(default)s)",
    )
    command.add_argument(
        "--threads", type=positive, default=-1, help="threads on the CPU (default: llama.cpp's choice)"
    )


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def run(arguments: argparse.Namespace) -> None:
    require_gguf(arguments.model)
    require_free(arguments.port)
    # Python's own handler would run only after llama.cpp has loaded the model, which takes minutes for a large one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    key, name = secrets.token_hex(16), arguments.model.stem
    server = serve(arguments, key)
    print(f"export OPENAI_BASE_URL={server.listening_address}/v1\nexport OPENAI_API_KEY={key}", flush=True)
    print(
        f"teacher: {name} is ready, Ctrl-C stops it; in another terminal type the two lines above, then\n"
        f"dvc exp run -S generate.backend=llm -S generate.model={name} -S generate.concurrency={arguments.slots}",
        file=sys.stderr,
    )
    while True:
        signal.pause()


def require_gguf(file: Path) -> None:
    """Raise a UserError unless `file` begins like a GGUF file."""
    try:
        with file.open("rb") as stream:
            found = stream.read(len(MAGIC))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; name a GGUF file, such as a model's *.gguf from a hub") from None
    if found != MAGIC:
        raise UserError(f"{file} is no GGUF file; llama.cpp's convert_hf_to_gguf.py makes one from a model's directory")


def require_free(port: int) -> None:
    """Raise a UserError when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise UserError(f"--port {port}: {error}; leave it out for a free one") from None


def serve(arguments: argparse.Namespace, key: str) -> Any:
    """A running server of xllamacpp; it has loaded the model and answers. Raises UserError when it cannot."""
    # Read when llama.cpp is loaded: threads that wait for work would otherwise spin, and a small machine stalls.
    os.environ.update(OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0")
    try:
        import xllamacpp
    except ImportError:
        raise UserError("doclore teacher needs llama.cpp; type: pip install -e '.[teacher]'") from None
    settings = xllamacpp.CommonParams()
    settings.model.path = str(arguments.model)
    settings.model_alias = {arguments.model.stem}
    settings.api_keys = [key]
    settings.hostnames = [HOST]
    settings.port = arguments.port
    settings.n_parallel = arguments.slots
    settings.n_ctx = arguments.slots * arguments.context
    settings.cpuparams.n_threads = arguments.threads
    settings.verbosity = 0
    try:
        return xllamacpp.Server(settings)
    except RuntimeError:
        raise UserError(
            f"llama.cpp cannot load {arguments.model}: the file is incomplete, of a newer format, or too large for the "
            f"memory with --slots {arguments.slots} of --context {arguments.context}"
        ) from None
