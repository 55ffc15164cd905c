"""The merged model behind an OpenAI-compatible address, by the server that transformers brings
(https://huggingface.co/docs/transformers/serving). What it lacks is added here: a key, and the model
in the list of models."""

import hmac
from typing import Any

from stages.shared.errors import UserError
from stages.shared.models import choose_dtype
from stages.shared.params import Model


class Front:
    """ASGI middleware before transformers' server: asks for the key, and lists the one model that is served, where
    that server lists what lies in the hub's cache."""

    def __init__(self, app: Any, model: str, key: str) -> None:
        self.app, self.model, self.expected = app, model, f"Bearer {key}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers") or []).get(b"authorization", b"")
        if scope["type"] == "http" and not hmac.compare_digest(given, self.expected):
            error = {"message": "wrong or missing API key", "type": "invalid_request_error", "code": "invalid_api_key"}
            await answer({"error": error}, 401)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/") == "/v1/models":
            entry = {"id": self.model, "object": "model", "created": 0, "owned_by": "doclore"}
            await answer({"object": "list", "data": [entry]}, 200)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def answer(body: dict[str, Any], status: int) -> Any:
    from starlette.responses import JSONResponse

    return JSONResponse(body, status_code=status)


def application(directory: str, section: Model, key: str) -> Any:
    """transformers' server for one model directory, loaded when this returns. Its model id is the directory."""
    try:
        import fastapi  # noqa: F401 - transformers imports it behind a check
        from transformers.cli.serving.chat_completion import ChatCompletionHandler
        from transformers.cli.serving.completion import CompletionHandler
        from transformers.cli.serving.model_manager import ModelManager
        from transformers.cli.serving.response import ResponseHandler
        from transformers.cli.serving.server import build_server
        from transformers.cli.serving.transcription import TranscriptionHandler
        from transformers.cli.serving.utils import GenerationState
    except ImportError as error:
        raise UserError(f"doclore serve needs {error.name}; type: pip install -e '.[serve]'") from None
    dtype, _ = choose_dtype(section.dtype)
    manager = ModelManager(dtype=str(dtype).removeprefix("torch."), device="auto", force_model=directory)
    state = GenerationState()
    app = build_server(
        manager,
        ChatCompletionHandler(manager, state),
        completion_handler=CompletionHandler(manager, state),
        response_handler=ResponseHandler(manager, state),
        transcription_handler=TranscriptionHandler(manager, state),
        generation_state=state,
    )
    return Front(app, directory, key)
