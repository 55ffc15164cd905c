"""A model that one can talk to: its prompts are built as in training, its answers come word by word."""

import string
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from stages.common import schema
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.conversations import conversation
from stages.common.chat.passages import Context
from stages.common.chat.templates import Message, chat_for
from stages.common.models.base import pretrained
from stages.common.models.tuned import adapted, tuned

NAMES = ("tuned", "adapter", "base")  # the merged model; base and adapter, as they were trained; the base alone


UNLIMITED = 1 << 20  # tokens, where a model names no limit


class Ending(NamedTuple):
    """How an answer ended, and what it took in tokens."""

    prompt_tokens: int
    answer_tokens: int
    stopped: bool  # by the model itself, not by the limit

    @property
    def reason(self) -> str:
        return "stop" if self.stopped else "length"

    def usage(self) -> dict[str, int]:
        """As OpenAI's API says it."""
        both = self.prompt_tokens + self.answer_tokens
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.answer_tokens, "total_tokens": both}


class Talker:
    """A loaded model. Closing the iterator of an answer ends the answer."""

    def __init__(self, name: str, settings: schema.Params, tokenizer: Any) -> None:
        self.name, self.tokenizer = name, tokenizer
        dtype, _ = pretrained.choose_dtype(settings.model.dtype)
        self.model = loaded(name, settings.model, dtype)
        self.chat = chat_for(tokenizer, settings.format, tokenizer.chat_template)
        self.stopped = threading.Event()
        self.ending = Ending(0, 0, False)  # of the last answer

    def prompt(self, turns: list[Message], system: str | None = None, context: Context | None = None) -> str:
        """The conversation as it is trained, up to where the model starts to answer; `context` stands before its last
        question."""
        row = {"messages": [*turns, {"role": "assistant", "content": ""}], "system": system, "context": context}
        return self.chat.texts([conversation(row, self.chat)[:-1]], prompt=True)[0]

    def room(self, prompt: str) -> int:
        """Tokens that an answer to the prompt may take in what the model can attend to. Raises ValueError when there
        are none."""
        taken = len(self.tokenizer(prompt, add_special_tokens=False).input_ids)
        config = self.model.config
        limit = getattr(getattr(config, "text_config", config), "max_position_embeddings", None) or taken + UNLIMITED
        if taken >= limit:
            raise ValueError(f"the prompt has {taken} tokens, and the model has room for {limit} with the answer")
        return int(limit - taken)

    def answer(self, prompt: str, max_new_tokens: int, sampling: dict[str, Any] | None = None) -> Iterator[str]:
        """The answer in pieces, greedy without `sampling`; joined and stripped it is then what evaluate reads from the
        same prompt."""
        from transformers import TextIteratorStreamer

        streamer = TextIteratorStreamer(
            self.tokenizer, skip_prompt=True, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        failures: list[BaseException] = []
        arguments = (prompt, max_new_tokens, sampling or {}, streamer, failures)
        worker = threading.Thread(target=self.generate, args=arguments, daemon=True)
        self.stopped.clear()
        worker.start()
        try:
            yield from without_half_character(streamer)
        finally:
            self.stopped.set()
            worker.join()
        if failures:
            raise failures[0]

    def generate(
        self, prompt: str, max_new_tokens: int, sampling: dict[str, Any], streamer: Any, failures: list[BaseException]
    ) -> None:
        import torch

        drawn = {"do_sample": False, **sampling}
        if (seed := drawn.pop("seed", None)) is not None:
            torch.manual_seed(seed)
        ids = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt").to(self.model.device)
        try:
            with torch.inference_mode():
                whole = self.model.generate(
                    **ids,
                    max_new_tokens=max_new_tokens,
                    **drawn,
                    eos_token_id=self.tokenizer.eos_token_id,
                    pad_token_id=self.tokenizer.pad_token_id,
                    streamer=streamer,
                    stopping_criteria=[lambda *_, **__: self.stopped.is_set()],
                )
            asked = ids.input_ids.shape[1]
            ended = int(whole[0, -1]) == self.tokenizer.eos_token_id
            self.ending = Ending(asked, whole.shape[1] - asked, ended)
        except Exception as error:
            failures.append(error)
            streamer.end()


def without_half_character(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces of an answer that may be cut off within a character; joined and stripped, they are what evaluate makes
    of the same answer (Answer.of)."""
    held = ""
    for piece in pieces:
        text = held + piece
        ready = text.rstrip("\ufffd" + string.whitespace)
        held = text[len(ready) :]
        if ready:
            yield ready
    if rest := held.rstrip().rstrip("\ufffd"):
        yield rest


def loaded(name: str, section: schema.Model, dtype: Any) -> Any:
    """One of NAMES. Raises UserError when it is not there."""
    if name == "tuned":
        return tuned(section, dtype)
    if name == "adapter" and not (paths.ADAPTER / "adapter_config.json").exists():
        raise UserError(f"{paths.ADAPTER} contains no adapter; run `dvc repro train`, or `dvc pull`")
    return pretrained.causal_lm(section, dtype) if name == "base" else adapted(section, dtype, paths.ADAPTER)


def trained_tokenizer() -> Any:
    """The tokenizer with the template that was trained. Raises UserError when there is no model yet."""
    from transformers import AutoTokenizer

    if not (paths.MERGED / "config.json").exists():
        raise UserError(f"{paths.MERGED} contains no model; run `make run` or `dvc repro`")
    return AutoTokenizer.from_pretrained(paths.MERGED)
