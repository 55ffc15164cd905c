"""What has been said about one request, and what it came to."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import BaseModel

from stages.common.llm.entries import Response
from stages.common.llm.forms import Form
from stages.common.llm.requests import Message, Request


@dataclass
class Talk:
    """What has been said about one request, and what it took."""

    request: Request
    messages: list[Message]
    room: int
    started: float
    form: Form  # of the last call
    completed: int  # completed calls of the whole run when this request was begun, or last failed
    tries: float = 0.0  # failed calls, as they count against max_retries
    waits: int = 0
    corrected: set[str] = field(default_factory=set)  # for what the one second question has been used
    broken_off: list[str] = field(default_factory=list)  # replies that ran into the limit
    tried: int = 0  # room in which the last of them did not fit
    only_thoughts: bool = False  # the last of them never came to its answer
    shrunk: bool = False  # the server leaves less room than was asked for
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def answered(self, answer: BaseModel, room: int = 0) -> "Result":
        """`room`: tokens in which the answer did not fit whole; 0 when the model ended it."""
        return Result(self.response(answer.model_dump_json(), "", room))

    def refused(self, kind: str, message: str, doubtful: bool = False, room: int = 0) -> "Result":
        """The end of a request that will never be answered, at most with more room."""
        return Result(self.response("", f"{kind}: {message}", room), kind, message, doubtful)

    def response(self, answer: str, refused: str, room: int) -> Response:
        seconds = round(time.monotonic() - self.started, 3)
        used = self.prompt_tokens, self.answer_tokens
        return Response(self.request.key(), answer, refused, self.request.model, *used, seconds, room=room)


class Result(NamedTuple):
    """What a request came to. `kind` is empty for an answer, else why there is none; `response` is what to store,
    nothing when the request is to be asked again by the next run. `doubtful`: a refusal that may be about how every
    request is made, such as an unknown sampling parameter, rather than about this one."""

    response: Response | None
    kind: str = ""
    message: str = ""
    doubtful: bool = False
