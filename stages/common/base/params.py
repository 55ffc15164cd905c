"""params.yaml read and validated.

DVC does not check types (`-S lora.r=abc` reaches the stage), so every stage validates the whole file before it
does anything: a typo in `lora` is found before an hour of `generate`. The file is the only place with defaults.
"""

import difflib
import functools
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.common.base.errors import ParamsError
from stages.common.base.paths import PARAMS
from stages.common.schema import Params

WORDS = {
    "is match pattern": "is text of the pattern",
    "is have": "is a value with",
    "a valid boolean": "true or false",
    "is less": "is a number less",
    "is greater": "is a number greater",
}


def load(file: Path = PARAMS) -> Params:
    """Read and validate params.yaml. Raises ParamsError with one line per mistake."""
    try:
        values = parsed(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{file} not found; run this in the repository root") from None
    except (YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()).replace('in "<unicode string>", ', "in ")
        raise ParamsError(f"{file} is not valid YAML: {reason}") from None
    except RecursionError:
        raise ParamsError(f"{file} is not valid YAML: its brackets are nested too deep") from None
    if values is None:
        raise ParamsError(f"{file} is empty; type: git restore {file}")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError("\n".join(describe(item) for item in error.errors())) from None


@functools.lru_cache(maxsize=64)
def parsed(text: str) -> Any:
    """YAML 1.2, as DVC reads it: in YAML 1.1 `8e-4` would be a string. Takes a hundred times as long as validation."""
    return YAML(typ="safe").load(text)


def describe(error: Any) -> str:
    """One of pydantic's errors as: key, value, what is accepted."""
    location = [str(part) for part in error["loc"] if not str(part).startswith(("literal", "bool"))]
    key = ".".join(location) or "params.yaml"
    if error["type"] == "extra_forbidden":
        return f"{PARAMS}: {key} is not a known key{suggestion(location)}"
    if error["type"] == "missing":
        return f"{PARAMS}: {key} is missing; docs/params.md describes it"
    accepted = re.sub(r"^(Input|String|List) should (be )?", "accepted is ", error["msg"].removeprefix("Value error, "))
    for pydantic_s, ours in WORDS.items():
        accepted = accepted.replace(pydantic_s, ours)
    value = "" if isinstance(error["input"], dict) else f" = {error['input']!r}"
    return f"{PARAMS}: {key}{value}: {accepted}"


def suggestion(location: list[str]) -> str:
    """The closest known key, or all of them."""
    *parents, name = location
    model: Any = Params
    for parent in parents:
        model = model.model_fields[parent].annotation
    known = list(model.model_fields)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {'.'.join([*parents, close[0]])}?" if close else f"; known keys: {', '.join(known)}"
