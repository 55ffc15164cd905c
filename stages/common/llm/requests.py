"""What is asked, and the key under which its answer is stored."""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from json.encoder import encode_basestring as quoted
from typing import Any, Literal, Protocol, TypedDict

from stages.common.records.files import CANONICAL

SCHEMAS: dict[int, tuple[Mapping[str, Any], str]] = {}  # by identity, which holds as long as the schema is held here
MOST_SCHEMAS = 64


class Message(TypedDict):
    """One turn of a conversation, as OpenAI's API writes it."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampled(Protocol):
    """A section of params.yaml that asks for answers with a schema."""

    @property
    def model(self) -> str: ...
    @property
    def temperature(self) -> float: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def extra_body(self) -> dict[str, Any]: ...
    @property
    def thinking(self) -> str: ...


@dataclass(frozen=True)
class Request:
    """All that an answer depends on; neither an address nor a path nor a line of code is part of it.

    `schema` is the JSON schema of the answer; without one it is plain text. `sampling` holds the server's own
    parameters: temperature, top_p, max_tokens, seed; `extra` what else goes into the body, as `extra_body` of
    params.yaml; `thinking` is "on", "off" or empty. `sample` tells apart requests that are otherwise the same and are
    to be answered each anew, `weights` models that are served under one name one after the other.
    """

    model: str
    messages: Sequence[Message]
    schema: Mapping[str, Any]
    sampling: Mapping[str, float] = field(default_factory=dict)
    sample: int = 0
    weights: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    thinking: str = ""

    @classmethod
    def of(cls, section: Sampled, messages: Sequence[Message], schema: Mapping[str, Any], sample: int = 0) -> "Request":
        """A request as a section of params.yaml says."""
        sampling = {"temperature": section.temperature, "max_tokens": section.max_tokens}
        thinking = "" if section.thinking == "auto" else section.thinking
        return cls(section.model, messages, schema, sampling, sample, extra=section.extra_body, thinking=thinking)

    def room(self) -> int:
        """The answer's limit in tokens; 0: the server's own."""
        return int(self.sampling.get("max_tokens", 0))

    @cached_property
    def _key(self) -> str:
        return self.key_of(None if self.schema else self.room())

    def key(self) -> str:
        """SHA-256 of the canonical request, hex. The room for the answer is no part of it where the answer has a
        schema: such an answer is whole or it is none."""
        return self._key

    def keys_before(self, rooms: Iterable[int]) -> Iterator[str]:
        """The keys that doclore 0.1 stored the answer under, which held the room, for some values of it."""
        if self.schema and not self.extra and not self.thinking:
            yield from (self.key_of(room) for room in dict.fromkeys((self.room(), *rooms)))

    def key_of(self, room: int | None) -> str:
        """`records.files.digest` of the request, put together by hand as the schema need not be encoded anew."""
        sampling = {name: value for name, value in self.sampling.items() if name != "max_tokens"}
        if room:
            sampling["max_tokens"] = room
        more: list[Any] = [self.weights] if self.weights else []
        if self.extra or self.thinking:
            more.append({"extra_body": self.extra, "thinking": self.thinking})
        sampled = ",".join(f"{quoted(name)}:{number(value)}" for name, value in sorted(sampling.items()))
        rest = "".join(f",{CANONICAL.encode(value)}" for value in (self.sample, *more))
        later = "".join(f",{turn(message['role'], message['content'])}" for message in self.messages[1:])
        first = (self.messages[0]["role"], self.messages[0]["content"]) if self.messages else ("", "")
        key = beginning(self.model, *first).copy()
        text = f"{later}],{schema_text(self.schema)},{{{sampled}}}{rest}]"
        key.update(text.encode("utf-8", "surrogatepass"))
        return str(key.hexdigest())


def turn(role: str, content: str) -> str:
    return f'{{"content":{quoted(content)},"role":"{role}"}}'


def number(value: float) -> str:
    return repr(value) if type(value) in (int, float) else CANONICAL.encode(value)


@functools.lru_cache(maxsize=64)  # one system prompt stands before thousands of requests
def beginning(model: str, role: str, content: str) -> Any:
    """The SHA-256 of how a canonical request begins: its model and its first message, if it has any."""
    text = f"[{quoted(model)},[{turn(role, content) if role else ''}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"))


def schema_text(schema: Mapping[str, Any]) -> str:
    """The canonical JSON of a schema. One stands behind thousands of requests, so the last ones are remembered."""
    known = SCHEMAS.get(id(schema))
    if known is None:
        if len(SCHEMAS) > MOST_SCHEMAS:
            SCHEMAS.clear()
        known = SCHEMAS[id(schema)] = schema, CANONICAL.encode(schema)
    return known[1]
