"""Serve the merged model behind an OpenAI-compatible address, on this machine only.

By vLLM where it is installed and there is a GPU, else by transformers' own server. The chat template is the trained one
and answers are greedy unless a request says otherwise. The key is DOCLORE_API_KEY, or a new one that is printed.
"""

import argparse
import os
import secrets
import shutil
import socket
from contextlib import closing
from typing import TYPE_CHECKING

from stages.shared.errors import UserError

if TYPE_CHECKING:
    from stages.shared.params import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0: a free one (default: %(default)s)")
    parser.add_argument("--backend", choices=("auto", "vllm", "transformers"), default="auto")


def run(arguments: argparse.Namespace) -> None:
    from stages.shared import params, paths
    from stages.shared.serving.talk import trained_tokenizer

    trained_tokenizer()  # there is a model, or one line that says what to type
    settings = params.load()
    given = os.environ.get("DOCLORE_API_KEY", "")
    key = given or secrets.token_urlsafe(24)
    model = str(paths.MERGED)
    if choose(arguments.backend) == "vllm":
        run_vllm(arguments, model, settings.format.max_length, key, shown=not given)
    else:
        run_transformers(arguments, model, settings.model, key, shown=not given)


def choose(backend: str) -> str:
    """vllm or transformers. Raises UserError where the one asked for cannot run."""
    from stages.shared.models import device

    possible = device() == "cuda" and shutil.which("vllm") is not None
    if backend == "vllm" and not possible:
        raise UserError(
            "--backend vllm needs vLLM and an NVIDIA GPU; type: pip install vllm, or --backend transformers"
        )
    return "vllm" if possible and backend != "transformers" else "transformers"


def run_vllm(arguments: argparse.Namespace, model: str, context: int, key: str, shown: bool) -> None:
    """Become vLLM's server; the key goes by the environment, so that no list of processes shows it."""
    with closing(listening(arguments.host, arguments.port)) as listener:
        port = listener.getsockname()[1]
    announce(arguments.host, port, model, key, shown)
    os.environ["VLLM_API_KEY"] = key
    options = ["--host", arguments.host, "--port", str(port), "--max-model-len", str(max(2048, 2 * context))]
    os.execvp("vllm", ["vllm", "serve", model, *options])


def run_transformers(arguments: argparse.Namespace, model: str, section: "Model", key: str, shown: bool) -> None:
    try:
        import uvicorn
    except ImportError:
        raise UserError("doclore serve needs uvicorn; type: pip install -e '.[serve]'") from None
    from stages.shared.serving.openai_server import application

    listener = listening(arguments.host, arguments.port)
    app = application(model, section, key)
    announce(arguments.host, listener.getsockname()[1], model, key, shown)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A socket that nobody else listens on. Raises UserError when it cannot be had."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(f"--host {host} --port {port}: {error}; --port 0 takes a free one") from None
    return listener


def announce(host: str, port: int, model: str, key: str, shown: bool) -> None:
    """What to paste into another terminal. A key that came from the environment is not repeated."""
    word = key if shown else "$DOCLORE_API_KEY"
    print(f"doclore serve: {model} at http://{host}:{port}/v1 (Ctrl+C ends). In another terminal:\n")
    print(f"export OPENAI_BASE_URL=http://{host}:{port}/v1 OPENAI_API_KEY={word}")
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "What is a chunk?"}}]}}'
    print("curl $OPENAI_BASE_URL/chat/completions -H 'Content-Type: application/json' \\")
    print(f"  -H \"Authorization: Bearer $OPENAI_API_KEY\" -d '{body}'", flush=True)
