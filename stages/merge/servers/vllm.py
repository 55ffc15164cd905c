"""The merged model served by vLLM (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html)."""

import json
import os
import shutil
from pathlib import Path
from typing import NoReturn

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.models.base import pretrained
from stages.common.records.files import atomic

# What --max-lora-rank accepts (vllm/config/lora.py).
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def max_lora_rank(rank: int) -> int:
    """The least value of --max-lora-rank that holds adapters of a rank. Raises UserError beyond what vLLM serves."""
    if (accepted := next((known for known in LORA_RANKS if known >= rank), None)) is None:
        raise UserError(f"lora.r = {rank}: vLLM serves adapters up to {LORA_RANKS[-1]}; take merge.method=merged_16bit")
    return accepted


def possible() -> bool:
    return pretrained.device() == "cuda" and shutil.which("vllm") is not None


def become(command: list[str], key: str) -> NoReturn:
    """Replace this process by vLLM, so that signals reach it. The key goes by the environment: no list of processes
    shows it."""
    os.environ["VLLM_API_KEY"] = key
    os.execvp(command[0], command)


def command(model: Path | str, context: int, template: Path) -> list[str]:
    """What starts vLLM; `context` is the longest prompt and answer together, in tokens."""
    # vLLM takes temperature and the like from generation_config.json, but not do_sample, and samples at 1.0 by itself.
    greedy = json.dumps({"temperature": 0.0})
    words = ["vllm", "serve", str(model), "--max-model-len", str(context), "--chat-template", str(template)]
    return [*words, "--override-generation-config", greedy]


def written(template: str) -> Path:
    file = paths.cache_dir() / "serve" / "chat_template.jinja"
    with atomic(file) as stream:
        stream.write(template)
    return file
