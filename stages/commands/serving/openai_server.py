"""The merged model behind an OpenAI-compatible address, by the server that transformers brings
(https://huggingface.co/docs/transformers/serving). What it lacks is added here: a key, answers that are sampled only
when a request says so, and errors in the API's form. Only what is needed of it can be reached."""

import hmac
from importlib.util import find_spec
from typing import Any

from stages.common.base.errors import UserError
from stages.common.models import pretrained
from stages.common.schema import Model

PACKAGES = ("fastapi", "uvicorn")
PATHS = ("/v1/chat/completions", "/v1/completions", "/health")
GRACE_SECONDS = 5  # for answers that are being given when the server is stopped


def possible() -> bool:
    return all(find_spec(package) for package in PACKAGES)


class Front:
    """ASGI middleware before transformers' server: asks for the key, lists the one model that is served, where that
    server lists what lies in the hub's cache, and hides its other paths, which load and unload models."""

    def __init__(self, app: Any, model: str, key: str) -> None:
        self.app, self.model, self.expected = app, model, f"Bearer {key}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        reply = self.app
        path = scope.get("path", "").rstrip("/")
        if scope["type"] != "http":  # the server's own start and stop
            pass
        elif not hmac.compare_digest(dict(scope["headers"]).get(b"authorization", b""), self.expected):
            reply = failure("wrong or missing API key", 401, "invalid_api_key")
        elif path == "/v1/models":
            entry = {"id": self.model, "object": "model", "created": 0, "owned_by": "doclore"}
            reply = answer({"object": "list", "data": [entry]}, 200)
        elif path not in PATHS:
            reply = failure(f"there is no {path or '/'} here; ask /v1/chat/completions", 404)
        await reply(scope, receive, send)


def answer(body: dict[str, Any], status: int) -> Any:
    from starlette.responses import JSONResponse

    return JSONResponse(body, status_code=status)


def failure(message: str, status: int, code: str | None = None) -> Any:
    return answer({"error": {"message": message, "type": "invalid_request_error", "code": code}}, status)


def application(directory: str, section: Model, template: str, key: str) -> Any:
    """transformers' server for one model directory, loaded when this returns. Its model id is the directory."""
    if not possible():
        raise UserError(f"doclore serve needs {' and '.join(PACKAGES)}; type: pip install 'doclore[serve]'")
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.completion import CompletionHandler
    from transformers.cli.serving.model_manager import ModelManager
    from transformers.cli.serving.response import ResponseHandler
    from transformers.cli.serving.server import build_server
    from transformers.cli.serving.transcription import TranscriptionHandler
    from transformers.cli.serving.utils import GenerationState
    from transformers.utils import logging

    logging.set_verbosity_error()  # it would tell each request as a warning
    dtype, _ = pretrained.choose_dtype(section.dtype)
    options = {"dtype": str(dtype).removeprefix("torch."), "device": "auto", **pretrained.attention(section)}
    manager = ModelManager(force_model=directory, **options)
    _, tokenizer = manager.load_model_and_processor(manager.process_model_name(directory))
    tokenizer.chat_template = template
    state = GenerationState()
    app = build_server(
        manager,
        greedy(ChatCompletionHandler)(manager, state),
        completion_handler=greedy(CompletionHandler)(manager, state),
        response_handler=ResponseHandler(manager, state),
        transcription_handler=TranscriptionHandler(manager, state),
        generation_state=state,
    )
    explain_mistakes(app)
    return Front(app, directory, key)


def greedy(handler: Any) -> Any:
    """The handler with the API's sampling: transformers' own never samples from a model whose default is greedy, and
    does not know `max_completion_tokens`, the newer name of `max_tokens`."""

    class Handler(handler):  # type: ignore[misc]
        def _build_generation_config(self, body: dict[str, Any], *others: Any, **options: Any) -> Any:
            asked = dict(body)
            asked.setdefault("max_tokens", asked.get("max_completion_tokens"))
            config = super()._build_generation_config(asked, *others, **options)
            if not asked.get("generation_config"):
                config.do_sample = bool(asked.get("temperature"))
                config.top_k = 0 if config.do_sample else None
            return config

    return Handler


def explain_mistakes(app: Any) -> None:
    """Give a request's mistakes back to whoever made it, in the API's form."""
    from fastapi import HTTPException
    from fastapi.exceptions import RequestValidationError
    from jinja2.exceptions import TemplateError

    async def told(_: Any, error: Any) -> Any:
        return failure(str(error.detail), error.status_code)

    async def mistake(_: Any, error: Exception) -> Any:
        return failure(f"the request cannot be answered: {type(error).__name__}: {error}", 400)

    app.add_exception_handler(HTTPException, told)
    for kind in (RequestValidationError, TemplateError, KeyError, TypeError, ValueError):
        app.add_exception_handler(kind, mistake)
