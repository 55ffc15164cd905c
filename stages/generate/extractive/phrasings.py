"""The wordings of questions, which stand in data files beside this module."""

import re
from pathlib import Path

import yaml

BRACE = re.compile(r"\{([sacn])\}")
OPTIONAL = re.compile(r"\[([^\]]*)\]")


def load(lang: str) -> dict[str, tuple[str, ...]]:
    """The wordings by kind of fact, from `phrasings.<lang>.yaml`."""
    text = Path(__file__).with_name(f"phrasings.{lang}.yaml").read_text(encoding="utf-8")
    return {kind: tuple(wordings) for kind, wordings in yaml.load(text, Loader=yaml.CBaseLoader).items()}
