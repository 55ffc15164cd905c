"""A model under test. What it answered once, it is not asked again: a new metric costs no generation.

Answers lie in `.cache/answers`, one JSONL file for each model as it is loaded here; a run that is killed keeps what
it had.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.templates import Chat, Message
from stages.common.models import pretrained
from stages.common.records.files import atomic, digest, file_sha256
from stages.common.schema import Evaluate, Model, Params
from stages.evaluate import answers
from stages.evaluate.answers import Answer, Tokenised
from stages.evaluate.served import Served

WEIGHTS = ("*.safetensors", "*.bin", "config.json", "generation_config.json", "adapter_config.json")


class Subject:
    """A model by what identifies it; its weights are loaded when there is something new to ask."""

    def __init__(self, name: str, identity: str, load: Callable[[], Any], tokenizer: Any) -> None:
        self.name, self.tokenizer, self.load = name, tokenizer, load
        self.model: Any = None
        self.file = paths.cache_dir() / "answers" / f"{identity}.jsonl"
        self.known = dict(read(self.file))

    def answers_to(
        self, conversations: Sequence[list[Message]], chat: Chat, section: Evaluate, desc: str
    ) -> list[Answer]:
        """One greedy answer per conversation, in their order."""
        return self.answers(chat.texts(list(conversations), prompt=True), section, desc)

    def answers(self, prompts: Sequence[str], section: Evaluate, desc: str) -> list[Answer]:
        """One greedy answer per prompt, in their order."""
        keys = [digest("answer", prompt, section.max_new_tokens) for prompt in prompts]
        sizes = [len(prompt) for prompt in prompts]

        def compute(places: list[int]) -> list[Any]:
            chosen = [prompts[place] for place in places]
            found = answers.generate(self.model, self.tokenizer, chosen, section.max_new_tokens, len(chosen))
            return [[answer.text, answer.stopped] for answer in found]

        return [Answer(*value) for value in self.measured(keys, sizes, section.batch_size, compute, desc, "answer")]

    def loss(self, rows: Sequence[Tokenised], section: Evaluate, desc: str) -> float | None:
        """Mean cross entropy in nats per supervised token over all rows; None without rows."""
        keys = [digest("loss", row["input_ids"], row["labels"]) for row in rows]
        sizes = [len(row["input_ids"]) for row in rows]

        def compute(places: list[int]) -> list[Any]:
            return answers.losses(self.model, [rows[place] for place in places], self.tokenizer.pad_token_id)

        return answers.mean(self.measured(keys, sizes, section.batch_size, compute, desc, "row"))

    def measured(
        self,
        keys: list[str],
        sizes: list[int],
        batch_size: int,
        compute: Callable[[list[int]], list[Any]],
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
                self.keep({keys[place]: value for place, value in zip(batch, compute(batch), strict=True)})
                bar.update(len(batch))
        return [self.known[key] for key in keys]

    def loaded(self) -> Any:
        if self.model is None:
            self.model = self.load()
        return self.model

    def keep(self, values: dict[str, Any]) -> None:
        self.known |= values
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in values.items())


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


Subjects = dict[str, Subject | Served]  # "base" and "tuned"


def subjects(settings: Params, chat: Chat) -> Subjects:
    """Base and tuned model: loaded here when there is something new to ask, or asked through the endpoint."""
    section, tokenizer = settings.evaluate, chat.tokenizer
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    tuned = adapter if section.model == "adapter" else merged
    return {
        "base": served_base(settings, chat) or base(settings.model, dtype, tokenizer),
        "tuned": served_tuned(section, chat) or tuned(settings.model, dtype, tokenizer),
    }


def served_base(settings: Params, chat: Chat) -> Served | None:
    """The base model at the endpoint, if it is asked there. A hub id is not looked up: it need not be on this
    machine."""
    name = settings.evaluate.base_model
    if settings.evaluate.endpoint != "env" or not name:
        return None
    directory = pretrained.local_directory(settings.model)
    weights = fingerprint(directory) if directory else digest(settings.model.name, settings.model.revision)
    return Served("base", name, digest(weights, chat.template))


def served_tuned(section: Evaluate, chat: Chat) -> Served | None:
    if section.endpoint != "env" or not section.tuned_model:
        return None
    return Served("tuned", section.tuned_model, digest(fingerprint(paths.MERGED), chat.template))


def base(section: Model, dtype: Any, tokenizer: Any) -> Subject:
    identity = digest(base_fingerprint(section), loading(section, dtype), tokenizer.eos_token)
    return Subject("base", identity, lambda: pretrained.causal_lm(section, dtype), tokenizer)


def merged(section: Model, dtype: Any, tokenizer: Any) -> Subject:
    """The tuned model as merge left it, loaded as the base is."""
    alone = not (paths.MERGED / "adapter_config.json").exists()
    hashes = [fingerprint(paths.MERGED), *([] if alone else [base_fingerprint(section)])]
    identity = digest(*hashes, loading(section, dtype), tokenizer.eos_token)
    return Subject("tuned", identity, lambda: pretrained.tuned(section, dtype), tokenizer)


def adapter(section: Model, dtype: Any, tokenizer: Any) -> Subject:
    """The base with the adapter, as it was trained: without the rounding of the merge."""
    if not (paths.ADAPTER / "adapter_config.json").exists():
        raise UserError(f"there is no adapter in {paths.ADAPTER}; run `dvc repro train`, or `dvc pull`")
    hashes = base_fingerprint(section), fingerprint(paths.ADAPTER)
    identity = digest("adapter", hashes, loading(section, dtype), tokenizer.eos_token)
    return Subject("tuned", identity, lambda: pretrained.adapted(section, dtype, paths.ADAPTER), tokenizer)


def loading(section: Model, dtype: Any) -> list[str]:
    """What the same weights may answer differently under."""
    return [str(dtype), pretrained.device(), *pretrained.attention(section).values()]


def base_fingerprint(section: Model) -> str:
    """Hash of the base model's files; for a hub id its commit, which names them."""
    source = pretrained.source(section)
    if Path(source).is_dir():
        return fingerprint(Path(source))
    from transformers import AutoConfig

    return digest(source, pretrained.from_pretrained(AutoConfig, section)._commit_hash)


def fingerprint(directory: Path) -> str:
    """Hash of the files that a model's answers depend on. Files that have not been touched are not read again."""
    known_file = paths.cache_dir() / "answers" / "hashes.json"
    known: dict[str, str] = json.loads(known_file.read_text()) if known_file.exists() else {}
    hashes = []
    for file in sorted({file for pattern in WEIGHTS for file in directory.glob(pattern)}):
        state = file.stat()
        place = f"{file.resolve()} {state.st_size} {state.st_mtime_ns}"
        known[place] = known.get(place) or file_sha256(file)
        hashes.append([file.name, known[place]])
    with atomic(known_file) as stream:
        json.dump(known, stream)
    return digest(hashes)
