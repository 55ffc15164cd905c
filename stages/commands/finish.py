"""After the gate has passed: hold nothing out, so the next run trains on everything with the same settings.

Commit the measured run first, because its figures cannot be measured again: no held-out questions remain, and only
your exam still measures the model. `git restore params.yaml` undoes it.

Examples:
  doclore promote && doclore finish && dvc repro
"""

import argparse

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.messages import said
from stages.common.base.printable import say

NOTHING = {"curate.holdout_pages": 0.0, "curate.holdout_facts": 0.0}  # held out


def run(arguments: argparse.Namespace) -> None:
    from stages.commands import preset, promote
    from stages.common.base.git import git
    from stages.common.exam.questions import questions
    from stages.common.records.files import read_json

    results = read_json(paths.REPORTS / "evaluate.json")
    promote.refuse_failed(results)
    promote.refuse_uncommitted()
    exam = bool(questions())
    changed = preset.apply(NOTHING | ({"evaluate.gate.set": "exam"} if exam else {}))
    if not changed.keys() & NOTHING.keys():
        raise UserError("nothing is held out already; type: dvc repro")
    for key, (before, after) in changed.items():
        say(f"{key}: {preset.text(before)} → {preset.text(after)}")
    measured = (git("rev-parse", "--short", "HEAD") or "").strip()
    say(said(f"the figures of commit {measured} belong to the model that was measured, not to the one that comes next"))
    if not exam:
        say(said("data/exam is empty, so nothing will measure the next model; type: doclore exam add QUESTION ANSWER"))
    say(said("type: dvc repro, or git restore params.yaml to go back"))
