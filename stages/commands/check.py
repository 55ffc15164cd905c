"""Validate params.yaml without running anything."""

import argparse
from pathlib import Path

from stages.common import schema as params
from stages.common.base.errors import ParamsError


def run(arguments: argparse.Namespace) -> None:
    settings = params.load()
    settings.docs.directory()
    settings.model.directory()
    if not Path(settings.generate.prompts).is_dir():
        raise ParamsError(f"params.yaml: generate.prompts = {settings.generate.prompts!r}: accepted is a directory")
    print("params.yaml: all values are usable")
