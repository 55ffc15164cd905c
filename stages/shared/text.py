"""Small questions about text, in Chinese and Latin scripts alike."""

import functools
import re
import unicodedata

CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
LETTER = re.compile(r"[^\W\d_]")
SENTENCE_END = re.compile(r"(?<=[。！？；])|(?<=[.!?;])(?=\s)")


def language(text: str) -> str:
    """`zh` when at least a fifth of the letters are Chinese characters, else `en`."""
    letters = len(LETTER.findall(text))
    return "zh" if letters and len(CJK.findall(text)) / letters >= 0.2 else "en"


def normalised(text: str) -> str:
    """For comparing: NFKC (full-width forms become half-width), lower case, without white space, quotes, Markdown's
    marks and the punctuation at the end. Signs inside stay: `AC1+` is not `AC1-`, 1.5 is not 15."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\s*`\"'“”‘’「」《》]+", "", text).rstrip(".,;:!?。、…")


@functools.lru_cache(maxsize=256)  # many pairs in a row share their chunk
def squeezed(text: str) -> str:
    """For finding a quote: NFKC without any white space."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def sentences(text: str) -> list[str]:
    """The text cut behind 。！？； and behind Latin sentence ends; joined again it is the same text."""
    return [part for part in SENTENCE_END.split(text) if part]
