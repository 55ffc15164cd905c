"""What llama.cpp makes of an exported file: its own server answers, in this process (xllamacpp).

Endpoints: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.common.base.errors import UserError
from stages.merge.audit import AuditRow, Prediction
from stages.merge.servers import llama_cpp

CANDIDATES = 64  # tokens whose probability is told at each place


class Exported:
    """A GGUF file that llama.cpp has loaded."""

    def __init__(self, client: Any, file: Path) -> None:
        self.client, self.file = client, file
        properties = client.get("/props").json()
        self.template: str = properties["chat_template"]
        self.stop: str = properties["eos_token"]

    def asked(self, path: str, **body: Any) -> Any:
        answer = self.client.post(path, json=body)
        if answer.is_error:
            raise UserError(f"merge audit: llama.cpp fails on {self.file}: {answer.text[:200]}; see merge.export")
        return answer.json()

    def tokens(self, text: str) -> list[int]:
        """Ids of a finished prompt, in which special tokens are written out."""
        found: list[int] = self.asked("/tokenize", content=text, add_special=False, parse_special=True)["tokens"]
        return found

    def next_token(self, ids: list[int]) -> tuple[int, bool, dict[int, float]]:
        """The likeliest token behind `ids`, whether it ends the answer, and log probabilities of the likeliest."""
        options = {"n_predict": 1, "temperature": 0.0, "n_probs": CANDIDATES, "cache_prompt": True}
        answer = self.asked("/completion", prompt=ids, **options)
        places = answer["completion_probabilities"]
        found = {one["id"]: one["logprob"] for one in places[0]["top_logprobs"]}
        return max(found, key=lambda token: found[token]), answer["stop_type"] == "eos", found

    def prediction(self, row: AuditRow, stop: int) -> Prediction:
        """What it says at each token of an answer; -1 where it would go on behind the stop token. The loss is that of
        the reference, in nats; a token that is not among the likeliest counts as the least of them."""
        choices, loss = [], 0.0
        for place in range(len(row.answer)):
            token, ends, _ = self.next_token(row.prompt + row.answer[:place])
            choices.append(-1 if token == stop and not ends else token)
        for place, token in enumerate(row.reference):
            _, _, found = self.next_token(row.prompt + row.reference[:place])
            loss -= found.get(token, min(found.values()))
        return Prediction(choices, None, loss)


@contextmanager
def loaded(file: Path, room: int) -> Iterator[Exported]:
    """The file in llama.cpp, with room for `room` tokens, for as long as the block takes."""
    import httpx

    settings = llama_cpp.parameters(file, "exported", "127.0.0.1", 0, "audit")
    settings.n_ctx, settings.n_parallel, settings.ui = room, 1, False
    server = llama_cpp.start(settings, f"{room} tokens")
    headers = {"Authorization": "Bearer audit"}
    with httpx.Client(base_url=server.listening_address, headers=headers, timeout=600, trust_env=False) as client:
        yield Exported(client, file)
    del server
