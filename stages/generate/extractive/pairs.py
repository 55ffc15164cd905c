"""Grounded pairs without any model: facts are read off the structure of a chunk, answers are verbatim text.

It lets the whole chain run on a laptop, and it is the baseline that a language model must beat. An answer is a part of
its chunk's text as `stages.generate.extractive.inline.plain` gives it; the evidence is the source of that part.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from stages.common.records.files import share
from stages.common.records.rows import Chunk, Doc
from stages.common.schema import Generate
from stages.common.text.wording import CJK, gives_away, normalised
from stages.generate.extractive import chinese, english
from stages.generate.extractive.contexts import Answers, Pages, Place, short_hash
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.facts import facts
from stages.generate.extractive.phrasings import BRACE, OPTIONAL

LANGUAGES: dict[str, ModuleType] = {"zh": chinese, "en": english}
# What is said in more chunks than this is about none of them: prose, and rows such as the name that every part has.
MAX_CHUNKS_OF_PROSE = 5
MAX_CHUNKS_OF_ROW = 50
NAMES_ITS_PAGE = ("faq", "symptom", "section", "members")
NO_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|https?://\S+", re.DOTALL)
LATIN_WORD = re.compile(r"(?<![\w.])[A-Za-z]{2,}(?![\w.])")

Row = dict[str, str]


def rows(
    read: Callable[[], Iterable[Chunk]],
    docs: Iterable[Doc],
    section: Generate,
    counts: Counter[str],
) -> Iterator[tuple[Chunk, Row]]:
    """Each fact of the chunks asked in `generate.phrasings` wordings, which a hash of the fact chooses.

    `read` gives the chunks and is called twice: what a question has to name, so that it has one answer, depends on
    all of them, and on the titles and breadcrumbs of `docs`. `counts` gets the facts found and those left out, by
    reason.
    """
    pages = Pages(docs)
    known, spread = survey(read(), pages)
    asked: set[bytes] = set()
    for chunk in read():
        names = pages.names(chunk)
        chosen = []
        for fact in facts(chunk):
            found = known.place(fact, names)
            reason = refusal(fact, found, asked, spread)
            counts[f"facts_{reason}" if reason else "facts"] += 1
            if found and not reason:
                asked.add(found[1])
                chosen.append((fact, found[0]))
        kept = most_valuable(chosen, section.max_facts_per_chunk, chunk)
        counts["facts_beyond_limit"] += len(chosen) - len(kept)
        lang = chunk_language(chunk) if section.language == "auto" else section.language
        for fact, place in kept:
            asked_in = "zh" if section.language == "auto" and names_chinese(fact, chunk) else lang
            for row in worded(fact, place, section.phrasings, LANGUAGES[asked_in], chunk):
                key = short_hash("question" + normalised(row["instruction"]))
                counts["questions_repeated"] += key in asked
                if key not in asked:
                    asked.add(key)
                    yield chunk, row


def survey(chunks: Iterable[Chunk], pages: Pages) -> tuple[Answers, Counter[bytes]]:
    """What every question would be answered, and in how many chunks the same is said."""
    known, spread = Answers(), Counter[bytes]()
    for chunk in chunks:
        names = pages.names(chunk)
        for fact in facts(chunk):
            known.add(fact, names, chunk)
            spread[sameness(fact)] += 1
    return known, spread


def is_prose(fact: Fact) -> bool:
    return fact.style in ("summary", "definition")


def sameness(fact: Fact) -> bytes:
    """What facts have in common that say the same on different pages."""
    return short_hash(normalised(fact.answer if is_prose(fact) else f"{fact.kind} {fact.subject} {fact.answer}"))


def refusal(fact: Fact, found: tuple[Place, bytes] | None, asked: set[bytes], spread: Counter[bytes]) -> str:
    """Why a fact is not asked for: nothing tells it apart, it was asked already, or every page says it."""
    if found is None:
        return "ambiguous"
    if found[1] in asked:
        return "repeated"
    limit = MAX_CHUNKS_OF_PROSE if is_prose(fact) else MAX_CHUNKS_OF_ROW
    return "boilerplate" if spread[sameness(fact)] > limit else ""


def most_valuable(chosen: list[tuple[Fact, Place]], limit: int, chunk: Chunk) -> list[tuple[Fact, Place]]:
    """At most `limit` facts (0: all) in the order of the chunk, by value and then by hash."""
    if not limit or len(chosen) <= limit:
        return chosen
    by_value = sorted(
        range(len(chosen)),
        key=lambda i: (chosen[i][0].rank, share(chunk["chunk_id"], chosen[i][0].subject, chosen[i][0].answer)),
    )
    return [chosen[i] for i in sorted(by_value[:limit])]


def worded(fact: Fact, place: Place, phrasings: int, lang: ModuleType, chunk: Chunk) -> Iterator[Row]:
    """The fact in as many wordings; one that would give the answer away makes room for the next."""
    templates = lang.wordings(fact)
    first = int(share(chunk["chunk_id"], fact.kind, fact.subject, fact.attribute, fact.answer) * len(templates))
    made = 0
    for turn in range(len(templates)):
        question = fill(templates[(first + turn) % len(templates)], fact, place, lang)
        if made < phrasings and not gives_away(question, fact.answer):
            made += 1
            yield {"instruction": question, "output": fact.answer, "evidence": fact.evidence, "style": fact.style}


def fill(template: str, fact: Fact, place: Place, lang: ModuleType) -> str:
    """The template with its braces filled in; its optional parts only where the question names a place."""
    where = lang.place(place) if place.page else ""
    values = {"s": lang.subject(fact), "a": lang.attribute(fact), "n": lang.noun(fact), "c": where}
    if not fact.subject and place.page:  # about the page itself, or a section of it
        quoted = "“{s}”" in template
        values |= {"s": place.page.title, "c": place.page.above} if quoted else {"s": where, "c": ""}
    elif fact.kind in NAMES_ITS_PAGE and "{c}" not in OPTIONAL.sub("", template) and gives_away(fact.subject, where):
        values["c"] = ""  # the subject says it already
    template = OPTIONAL.sub(r"\1" if values["c"] else "", template)
    question: str = lang.tidy(BRACE.sub(lambda brace: values[brace[1]], template))
    return question


def names_chinese(fact: Fact, chunk: Chunk) -> bool:
    """Whether a question would have Chinese words in it, whatever the language of the chunk is."""
    return any(CJK.search(name) for name in (fact.subject, fact.attribute, chunk["headings"][0], *fact.headings))


def chunk_language(chunk: Chunk) -> str:
    """`zh` when the prose of a chunk has at least as many Chinese characters as Latin words; code does not count."""
    text = NO_PROSE.sub(" ", "\n".join([*chunk["headings"], chunk["text"]]))
    chinese_characters = len(CJK.findall(text))
    return "zh" if chinese_characters and chinese_characters >= len(LATIN_WORD.findall(text)) else "en"
