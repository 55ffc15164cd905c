"""Which columns the rows of a table have, and of which type: found by looking at every row once.

A table cannot hold what JSON can: rows with other keys, numbers beside text, nested values in CSV. Where a column's own
type would change a value, its values are written as JSON text, and the column says so; reading it restores them.
"""

import json
from collections.abc import Iterable
from typing import Any

# "text", "int", "float", "bool", "json", ("list", Shape) or ("struct", ((name, Shape), ...)); None: nothing but nulls.
Shape = str | tuple[str, Any] | None
INT64 = range(-(2**63), 2**63)
EXACT_IN_FLOAT = range(-(2**53), 2**53 + 1)


def columns(rows: Iterable[dict[str, Any]]) -> dict[str, Shape]:
    """The columns of all rows in the order of their first appearance, with their shapes."""
    found: dict[str, Shape] = {}
    for row in rows:
        for name, value in row.items():
            found[name] = merged(found.get(name), shape(value))
    return found


def shape(value: Any) -> Shape:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if value in INT64 else "json"
    if isinstance(value, list):
        inner: Shape = None
        for element in value:
            inner = merged(inner, shape(element))
        return "json" if inner == "json" else ("list", inner)
    if isinstance(value, dict):
        fields = tuple((name, shape(inner)) for name, inner in value.items())
        return "json" if not fields or any(inner == "json" for _, inner in fields) else ("struct", fields)
    return {str: "text", float: "float", type(None): None}[type(value)]  # type: ignore[return-value]


def merged(one: Shape, other: Shape) -> Shape:
    """The shape that holds both exactly; json when none does. Whole numbers may become floats of the same value."""
    if one == other or other is None:
        return one
    if one is None:
        return other
    if {one, other} == {"int", "float"}:
        return "float"
    if isinstance(one, tuple) and isinstance(other, tuple) and one[0] == other[0]:
        if one[0] == "list":
            inner = merged(one[1], other[1])
            return "json" if inner == "json" else ("list", inner)
        if [name for name, _ in one[1]] == [name for name, _ in other[1]]:
            fields = tuple((name, merged(a, b)) for (name, a), (_, b) in zip(one[1], other[1], strict=True))
            return "json" if any(inner == "json" for _, inner in fields) else ("struct", fields)
    return "json"


def as_json(value: Any) -> str:
    """JSON text of a value. Raises ValueError for NaN and what JSON has no word for."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
