"""Hashes of all pages in sorted arrays say what sets and dictionaries of the same would."""

import random
from collections import defaultdict

import pytest

from stages.generate.extractive.hashes import FEW, PARTS, Seen, Values, short_hash


@pytest.mark.parametrize("most", [2, 51, 1 << 40])
def test_values_of_a_key_are_counted_once_each_as_far_as_is_asked(most):
    draw, known, plain = random.Random(3), Values(most), defaultdict(set)
    for number in range(4 * FEW):
        key, value = short_hash(f"key {draw.randrange(90) // 3}") // PARTS * PARTS, short_hash(str(draw.randrange(60)))
        known.add(key, value)
        plain[key].add(value)
        if number % 1000 == 0:  # asking in between changes nothing
            assert known.count(key) == min(most, len(plain[key]))
    assert {key: known.count(key) for key in plain} == {key: min(most, len(some)) for key, some in plain.items()}
    assert known.count(1) == 0 and not known.has(1, 1)
    if most > 60:
        assert all(
            known.has(key, value) == (value in plain[key]) for key in plain for some in plain.values() for value in some
        )


def test_a_hash_was_seen_when_it_was_added_before_however_many_there_are():
    hashes = [short_hash(str(number)) for number in range(5 * FEW)]
    seen = Seen()
    for number, one in enumerate(hashes):
        assert one not in seen
        seen.add(one)
        assert one in seen and hashes[number // 2] in seen
    assert short_hash("another") not in seen and 0 not in seen and (1 << 64) - 1 not in seen
