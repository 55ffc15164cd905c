"""The merged model served by vLLM (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html)."""

import json
import os
import shutil
from pathlib import Path
from typing import NoReturn

from stages.common.base import paths
from stages.common.models import pretrained
from stages.common.records.files import atomic


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
