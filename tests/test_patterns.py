"""No text makes a pattern try for ever: the work grows with the text, and faster only in known places."""

import re
import time
from functools import cache

import pytest

from stages.common.base.budget import OverBudgetError, budget
from support.attacks import attacks, patterns
from support.repository import ROOT

LENGTH = 500  # of a text; the square of four times of it takes some hundredths of a second
MOST_SECONDS = 2.0  # of CPU time for one text, hundreds of times what the square of its length takes
NOTICED = 0.008  # seconds; clocks of CPU time may tick that slowly
# Times for a text of four times the length: n log n takes 5 times, the square 16, the third power 64.
LINEAR, SQUARE, CUBE = 8, 32, 128
SEARCHES = re.compile(r"(\w+)(?:\[\w+\])?\.(?:search|sub|subn|split|finditer|findall)\(")
CALLS = re.compile(r"(\w+)(?:\[\w+\])?\.(?:match|fullmatch)\(")
# Patterns whose work grows with the square of what they are tried on, and why that may be.
KNOWN_SQUARES = {
    "stages.curate.checks.form.FENCED": "an answer, which is as long as curate lets it be",
    "stages.generate.extractive.grids.BOLD": "tried at one place",
    "stages.generate.extractive.phrasings.OPTIONAL": "wordings of our own",
    "stages.generate.extractive.reported.PATTERNS": "a question, which is short",
    "stages.ingest.dialects.flavours.obsidian.ITEM": "one line, and the page has a budget",
    "stages.ingest.dialects.flavours.variables.NAME": "what stands between two pairs of braces",
    "stages.ingest.sources.kinds.BY_NAME": "the name of a file",
    "stages.ingest.sources.shown.IMPORTS": "at most 3,000 characters of each import",
}


KNOWN_CUBE = "stages.ingest.sources.shown.CAPTION"  # front matter inside a page, which has a budget


@cache
def names(pattern: re.Pattern[str], module: str = "") -> set[str]:
    """The names that a module, or any, calls so."""
    files = [ROOT / f"{module.replace('.', '/')}.py"] if module else [*(ROOT / "stages").rglob("*.py")]
    return {name for file in files if file.exists() for name in pattern.findall(file.read_text("utf-8"))}


def ways(name: str) -> list[str]:
    """How the code tries a pattern: at one place, or at all places of a text; both where that cannot be told."""
    module, _, last = name.rpartition(".")
    for where in (module, ""):
        if last in names(SEARCHES, where) | names(CALLS, where):
            return ["match", "search"] if last in names(SEARCHES, where) else ["match"]
    return ["match", "search"]


@pytest.mark.slow  # all patterns of stages/, some twenty texts each
def test_no_pattern_takes_more_than_its_text_s_length_times_a_constant_but_for_known_ones():
    endless, growing, known = [], [], patterns()
    assert len(known) > 500
    for (pattern, flags), name in known.items():
        compiled = re.compile(pattern, flags)
        most = CUBE if name == KNOWN_CUBE else SQUARE if name in KNOWN_SQUARES else LINEAR
        for before, sign, behind in attacks(pattern, flags):
            texts = [before + sign * (n * max(1, LENGTH // len(sign))) + behind for n in (1, 4)]
            for way in ways(name):
                try:
                    with budget(MOST_SECONDS):
                        slow = seconds(getattr(compiled, way), texts[1], 1) > NOTICED
                        growth = least_growth(getattr(compiled, way), *texts, most) if slow else 0
                except OverBudgetError:
                    endless.append((name, way, before, sign))
                    break
                if growth > most:
                    growing.append((name, way, before, sign, round(growth)))
                    break
    assert endless == [] and growing == []


def seconds(tried, text: str, times: int) -> float:
    """CPU time of a try, the mean of so many."""
    start = time.process_time()
    for _ in range(times):
        tried(text)
    return max((time.process_time() - start) / times, 1e-6)


def least_growth(tried, short: str, long: str, enough: int) -> float:
    """How many times longer the longer text takes, measured until it is enough or again and again: a machine that does
    other work in between only ever takes longer."""
    best = [seconds(tried, short, 16), seconds(tried, long, 3)]
    for _ in range(5):
        if best[1] <= enough * best[0]:
            break
        best = [best[0], min(best[1], seconds(tried, long, 3))]
    return best[1] / best[0]
