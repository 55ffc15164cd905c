"""A model under test that an OpenAI-compatible endpoint serves: vLLM with base and adapter, or `doclore serve`. The
server applies the chat template, which must be the trained one.

Answers lie in the response store under the model's name and the hash of the weights that it stands for. What a server
does not tell, such as the loss, is not measured.
"""

from collections.abc import Iterator, Sequence

from stages.common.base.errors import UserError
from stages.common.chat.templates import Chat, Message
from stages.common.llm import client
from stages.common.llm import requests as llm
from stages.common.llm.replies import Text
from stages.common.llm.store import Store
from stages.common.schema import Evaluate
from stages.common.schema.connection import Connection
from stages.evaluate.answers import TEMPERATURE, Answer, Tokenised

TIMEOUT = 600.0  # seconds: a server that runs on a CPU answers one request after the other
MAX_RETRIES = 3
MAX_OUTAGE = 900.0  # seconds


class ModelConnection(Connection):
    """One of the models of `evaluate.endpoint`."""

    def key_of_model(self, section: str) -> str:
        return f"{section}_model"


class EndpointModel:
    """A model by its name at the endpoint; `weights` is the hash of what the name stands for."""

    def __init__(self, name: str, model: str, weights: str) -> None:
        self.name, self.model, self.weights = name, model, weights
        self.keys: list[str] = []  # of the requests in the response store

    def answers_to(
        self, conversations: Sequence[list[Message]], chat: Chat, section: Evaluate, desc: str, sample: int = 0
    ) -> list[Answer]:
        """One answer per conversation, in their order: the greedy one, or the `sample`-th that is drawn. Raises
        UserError unless all are answered."""
        asked = list(self.requests(conversations, section, sample))
        self.keys += [request.key() for request in asked]
        connection = ModelConnection(
            model=self.model, concurrency=section.batch_size, timeout=TIMEOUT, max_retries=MAX_RETRIES,
            requests_per_minute=0, tokens_per_minute=0, max_outage=MAX_OUTAGE, extra_body={}, thinking="auto",
        )  # fmt: skip
        with Store.of_repository() as store:
            outcome = client.complete(asked, store, Text, connection, f"evaluate.{self.name}", len(asked))
            if outcome.unanswered():
                raise UserError(
                    f"{outcome.unanswered()} of {outcome.total()} answers of {self.model} ({desc}) are missing "
                    f"({outcome.reasons()}); the others are stored; `dvc repro` asks only for the missing ones"
                )
            replies = [Text.model_validate_json(str(store.get(request.key()))) for request in asked]
        return [Answer.of(reply.text, reply.stopped) for reply in replies]

    def requests(self, conversations: Sequence[list[Message]], section: Evaluate, sample: int) -> Iterator[llm.Request]:
        sampling = {"temperature": TEMPERATURE if sample else 0.0, "max_tokens": section.max_new_tokens}
        sampling |= {"seed": 0} if sample else {}  # to which the number of the sample is added
        for turns in conversations:
            messages = [api_message(turn) for turn in turns]
            yield llm.Request(self.model, messages, {}, sampling, sample, weights=self.weights)

    def loss(self, rows: Sequence[Tokenised], section: Evaluate, desc: str) -> None:
        """No server tells how likely a given answer is under a chat template."""

    def row_losses(self, rows: Sequence[Tokenised], section: Evaluate, desc: str) -> None:
        """Nor for each row."""


def api_message(turn: Message) -> llm.Message:
    """A turn in the API's form, which has no place for an alpaca row's input but the question's own text."""
    content = turn["content"] + (f"\n{turn['input']}" if turn.get("input") else "")
    return {"role": turn["role"], "content": content}  # type: ignore[typeddict-item]
