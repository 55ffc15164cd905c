"""Validate params.yaml without running anything."""

import argparse
from pathlib import Path

from stages.common.base import params
from stages.common.base.errors import ParamsError
from stages.common.models.pretrained import local_directory
from stages.ingest.sources.walk import root_directory


def run(arguments: argparse.Namespace) -> None:
    settings = params.load()
    root_directory(settings.docs.path)
    local_directory(settings.model)
    if not Path(settings.generate.prompts).is_dir():
        raise ParamsError(f"params.yaml: generate.prompts = {settings.generate.prompts!r}: accepted is a directory")
    print("params.yaml: all values are usable")
