"""What the store holds for a request, as its rows and as rows of JSONL."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

from stages.common.base.errors import UserError
from stages.common.llm.database import ANY_ROOM, UNKNOWN_ROOM


class Entry(NamedTuple):
    """What is stored for a request: the answer as JSON text, or why there never will be one; the other is empty."""

    answer: str
    refused: str


class RowParts(NamedTuple):
    """A row as far as looking it up goes."""

    answer: str
    refused: str
    room: int
    digest: str


class StoredResponse(TypedDict):
    """An entry as a row of JSONL."""

    key: str
    answer: str
    refused: str
    room: NotRequired[int]


class Response(NamedTuple):
    """An entry with what it cost; a row of the table."""

    key: str
    answer: str
    refused: str = ""
    model: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    at: float = 0.0
    room: int = ANY_ROOM

    def sum(self) -> str:
        return checksum(self.key, self.answer, self.refused)


class Usage(NamedTuple):
    """What answers of a model took on average: tokens and seconds."""

    answers: int
    prompt_tokens: float
    answer_tokens: float
    seconds: float


def checksum(key: str, answer: str, refused: str) -> str:
    text = f"{key}\n{refused}\n{answer}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def to_response(row: StoredResponse, file: Path) -> Response:
    """A row of JSONL as an entry; it may lack what `rows` leaves out. Raises UserError when it is none."""
    try:
        values: dict[str, Any] = {"room": UNKNOWN_ROOM, **row}
        response = Response(**values)  # doclore 0.1 wrote no room: it was part of the key
    except TypeError:
        response = Response("", "")
    typed = all(isinstance(value, str) for value in response[:4]) and all(
        isinstance(value, int | float) for value in response[4:]
    )
    if not (typed and response.key and bool(response.answer) != bool(response.refused)):
        raise UserError(f"{file} contains a row that is not a stored answer; the file must be one that doclore wrote")
    return response
