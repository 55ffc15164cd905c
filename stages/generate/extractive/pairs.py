"""Grounded pairs without any model: facts are read off the structure of a chunk, answers are verbatim text.

It lets the whole chain run on a laptop, and it is the baseline that a language model must beat. An answer is a part of
its chunk's text as `stages.generate.extractive.inline.plain` gives it; the evidence is the source of that part.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count, islice, tee
from typing import NamedTuple

from stages.common.base.budget import LeftOutError, Skipped
from stages.common.base.mapped import mapped
from stages.common.records.files import share
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.common.text.wording import CJK, normalised
from stages.generate.extractive.answers import framed
from stages.generate.extractive.contexts import Answers, Pages, Place
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.hashes import Seen, Values, short_hash
from stages.generate.extractive.own_wordings import OwnWordings
from stages.generate.extractive.questions import LANGUAGES, Aliases
from stages.generate.extractive.reading import of_chunks
from stages.generate.extractive.worded import Ask, Worded, complete, is_whole, key, worded

# What is said in more chunks than this is about none of them: prose, and rows such as the name that every part has.
MAX_CHUNKS_OF_PROSE = 5
MAX_CHUNKS_OF_ROW = 50
NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|https?://\S+", re.DOTALL)
LATIN_WORD = re.compile(r"(?<![\w.])[A-Za-z]{2,}(?![\w.])")

Row = dict[str, str]


class Wording(NamedTuple):
    """The family that a question's wording belongs to, and whether that is one which is never trained."""

    family: str
    held_out: bool


def rows(
    read: Callable[[str], Iterable[Chunk]],
    pages: Pages,
    section: Generate,
    own: OwnWordings,
    counts: Counter[str],
    skipped: Skipped,
) -> Iterator[tuple[Chunk, Row, Wording]]:
    """Each fact of the chunks asked in `generate.phrasings` families of question that are trained, and in
    `generate.held_out_phrasings` that are not; a hash of the fact chooses. The user's own wordings come besides.

    `read` gives the chunks, for a purpose that it may show, and is called twice: what a question has to name, so that
    it has one answer, depends on all of them. `counts` gets the facts found and those left out, by reason.
    """
    known = survey(read("survey"), pages, skipped)
    wanted, again = tee(asks(of_chunks(read("generate")), pages, section, known, counts, skipped))
    found = mapped(partial(worded, section), (of for _, of in again), partial(key, section), lasting=is_whole)
    asked = Seen()
    for (chunk, of_chunk), first in zip(wanted, found, strict=True):
        made: list[tuple[Chunk, Row, Wording]] = []
        with skipped.page(chunk["path"]):
            if isinstance(first, str):
                raise LeftOutError(first)
            made = [
                (chunk, *one)
                for ask, said in zip(of_chunk, first, strict=True)
                for one in of_fact(ask, said, section, own, asked, counts)
            ]
        yield from made


def of_fact(
    ask: Ask, first: Worded, section: Generate, own: OwnWordings, asked: Seen, counts: Counter[str]
) -> Iterator[tuple[Row, Wording]]:
    fact, answer = ask.fact, framed(ask.fact, ask.language) if section.answer_frames else ask.fact.answer
    trained = fresh(complete(first.trained, ask.trained()), asked, counts)
    held_out = fresh(complete(first.held_out, ask.held_out()), asked, counts)
    typed = fresh(complete(first.typed, ask.typed()), asked, counts)
    for sort, is_held_out in (
        (islice(trained, section.phrasings), False),
        (islice(held_out, section.held_out_phrasings), True),
        (fresh(own.of(fact), asked, counts), False),
        (islice(typed, section.searches), False),
    ):
        for family, question in sort:
            yield to_row(fact, question, answer), Wording(family, is_held_out)


Survey = tuple[Answers, Values, Aliases]
Found = Iterable[tuple[Chunk, list[Fact] | str]]


def asks(
    of: Found, pages: Pages, section: Generate, survey: Survey, counts: Counter[str], skipped: Skipped
) -> Iterator[tuple[Chunk, list[Ask]]]:
    """The facts of each chunk that are asked for, and where; `survey` is what all chunks say together."""
    known, spread, aliases = survey
    asked = Seen()
    for chunk, facts in of:
        kept: list[Ask] = []
        with skipped.page(chunk["path"]):
            chosen, names = [], pages.names(chunk)
            for fact in whole(facts) if asks_about(chunk, pages, section) else ():
                found = known.place(fact, names)
                reason = refusal(fact, found, asked, spread)
                counts[f"facts_{reason}" if reason else "facts"] += 1
                if found and not reason:
                    asked.add(found[1])
                    chosen.append((fact, found[0]))
            best = most_valuable(chosen, section.max_facts_per_chunk, chunk)
            counts["facts_beyond_limit"] += len(chosen) - len(best)
            kept = [Ask(fact, at, language_of(fact, chunk, pages, section), aliases.of(fact)) for fact, at in best]
        yield chunk, kept


def whole(found: list[Fact] | str) -> list[Fact]:
    """The facts of a chunk. Raises LeftOutError where they took more than they may."""
    if isinstance(found, str):
        raise LeftOutError(found)
    return found


def asks_about(chunk: Chunk, pages: Pages, section: Generate) -> bool:
    """Whether there are wordings in the language of a chunk's page, or the params choose one."""
    return section.language != "auto" or pages.language(chunk["path"]) in ("", *LANGUAGES)


def language_of(fact: Fact, chunk: Chunk, pages: Pages, section: Generate) -> str:
    """The language that a fact is asked in: that of its page or, where that is not known, of its names or its chunk."""
    if section.language != "auto":
        return section.language
    of_page = pages.language(chunk["path"])
    if of_page == "zh" or (of_page == "en" and not CJK.search(chunk["headings"][0])):
        return of_page
    return "zh" if names_chinese(fact, chunk) else chunk_language(chunk)


def survey(chunks: Iterable[Chunk], pages: Pages, skipped: Skipped) -> Survey:
    """What every question would be answered, in how many chunks the same is said, and who has which other name."""
    known, spread, aliases = Answers(), Values(most=MAX_CHUNKS_OF_ROW + 1), Aliases()
    number = count()
    for chunk, found in of_chunks(chunks):
        with skipped.page(chunk["path"]):
            names = pages.names(chunk)
            for fact in whole(found):
                known.add(fact, names, chunk)
                spread.add(sameness(fact), next(number))
                aliases.add(fact)
    return known, spread, aliases


def fresh(found: Iterable[tuple[str, str]], asked: Seen, counts: Counter[str]) -> Iterator[tuple[str, str]]:
    """The questions that nobody has asked yet, with their families."""
    for family, question in found:
        key = short_hash("question" + normalised(question))
        counts["questions_repeated"] += key in asked
        if key not in asked:
            asked.add(key)
            yield family, question


def is_prose(fact: Fact) -> bool:
    return fact.style in ("summary", "definition", "troubleshooting")


def sameness(fact: Fact) -> int:
    """What facts have in common that say the same on different pages."""
    return short_hash(normalised(fact.answer if is_prose(fact) else f"{fact.kind} {fact.subject} {fact.answer}"))


def refusal(fact: Fact, found: tuple[Place, int] | None, asked: Seen, spread: Values) -> str:
    """Why a fact is not asked for: nothing tells it apart, it was asked already, or every page says it."""
    if found is None:
        return "ambiguous"
    if found[1] in asked:
        return "repeated"
    limit = MAX_CHUNKS_OF_PROSE if is_prose(fact) else MAX_CHUNKS_OF_ROW
    return "boilerplate" if spread.count(sameness(fact)) > limit else ""


def most_valuable(chosen: list[tuple[Fact, Place]], limit: int, chunk: Chunk) -> list[tuple[Fact, Place]]:
    """At most `limit` facts (0: all) in the order of the chunk, by value and then by hash."""
    if not limit or len(chosen) <= limit:
        return chosen
    by_value = sorted(
        range(len(chosen)),
        key=lambda i: (chosen[i][0].rank, share(chunk["chunk_id"], chosen[i][0].subject, chosen[i][0].answer)),
    )
    return [chosen[i] for i in sorted(by_value[:limit])]


def to_row(fact: Fact, question: str, answer: str) -> Row:
    row = {"instruction": question, "output": answer, "evidence": fact.evidence, "style": fact.style}
    return row if answer == fact.answer else {**row, "value": fact.answer}


def names_chinese(fact: Fact, chunk: Chunk) -> bool:
    """Whether a question would have Chinese words in it, whatever the language of the chunk is."""
    return any(CJK.search(name) for name in (fact.subject, fact.attribute, chunk["headings"][0], *fact.headings))


def chunk_language(chunk: Chunk) -> str:
    """`zh` when the prose of a chunk has at least as many Chinese characters as Latin words; code does not count."""
    text = NO_PROSE.sub(" ", "\n".join([*chunk["headings"], chunk["text"]]))
    chinese_characters = len(CJK.findall(text))
    return "zh" if chinese_characters and chinese_characters >= len(LATIN_WORD.findall(text)) else "en"
