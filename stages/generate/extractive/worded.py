"""The wordings of a chunk's facts: much of the extractive backend's work, and a pure function of what is asked for."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from stages.common.base.budget import Skipped
from stages.common.records.files import CANONICAL
from stages.common.schema import Generate
from stages.generate.extractive.contexts import Place
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.questions import LANGUAGES, questions, searches

Question = tuple[str, str]  # its family and its words


class Ask(NamedTuple):
    """A fact to be asked for: where it is, in which language, and the other names that it alone has, by manner."""

    fact: Fact
    place: Place
    language: str
    names: dict[str, str]

    def trained(self) -> Iterator[Question]:
        return questions(self.fact, self.place, LANGUAGES[self.language], self.names, False)

    def held_out(self) -> Iterator[Question]:
        return questions(self.fact, self.place, LANGUAGES[self.language], self.names, True)

    def typed(self) -> Iterator[Question]:
        return searches(self.fact, self.place, LANGUAGES[self.language], self.names)


class Worded(NamedTuple):
    """The first wordings of a fact of each sort, as many as the params want; see `complete`."""

    trained: list[Question]
    held_out: list[Question]
    typed: list[Question]


def worded(section: Generate, asks: list[Ask]) -> list[Worded] | str:
    """The wordings of a chunk's facts, or why it is left out."""
    skipped = Skipped("generate")
    with skipped.page("of the chunk"):
        return [
            Worded(
                list(islice(ask.trained(), section.phrasings)),
                list(islice(ask.held_out(), section.held_out_phrasings)),
                list(islice(ask.typed(), section.searches)),
            )
            for ask in asks
        ]
    return skipped.reasons["of the chunk"]


def is_whole(found: list[Worded] | str) -> bool:
    return not isinstance(found, str)


def complete(first: list[Question], every: Iterator[Question]) -> Iterator[Question]:
    """All wordings of a sort, of which the first are known: more are needed where others ask the same already."""
    return chain(first, islice(every, len(first), None))


def key(section: Generate, asks: list[Ask]) -> bytes:
    limits = (section.phrasings, section.held_out_phrasings, section.searches)
    return CANONICAL.encode([limits, [(vars(ask.fact), *ask[1:]) for ask in asks]]).encode("utf-8", "surrogatepass")
