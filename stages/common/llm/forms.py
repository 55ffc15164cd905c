"""How the schema of an answer is asked for. Servers differ; what one accepts is found once and remembered."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stages.common.llm.faults import mentions
from stages.common.llm.requests import Message, Request

# response_format, from the strictest to what every server knows: none at all.
ANSWERS = ("json_schema", "json_object", "text")
ABOUT_ANSWER = (
    "response_format",
    "json_schema",
    "json_object",
    "json mode",
    "structured",
    "guided",
    "grammar",
    "schema",
)
ROOMS = ("max_tokens", "max_completion_tokens")  # the second is the only one that newer models of OpenAI's accept
PLAINLY = "Answer with one JSON value that matches this JSON schema, and with nothing else:\n"


class Form(NamedTuple):
    """The form of a call: what `response_format` says, and which name the answer's limit in tokens has."""

    answer: str = ANSWERS[0]
    room: str = ROOMS[0]

    def body(self, request: Request, messages: Sequence[Message], room: int) -> dict[str, Any]:
        """The body of a call. `room` is the answer's limit in tokens, 0 for the server's own."""
        body: dict[str, Any] = {"model": request.model, "messages": list(messages), **request.sampling}
        body.pop("max_tokens", None)
        if room:
            body[self.room] = room
        if "seed" in body:
            body["seed"] += request.sample
        if not request.schema:
            return body
        if self.answer == "json_schema":
            schema = {"name": "answer", "schema": request.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
            return body
        if self.answer == "json_object":
            body["response_format"] = {"type": "json_object"}
        body["messages"][-1] = with_schema(messages[-1], request.schema)
        return body

    def simpler(self, message: str) -> "Form | None":
        """The form to try after a refusal that says `message`; None when it is not about the form."""
        if self.room == ROOMS[0] and mentions(message, ROOMS[1:]):
            return self._replace(room=ROOMS[1])
        if self.answer != ANSWERS[-1] and mentions(message, ABOUT_ANSWER):
            return self._replace(answer=ANSWERS[ANSWERS.index(self.answer) + 1])
        return None


def with_schema(message: Message, schema: Mapping[str, Any]) -> Message:
    """A message that says in words what response_format would."""
    text = json.dumps(schema, ensure_ascii=False)
    return {"role": message["role"], "content": f"{message['content']}\n\n{PLAINLY}{text}"}
