"""What is asked, and the key under which its answer is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypedDict

from stages.common.records.files import digest


class Message(TypedDict):
    """One turn of a conversation, as OpenAI's API writes it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Request:
    """All that an answer depends on; neither an address nor a path nor a line of code is part of it.

    `schema` is the JSON schema of the answer; without one it is plain text. `sampling` holds the server's own
    parameters: temperature, top_p, max_tokens, seed. `sample` tells apart requests that are otherwise the same and are
    to be answered each anew, `weights` models that are served under one name one after the other.
    """

    model: str
    messages: Sequence[Message]
    schema: Mapping[str, Any]
    sampling: Mapping[str, float] = field(default_factory=dict)
    sample: int = 0
    weights: str = ""

    @cached_property
    def _key(self) -> str:
        weights = [self.weights] if self.weights else []
        return digest(self.model, self.messages, self.schema, self.sampling, self.sample, *weights, length=64)

    def key(self) -> str:
        """SHA-256 of the canonical request, hex."""
        return self._key
