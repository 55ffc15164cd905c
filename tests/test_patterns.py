"""No text makes a pattern try for ever: where one is tried, the work grows with the text, and only in known places faster."""

import re
import time
from functools import cache

import pytest

from stages.common.base.budget import OverBudgetError, budget
from support.attacks import attacks, patterns
from support.repository import ROOT

LENGTH = 400  # of a text; the square of four times of it takes some hundredths of a second
MOST_SECONDS = 2.0  # of CPU time for one text, hundreds of times what the square of its length takes
NOTICED = 0.004  # seconds below which clocks say nothing
LINEAR, SQUARE = 8, 32  # times for a text of four times the length: n log n takes 5 times, the square 16, the third power 64
SEARCHES = re.compile(r"(\w+)(?:\[\w+\])?\.(?:search|sub|subn|split|finditer|findall)\(")
CALLS = re.compile(r"(\w+)(?:\[\w+\])?\.(?:match|fullmatch)\(")
# Patterns whose work grows with the square of what they are tried on, and why that is little.
KNOWN_SQUARES: dict[str, str] = {}


@cache
def names(pattern: re.Pattern[str]) -> set[str]:
    return {name for file in (ROOT / "stages").rglob("*.py") for name in pattern.findall(file.read_text("utf-8"))}


def ways(name: str) -> list[str]:
    """How the code tries a pattern: at one place, or at all places of a text; both where that cannot be told."""
    last = name.rpartition(".")[2]
    return ["match", "search"] if last in names(SEARCHES) or last not in names(CALLS) else ["match"]


@pytest.mark.slow  # all patterns of stages/, some twenty texts each
def test_no_pattern_takes_more_than_its_text_s_length_times_a_constant_but_for_known_ones():
    endless, growing, known = [], [], patterns()
    assert len(known) > 500
    for (pattern, flags), name in known.items():
        compiled = re.compile(pattern, flags)
        most = SQUARE if name in KNOWN_SQUARES else LINEAR
        for before, sign, behind in attacks(pattern, flags):
            texts = [before + sign * (n * max(1, LENGTH // len(sign))) + behind for n in (1, 4)]
            for way in ways(name):
                try:
                    with budget(MOST_SECONDS):
                        short, long = (seconds(getattr(compiled, way), text) for text in texts)
                except OverBudgetError:
                    endless.append((name, way, before, sign))
                    break
                if long > NOTICED and long > most * short:
                    growing.append((name, way, before, sign, round(long / short)))
                    break
    assert endless == [] and growing == []


def seconds(tried, text: str) -> float:
    """CPU time of a try, the least of three."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        tried(text)
        taken.append(time.process_time() - start)
    return max(min(taken), 1e-6)
