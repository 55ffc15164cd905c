"""Texts on which a pattern may take more steps than their length allows, made from the pattern itself."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as codes
from re import _parser
from typing import Any

import stages

NEVER = "\x7f"  # what ends a repeat and closes nothing
CATEGORIES = {codes.CATEGORY_SPACE: r"\s", codes.CATEGORY_NOT_SPACE: r"\S", codes.CATEGORY_DIGIT: r"\d",
              codes.CATEGORY_NOT_DIGIT: r"\D", codes.CATEGORY_WORD: r"\w", codes.CATEGORY_NOT_WORD: r"\W"}  # fmt: skip
TRIED = " a1\t\n-_.:/*`<{(['\"=|>#!中"
MOST = 24  # texts for one pattern


def patterns() -> dict[tuple[str, int], str]:
    """Every compiled pattern of the modules in stages/, those in tuples and dicts included, with its first name."""
    known: dict[tuple[str, int], str] = {}
    for module in pkgutil.walk_packages(stages.__path__, "stages."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for pattern in held(value, 3):
                known.setdefault((pattern.pattern, pattern.flags), f"{module.name}.{name}")
    return known


def held(value: Any, depth: int) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, dict | list | tuple | set) and depth:
        for item in value.values() if isinstance(value, dict) else value:
            yield from held(item, depth - 1)


def attacks(pattern: str, flags: int) -> list[tuple[str, str, str]]:
    """Beginnings, what is repeated behind them, and ends: for each repeat without a limit what leads to it, again and
    again, and what it repeats, both with an end that no closing sign follows."""
    found: dict[tuple[str, str, str], None] = {}
    tree = _parser.parse(pattern, flags & ~re.DEBUG)
    for before, signs in repeats(list(tree), ""):
        for sign in signs:
            found[before, sign, NEVER] = None
            found[before, sign, "\n"] = None
        if before:
            found["", before, NEVER] = None
            found["", before + signs[0], NEVER] = None
    return list(found)[:MOST]


def repeats(items: list[Any], before: str) -> Iterator[tuple[str, list[str]]]:
    """What stands before each unlimited repeat, and texts that its body matches once."""
    for op, value in items:
        if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            _, most, body = value
            if most >= 1000:
                yield before, bodies(list(body))
            yield from repeats(list(body), before)
        elif op is codes.SUBPATTERN:
            yield from repeats(list(value[3]), before)
        elif op is codes.BRANCH:
            for branch in value[1]:
                yield from repeats(list(branch), before)
        elif op in (codes.ASSERT, codes.ASSERT_NOT):
            yield from repeats(list(value[1]), before)
        elif op is codes.ATOMIC_GROUP:
            yield from repeats(list(value), before)
        before += sample([(op, value)])


def bodies(body: list[Any]) -> list[str]:
    """Texts that a repeat's body matches once: a sample and, for a class, a space and a letter where it has them."""
    texts = [sample(body)]
    if len(body) == 1 and body[0][0] is codes.IN:
        texts += [sign for sign in " a-" if contains(body[0][1], sign)]
    if len(body) == 1 and body[0][0] in (codes.ANY, codes.NOT_LITERAL):
        texts += [sign for sign in " a-" if body[0] != (codes.NOT_LITERAL, ord(sign))]
    return [text for text in dict.fromkeys(texts) if text] or ["a"]


def sample(items: list[Any]) -> str:
    """A short text that the items match, as far as that can be told without trying."""
    return "".join(one(op, value) for op, value in items)


def one(op: Any, value: Any) -> str:
    if op is codes.LITERAL:
        return chr(value)
    if op is codes.NOT_LITERAL:
        return next(sign for sign in "a b" if ord(sign) != value)
    if op is codes.ANY:
        return "a"
    if op is codes.IN:
        return member(value)
    if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return sample(list(value[2])) * value[0]
    if op is codes.SUBPATTERN:
        return sample(list(value[3]))
    if op is codes.BRANCH:
        return sample(list(value[1][0]))
    return sample(list(value)) if op is codes.ATOMIC_GROUP else ""


def member(items: list[Any]) -> str:
    """A character of a class, a space or a letter if it has one."""
    return next((sign for sign in TRIED if contains(items, sign)), chr(0x4E2D))


def contains(items: list[Any], sign: str) -> bool:
    negated = bool(items) and items[0][0] is codes.NEGATE
    hit = any(matches(op, value, sign) for op, value in items if op is not codes.NEGATE)
    return hit != negated


def matches(op: Any, value: Any, sign: str) -> bool:
    if op is codes.LITERAL:
        return ord(sign) == value
    if op is codes.RANGE:
        return value[0] <= ord(sign) <= value[1]
    return bool(re.fullmatch(CATEGORIES[value], sign))
