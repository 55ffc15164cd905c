"""A model under test that is loaded here. What it answered once, it is not asked again: a new metric costs no
generation.

Answers lie in `.cache/answers`, one JSONL file for each model, the way it is loaded, and the code and the libraries
that let it answer; a run that is killed keeps what it had.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from tqdm import tqdm

from stages.common.base import paths
from stages.common.chat.templates import Chat, Message
from stages.common.models.base import memory, pretrained
from stages.common.records.files import digest, file_sha256
from stages.common.schema import Evaluate
from stages.evaluate import answers
from stages.evaluate.answers import Answer, Tokenised

LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "bitsandbytes")  # that decide what a model answers


class LocalModel:
    """A model by what identifies it; its weights are loaded when there is something new to ask, and those of one model
    at a time: a GPU that one fits on is large enough."""

    in_memory: "ClassVar[LocalModel | None]" = None

    def __init__(self, name: str, identity: str, load: Callable[[], Any], tokenizer: Any) -> None:
        self.name, self.tokenizer, self.load = name, tokenizer, load
        self.model: Any = None
        self.file = paths.cache_dir() / "answers" / f"{digest(identity, code())}.jsonl"
        self.known = dict(read(self.file))

    def answers_to(
        self, conversations: Sequence[list[Message]], chat: Chat, section: Evaluate, desc: str, sample: int = 0
    ) -> list[Answer]:
        """One answer per conversation, in their order: the greedy one, or the `sample`-th that is drawn."""
        return self.answers(chat.texts(list(conversations), prompt=True), section, desc, sample)

    def answers(self, prompts: Sequence[str], section: Evaluate, desc: str, sample: int = 0) -> list[Answer]:
        """The same per prompt."""
        drawn = (sample, answers.TEMPERATURE) if sample else ()
        keys = [digest("answer", prompt, section.max_new_tokens, *drawn) for prompt in prompts]
        seeds = [int(digest("seed", key)[:12], 16) for key in keys] if sample else []
        sizes = [len(prompt) for prompt in prompts]

        def compute(places: list[int], bar: Any) -> list[Any]:
            begun = bar.n

            def watch(tokens: int) -> None:
                """The answers of a batch grow together: so much of them is written."""
                bar.set_postfix_str(f"token {tokens} of {section.max_new_tokens}", refresh=False)
                bar.update(begun + len(places) * tokens // (section.max_new_tokens + 1) - bar.n)

            chosen = [prompts[place] for place in places]
            generated = answers.generate(
                self.model, self.tokenizer, chosen, section.max_new_tokens, len(chosen), watch,
                [seeds[place] for place in places] if seeds else (),
            )  # fmt: skip
            return [[answer.text, answer.stopped] for answer in generated]

        return [Answer(*value) for value in self.measured(keys, sizes, section.batch_size, compute, desc, "answer")]

    def loss(self, rows: Sequence[Tokenised], section: Evaluate, desc: str) -> float | None:
        """Mean cross entropy in nats per supervised token over all rows; None without rows."""
        return answers.mean(self.row_losses(rows, section, desc))

    def row_losses(self, rows: Sequence[Tokenised], section: Evaluate, desc: str) -> list[tuple[float, int]]:
        """Of each row the sum of cross entropies in nats, and the number of supervised tokens."""
        keys = [digest("loss", row["input_ids"], row["labels"]) for row in rows]
        sizes = [len(row["input_ids"]) for row in rows]

        def compute(places: list[int], bar: Any) -> list[Any]:
            return answers.losses(self.model, [rows[place] for place in places], self.tokenizer.pad_token_id)

        return [(total, count) for total, count in self.measured(keys, sizes, section.batch_size, compute, desc, "row")]

    def measured(
        self,
        keys: list[str],
        sizes: list[int],
        batch_size: int,
        compute: Callable[[list[int], Any], list[Any]],
        desc: str,
        unit: str,
    ) -> list[Any]:
        """A value per key, from the file or computed in batches of like size, the largest first: little padding, and
        too large a batch fails at once."""
        missing = sorted({key: place for place, key in enumerate(keys) if key not in self.known}.values())
        missing.sort(key=lambda place: -sizes[place])
        if missing:
            self.loaded()
        with tqdm(total=len(missing), desc=f"evaluate {self.name} {desc}", unit=unit, disable=not missing) as bar:
            for start in range(0, len(missing), batch_size):
                batch = missing[start : start + batch_size]
                self.keep({keys[place]: value for place, value in zip(batch, compute(batch, bar), strict=True)})
                bar.update(start + len(batch) - bar.n)
        return [self.known[key] for key in keys]

    def loaded(self) -> Any:
        if self.model is None:
            if LocalModel.in_memory is not None:
                LocalModel.in_memory.model = None
                memory.release()
            self.model = self.load()
            LocalModel.in_memory = self
        return self.model

    def keep(self, values: dict[str, Any]) -> None:
        self.known |= values
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in values.items())


def code() -> list[str]:
    """What of code makes the answers: the modules that load a model and let it answer, and their libraries."""
    loading = sorted(Path(str(pretrained.__file__)).parent.glob("*.py"))
    return [file_sha256(file) for file in (Path(str(answers.__file__)), *loading)] + [
        f"{name} {installed(name)}" for name in LIBRARIES
    ]


def installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "-"


def read(file: Path) -> Iterator[tuple[str, Any]]:
    """The values of a file but for a line that a kill cut off."""
    if not file.exists():
        return
    for line in file.read_text("utf-8").split("\n"):
        try:
            key, value = json.loads(line)
        except ValueError:
            continue
        yield key, value
