"""Answers out of the result files of a batch service, as OpenAI's Batch API and vLLM's `run-batch` write them."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tqdm import tqdm

from stages.common.base.errors import UserError
from stages.common.llm import replies
from stages.common.llm.completion import NoCompletionError, Reply, to_reply
from stages.common.llm.entries import Response
from stages.common.llm.faults import FaultError, RefusalError, clean, from_error, from_status
from stages.common.llm.forms import Form
from stages.common.llm.json_text import UNUSABLE
from stages.common.llm.store import Store

COMMIT = 1000  # answers stored in one transaction


@dataclass
class Missing:
    """The requests without an entry in the store: their rooms by key, their keys by the ids that doclore 0.1 gave them,
    and the answers that their prompts show as examples."""

    rooms: dict[str, int] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    examples: list[BaseModel] = field(default_factory=list)


class TruncatedError(ValueError):
    """An answer that ran into its limit before a whole item was written."""


class Reading:
    """What result files say about the requests that are `missing` in the store. Answers go there at once."""

    def __init__(self, store: Store, model: str, form: Form, missing: "Missing", answer: type[BaseModel]) -> None:
        self.store, self.model, self.answer = store, model, answer
        self.missing, self.former, self.examples = missing.rooms, missing.former, missing.examples
        self.asked_in = self.form = form  # the form of the requests, and the one to use from now on
        self.lines: Counter[str] = Counter(results=0, duplicates=0, unreadable=0)
        self.seen: set[str] = set()
        self.unknown: set[str] = set()  # ids that are neither missing nor stored
        self.answered: set[str] = set()
        self.failed: dict[str, str] = {}  # key to kind
        self.refused: dict[str, str] = {}  # key to "kind: message"
        self.truncated: set[str] = set()
        self.example = ""
        self.prompt_tokens = self.answer_tokens = 0
        self.waiting: list[Response] = []

    def read(self, files: list[Path]) -> None:
        for file in files:
            with file.open("rb") as stream:
                for line in tqdm(stream, desc=file.name, unit="result", disable=not self.missing):
                    if line.strip():
                        self.read_line(line)
        self.commit()

    def read_line(self, line: bytes) -> None:
        try:
            row = json.loads(line)
            key, result = str(row["custom_id"]), (row.get("error"), row.get("response"))
            key = self.former.get(key, key)
        except UNUSABLE:
            self.lines["unreadable"] += 1
            return
        self.lines["duplicates" if key in self.seen else "results"] += 1
        self.seen.add(key)
        if key in self.missing and key not in self.answered:
            self.read_result(key, *result)
        elif key not in self.missing and self.store.find(key) is None:
            self.unknown.add(key)

    def read_result(self, key: str, error: Any, response: Any) -> None:
        """Take over an answer, or note why there is none; an answer outweighs a failure, wherever they stand."""
        try:
            self.keep(key, completion(error, response))
        except RefusalError as refusal:
            simpler = None if refusal.filtered else self.asked_in.simpler(str(refusal))
            self.form = simpler or self.form
            self.note(key, refusal.kind, str(refusal), refused=not simpler)
        except FaultError as fault:
            self.note(key, fault.kind, str(fault))
        except TruncatedError:
            self.note(key, "truncated", "")
            self.truncated.add(key)
        except UNUSABLE as problem:
            self.note(key, "schema not met", replies.problem(problem))

    def keep(self, key: str, body: Any) -> None:
        """Store the answer in a completion. Raises RefusalError, FaultError or one of UNUSABLE."""
        try:
            reply = to_reply(body)
        except NoCompletionError as problem:
            meaning = from_error(problem.error) if problem.error else FaultError("no completion", clean(str(problem)))
            raise FaultError("no completion", str(meaning)) if isinstance(meaning, UserError) else meaning from None
        self.prompt_tokens += reply.prompt_tokens
        self.answer_tokens += reply.answer_tokens
        if reply.finish == "content_filter":
            raise RefusalError("content filter", "the service withheld the answer", filtered=True)
        if reply.refusal and not reply.text:
            raise FaultError("refused by the model", reply.refusal)
        found, room = self.answer_in(reply, self.missing[key])
        used = reply.prompt_tokens, reply.answer_tokens
        self.waiting.append(Response(key, found.model_dump_json(), "", self.model, *used, room=room))
        self.answered.add(key)
        self.forget(key)
        if len(self.waiting) == COMMIT:
            self.commit()

    def answer_in(self, reply: Reply, room: int) -> tuple[BaseModel, int]:
        """The answer, and the room in which it did not fit whole, or 0. Raises one of UNUSABLE."""
        if reply.finish == "length":
            try:
                return replies.read(reply.text, self.answer, complete=False, examples=self.examples), 0
            except UNUSABLE:
                return whole_items(reply.text, self.answer), max(room, 1)
        if not reply.text.strip() and reply.thoughts:
            return replies.read_thoughts(reply.thoughts, self.answer, self.examples), 0
        return replies.read(reply.text, self.answer, examples=self.examples), 0

    def note(self, key: str, kind: str, message: str, refused: bool = False) -> None:
        reason = clean(f"{kind}: {message}" if message and message != kind else kind)
        self.example = self.example or reason
        self.forget(key)
        if refused:
            self.refused[key] = reason
        else:
            self.failed[key] = kind

    def forget(self, key: str) -> None:
        """Drop an earlier failure of a request."""
        self.failed.pop(key, None)
        self.refused.pop(key, None)
        self.truncated.discard(key)

    def commit(self) -> None:
        self.store.put_all(self.waiting)
        self.waiting.clear()


def completion(error: Any, response: Any) -> Any:
    """The body of a result. Raises FaultError or RefusalError when the request failed."""
    if isinstance(response, dict) and response.get("status_code") in (200, None) and not error:
        return response.get("body", response)  # vLLM's run-batch has written the completion itself
    status = response.get("status_code") if isinstance(response, dict) else None
    details = error or (response.get("body") if isinstance(response, dict) else None) or {}
    if isinstance(details, dict) and isinstance(details.get("error"), dict):
        details = details["error"]
    code, message = (str(details.get(name) or "") if isinstance(details, dict) else "" for name in ("code", "message"))
    if isinstance(details, str):
        message = details
    if not isinstance(status, int) or status == 200:  # such as batch_expired: never tried
        raise FaultError(code or "failed", message)
    meaning = from_status(status, code, message)
    raise FaultError(f"status {status}", message) if isinstance(meaning, UserError) else meaning


def whole_items(text: str, answer: type[BaseModel]) -> BaseModel:
    """The whole items of an answer that ran into its limit. Raises TruncatedError when there is none."""
    try:
        return replies.read_whole_items(text, answer)
    except UNUSABLE:
        raise TruncatedError from None
