"""No text makes a pattern try for ever: where one is matched, the work may grow with the text, not with its powers."""

import re
import time

import pytest

from stages.common.base.budget import OverBudgetError, budget
from support.attacks import attacks, patterns

LENGTH = 400  # of a text; with it, what grows with the third power takes tenths of a second, what is worse for ever
MOST_SECONDS = 2.0  # of CPU time for one text, hundreds of times what the square of its length takes


@pytest.mark.slow  # all patterns of stages/, some ten texts each
def test_no_pattern_takes_more_than_the_square_of_a_text_made_against_it():
    endless, growing, known = [], [], patterns()
    assert len(known) > 500
    for (pattern, flags), name in known.items():
        compiled = re.compile(pattern, flags)
        for before, sign, behind in attacks(pattern, flags):
            times = max(1, LENGTH // len(sign))
            try:
                with budget(MOST_SECONDS):
                    short, long = (seconds(compiled, before + sign * n + behind) for n in (times, 4 * times))
            except OverBudgetError:
                endless.append((name, before, sign))
                break
            if long > 0.05 and long > 32 * short:  # the square: 16 times, the third power: 64 times
                growing.append((name, before, sign, round(long / short)))
                break
    assert endless == [] and growing == []


def seconds(pattern: re.Pattern[str], text: str) -> float:
    """CPU time of a match, the least of two."""
    taken = []
    for _ in range(2):
        start = time.process_time()
        pattern.match(text)
        taken.append(time.process_time() - start)
    return max(min(taken), 1e-6)
