"""Planted faults: each is caught by the check that is meant for it, and the near miss beside it is kept.

planted_faults.jsonl begins with a chunk and a good pair for each language; every other row changes some fields of that
pair, once into a fault of some kind and once into something that only looks like it. `chunk` adds a line to the chunk.
"""

import json
from pathlib import Path

import pytest

from stages.common import schema
from stages.common.records.rows import Chunk
from stages.common.rows.rows import to_row
from stages.common.rows.source import sources
from stages.curate import checks, examining
from stages.curate.exam import Exam
from support.repository import ROOT
from support.settings import curate_section

ROWS = [json.loads(line) for line in (Path(__file__).parent / "planted_faults.jsonl").read_text("utf-8").splitlines()]
PAGES = {row["lang"]: row for row in ROWS if "good" in row}
PLANTED = [row for row in ROWS if "fault" in row]
SECTION = curate_section(private="drop", max_answer_chars=120)
NAMES = [f"{number} {row['lang']} {row['kind']}" for number, row in enumerate(PLANTED)]


def caught_by(planted: dict, changes: dict, limits: schema.Curate) -> str:
    """The name of the check that rejects the good pair with these changes; empty when it is kept."""
    page = PAGES[planted["lang"]]
    text = page["text"] + "".join(f"\n{line}\n" for line in planted.get("chunk", {}).values())
    chunk: Chunk = {
        "chunk_id": "c", "path": "lamp.md", "headings": [page["heading"]], "line_start": 1, "line_end": 9,
        "tokens": 1, "text": text, "also_in": [], "partials": [],
    }  # fmt: skip
    pair = {"pair_id": "p", "chunk_id": "c", "input": "", "style": "llm", "request_key": "", **page["good"], **changes}
    sifted = examining.sift([to_row(pair, {"c": chunk})], sources([chunk]), lambda chunk_id: 0, Exam([]), limits)
    rejected = [*sifted.failed, *sifted.held_private]
    return rejected[0]["check"] if rejected else ""


@pytest.mark.parametrize("planted", PLANTED, ids=NAMES)
def test_a_planted_fault_is_caught_by_its_check(planted):
    assert caught_by(planted, planted["fault"], SECTION) == planted["check"]


@pytest.mark.parametrize("planted", PLANTED, ids=NAMES)
def test_the_near_miss_beside_it_is_kept(planted):
    assert caught_by(planted, planted["near_miss"], SECTION) == ""


@pytest.mark.parametrize("planted", PLANTED, ids=NAMES)
def test_a_check_that_is_switched_off_rejects_nothing(planted):
    off = {"private": "keep"} if planted["check"] == "nothing_private" else {"disabled_checks": [planted["check"]]}
    assert caught_by(planted, planted["fault"], SECTION.model_copy(update=off)) != planted["check"]


def test_there_are_forty_kinds_of_faults_and_both_languages_have_every_check():
    assert len({row["kind"] for row in PLANTED}) >= 40
    for lang in ("zh", "en"):
        assert {row["check"] for row in PLANTED if row["lang"] == lang} == {
            *(check.__name__ for check in checks.CHECKS), "nothing_private",
        }  # fmt: skip


def test_every_check_has_a_row_in_the_manual_and_can_be_named_in_params():
    manual = (ROOT / "docs" / "stages" / "curate.md").read_text(encoding="utf-8")
    for name in ("nothing_private", "distinct", "unambiguous", "unseen_is_unseen"):
        assert f"| `{name}` |" in manual
    for check in checks.CHECKS:
        assert f"| `{check.__name__}` |" in manual
        assert curate_section(disabled_checks=[check.__name__]).disabled_checks == [check.__name__]
