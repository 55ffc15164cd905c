"""What a chunk states, read once for all the pairs that rest on it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from stages.common.records.rows import Chunk
from stages.common.text.wording import CJK, LETTER, squeezed
from stages.common.values import names, numbers, units

ITEM = re.compile(r"(?m)^\s*(?:[-*+]|\d+[.)])\s")
SMALL = re.compile(r"</?(?:sub|sup|kbd|b|i|em|strong)>")  # S<sub>B0</sub> may be called SB0
EMPHASIS = re.compile(r"(?<!\w)(_{1,2})([^\s_](?:[^\s]*[^\s_])?)\1(?!\w)")  # _max_rows_ emphasises max_rows
TABLE_LINE = re.compile(r"(?m)^\s*\|.*$")
TABLE_ROW = re.compile(r"(?m)^\s*\|")
SOME = 4  # Chinese characters that are more than a name
ENOUGH = 40  # letters of prose that tell a language
MOSTLY, HARDLY = 0.3, 0.05  # share of Chinese characters among the letters of prose


@dataclass(frozen=True)
class Source:
    """A chunk under its heading path, and the languages that its pages are written in."""

    chunk: Chunk
    languages: frozenset[str]

    @cached_property
    def text(self) -> str:
        return "\n".join([*self.chunk["headings"], self.chunk["text"]])

    @cached_property
    def scripts(self) -> frozenset[str]:
        """zh where the chunk itself has Chinese in its prose or tables, whatever the rest of its page is written in."""
        some = len(CJK.findall(names.without_code(self.text))) >= SOME
        return frozenset({"zh"} if some else ())

    @cached_property
    def squeezed(self) -> str:
        return squeezed(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(names.all_words(self.text))

    @cached_property
    def code(self) -> str:
        text = names.code(self.text)
        text = f"{text}\n{SMALL.sub('', text)}" if "<" in text else text
        return "\n".join([text, EMPHASIS.sub(r"\2", text)]) if EMPHASIS.search(text) else text

    @cached_property
    def numbers(self) -> Mapping[numbers.Value, set[units.Unit | None]]:
        """Every value with the units that follow it; None where none does."""
        by_value: dict[numbers.Value, set[units.Unit | None]] = defaultdict(set)
        for number in numbers.numbers(self.text):
            by_value[number.value].add(number.unit)
        return by_value

    @cached_property
    def units(self) -> frozenset[units.Unit]:
        return units.units(numbers.one_notation(self.text))

    @cached_property
    def counts(self) -> frozenset[int]:
        """How many things the chunk lists: an answer may say so where the chunk does not."""
        return counts(self.text)


def counts(text: str) -> frozenset[int]:
    """How many list items, table rows or things in a row, from two on, a text has."""
    rows = max(len(TABLE_ROW.findall(text)) - 2, 0)
    in_a_row = (len(re.findall(r"、|, | and |[和及与]", part)) + 1 for part in re.split(r"[。；;\n]|\. ", text))
    return frozenset({len(ITEM.findall(text)), rows, *in_a_row} - {0, 1})


def languages(texts: Iterable[str]) -> frozenset[str]:
    """Languages of some texts, code and tables aside while there is enough prose: one of zh and en, or both where
    neither prevails."""
    text = "\n".join(names.without_code(text) for text in texts)
    prose = TABLE_LINE.sub("", text)
    letters = LETTER.findall(prose)
    if len(letters) < ENOUGH:
        prose, letters = text, LETTER.findall(text)
    share = len(CJK.findall(prose)) / len(letters) if letters else 0.0
    return frozenset(["zh"] * (share >= HARDLY) + ["en"] * (share < MOSTLY))


def sources(chunks: Iterable[Chunk], language: Mapping[str, str] = {}) -> dict[str, Source]:
    """Sources by chunk_id; `language` is that of each page, by path, as ingest named it."""
    chunks = list(chunks)
    pages = defaultdict(list)
    for chunk in chunks:
        pages[chunk["path"]].append(chunk)
    languages_of = {path: spoken(page, language.get(path, "")) for path, page in pages.items()}
    return {chunk["chunk_id"]: Source(chunk, languages_of[chunk["path"]]) for chunk in chunks}


def spoken(page: Iterable[Chunk], named: str) -> frozenset[str]:
    """Languages of a page's chunks, even of those that are all code: the one that ingest named and those that its prose
    shows. Where that is neither Chinese nor English, English questions are asked about it."""
    shown = languages(text for chunk in page for text in (*chunk["headings"], chunk["text"]))
    return shown | ({named} if named in ("zh", "en") else {named, "en"} if named else set())
