"""Requests to files and answers out of files, for batch services that answer at a discount.

The lines are those of OpenAI's Batch API (https://platform.openai.com/docs/guides/batch), which vLLM's `run-batch`
reads and writes, too; other services differ in the path and in how much one file may hold. `custom_id` is the request's
key, so results may lie in any order, in any number of files, and more than once.
"""

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.llm import examples
from stages.common.llm.entries import Response
from stages.common.llm.forms import Form
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.files import atomic
from stages.common.schema import Generate
from stages.generate.batch.results import Missing, Reading


class Service(NamedTuple):
    """What a service takes: lines and bytes of one file, and the path that a line names; without one a line has no
    more than its id and its body, and the model is named when the file is submitted. `address` tells how the service
    wants to be told about thinking. Where its pages differ, the smaller limit stands here."""

    lines: int
    bytes: int
    path: str
    address: str


SERVICES = {
    "openai": Service(50_000, 200_000_000, "/v1/chat/completions", "https://api.openai.com"),
    "azure": Service(50_000, 200_000_000, "/chat/completions", "https://x.openai.azure.com"),
    "vllm": Service(50_000, 200_000_000, "/v1/chat/completions", ""),  # no limit of its own; a part can be run again
    "mistral": Service(100_000, 500_000_000, "", "https://api.mistral.ai"),
    "dashscope": Service(50_000, 500_000_000, "/v1/chat/completions", "https://dashscope.aliyuncs.com"),
}
REQUESTS = "requests-"  # how the names of our files begin; every other *.jsonl beside them holds results


class Batch:
    """The directory with the request and result files of both passes."""

    def __init__(self, section: Generate, store: Store) -> None:
        if not section.model:
            raise ParamsError("params.yaml: generate.model = '': accepted is a model id that the batch service knows")
        self.directory = Path(section.batch_dir) if section.batch_dir else paths.cache_dir() / "batch"
        self.section, self.store, self.service = section, store, SERVICES[section.batch_service]
        self.place = f"batch:{section.model}"
        self.form: Form = store.form(self.place)
        self.requested: set[str] = set()  # keys of this run's requests that had no entry in the store
        self.unknown: set[str] = set()
        self.figures: dict[str, int] = {}

    def complete(self, name: str, requests: Callable[[], Iterable[Request]], answer: type[BaseModel]) -> Outcome:
        """Store the answers in the result files; the requests without one stand in `requests-NAME-1.jsonl` and so on.

        Raises UserError when some of these have no result at all, so that they are to be submitted first.
        """
        outcome = Outcome()
        lacking = self.missing(requests(), outcome, answer)
        missing = set(lacking.rooms)
        reading = Reading(self.store, self.section.model, self.form, lacking, answer)
        reading.read([file for file in sorted(self.directory.glob("*.jsonl")) if not file.name.startswith(REQUESTS)])
        self.settle(reading, outcome)
        missing -= reading.answered
        without_result = missing - reading.failed.keys() - reading.refused.keys()
        if outcome.refusals:
            missing -= reading.refused.keys()
        files = self.write(name, (request for request in requests() if request.key() in missing), reading.truncated)
        if without_result:
            names = ", ".join(map(str, files[:3])) + (", …" if len(files) > 3 else "")
            raise UserError(
                f"{len(missing):,} requests wait in {names}; submit each file as a batch, put the results into "
                f"{self.directory} as *.jsonl, then type `dvc repro` to continue"
            )
        return outcome

    def missing(self, requests: Iterable[Request], outcome: Outcome, answer: type[BaseModel]) -> Missing:
        """The requests without an entry in the store; those with one are counted."""
        lacking = Missing()
        for request in requests:
            entry = self.store.look_up(request)
            if entry is None:
                lacking.rooms[request.key()] = request.room()
                lacking.former |= {key: request.key() for key in request.keys_before(())}
                for example in examples.of(request.messages, answer):
                    if example not in lacking.examples:
                        lacking.examples.append(example)
                continue
            outcome.hit(entry.refused)
        self.requested |= lacking.rooms.keys()
        return lacking

    def settle(self, reading: Reading, outcome: Outcome) -> None:
        """Count what became of the requests. Refusals are stored as soon as one request was answered: before that they
        may be about how every request is made."""
        outcome.answered = len(reading.answered)
        outcome.calls = outcome.answered + len(reading.failed) + len(reading.refused)
        outcome.prompt_tokens, outcome.answer_tokens = reading.prompt_tokens, reading.answer_tokens
        outcome.note(reading.example)
        outcome.failures.update(reading.failed.values())
        refused = outcome.refusals if reading.answered else outcome.failures
        refused.update(reason.partition(":")[0] for reason in reading.refused.values())
        if reading.answered:
            self.store.put_all(Response(key, "", reason) for key, reason in reading.refused.items())
        if reading.form != self.form:
            self.form = reading.form
            self.store.put_form(self.place, self.form)
        self.unknown |= reading.unknown
        self.figures = dict(reading.lines)

    def write(self, name: str, requests: Iterable[Request], truncated: set[str]) -> list[Path]:
        """Write the request files of a pass anew, in place of those that stand there. A truncated answer gets twice the
        room."""
        for file in self.directory.glob(f"{REQUESTS}{name}-*.jsonl"):
            file.unlink()
        files = []
        for number, lines in groupby((self.line(request, truncated) for request in requests), FileNumber(self.service)):
            files.append(self.directory / f"{REQUESTS}{name}-{number}.jsonl")
            with atomic(files[-1], "wb") as stream:
                stream.writelines(lines)
        return files

    def line(self, request: Request, truncated: set[str]) -> bytes:
        room = int(request.sampling.get("max_tokens", 0)) * (2 if request.key() in truncated else 1)
        body = self.form.body(request, request.messages, room, self.service.address)
        row = {"custom_id": request.key(), "method": "POST", "url": self.service.path, "body": body}
        if not self.service.path:
            row = {"custom_id": request.key(), "body": {name: body[name] for name in body if name != "model"}}
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()

    def report(self) -> dict[str, Any]:
        """Lines of the result files, and ids in them that no request of this run has."""
        return {**self.figures, "unknown_ids": len(self.unknown - self.requested)}


class FileNumber:
    """The number of the file that a line goes into, so that no file is above the limits."""

    def __init__(self, service: Service) -> None:
        self.service, self.number, self.lines, self.bytes = service, 1, 0, 0

    def __call__(self, line: bytes) -> int:
        most = self.service
        if self.lines == most.lines or (self.lines and self.bytes + len(line) > most.bytes):
            self.number, self.lines, self.bytes = self.number + 1, 0, 0
        self.lines += 1
        self.bytes += len(line)
        return self.number
