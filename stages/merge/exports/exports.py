"""models/exports: what `merge.export` names, each audited against base + adapter."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.templates import Chat, chat_for
from stages.common.models.base import hub
from stages.common.records.files import digest, read_json
from stages.common.schema import Merge, Params
from stages.merge import audit
from stages.merge.exports import gguf, ollama, server
from stages.merge.servers import vllm
from stages.merge.servers.context import context
from stages.merge.servers.template import served_template

FOR_OLLAMA = """- `Modelfile`: `ollama create my-docs -f Modelfile`, then `ollama run my-docs`.
"""
FOR_VLLM = """- `vllm.sh`: an OpenAI-compatible server by vLLM; `sh vllm.sh --port 8001` adds options of vllm serve.
- `chat_template.jinja`: the trained template, with `format.system_prompt` for conversations without a system turn.
"""


def kinds(section: Merge) -> list[str]:
    """The GGUF types that are wanted: q8_0, q4_k_m."""
    return [name.removeprefix("gguf-") for name in section.export if name.startswith("gguf-")]


def require(settings: Params) -> None:
    """Raise UserError when a tool is missing that the exports need, or a prompt cannot be written for one."""
    if "ollama" in settings.merge.export:
        ollama.refuse_prompt(settings.format.system_prompt)
    if kinds(settings.merge):
        gguf.converter()
        gguf.quantiser()


def file_of(kind: str) -> Path:
    return paths.EXPORTS / f"model-{kind}.gguf"


def write(settings: Params, tokenizer: Any) -> None:
    """All files of models/exports anew, with a README that says how to serve the model."""
    paths.EXPORTS.mkdir(parents=True, exist_ok=True)
    section, chat = settings.merge, chat_for(tokenizer, settings.format, tokenizer.chat_template)
    listed = ""
    files = {kind: file_of(kind) for kind in kinds(section)}
    if files:
        gguf.write(paths.MERGED, files, section.dtype)
    for file in files.values():
        listed += f"- `{file.name}`: for llama.cpp and what is built on it; `doclore serve --backend llamacpp`.\n"
    room = context(settings.format.max_length)
    if "ollama" in section.export:
        text = ollama.modelfile(chat, next(iter(files.values())).name, room)
        (paths.EXPORTS / "Modelfile").write_text(text, "utf-8")
        listed += FOR_OLLAMA
    if "vllm" in section.export:
        write_vllm(settings, chat, room)
        listed += FOR_VLLM
    (paths.EXPORTS / "README.md").write_text(readme(listed), "utf-8")


def write_vllm(settings: Params, chat: Chat, room: int) -> None:
    """A script that serves the model beside this directory, as `doclore`."""
    (paths.EXPORTS / "chat_template.jinja").write_text(served_template(chat), "utf-8")
    template = Path("chat_template.jinja")
    if settings.merge.method == "adapter_only":
        lora = [
            "--enable-lora",
            "--max-lora-rank",
            str(vllm.max_lora_rank(read_json(paths.ADAPTER / "adapter_config.json")["r"])),
            "--lora-modules",
            "doclore=../merged",
        ]
        words = [*vllm.command(hub.source(settings.model), room, template), *lora]
    else:
        words = [*vllm.command(Path("../merged"), room, template), "--served-model-name", "doclore"]
    script = f'#!/bin/sh\ncd "$(dirname "$0")" || exit 1\nexec {shlex.join(words)} "$@"\n'
    file = paths.EXPORTS / "vllm.sh"
    file.write_text(script, "utf-8")
    file.chmod(0o755)


def readme(listed: str) -> str:
    nothing = "Nothing is exported. `merge.export` in params.yaml takes gguf-q8_0, gguf-q4_k_m, ollama and vllm.\n"
    return (
        f"# The merged model for other servers\n\n{listed or nothing}\n"
        "The merged model itself, `models/merged`, is served by `doclore serve` and by whatever takes safetensors.\n"
    )


def audited(section: Merge, tokenizer: Any, reference: audit.Reference) -> dict[str, dict[str, Any]]:
    """Figures of each GGUF file beside base + adapter, by its type. Raises UserError outside the limits."""
    figures = {}
    for kind in kinds(section):
        figures[kind] = predictions(file_of(kind), tokenizer, reference)
        audit.check(figures[kind], section.audit, kind)
    return figures


def predictions(file: Path, tokenizer: Any, reference: audit.Reference) -> dict[str, Any]:
    """What llama.cpp makes of a file. Raises UserError when it reads other ids, another template or stop token."""
    rows: Sequence[audit.AuditRow] = reference.rows
    room = 1 + max((len(row.prompt) + max(len(row.answer), len(row.reference)) for row in rows), default=32)
    with server.loaded(file, room) as exported:
        if digest(exported.template) != digest(tokenizer.chat_template):
            raise UserError(f"merge audit: {file} does not carry the trained chat template")
        if exported.stop != tokenizer.eos_token:
            raise UserError(f"merge audit: {file} stops at {exported.stop!r}, not at {tokenizer.eos_token!r}")
        for row in rows:
            text = tokenizer.decode(row.prompt, clean_up_tokenization_spaces=False)
            if exported.tokens(text) != row.prompt:
                raise UserError(f"merge audit: {file} has other ids for the prompt of pair {row.pair_id}")
        bar = tqdm(rows, desc=f"merge audit {file.name}")
        predicted = [exported.prediction(row, tokenizer.eos_token_id) for row in bar]
    return audit.compare(reference, predicted, tokenizer.eos_token_id) | {"bytes": file.stat().st_size}
