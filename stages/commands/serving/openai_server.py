"""The merged model behind the part of OpenAI's HTTP API that a chat needs (https://platform.openai.com/docs/api-reference/chat):
/v1/models and /v1/chat/completions, whole or streamed. One answer is given at a time; it is greedy unless a request
names a temperature, so that it is the one that evaluate saw."""

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

from stages.commands.serving.passages import Passages, sources
from stages.commands.serving.talk import Talker
from stages.common.base.errors import UserError

PACKAGES = ("starlette", "uvicorn")
GRACE_SECONDS = 5  # for answers that are being given when the server is stopped
LONGEST_BODY = 8 << 20  # bytes: the longest contexts have a million tokens
LONGEST = 1024  # tokens of an answer, where a request does not say
ROLES = ("system", "user", "assistant")
UNSUPPORTED = ("functions", "logprobs", "response_format", "stop", "tools")


class Asked(NamedTuple):
    """What a request wants."""

    prompt: str
    max_tokens: int
    sampling: dict[str, Any]
    stream: bool
    usage: bool  # told at a stream's end
    sources: list[dict[str, Any]] | None = None  # page and lines of the passages before the question


def possible() -> bool:
    return all(find_spec(package) for package in PACKAGES)


def application(talker: Talker, model: str, key: str, passages: Passages | None = None) -> Any:
    """An ASGI application that answers for one model by its name, behind what a search finds if there is one."""
    if not possible():
        raise UserError(f"doclore serve needs {' and '.join(PACKAGES)}; type: pip install 'doclore[serve]'")
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse, StreamingResponse
    from starlette.routing import Route

    alone = threading.Lock()

    async def models(request: Any) -> Any:
        entry = {"id": model, "object": "model", "created": 0, "owned_by": "doclore"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def completions(request: Any) -> Any:
        try:
            if (body := await posted(request)) is None:
                return failure(f"a request has at most {LONGEST_BODY:,} bytes", 413)
            asked = read(json.loads(body), talker, model, passages)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return failure(f"the request cannot be answered: {error}", 400)
        frame = {"id": f"chatcmpl-{time.time_ns():x}", "created": int(time.time()), "model": model}
        if asked.stream:
            return StreamingResponse(events(talker, asked, alone, frame), media_type="text/event-stream")
        return JSONResponse(await run_in_threadpool(whole, talker, asked, alone, frame))

    async def unknown(request: Any, error: Any) -> Any:
        return failure(f"{request.url.path} does not exist here; use /v1/chat/completions", error.status_code)

    routes = [Route("/v1/models", models), Route("/v1/chat/completions", completions, methods=["POST"])]
    return guarded(Starlette(routes=routes, exception_handlers={HTTPException: unknown}), key)


async def posted(request: Any) -> bytes | None:
    """A body; None where it is too long: what is sent in pieces names no length, so they are counted as they come."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_BODY:
            return None
    return bytes(body)


def guarded(app: Any, key: str) -> Callable[..., Any]:
    """The application for those who have the key."""
    expected = f"Bearer {key}".encode()

    async def front(scope: Any, receive: Any, send: Any) -> None:
        known = scope["type"] != "http" or hmac.compare_digest(
            dict(scope["headers"]).get(b"authorization", b""), expected
        )
        reply = app if known else failure("wrong or missing API key", 401, "invalid_api_key")
        await reply(scope, receive, send)

    return front


def failure(message: str, status: int, code: str | None = None) -> Any:
    from starlette.responses import JSONResponse

    error = {"message": message, "type": "invalid_request_error", "code": code}
    return JSONResponse({"error": error}, status_code=status)


def read(body: Any, talker: Talker, model: str, passages: Passages | None = None) -> Asked:
    """A request's body. Raises ValueError, or what a body of another shape makes Python raise."""
    if body.get("model") != model:
        raise ValueError(f"the model that is served here is {model!r}, not {body.get('model')!r}")
    unsupported = [name for name in UNSUPPORTED if body.get(name)]
    if unsupported or body.get("n", 1) != 1:
        raise ValueError(f"{unsupported[0] if unsupported else 'n'} is not supported here")
    turns = [{"role": turn["role"], "content": text(turn["content"])} for turn in body.get("messages") or ()]
    if not turns or turns[-1]["role"] != "user" or any(turn["role"] not in ROLES for turn in turns):
        raise ValueError("accepted are messages with the roles system, user and assistant, the last one of a user")
    most = body.get("max_completion_tokens") or body.get("max_tokens") or LONGEST
    if not isinstance(most, int) or most < 1:
        raise ValueError(f"max_tokens = {most!r}: accepted is a number of tokens, at least 1")
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    rest = (sampling(body), bool(body.get("stream")), usage)
    if passages is None:
        prompt, cited = talker.prompt(turns), None
    else:
        question = turns[-1]["content"]
        found = passages.found(question)
        prompt = talker.prompt(turns, context=passages.before(question, found, talker.chat))
        cited = sources(found)
    return Asked(prompt, min(most, talker.room(prompt)), *rest, cited)


def text(content: Any) -> str:
    """What a message says, as text or as the API's list of parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def sampling(body: dict[str, Any]) -> dict[str, Any]:
    """How `generate` draws tokens; without a temperature it takes the likeliest."""
    if not body.get("temperature"):
        return {}
    drawn = {"do_sample": True, "temperature": float(body["temperature"]), "top_k": 0, "seed": body.get("seed")}
    return drawn | ({"top_p": float(body["top_p"])} if body.get("top_p") else {})


def whole(talker: Talker, asked: Asked, alone: threading.Lock, frame: dict[str, Any]) -> dict[str, Any]:
    with alone:
        said = "".join(talker.answer(asked.prompt, asked.max_tokens, asked.sampling)).strip()
        ending = talker.ending
    message = {"role": "assistant", "content": said}
    choice = {"index": 0, "message": message, "finish_reason": ending.reason, "logprobs": None}
    return {**frame, "object": "chat.completion", "choices": [choice], "usage": ending.usage(), **cited(asked)}


def cited(asked: Asked) -> dict[str, Any]:
    """The field `sources` of an answer, which OpenAI's API does not know and its clients pass on."""
    return {} if asked.sources is None else {"sources": asked.sources}


def events(talker: Talker, asked: Asked, alone: threading.Lock, frame: dict[str, Any]) -> Iterator[str]:
    """The answer as server-sent events. A reader that leaves ends it."""

    def event(delta: dict[str, str], reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return data({**frame, "object": "chat.completion.chunk", "choices": [choice], **more})

    with alone:
        yield event({"role": "assistant", "content": ""})
        for piece in talker.answer(asked.prompt, asked.max_tokens, asked.sampling):
            yield event({"content": piece})
        yield event({}, talker.ending.reason, **cited(asked))
        if asked.usage:
            yield data({**frame, "object": "chat.completion.chunk", "choices": [], "usage": talker.ending.usage()})
    yield "data: [DONE]\n\n"


def data(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
