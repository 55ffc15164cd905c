"""Small questions about text, in Chinese and Latin scripts alike."""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from stages.common.records.files import digest

CJK_RANGE = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese characters, inside of a regular expression's [ ]
CJK = re.compile(f"[{CJK_RANGE}]")
LETTER = re.compile(r"[^\W\d_]")
# Marks that end a sentence with what closes behind them; a blank line ends one as well.
SENTENCE_END = re.compile(r"[。！？；][”’」』）》】)\]\"']*|(?<![.!?])[.!?]++[”’)\]\"']*+(?=\s)|\n(?=[ \t]*\n)")
# Words with a full stop that ends no sentence: abbreviations, initials, a version's or a list's number.
NO_SENTENCE_END = re.compile(
    r"(?:(?:^|[^\w.])(?:e\.g|i\.e|a\.k\.a|cf|vs|etc|al|approx|incl|resp|fig|figs|eq|eqs|no|nos|vol|sec|ch|dr|mr|mrs|ms|prof|st"
    r"|[a-z]|v\d[\d.]*)|^\s*\d{1,9})$",
    re.IGNORECASE | re.MULTILINE,
)

LOWER_NEXT = re.compile(r"\s+[a-z]")


@functools.lru_cache(maxsize=256)  # what is asked about a chunk follows from its language several times
def language(text: str) -> str:
    """`zh` when at least a fifth of the letters are Chinese characters, else `en`."""
    if text.isascii():
        return "en"
    letters = len(LETTER.findall(text))
    return "zh" if letters and len(CJK.findall(text)) / letters >= 0.2 else "en"


def fact_id(pair: Mapping[str, Any]) -> str:
    """Wordings of one question about one place share it."""
    return digest(pair["chunk_id"], pair["evidence"], normalised(pair["output"]))


def normalised(text: str) -> str:
    """For comparing: NFKC (full-width forms become half-width), lower case, without white space, quotes, Markdown's
    marks and the punctuation at the end. Signs inside stay: `AC1+` is not `AC1-`, 1.5 is not 15."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\s*`\"'“”‘’「」《》]+", "", text).rstrip(".,;:!?。、…")


@functools.lru_cache(maxsize=256)  # many pairs in a row share their chunk
def squeezed(text: str) -> str:
    """For finding a quote: NFKC without any white space."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def gives_away(question: str, answer: str) -> bool:
    """Whether the question contains its answer. Only whole words count: `auto` is not in `autosave`, and a Chinese
    answer of one or two characters has to stand apart."""
    if not normalised(answer):
        return False
    answer, question = unmarked(answer), unmarked(question)
    words = re.findall(r"[a-z0-9_]+|[^\sa-z0-9_]", answer)
    if not words or re.sub(r"\s", "", answer) not in re.sub(r"\s", "", question):
        return False  # what the pattern below says, many times faster
    letter = r"\w" if len(normalised(answer)) <= 2 else "[a-z0-9_]"
    before = rf"(?<!{letter})" if re.match(r"\w", words[0]) else ""
    behind = rf"(?!{letter})" if re.match(r"\w", words[-1]) else ""
    return bool(re.search(before + r"\s*".join(map(re.escape, words)) + behind, question))


def unmarked(text: str) -> str:
    """NFKC and lower case, without quotes, Markdown's marks and the dots at the end."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[*`\"“”]", "", text).strip().rstrip(".。")


def sentence_ends(text: str) -> Iterator[int]:
    """The positions behind the sentences of a text: behind 。！？； and Latin ends, not behind abbreviations."""
    for match in SENTENCE_END.finditer(text):
        start, end = match.span()
        if match[0].startswith(".") and (
            NO_SENTENCE_END.search(text[max(start - 16, 0) : start]) or LOWER_NEXT.match(text, end)
        ):
            continue
        yield end


def sentences(text: str) -> list[str]:
    """The text cut behind its sentences; joined again it is the same text."""
    ends = [0, *sentence_ends(text), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(ends) if start < end]
