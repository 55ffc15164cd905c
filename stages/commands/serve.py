"""Serve the merged model behind an OpenAI-compatible address, on this machine only.

Uses vLLM if it is installed and there is a GPU, otherwise transformers, otherwise llama.cpp with a GGUF file in
models/exports. Prompts are built as in training, and answers are greedy unless a request says otherwise. The key is
DOCLORE_API_KEY, or a new one that is printed.

Examples:
  doclore serve
  DOCLORE_API_KEY=secret doclore serve --port 0
  doclore serve --search
"""

import argparse
import json
import os
import secrets
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from stages.common.base.errors import UserError
from stages.common.base.ports import listening
from stages.common.base.printable import say

if TYPE_CHECKING:
    from stages.common.schema import Params

SLOTS = 2  # requests that llama.cpp answers at once


class ServerAddress(NamedTuple):
    """Where the model is served, under which name, with which key; `shown`: nobody knows the key yet."""

    host: str
    port: int
    model: str
    key: str
    shown: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0: a free one (default: %(default)s)")
    parser.add_argument("--search", action="store_true", help="put passages found by a search before each question")
    backends = ("auto", "vllm", "transformers", "llamacpp")
    parser.add_argument(
        "--backend", choices=backends, default="auto", help="the server (default: the first that can run)"
    )


def run(arguments: argparse.Namespace) -> None:
    from stages.commands.serving.talk import trained_tokenizer
    from stages.common.base import params, paths
    from stages.common.chat.templates import chat_for
    from stages.merge.servers.context import context
    from stages.merge.servers.template import served_template

    tokenizer = trained_tokenizer()  # there is a model, or one line that says what to type
    settings = params.load()
    if (paths.MERGED / "adapter_config.json").exists():
        raise UserError(
            f"{paths.MERGED} holds the adapter alone; type: dvc exp run -S merge.method=merged_16bit, or let vLLM put "
            "it on the base: -S 'merge.export=[vllm]'"
        )
    key = own_key()
    address = ServerAddress(
        arguments.host, arguments.port, str(paths.MERGED), key or secrets.token_urlsafe(24), not key
    )
    template = served_template(chat_for(tokenizer, settings.format, tokenizer.chat_template))
    backend = choose(with_search(arguments.backend) if arguments.search else arguments.backend)
    if backend == "transformers":
        run_transformers(address, settings, tokenizer, arguments.search)
    else:
        run_other = run_vllm if backend == "vllm" else run_llama_cpp
        run_other(address, context(settings.format.max_length), template)


def own_key() -> str:
    """DOCLORE_API_KEY, which may be empty. Raises UserError when no HTTP header can carry it."""
    key = os.environ.get("DOCLORE_API_KEY", "")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserError("DOCLORE_API_KEY contains a space, a line break or a non-ASCII character; export it again")
    return key


def with_search(backend: str) -> str:
    """The server that can search. Raises UserError where another one is asked for."""
    if backend not in ("auto", "transformers"):
        raise UserError(f"--search works with --backend transformers, not with {backend}; leave --backend out")
    return "transformers"


def choose(backend: str) -> str:
    """The server to take. Raises UserError where the one asked for cannot run."""
    from stages.commands.serving import openai_server
    from stages.merge.servers import llama_cpp, vllm

    if backend == "vllm" and not vllm.possible():
        raise UserError(
            "--backend vllm needs vLLM and an NVIDIA GPU; type: pip install vllm, or --backend transformers"
        )
    if backend != "auto":
        return backend
    if vllm.possible():
        return "vllm"
    return "transformers" if openai_server.possible() or not llama_cpp.possible() else "llamacpp"


def run_vllm(address: ServerAddress, room: int, template: str) -> None:
    """Become vLLM's server."""
    from stages.common.base import paths
    from stages.merge.servers import vllm

    with closing(listening(address.host, address.port)) as listener:
        address = address._replace(port=listener.getsockname()[1])
    announce(address)
    command = vllm.command(paths.MERGED, room, vllm.written(template))
    vllm.become([*command, "--host", address.host, "--port", str(address.port)], address.key)


def run_transformers(address: ServerAddress, settings: "Params", tokenizer: Any, search: bool = False) -> None:
    from stages.commands.serving import openai_server
    from stages.commands.serving.passages import Passages
    from stages.commands.serving.talk import Talker

    passages = Passages(settings.evaluate) if search else None
    listener = listening(address.host, address.port)
    talker = Talker("tuned", settings, tokenizer)
    app = openai_server.application(talker, address.model, address.key, passages)
    import uvicorn

    announce(address._replace(port=listener.getsockname()[1]))
    config: Any = {"access_log": False, "server_header": False, "log_level": "warning"}
    config |= {"lifespan": "off", "timeout_graceful_shutdown": openai_server.GRACE_SECONDS}
    uvicorn.Server(uvicorn.Config(app, **config)).run(sockets=[listener])


def run_llama_cpp(address: ServerAddress, room: int, template: str) -> None:
    from stages.merge.servers import llama_cpp

    file = llama_cpp.export()
    listening(address.host, address.port).close()
    llama_cpp.end_at_interrupt()
    settings = llama_cpp.parameters(file, address.model, address.host, address.port, address.key)
    settings.n_parallel, settings.n_ctx = SLOTS, SLOTS * room
    settings.use_jinja, settings.chat_template, settings.ui = True, template, False
    settings.sampling.temp = 0.0
    server = llama_cpp.start(settings, f"{SLOTS} requests of {room} tokens at once")
    announce(address._replace(port=int(server.listening_address.rpartition(":")[2])))
    llama_cpp.wait()


def announce(address: ServerAddress) -> None:
    """What to paste into another terminal. A key that came from the environment is not repeated."""
    url = f"http://{address.host}:{address.port}/v1"
    body = json.dumps({"model": address.model, "messages": [{"role": "user", "content": "What is a chunk?"}]})
    say(f"doclore serve: {address.model} at {url} (Ctrl+C ends). In another terminal:\n")
    say(f"export OPENAI_BASE_URL={url} OPENAI_API_KEY={address.key if address.shown else '$DOCLORE_API_KEY'}")
    say("curl $OPENAI_BASE_URL/chat/completions -H 'Content-Type: application/json' \\")
    say(f"  -H \"Authorization: Bearer $OPENAI_API_KEY\" -d '{body}'", flush=True)
