"""Facts in words: each is asked about in several families of question, which a hash of the fact chooses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import ModuleType

from stages.common.records.files import share
from stages.common.text.wording import gives_away, normalised
from stages.generate.extractive import chinese, english
from stages.generate.extractive.columns import THING
from stages.generate.extractive.contexts import BY_THEMSELVES, Place
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.hashes import Values, short_hash
from stages.generate.extractive.phrasings import Family, capital, optional, put, uncapital

LANGUAGES: dict[str, ModuleType] = {"zh": chinese, "en": english}
NAMES_ITS_PAGE = ("faq", "symptom", "section", "members", "code", "steps")
IDENTIFIER = re.compile(r"`([A-Za-z][\w.-]*)`")
PART = re.compile(r"[._-]+|(?<=[a-z])(?=[A-Z])")
MAX_SEARCHES = 50  # tried for a fact, since few words have few orders
NAMED = re.compile(r"[`\d_./]|--")
SPAN = re.compile(r"`([^`]*)`|[“”`]")
MARKUP = re.compile(r"[<>{}\[\]]")


class Aliases:
    """Names that pages do not write: an identifier's words, and a description. They serve where only one has them."""

    def __init__(self) -> None:
        self.subjects = Values(most=2)

    def add(self, fact: Fact) -> None:
        if fact.kind in ("named", "keyed"):  # whose subject is a description or a key
            return
        subject = short_hash(normalised(fact.subject + fact.owner))
        for alias in (fact.subject, fact.description, *in_words(fact.subject)):
            if alias:
                self.subjects.add(short_hash(normalised(alias)), subject)

    def of(self, fact: Fact) -> dict[str, str]:
        """The subject's names by manner, `words` and `described`; empty where there is none, or several have it."""
        names = {
            "words": in_words(fact.subject),
            "described": [fact.description] if fact.noun not in ("", THING) else [],
        }
        return {manner: next(filter(self.is_one, aliases), "") for manner, aliases in names.items()}

    def is_one(self, alias: str) -> bool:
        return bool(alias) and self.subjects.count(short_hash(normalised(alias))) == 1


def in_words(subject: str) -> list[str]:
    """An identifier in words, the shorter name first: `train.batch_size` is a batch size, and train's batch size."""
    match = IDENTIFIER.fullmatch(subject)
    names = [match[1].rpartition(".")[2], match[1]] if match else []
    parts = [[part.lower() for part in PART.split(name) if part] for name in names]
    return [" ".join(words) for words in parts if len(words) > 1]


def questions(
    fact: Fact, place: Place, lang: ModuleType, aliases: Mapping[str, str], held_out: bool
) -> Iterator[tuple[str, str]]:
    """The families that fit a fact and their questions, in an order that a hash of the fact gives. What would give
    the answer away is left out."""
    about = (fact.kind, fact.subject, fact.attribute, fact.answer)
    fitting = lang.PHRASINGS.fitting(lang.kind(fact), held_out)
    for name, family, phrases in sorted(fitting, key=lambda one: share(*about, one[0])):
        phrase = phrases[int(share(name, *about) * len(phrases))]
        question = asked(family, phrase, fact, place, lang, aliases)
        if question and not gives_away(question, fact.answer):
            yield name, question


def searches(fact: Fact, place: Place, lang: ModuleType, aliases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Ways in which one types a question into a search field, without end: its words of open classes in any order,
    and of a question that is a sentence only two thirds of them, but every name in code. Who learns them goes by the
    words that matter, not by the frame around them."""
    fitting = lang.PHRASINGS.fitting(lang.kind(fact), False)
    question = next(
        (asked(one, said[0], fact, place, lang, aliases) for _, one, said in fitting if one.slot() == "words"), ""
    )
    typed = lang.searched(question).split()
    if len(typed) < 2:
        return
    spare = [] if fact.kind not in BY_THEMSELVES else [i for i, word in enumerate(typed) if not NAMED.search(word)]
    for number in range(MAX_SEARCHES):
        about = (*typed, fact.answer, number)
        dropped = sorted(spare, key=lambda i: share("dropped", *about, i))[: len(typed) // 3]
        kept = [i for i in range(len(typed)) if i not in dropped]
        search = " ".join(typed[i] for i in sorted(kept, key=lambda i: share("order", *about, i)))
        if not gives_away(search, fact.answer):
            yield "search", search


def asked(family: Family, phrase: str, fact: Fact, place: Place, lang: ModuleType, aliases: Mapping[str, str]) -> str:
    """One question; empty when the fact lacks what the family names it by, or the place that the phrase demands."""
    alias = aliases.get(family.name, "")
    if family.name in aliases and not (alias and "{s}" in phrase):
        return ""
    where = lang.place(place) if place.page else ""
    if family.raw and place.page and place.headings:  # nobody types "the section X of Y"
        parts = (place.page.title, place.page.above, *place.headings)
        where = " ".join(part for part in parts if part and normalised(part) != normalised(fact.subject))
    subject = lang.subject(fact) if not alias else lang.alias(replace(fact, description=alias), family.name)
    if not fact.subject and place.page:  # about the page itself, or a section of it
        subject, where = (place.page.title, place.page.above) if "“{s}”" in phrase else (where, "")
    elif fact.kind in NAMES_ITS_PAGE and "{c}" not in optional(phrase, "") and gives_away(fact.subject, where):
        where = ""  # the subject says it already
    if not where and "{c}" in optional(phrase, ""):
        return ""
    if fact.kind == "faq":
        subject = subject.rstrip("?？")
        subject = lang.searched(subject) if family.slot() == "words" else subject
    values = {
        "s": subject,
        "a": lang.attribute(fact),
        "n": lang.PHRASINGS.noun(fact.noun),
        "c": where,
        "q": uncapital(subject),
    }
    named = (
        f"“{subject}”" if fact.kind in lang.IN_QUOTES_ALREADY else subject
    )  # phrases have their own marks, frames none
    question: str = lang.tidy(family.framed(put(optional(phrase, where), values), {**values, "s": named}))
    if family.raw:
        return " ".join(SPAN.sub(lambda span: undecorated(span, lang.UNQUOTED), question).split()).rstrip("?？.。")
    return capital(question)


def undecorated(span: re.Match[str], mark: str) -> str:
    """A name without its quotation marks or backticks, which nobody types; `<View>` would be markup without them."""
    name = span[1] or ""
    return span[0] if MARKUP.search(name) else f"{mark}{name}{mark}"
