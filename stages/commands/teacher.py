"""Serve a GGUF model to the llm backend: llama.cpp's OpenAI-compatible server, on this machine only.

Prints the two variables for the llm backend when the server is ready, and runs until Ctrl-C.

Examples:
  doclore teacher models/teacher.gguf
"""

import argparse
import secrets
import sys
from pathlib import Path

from stages.common.base.ports import listening
from stages.common.base.printable import say

ANYWHERE = True
HOST = "127.0.0.1"


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", type=Path, help="GGUF file of an instruct model")
    command.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    command.add_argument("--slots", type=positive, default=2, help="requests answered at once (default: %(default)s)")
    command.add_argument(
        "--context",
        type=positive,
        default=6144,
        help="tokens of prompt plus answer per slot (default: %(default)s)",
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
    from stages.merge.servers import llama_cpp

    llama_cpp.require_gguf(arguments.model)
    listening(HOST, arguments.port).close()
    key, name = secrets.token_hex(16), arguments.model.stem
    llama_cpp.end_at_interrupt()
    settings = llama_cpp.parameters(arguments.model, name, HOST, arguments.port, key)
    settings.n_parallel, settings.n_ctx = arguments.slots, arguments.slots * arguments.context
    settings.cpuparams.n_threads = arguments.threads
    server = llama_cpp.start(settings, f"--slots {arguments.slots} of --context {arguments.context}")
    say(f"export OPENAI_BASE_URL={server.listening_address}/v1\nexport OPENAI_API_KEY={key}", flush=True)
    say(
        f"teacher: {name} is ready, Ctrl-C stops it; type the two lines above in another terminal, then\n"
        f"dvc exp run -S generate.backend=llm -S generate.model={name} -S generate.concurrency={arguments.slots}",
        file=sys.stderr,
    )
    llama_cpp.wait()
