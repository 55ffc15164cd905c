"""The form of a call: what a server accepts of it. Servers differ; what one refuses is found once and remembered."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stages.common.llm.faults import mentions
from stages.common.llm.requests import Message, Request

# response_format, from the strictest to what every server knows: none at all.
ANSWERS = ("json_schema", "json_object", "text")
ABOUT_ANSWER = (
    "response_format",
    "response format",
    "json_schema",
    "json_object",
    "json mode",
    "structured",
    "guided",
    "grammar",
    "schema",
)
# The second is the only one that newer models of OpenAI's accept; the last: the server's own limit.
ROOMS = ("max_tokens", "max_completion_tokens", "")
OPTIONAL = ("temperature", "seed", "stream_options")  # what some models or servers do not let anyone choose
REFUSED = re.compile(
    r"not support|n't support|unsupported|not (?:allowed|permitted|available|compatible)|unrecogni[sz]ed|unknown"
    r"|unexpected|extra (?:inputs|fields)|invalid|deprecated|instead|only (?:the )?default|cannot be|forbidden|must be"
    r"|only supports?|only .{0,40}(?:supported|allowed)|not enabled|must alternate|restricted|不支持|无效|不允许",
    re.IGNORECASE,
)
SYSTEM = re.compile(
    r"system.{0,20}(?:role|message|prompt|instruction|角色|消息|提示)|role.{0,30}system|only user and assistant"
    r"|roles must alternate|developer instruction|first message must",
    re.IGNORECASE,
)
UNKNOWN = re.compile(
    r"extra (?:inputs|fields)|unknown|unrecogni[sz]ed|unexpected|unsupported"
    r"|not (?:supported|allowed|permitted)|不支持",
    re.IGNORECASE,
)
MUST_STREAM = re.compile(
    r"(?:only|must|requir\w{1,10}|enable)\b.{0,40}\bstream|\bstream\w{0,20}\b.{0,20}(?:only|must|requir|=\s*true)"
    r"|non-?stream\w{0,20}.{0,20}not|流式",
    re.IGNORECASE,
)
MUST_NOT_THINK = re.compile(r"enable_thinking.{0,60}(?:false|non-stream)", re.IGNORECASE)  # Qwen at DashScope
THINKING = ("chat_template_kwargs", "enable_thinking", "think value", "thinking", "reasoning", "思考")
PLAINLY = "Answer with one JSON value that matches this JSON schema, and with nothing else:\n"


class Form(NamedTuple):
    """What `response_format` says, which name the answer's limit in tokens has and how high it may be (0: any), what is
    left out, which role carries the system prompt, and whether the answer has to come as a stream."""

    answer: str = ANSWERS[0]
    room: str = ROOMS[0]
    most: int = 0
    left_out: tuple[str, ...] = ()
    system: str = "system"
    stream: bool = False

    def body(self, request: Request, messages: Sequence[Message], room: int, address: str = "") -> dict[str, Any]:
        """The body of a call. `room` is the answer's limit in tokens, 0 for the server's own; `address` tells how the
        server wants to be told about thinking."""
        body: dict[str, Any] = {"model": request.model, "messages": list(messages), **request.sampling}
        body.pop("max_tokens", None)
        if room and self.room:
            body[self.room] = min(room, self.most or room)
        if "seed" in body:
            body["seed"] += request.sample
        if self.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        for name in self.left_out:
            body.pop(name, None)
        if request.schema and self.answer == "json_schema":
            schema = {"name": "answer", "schema": request.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif request.schema:
            if self.answer == "json_object":
                body["response_format"] = {"type": "json_object"}
            body["messages"][-1] = with_schema(messages[-1], request.schema)
        if self.system == "user":
            body["messages"] = without_system(body["messages"])
        if "must_think_not" in self.left_out:
            body["enable_thinking"] = False
        elif request.thinking and "thinking" not in self.left_out:
            merge(body, thinking(request.thinking == "on", address))
        merge(body, request.extra)
        return body

    def simpler(self, message: str) -> "Form | None":
        """The form to try after a refusal that says `message`; None when it is not about the form."""
        refused = bool(REFUSED.search(message))
        if MUST_NOT_THINK.search(message) and "must_think_not" not in self.left_out:
            return self._replace(left_out=(*self.left_out, "must_think_not"))
        if MUST_STREAM.search(message) and not self.stream:
            return self._replace(stream=True)
        if self.room and refused and self.room_is_unknown(message):
            return self._replace(room=ROOMS[ROOMS.index(self.room) + 1])
        for name in OPTIONAL:
            if name not in self.left_out and re.search(rf"(?<![\w-]){name}(?![\w-])", message, re.IGNORECASE):
                return self._replace(left_out=(*self.left_out, name))
        if self.system == "system" and refused and SYSTEM.search(message):
            return self._replace(system="user")
        if self.answer != ANSWERS[-1] and mentions(message, ABOUT_ANSWER):
            return self._replace(answer=ANSWERS[ANSWERS.index(self.answer) + 1])
        if refused and "thinking" not in self.left_out and mentions(message, THINKING):
            return self._replace(left_out=(*self.left_out, "thinking"))
        return None

    def room_is_unknown(self, message: str) -> bool:
        """Whether a refusal is about the name of the limit, not about its value."""
        if self.room == ROOMS[0]:
            return mentions(message, ROOMS[1:2]) or bool(mentions(message, (self.room,)) and UNKNOWN.search(message))
        return mentions(message, (self.room,)) and not re.search(r"too (?:large|long|high)|exceed", message)

    def changes(self, after: "Form") -> str:
        """What changes from this form to the next, in words."""
        if after.room != self.room:
            return f"with {after.room or 'no limit'} instead of {self.room}"
        if after.left_out != self.left_out:
            name = after.left_out[-1]
            return "with enable_thinking: false" if name == "must_think_not" else f"without {name}"
        if after.stream != self.stream:
            return "for a stream"
        if after.system != self.system:
            return "with the system prompt in the user's message"
        return f"with response_format {after.answer}" if after.answer != "text" else "without response_format"

    def dumps(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def loads(cls, text: str) -> "Form":
        values = json.loads(text)
        return cls(**{**values, "left_out": tuple(values["left_out"])})


def thinking(on: bool, address: str) -> dict[str, Any]:
    """The fields that switch a model's thinking on or off, as the server at an address knows them."""
    host = address.partition("://")[2].partition("/")[0]
    if "dashscope" in host or "siliconflow" in host:
        return {"enable_thinking": on}
    if "openrouter" in host:
        return {"reasoning": {"enabled": on}}
    if any(name in host for name in ("bigmodel", "z.ai", "volces", "deepseek", "moonshot", "anthropic")):
        return {"thinking": {"type": "enabled" if on else "disabled"}}
    if host.endswith("mistral.ai"):
        return {"reasoning_effort": "high" if on else "none"}
    if host.endswith((":11434", "openai.com", "openai.azure.com", "googleapis.com", "groq.com", "x.ai")):
        return {"reasoning_effort": "medium" if on else "none"}  # 11434: Ollama
    return {"chat_template_kwargs": {"enable_thinking": on, "thinking": on}}  # vLLM, SGLang, llama.cpp


def merge(body: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put fields into a body; what is an object in both is one of all its fields."""
    for name, value in more.items():
        before = body.get(name)
        body[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value


def with_schema(message: Message, schema: Mapping[str, Any]) -> Message:
    """A message that says in words what response_format would."""
    text = json.dumps(schema, ensure_ascii=False)
    return {"role": message["role"], "content": f"{message['content']}\n\n{PLAINLY}{text}"}


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The conversation with the system prompt at the head of the first user message."""
    first, *others = messages
    if first["role"] != "system" or not others:
        return list(messages)
    merged: Message = {"role": "user", "content": f"{first['content']}\n\n{others[0]['content']}"}
    return [merged, *others[1:]]
