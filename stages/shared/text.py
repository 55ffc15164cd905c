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


def sentences(text: str) -> list[str]:
    """The text cut behind 。！？； and behind Latin sentence ends; joined again it is the same text."""
    return [part for part in SENTENCE_END.split(text) if part]
