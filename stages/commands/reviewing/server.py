"""The page's server. It answers on 127.0.0.1 only, and only to whom the link was given.

Every answer about the data needs the token from the link, in a header that other sites cannot send (no CORS), so a
hostile page in the same browser reaches nothing; the Host header must name this machine, which stops DNS rebinding.
The page itself holds no data and runs no script but its own (Content-Security-Policy).
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from stages.commands.reviewing.queue import Filters, Item, Queue
from stages.common.base.errors import UserError
from stages.curate.review import Review

HERE = Path(__file__).parent
FILES = {"/": "page.html", "/page.js": "page.js", "/page.css": "page.css"}
LISTED = 200  # rows of one answer; the page asks for more as it scrolls
LONGEST = 1 << 20  # bytes of a verdict
TOO_LONG = object()
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Handler = Callable[[Request], Awaitable[Response]]


def application(queue: Queue, token: str, hosts: set[str]) -> Starlette:
    """The app for a queue of rows; `hosts` are the accepted values of the Host header."""
    routes = [Route(path, static(name), methods=["GET"]) for path, name in FILES.items()]
    for path, work in {"rows": rows, "row": row, "overview": overview, "orphans": orphans}.items():
        routes.append(Route(f"/api/{path}", answer(work, queue), methods=["GET"]))
    for path, action in {"judge": judge, "withdraw": withdraw, "undo": undo, "adopt": adopt}.items():
        routes.append(Route(f"/api/{path}", answer(action, queue), methods=["POST"]))
    app = Starlette(routes=routes)
    app.add_middleware(BaseHTTPMiddleware, dispatch=partial(guarded, token, hosts))
    return app


async def guarded(token: str, hosts: set[str], request: Request, go_on: Handler) -> Response:
    """Refuse whoever calls this server by another name, comes from another site, or has no token."""
    origin = request.headers.get("origin")
    if request.headers.get("host") not in hosts or (origin and origin.removeprefix("http://") not in hosts):
        response: Response = JSONResponse({"error": "this page answers on its own address only"}, 403)
    elif request.url.path.startswith("/api/") and not given(token, request):
        response = JSONResponse({"error": "open the link that `doclore review` printed: it contains the key"}, 401)
    else:
        response = await go_on(request)
    response.headers.update(HEADERS)
    return response


def given(token: str, request: Request) -> bool:
    return secrets.compare_digest(request.headers.get("x-token", "").encode(), token.encode())


def static(name: str) -> Handler:
    async def serve(request: Request) -> Response:
        return FileResponse(HERE / name)

    return serve


def answer(work: Callable[[Queue, Any], Any], queue: Queue) -> Handler:
    """A handler that gives `work` the query or the JSON body, in a thread, and turns mistakes into one line."""

    async def handle(request: Request) -> Response:
        try:
            content = await posted(request) if request.method == "POST" else dict(request.query_params)
            if content is TOO_LONG:
                return JSONResponse({"error": "too long"}, 413)
            return JSONResponse(await run_in_threadpool(work, queue, content))
        except KeyError as error:
            return JSONResponse(
                {"error": f"no pair {error}; `dvc repro` may have run in the meantime; start `doclore review` again"},
                404,
            )
        except ValidationError as error:
            return JSONResponse({"error": error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")}, 400)
        except (UserError, OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return handle


async def posted(request: Request) -> Any:
    """The JSON of a body, or TOO_LONG: what is sent in pieces names no length, so they are counted as they come."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST:
            return TOO_LONG
    return json.loads(body)


def rows(queue: Queue, query: dict[str, str]) -> dict[str, Any]:
    """A page of the rows that the filters let through, and how many of all there are and are judged."""
    scores = {name: float(query[name]) for name in ("min_score", "max_score") if query.get(name)}
    texts = {name: query.get(name, "") for name in ("path", "check", "verdict", "text", "group", "order")}
    found, reviews, start = queue.found(Filters(**texts, **scores)), queue.reviews(), int(query.get("start") or 0)  # type: ignore[arg-type]
    listed = [{**brief(item, reviews.get(item.pair_id)), "wordings": len(queue.wordings[item.fact])}
              for item in found[start : start + LISTED]]  # fmt: skip
    return {"count": len(found), "judged": sum(item.pair_id in reviews for item in found), "rows": listed}


def brief(item: Item, review: Review | None) -> dict[str, Any]:
    return {"pair_id": item.pair_id, "question": item.question[:160], "fate": item.fate, "check": item.check,
            "verdict": review.verdict if review else ""}  # fmt: skip


def row(queue: Queue, query: dict[str, str]) -> dict[str, Any]:
    return queue.row(query["pair_id"])


def overview(queue: Queue, query: dict[str, str]) -> dict[str, Any]:
    return queue.overview()


def judge(queue: Queue, body: dict[str, Any]) -> dict[str, Any]:
    """A verdict; with `whole` it is on all wordings of the fact."""
    whole = isinstance(body, dict) and bool(body.pop("whole", False))
    return {"pair_ids": queue.judge(Review.model_validate(body), whole), **queue.overview()}


def withdraw(queue: Queue, body: dict[str, str]) -> dict[str, Any]:
    queue.withdraw(body["pair_id"])
    return queue.overview()


def undo(queue: Queue, body: dict[str, str]) -> dict[str, Any]:
    pair_ids = queue.undo()
    return {"pair_id": pair_ids[0] if pair_ids else None, "pair_ids": pair_ids, **queue.overview()}


def orphans(queue: Queue, query: dict[str, str]) -> list[dict[str, Any]]:
    return [{"review": orphan.review.model_dump(), "pair_id": orphan.pair_id, "question": orphan.question,
             "similarity": orphan.similarity} for orphan in queue.orphans()]  # fmt: skip


def adopt(queue: Queue, body: dict[str, str]) -> dict[str, Any]:
    """Move the verdict of a pair that is gone to another pair."""
    queue.adopt(body["orphan"], body["pair_id"])
    return queue.overview()
