"""Questions that the documentation does not answer, each about something that occurs on no page. Made by rule:

- `name`: a trained question about an identifier that does not exist, put together from parts of two that do;
- `subject`: a trained question about a property that other pages have, asked of one that does not have it;
- `thing`: a question of unanswerable.<lang>.yaml about something that documentations seldom have;
- `prompt`: a question that a language model was asked for (`generate.unanswerable`), about a name that no page has.
"""

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.common.base.errors import UserError
from stages.common.records.files import digest, share
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.text.wording import CJK, CJK_RANGE, language
from stages.common.values import names
from stages.curate.documentation import Documentation
from stages.curate.table import Rows

LANGUAGES = ("en", "zh")
USUAL = 0.1  # share of the questions from which on a language is one of the documentation
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z]+")
QUOTED = re.compile(r"[“\"《「]([^”\"》」]{2,40})[”\"》」]")
DECISIVE = re.compile(r"\*([^*]+)\*")
SHORT = 3  # letters; what is shorter stands in many words
PIECE = re.compile(rf"[A-Za-z0-9]{{2,}}|[{CJK_RANGE}]{{2}}")
SAMPLED = 2000  # rows whose names lend their ends
TRIES = 3  # other ends of a name that are tried


Written = Mapping[str, str]  # a row of data/absent.jsonl


class Absent(NamedTuple):
    """A question, and the words that no chunk has together; equal `words` are one invention."""

    rule: str
    words: tuple[str, ...]
    question: str

    def is_in(self, text: str) -> bool:
        """Whether a text has all of the words, so that it may answer the question after all."""
        return all(word.casefold() in text.casefold() for word in self.words)


class Wordings(BaseModel):
    """What a language's data file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    answers: list[str] = Field(min_length=1)
    frames: list[str] = Field(min_length=1)
    things: list[str]


@functools.cache
def wordings(lang: str) -> Wordings:
    """`unanswerable.<lang>.yaml`; an error of who edited it is told in one line."""
    path = Path(__file__).with_name(f"unanswerable.{lang}.yaml")
    try:
        return Wordings.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path.name}: {' '.join(str(error).split())[:200]}") from None


def absent(rows: Rows, documentation: Documentation, written: Sequence[Written] = ()) -> Iterator[Absent]:
    """All such questions, the rules in turn, each in the order of its rows' hashes; found when asked for. `written` are
    those of data/absent.jsonl."""
    values = np.fromiter((share("absent", row["pair_id"]) for row in rows), np.float64, len(rows))
    drawn = rows.where(np.argsort(values, kind="stable"))
    rules = [
        names_that_are_not(drawn, documentation), subjects_without(drawn, documentation), things(rows, documentation),
        prompted(written, documentation),
    ]  # fmt: skip
    known: set[Absent | None] = {None}
    for one in itertools.chain.from_iterable(itertools.zip_longest(*rules)):
        if one not in known:
            known.add(one)
            yield one


def names_that_are_not(rows: Sequence[DatasetRow], documentation: Documentation) -> Iterator[Absent]:
    """Questions with an identifier whose last part is that of another one."""
    known = {name for row in rows[:SAMPLED] for name in identifiers(row["instruction"])}
    ends = sorted({end for name in known if len(end := PART.findall(name)[-1]) >= SHORT})
    asked = ((row, name) for row in rows for name in identifiers(row["instruction"]))
    for row, name in asked:
        last = PART.findall(name)[-1]
        for end in drawn(ends, name, row["instruction"]):
            invented = name[: name.rindex(last)] + (end.lower() if last.islower() else end)
            if invented != name and not documentation.has(invented):
                yield Absent("name", (invented,), row["instruction"].replace(name, invented))
                break


def drawn(choices: Sequence[str], *parts: str) -> list[str]:
    """Some of the choices, from a place in their order that a hash decides: what stands together is alike."""
    start = int(share("drawn", *parts) * len(choices))
    return [choices[(start + n) % len(choices)] for n in range(min(TRIES, len(choices)))]


def identifiers(question: str) -> list[str]:
    """Names of code in a question that have several parts, the last one a word."""
    found = [*names.inline_code(question), *names.identifiers(question)]
    several = [name for name in dict.fromkeys(found) if re.fullmatch(r"[\w.-]+", name) and len(PART.findall(name)) > 1]
    return [name for name in several if PART.findall(name)[-1].isalpha()]


def subjects_without(rows: Iterable[DatasetRow], documentation: Documentation) -> Iterator[Absent]:
    """Questions that name their page's title and a property which other pages have as well, asked of a page without."""
    of_title = Counter(documentation.titles.values())
    usable = {path: title for path, title in documentation.titles.items()
              if of_title[title] == 1 and len(title) >= SHORT}  # fmt: skip
    pages, with_property = sorted(usable), functools.cache(documentation.paths_with)
    for row in rows:
        title, question = usable.get(row["path"], ""), row["instruction"]
        named = [part for part in properties(question) if title not in part]
        if not title or title not in question or len(named) != 1 or title in named[0]:
            continue
        having = with_property(named[0])
        others = (path for path in drawn(pages, question) if path not in having)
        if len(having) > 1 and (other := next(others, "")):
            yield Absent("subject", (usable[other], named[0]), question.replace(title, usable[other]))


def properties(question: str) -> list[str]:
    return list(dict.fromkeys([*QUOTED.findall(question), *names.inline_code(question)]))


def things(rows: Sequence[DatasetRow], documentation: Documentation) -> Iterator[Absent]:
    """Questions of the data files of the documentation's languages."""
    spoken = Counter(language(row["instruction"]) for row in rows)
    usual = [wordings(lang) for lang in LANGUAGES if rows and spoken[lang] / len(rows) >= USUAL]
    choices = [(thing, frame) for lang in usual for thing in lang.things for frame in lang.frames]
    for thing, frame in sorted(choices, key=lambda choice: share("thing", *choice)):
        words = tuple(DECISIVE.findall(thing)) or (thing,)
        if not any(map(documentation.has, words)):
            yield Absent("thing", words, frame.replace("{thing}", thing.replace("*", "")))


def prompted(written: Iterable[Written], documentation: Documentation) -> Iterator[Absent]:
    """Questions of a language model whose missing name stands in them and on no page. Their words are the pieces of
    that name: where one chunk has all of these, it may say the same in another form."""
    for row in sorted(written, key=lambda row: share("written", row["question"])):
        question, missing = row["question"], row["missing"].strip('`"“”「」 ')
        pieces = tuple(dict.fromkeys(PIECE.findall(missing.casefold())))
        if pieces and missing.casefold() in question.casefold() and not documentation.has(missing):
            yield Absent("prompt", pieces, question)


def answer(question: str, page: Chunk) -> str:
    """That the documentation does not say, in one of several wordings, with the nearest page; in Chinese where the
    question has Chinese in it, however many Latin names."""
    choices = wordings("zh" if CJK.search(question) else "en").answers
    chosen = choices[int(share("refusal", question) * len(choices))]
    return chosen.replace("{page}", page["headings"][0] if page["headings"] else page["path"])


def row_of(one: Absent, nearest: Chunk) -> DatasetRow:
    """The question as a row that rests on no evidence; its place is that of the nearest chunk."""
    output = answer(one.question, nearest)
    row: DatasetRow = {
        "pair_id": digest("absent", one.question, output), "chunk_id": nearest["chunk_id"], "instruction": one.question,
        "input": "", "output": output, "evidence": "", "style": "unanswerable", "request_key": "", "family": one.rule,
        "fact_id": digest("absent", one.words), "path": nearest["path"], "line_start": nearest["line_start"],
        "line_end": nearest["line_end"], "form": "unanswerable",
    }  # fmt: skip
    return row
