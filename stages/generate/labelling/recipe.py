"""Which questions a chunk is asked for: kinds of question, askers and the number of pairs.

All choices follow from a hash of the chunk, so that the same chunk makes the same requests whatever stands beside it.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from stages.common.llm import prompts
from stages.common.llm.requests import Request
from stages.common.records.files import share
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.common.text.wording import sentences
from stages.generate.labelling import answer
from stages.generate.labelling.languages import Languages, name, named, prompt_language

NAMES = (
    "title",
    "headings",
    "before",
    "text",
    "pairs",
    "style",
    "persona",
    "example",
    "language",
)  # what prompts/generate.*.md may use

TABLE = re.compile(r"^[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)+\|?[ \t]*+$", re.MULTILINE)
STEP = re.compile(r"^[ \t]*(?:\d+[.)、．]|第[一二三四五六七八九十]步|step \d)[ \t]*\S", re.MULTILINE | re.IGNORECASE)
FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
ITEM = re.compile(r"^[ \t]*(?:[-*+][ \t]|#{1,6} )", re.MULTILINE)
SETTING = re.compile(r"^[ \t]*(?:[-*+][ \t]+)?(?:\*\*[^*\n]+\*\*|`[^`\n]+`)[ \t]*[:：]", re.MULTILINE)
CONTRAST = re.compile(
    r"区别|不同|对比|相比|而不是|whereas|unlike|compared|difference|instead of|rather than", re.IGNORECASE
)
TROUBLE = re.compile(
    r"错误|报错|失败|异常|无法|不能|警告|注意|避免|故障|^:::[ \t]*(?:warning|danger|caution|警告|注意)"
    r"|\b(?:error|fail\w*|warning|cannot|unable|exception|invalid|troubleshoot\w*)\b",
    re.MULTILINE | re.IGNORECASE,
)
BEFORE = {"zh": "前文：", "en": "Just before the passage: "}
SENTENCES_BEFORE = 2
LONGEST_BEFORE = 400  # characters: what is longer is a table or code
LEANING = re.compile(
    r"\s*(?:[a-z]|[（(，,、；;]|(?:It|This|These|That|They|Those|Such|Otherwise|Then|Also)\b|它|这|该|其|此|否则|因此|同样)"
)
LONG = 200  # tokens: below it a chunk seldom says two things that belong together


# Styles that only make sense for chunks with certain contents. Any other style, a user's own too, suits every chunk.
SUITS: Mapping[str, Callable[[Chunk], bool]] = {
    "how-to": lambda chunk: several(STEP, chunk) or bool(FENCE.search(chunk["text"])),
    "lookup": lambda chunk: bool(TABLE.search(chunk["text"])) or several(SETTING, chunk),
    "comparison": lambda chunk: (
        bool(TABLE.search(chunk["text"]) or CONTRAST.search(chunk["text"])) or several(ITEM, chunk)
    ),
    "troubleshooting": lambda chunk: bool(TROUBLE.search(chunk["text"])),
    "multi-step": lambda chunk: several(STEP, chunk) or chunk["tokens"] >= LONG,
}


def leans_on(chunk: Chunk, previous: Chunk | None) -> str:
    """The two sentences before a chunk that does not stand alone: the rest of a section that was too long, or one that
    begins with what only the sentences before explain. Empty for all others."""
    if not previous or previous["path"] != chunk["path"] or previous["line_end"] >= chunk["line_start"]:
        return ""
    if previous["headings"] != chunk["headings"] and not LEANING.match(chunk["text"]):
        return ""
    last = [" ".join(sentence.split()) for sentence in sentences(previous["text"])[-SENTENCES_BEFORE:]]
    return " ".join(sentence for sentence in last if len(sentence) <= LONGEST_BEFORE)


def several(pattern: re.Pattern[str], chunk: Chunk) -> bool:
    found = pattern.finditer(chunk["text"])
    return next(found, None) is not None and next(found, None) is not None


def styles(chunk: Chunk, section: Generate) -> list[str]:
    """The `generate.styles_per_chunk` kinds of question that suit the chunk, drawn by weight without replacement.

    Each style gets an exponential waiting time of rate `weight` from the hash of chunk and style; the shortest win
    (Efraimidis and Spirakis 2006, https://doi.org/10.1016/j.ipl.2005.11.003). A changed weight therefore moves only
    chunks into or out of that style.
    """
    waiting = {
        style: -math.log1p(-share("style", chunk["chunk_id"], style)) / weight
        for style, weight in section.styles.items()
        if weight and (style not in SUITS or SUITS[style](chunk))
    }
    return sorted(waiting, key=lambda style: (waiting[style], style))[: section.styles_per_chunk]


def persona(chunk: Chunk, style: str, section: Generate) -> str:
    """Who asks: one of `generate.personas`, or nobody in particular."""
    return max(section.personas, key=lambda name: share("persona", chunk["chunk_id"], style, name), default="")


def pairs(chunk: Chunk, section: Generate) -> int:
    """How many pairs one request asks for at most."""
    if section.pairs_per_1k_tokens:
        return max(1, math.ceil(chunk["tokens"] * section.pairs_per_1k_tokens / 1000))
    return section.pairs_per_chunk


class Task(NamedTuple):
    """One request about a chunk: what it asks for, and its key. The request itself is made anew when it is asked, as
    all of them together would hold every chunk several times."""

    style: str
    pairs: int
    sample: int
    key: str


class Recipe:
    """Chunks to requests, by the prompts and params of section `generate`."""

    def __init__(self, section: Generate, languages: Languages) -> None:
        self.section, self.languages = section, languages
        directory = Path(section.prompts)
        self.prompts = {lang: prompts.load(directory / f"generate.{lang}.md", NAMES) for lang in languages.prompts()}
        used = [style for style, weight in section.styles.items() if weight]
        for prompt in self.prompts.values():
            prompt.require("style", used, "generate.styles")
            prompt.require("persona", section.personas, "generate.personas")
            if section.examples:
                prompt.require("example", used, "generate.examples")

    def requests(self, chunk: Chunk, sample: int = 0, before: str = "") -> Iterator[tuple[Task, Request]]:
        """The chunk's tasks with their requests; those that would be the same, because the prompt has no $style, stand
        once."""
        seen = set()
        for style in styles(chunk, self.section):
            request = self.request(chunk, style, sample, before)
            if request.key() not in seen:
                seen.add(request.key())
                yield Task(style, pairs(chunk, self.section), sample, request.key()), request

    def request(self, chunk: Chunk, style: str, sample: int, before: str = "") -> Request:
        """The request about a chunk in a style; `before` is what stands before a passage that does not stand alone."""
        language = self.languages.of_chunk(chunk)
        prompt = self.prompts[prompt_language(language)]
        asked = pairs(chunk, self.section)
        values: dict[str, object] = {
            "title": chunk["headings"][0],
            "headings": " > ".join(chunk["headings"]),
            "text": chunk["text"],
            "pairs": asked,
            "language": name(language),
            "before": f"\n{BEFORE[prompt_language(language)]}{before}" if before else "",
        }
        chosen = {"style": style, "persona": persona(chunk, style, self.section)}
        messages = prompt.messages(values, **chosen, example=style if self.section.examples else "")
        return Request.of(self.section, named(messages, language, prompt.uses), answer.schema(asked), sample)
