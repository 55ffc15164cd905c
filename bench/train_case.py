"""One case of bench/train.py: a model of random weights, rows of real lengths, some seconds of the stage's own trainer.

The weights come from a checkpoint that is a hole: a safetensors file of the right size, nothing of which was ever
written. So the case loads (and quantises) as any model does, without a hub, and a disk has room for it. Once they are
on the device the zeros are replaced there by random values. Run by bench/train.py: python -m bench.train_case OPTIONS
"""

import contextlib
import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 3  # steps in which kernels are compiled and memory is taken
ROWS = 4096
# Settings of all cases; what is not here is as in params.yaml. 4 rows packed are 8,192 tokens.
SETTINGS: dict[str, dict[str, Any]] = {
    "format": {"max_length": 2048},
    "train": {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": False,
        "learning_rate": 2e-4,
        "max_steps": 1_000_000,  # the clock ends it
        "save_steps": 1_000_000,
        "logging_steps": 1_000_000,
    },
}
# (tokens, supervised tokens) of each 64th of the 21,296 rows that the default params make of 2,372 Chinese pages of
# documentation (CloudPSS), shortest first: 135 tokens in the mean, 512 at most, with the embedded model's tokenizer.
LENGTHS = (
    (55, 7), (60, 10), (62, 11), (64, 4), (65, 8), (67, 4), (68, 4), (69, 13), (70, 10), (72, 4), (73, 2), (74, 20),
    (76, 5), (77, 5), (79, 6), (80, 3), (82, 5), (83, 23), (84, 8), (86, 5), (87, 6), (89, 2), (90, 4), (91, 26),
    (93, 2), (95, 6), (96, 20), (98, 5), (100, 6), (102, 7), (103, 38), (106, 2), (108, 2), (110, 46), (113, 45),
    (116, 49), (119, 39), (123, 10), (126, 64), (130, 77), (134, 72), (138, 60), (143, 78), (147, 71), (151, 75),
    (155, 84), (160, 99), (165, 74), (170, 94), (176, 80), (182, 112), (188, 122), (196, 103), (204, 143), (211, 123),
    (221, 155), (231, 155), (242, 182), (254, 185), (268, 209), (288, 207), (319, 242), (351, 259), (426, 349),
)  # fmt: skip


def write_rows(file: Path, vocabulary: int, rows: int) -> None:
    """A train.parquet of random tokens, answers supervised, in random order, the same for every case."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = random.Random(0)
    lengths = [LENGTHS[i % len(LENGTHS)] for i in range(rows)]
    draw.shuffle(lengths)
    ids = [[draw.randrange(10, vocabulary) for _ in range(length)] for length, _ in lengths]
    labels = [[-100] * (len(row) - answer) + row[-answer:] for row, (_, answer) in zip(ids, lengths, strict=True)]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"pair_id": [str(i) for i in range(rows)], "input_ids": ids, "labels": labels}), file)


def write_model(directory: Path, config: dict[str, Any], random_weights: bool = False) -> int:
    """A directory that transformers loads: config, a tokenizer of single bytes, zeros or random weights. Returns the
    parameters."""
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    directory.mkdir()
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1, "torch_dtype": "bfloat16"}
    (directory / "config.json").write_text(json.dumps(config | ends), encoding="utf-8")
    write_tokenizer(directory)
    with init_empty_weights():
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(directory))
    model.tie_weights()
    shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}  # tied ones once
    write_zeros(directory / "model.safetensors", shapes)
    if random_weights:
        write_random(directory / "model.safetensors", shapes)
    return sum(weight.numel() for weight in model.parameters())


def write_tokenizer(directory: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<|end|>", "<|pad|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>")
    fast.chat_template = "{% for message in messages %}{{ message['content'] }}{{ eos_token }}{% endfor %}"
    fast.save_pretrained(directory)


def write_zeros(file: Path, shapes: dict[str, list[int]]) -> None:
    """A bfloat16 safetensors file, header and hole (https://huggingface.co/docs/safetensors, "Format")."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, size = end, 2
        for width in shape:
            size *= width
        end = begin + size
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with file.open("wb") as written:
        written.write(len(text).to_bytes(8, "little") + text)
        written.truncate(8 + len(text) + end)


def write_random(file: Path, shapes: dict[str, list[int]]) -> None:
    """Fill a file of zeros with values of a fresh model's spread (0.02), and ones for its norms."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with file.open("r+b") as written:
        written.seek(8 + int.from_bytes(written.read(8), "little"))
        for shape in shapes.values():
            values = torch.full(shape, 1.0, dtype=torch.bfloat16, device=device)
            if len(shape) > 1:
                values.normal_(0, 0.02)
            written.write(values.view(torch.uint8).cpu().numpy().tobytes())


def randomise(model: Any) -> None:
    """Random values for what is not trained, of the spread of a fresh model (0.02); ones for its norms.

    4-bit weights are random codes; their scales are 8-bit numbers around an offset (arXiv:2305.14314, section 3).
    """
    import torch

    with torch.no_grad():
        for parameter in (weight for weight in model.parameters() if not weight.requires_grad):
            state = getattr(parameter, "quant_state", None)
            if state is not None:
                parameter.data.random_(0, 256)
                state.offset.fill_(0.04)
                state.absmax.random_(0, 256)
                state.state2.absmax.fill_(0.01)
            elif parameter.ndim > 1:
                parameter.data.normal_(0, 0.02)
            else:
                parameter.data.fill_(1)


def settings_of(options: dict[str, Any], directory: Path) -> Any:
    """params.yaml with SETTINGS and what the case changes."""
    from stages.common.base import params

    settings = params.load(ROOT / "params.yaml")
    model = {"name": str(directory / "model"), "load_in_4bit": options["load_in_4bit"], "dtype": "auto"}
    rows = {"packing": options["rows"] == "packed", "padding_free": options["rows"] != "padded"}
    train = SETTINGS["train"] | rows | {"backend": options["backend"]}
    changes = {"model": model, "format": SETTINGS["format"], "train": train}
    sections = {name: getattr(settings, name).model_copy(update=update) for name, update in changes.items()}
    return settings.model_copy(update=sections)


def clock(trainer: Any, seconds: float) -> Any:
    """A callback that counts whole steps behind the warm-up for so many seconds, then ends the training."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        steps, tokens, seconds, start = 0, 0, 0.0, 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if state.global_step == WARM_UP:
                self.start, self.tokens = time.perf_counter(), -int(trainer.tokens)
            elif state.global_step > WARM_UP and time.perf_counter() - self.start >= seconds:
                self.steps, self.seconds = state.global_step - WARM_UP, time.perf_counter() - self.start
                self.tokens += int(trainer.tokens)
                control.should_training_stop = True

    return Clock()


def measure(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Figures of one model, backend and number type, for each of the `ways` that rows make batches: the model is loaded
    once. A way that stages.train would refuse, or that memory has no room for, is a result as well."""
    from stages.common.base import paths
    from stages.common.base.errors import UserError
    from stages.common.models.base import pretrained
    from stages.train import backends, faults

    directory, ways = Path(options["directory"]), options["ways"]
    settings = settings_of(options | {"rows": "padded"}, directory)
    backends.refuse_impossible(settings)
    backend, _ = backends.choose_backend(settings)
    backends.prepare(backend)
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    parameters = write_model(directory / "model", options["config"])
    os.chdir(directory)
    write_rows(paths.FORMATTED / "train.parquet", options["config"]["vocab_size"], ROWS)
    with faults.memory_guard(settings):
        model = backends.lora_model(backend, settings, dtype)
        randomise(model)  # before the trainer, which under unsloth takes rows of zeros for untrained tokens
    for rows in ways:
        try:
            yield {"rows": rows} | way(model, options | {"rows": rows}, backend, dtype, parameters)
        except UserError as error:
            yield {"rows": rows, "failed": str(error)}


def way(model: Any, options: dict[str, Any], backend: str, dtype: Any, parameters: int) -> dict[str, Any]:
    """Figures of one way to make batches of the rows, with the stage's own trainer."""
    import torch

    from stages.common.models.base import pretrained
    from stages.train import attention, faults, progress, throughput, trainer

    directory = Path(options["directory"])
    settings = attention.settled(settings_of(options, directory), backend, dtype)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with faults.memory_guard(settings):
        tokenizer = pretrained.tokenizer(settings.model)
        training = trainer.build(model, settings, backend, dtype, tokenizer, directory / "checkpoints")
        counted = clock(training, options["seconds"])
        training.add_callback(counted)
        training.train()
    speed, peak = counted.tokens / counted.seconds, progress.peak()
    return {
        "tokens_per_second": round(speed, 1),
        "mfu": round(throughput.mfu(speed, parameters, peak), 4) if peak else None,
        "peak_gb": round(peak_memory() / 1e9, 2),
        "steps": counted.steps,
        "tokens_per_step": round(counted.tokens / counted.steps),
        "parameters": parameters,
        "attention": str(training.model.config._attn_implementation),
        "dtype": str(dtype).removeprefix("torch."),
        **circumstances(),
    }


def peak_memory() -> float:
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def circumstances() -> dict[str, Any]:
    """The device and the versions that the figures hold for."""
    from importlib.metadata import PackageNotFoundError, version

    import torch

    versions = {}
    for name in ("torch", "transformers", "trl", "peft", "bitsandbytes", "unsloth", "flash-attn"):
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"device": device, "date": time.strftime("%Y-%m-%d"), "versions": versions}


def main() -> None:
    from stages.common.base.errors import UserError

    options = json.loads(sys.argv[1])
    try:
        for result in measure(options):
            print("result: " + json.dumps(result), flush=True)
    except UserError as error:
        for rows in options["ways"]:
            print("result: " + json.dumps({"rows": rows, "failed": str(error)}), flush=True)


if __name__ == "__main__":
    main()
