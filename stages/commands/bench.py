"""Measure training on this machine: tokens/s, MFU and peak memory of unsloth and TRL, or the whole chain once.

The models have realistic sizes and random weights, so nothing is downloaded. Results are written to .cache/bench as
they come: train.json and train.md for training, chain.jsonl for the whole chain. On a CPU the models are tiny.

Examples:
  doclore bench
  doclore bench chain --models Qwen3-8B --minutes 10
"""

import argparse
import os
import sys
from pathlib import Path

from stages.common.base.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=["train", "chain"], default="train", help="default: %(default)s")
    parser.add_argument(
        "--models", nargs="*", default=[], help="Llama-3.2-3B, Qwen3-8B or Qwen3-14B (default: the first two)"
    )
    parser.add_argument(
        "--minutes", type=float, default=4, help="time for the table, or for one chain (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> None:
    if not Path("bench/train.py").exists():
        raise UserError(
            "bench/ is part of doclore's repository and not of a project; go to a clone of doclore and type it there"
        )
    words = ["chain"] if arguments.what == "chain" else []
    words += ["--models", *arguments.models] if arguments.models else []
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "bench.train", *words, "--minutes", str(arguments.minutes)])
