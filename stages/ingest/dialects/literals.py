"""Literals of JavaScript as flat values, and expressions that name them: what `{config.port}` shows on a page.

`const config = {port: 80, hosts: ["a", "b"]}` gives `config.port` 80, `config.hosts[0]` a and `config.hosts.length` 2.
What is no literal (a call, a component) has no value; the rest of the object has.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import yaml

SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
SCALAR = re.compile(
    r"""(?:"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\\\n]|\\.)*)'|`(?P<template>(?:[^`\\$]|\\.|\$(?!\{))*)`"""
    r"""|(?P<number>-?\d[\d_]*(?:\.\d+)?)|(?P<word>true|false|null|undefined)\b)(?=\s*(?:[,;\]})]|\+|as\b|satisfies\b|//|/\*|$))"""
)
KEY = re.compile(r"""(?:([A-Za-z_$][\w$]*)|"([^"\n]*)"|'([^'\n]*)')\s*:""")
SKIPPED = re.compile(r"""[^\[\]{}(),"'`]+|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`""")
ESCAPES = {"n": "\n", "t": "\t"}
PATH = re.compile(
    r"""\s*([A-Za-z_$][\w$]*(?:\s*\??\.\s*[A-Za-z_$][\w$]*|\s*(?:\?\.)?\[(?:\d+|"[^"\n]*"|'[^'\n]*')\])*)\s*"""
)
MEMBER = re.compile(r"""\[(?:"([^"\n]*)"|'([^'\n]*)')\]""")
JOINED = re.compile(r"""(.+?)\.join\(\s*(?:"([^"\n]*)"|'([^'\n]*)')?\s*\)\s*""", re.DOTALL)
HOLE = re.compile(r"\$\{([^{}]*)\}")
MAX_CHARS, MAX_DEPTH, MOST = 200_000, 12, 5_000
MAX_SCALARS = 10_000  # of one value


UNKNOWN = object()  # of an object or a list, what is no literal


class NoLiteralError(Exception):
    """What stands here is no literal."""


class Parser:
    """One pass over a text that begins with a literal."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text[:MAX_CHARS], 0

    def space(self) -> str:
        """The next sign behind white space and comments."""
        self.place = SPACE.match(self.text, self.place).end()  # type: ignore[union-attr]
        return self.text[self.place : self.place + 1]

    def value(self, depth: int = 0) -> Any:
        """The literal that starts here. Raises NoLiteralError."""
        sign = self.space()
        if sign in ("{", "[") and sign and depth < MAX_DEPTH:
            self.place += 1
            return self.members(depth) if sign == "{" else self.elements(depth)
        found = SCALAR.match(self.text, self.place)
        if found is None:
            raise NoLiteralError
        self.place = found.end()
        if found["word"]:
            return {"true": True, "false": False}.get(found["word"])
        words = next((found[name] for name in ("double", "single", "template") if found[name] is not None), None)
        if words is None:
            return found["number"].replace("_", "")
        return re.sub(r"\\(.)", lambda escape: ESCAPES.get(escape[1], escape[1]), words, flags=re.DOTALL)

    def known(self, depth: int) -> Any:
        """The value of an element, UNKNOWN where it is no literal."""
        start = self.place
        try:
            value = self.value(depth + 1)
            if self.space() in (",", "]", "}"):
                return value
        except NoLiteralError:
            pass
        self.place = start
        self.skip()
        return UNKNOWN

    def skip(self) -> None:
        """Go to the comma or bracket that ends an element."""
        depth = 0
        while sign := self.space():
            if depth == 0 and sign in ",]})":
                return
            depth += (sign in "[{(") - (sign in "]})")
            run = SKIPPED.match(self.text, self.place)
            self.place = run.end() if run else self.place + 1
        raise NoLiteralError

    def elements(self, depth: int) -> list[Any]:
        values: list[Any] = []
        while (sign := self.space()) != "]":
            if not sign or len(values) > MOST:
                raise NoLiteralError
            values.append(self.known(depth))
            self.comma()
        self.place += 1
        return values

    def members(self, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while (sign := self.space()) != "}":
            if not sign or len(values) > MOST:
                raise NoLiteralError
            if key := KEY.match(self.text, self.place):
                self.place = key.end()
                values[key[1] or key[2] or key[3] or ""] = self.known(depth)
            else:
                self.skip()
            self.comma()
        self.place += 1
        return values

    def comma(self) -> None:
        self.place += self.space() == ","


def parsed(text: str) -> Any:
    """The literal that a text begins with. Raises NoLiteralError."""
    return Parser(text).value()


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The scalars of a value under the names that expressions use for them, not more than a page may well have: YAML
    whose names stand for each other unfolds without end."""
    return islice(unfolded(name, value, 0), MAX_SCALARS)


def unfolded(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, one in value.items():
            yield from unfolded(f"{name}.{key}", one, depth + 1)
    elif isinstance(value, list) and depth < MAX_DEPTH:
        yield f"{name}.length", str(len(value))
        for number, one in enumerate(value):
            yield from unfolded(f"{name}[{number}]", one, depth + 1)
    elif isinstance(value, bool) or value is None:
        yield name, ""  # React shows neither
    elif value is not UNKNOWN:
        yield name, str(value)


def constants(name: str, text: str) -> dict[str, str]:
    """What `const name = text` lets expressions show; nothing when it is no literal."""
    try:
        return dict(flat(name, parsed(text)))
    except (NoLiteralError, RecursionError):
        return {}


def of_json(name: str, text: str) -> dict[str, str]:
    """The values of a file of JSON under a name."""
    try:
        return dict(flat(name, json.loads(text)))
    except (ValueError, RecursionError):
        return {}


def of_yaml(name: str, text: str) -> dict[str, str]:
    """The values of a file of YAML under a name."""
    try:
        return dict(flat(name, yaml.load(text, Loader=yaml.CBaseLoader)))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def renamed(name: str, new: str, values: Mapping[str, str]) -> dict[str, str]:
    """What is known of a name, and of all below it, under another name."""
    return {
        new + key[len(name) :]: value
        for key, value in values.items()
        if re.fullmatch(rf"{re.escape(name)}(?:[.\[].*)?", key)
    }


def given(name: str, expression: str, values: Mapping[str, str]) -> dict[str, str]:
    """What `name={expression}` tells a component: a scalar, or an object or a list with all below it."""
    shown, path = evaluated(expression, values), key(expression)
    if shown is not None:
        return {name: shown}
    return renamed(path, name, values) if path else constants(name, expression)


def key(expression: str) -> str | None:
    """`a?.b['c'][0]` as `a.b.c[0]`; nothing when an expression is no path of names."""
    path = PATH.fullmatch(expression)
    if path is None:
        return None
    return MEMBER.sub(
        lambda name: f".{name[1] or name[2]}", re.sub(r"\s+", "", path[1].replace("?.[", "[")).replace("?.", ".")
    )


def evaluated(expression: str, values: Mapping[str, str]) -> str | None:
    """What an expression shows: a path of names, the first of `a || b`, a list joined, a template; else nothing."""
    expression = expression.strip()
    if (name := key(expression)) is not None:
        return values.get(name)
    if joined := JOINED.fullmatch(expression):
        return listed(key(joined[1]), values, joined[2] or joined[3] or ",")
    for sign in ("||", "??"):
        first, found, second = expression.partition(sign)
        if found and (shown := key(first)) is not None:
            return values.get(shown) or (evaluated(second, values) if key(second) else literal(second))
    if expression[:1] == expression[-1:] == "`" and "${" in expression:
        pieces = [evaluated(hole, values) for hole in HOLE.findall(expression)]
        if all(piece is not None for piece in pieces):
            rest = iter(pieces)
            return HOLE.sub(lambda _: next(rest) or "", expression[1:-1])
    return literal(expression)


def listed(name: str | None, values: Mapping[str, str], sign: str) -> str | None:
    count = values.get(f"{name}.length", "")
    return sign.join(values.get(f"{name}[{n}]", "") for n in range(int(count))) if count.isdigit() else None


def literal(text: str) -> str | None:
    """A scalar literal that is all that stands in a text."""
    try:
        parser = Parser(text)
        value = parser.value()
    except NoLiteralError:
        return None
    whole = not parser.space() and not isinstance(value, dict | list)
    return (str(value) if not isinstance(value, bool) and value is not None else "") if whole else None
