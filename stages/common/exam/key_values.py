"""The key values of a fact, and whether an answer states them: numbers with their units, names, flags and code.

A reference in full sentences can be said in other words; what must not change are the values in it. This is the answer
accuracy of closed-book question answering (Roberts et al. 2020, arXiv:2002.08910) for technical documentation, with
values compared as `stages.common.values` reads them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from stages.common.text.wording import gives_away, squeezed
from stages.common.values import names, numbers

CODE_MARK = re.compile(" ?` ?")
VERSION = re.compile(r"(?<![\w.])v\d+(?:\.\w+)+")
Amount = tuple[str, str]  # dimension ("" for a plain number) and canonical value in the dimension's base unit


@dataclass(frozen=True)
class KeyValues:
    """What an answer must state. `whole`: there is no single value in the reference, so all of it is."""

    amounts: dict[Amount, str]  # each with the way it is written
    names: tuple[str, ...]
    whole: str

    def written(self) -> list[str]:
        return [*self.amounts.values(), *self.names] or [self.whole]

    def held_by(self, text: str) -> list[bool]:
        """Of each, whether a text states it."""
        if self.whole:
            return [gives_away(text, self.whole)]
        known = amounts(text)
        return [amount in known for amount in self.amounts] + [holds(text, name) for name in self.names]


@lru_cache(maxsize=4096)  # the cells of a row share its reference
def key_values(reference: str) -> KeyValues:
    """Numbers, and what is code by its marks or its looks; code spans that are a number count as one."""
    stated = amounts(reference)
    spans = [span for span in names.code_spans(reference) if not is_number(span)]
    prose = names.without_code(reference)
    versions = VERSION.findall(prose)
    listed = tuple(dict.fromkeys([*spans, *versions, *names.identifiers(VERSION.sub(" ", prose))]))
    kept = {amount: text for amount, text in stated.items() if not any(text in name for name in listed)}
    return KeyValues(kept, listed, "" if kept or listed else reference.strip())


def amounts(text: str) -> dict[Amount, str]:
    """Every number of a text in a form that is equal for equal amounts: 1,000 ms is 1 s."""
    written = {}
    for number in numbers.numbers(CODE_MARK.sub(" ", text)):
        dimension, factor = number.unit or ("", Decimal(1))
        value = number.value if isinstance(number.value, str) else canonical(number.value * factor)
        written[dimension, value] = number.written
    return written


def canonical(value: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_number(span: str) -> bool:
    return span.strip() in amounts(span).values()


def states(answer: str, reference: str, known: str) -> bool:
    """Whether an answer states all key values of the reference, and no other number or name than those.

    A long answer would be right by chance if it named many values, so a number that neither the reference nor `known`
    (the question and the evidence) holds makes it wrong, and so does a name in code marks.
    """
    wanted = key_values(reference)
    if wanted.whole:
        return all(wanted.held_by(answer))
    return all(wanted.held_by(answer)) and invents_nothing(answer, f"{reference}\n{known}")


def states_values(answer: str, values: Sequence[str], allowed: str) -> bool:
    """Whether an answer states each of these values, as `stated` reads them, and no number or name in code marks that
    neither they nor the text `allowed` hold."""
    return all(stated(answer, value) for value in values) and invents_nothing(answer, "\n".join([allowed, *values]))


def stated(text: str, value: str) -> bool:
    """Whether a text states a key value that a person wrote down: an amount in any unit, else words; of `a | b` one."""
    options = [option.strip() for option in value.split(" | ")]
    return any(amounts(option).keys() <= amounts(text).keys() if is_amount(option) else holds(text, option)
               for option in options)  # fmt: skip


def is_amount(text: str) -> bool:
    """Whether a text is one number, with or without its unit."""
    stated = list(numbers.numbers(text))
    rest = text.replace(stated[0].written, "", 1).split() if len(stated) == 1 else [text]
    return not rest or (len(stated) == 1 and len(rest) == 1 and stated[0].unit is not None)


def invents_nothing(answer: str, allowed: str) -> bool:
    foreign_numbers = amounts(answer).keys() - amounts(allowed).keys()
    named = [name for name in names.inline_code(answer) if not is_number(name)]
    return not foreign_numbers and all(holds(allowed, name) for name in named)


def holds(text: str, name: str) -> bool:
    """Whether a text has a name as a whole word; a line of code also when white space differs."""
    return gives_away(text, name) or (len(name) > 20 and squeezed(name) in squeezed(text))
