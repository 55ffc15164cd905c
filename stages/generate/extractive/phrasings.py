"""The wordings of questions: families of frames, and for each kind of fact the phrases that fill them.

They stand in data files beside this module, whose first lines say how they are read and edited.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from stages.common.base.errors import UserError

BRACE = re.compile(r"\{(\w+)\}")
SLOT = re.compile(r"\{([A-Za-z]{2,})\}")
WORD = re.compile(r"[a-z]+(?![\w.-])")
OPTIONAL = re.compile(r"\[([^\]]*)\]")

Phrases = dict[str, tuple[str, ...]]


class Family(BaseModel):
    """A frame of questions about any kind of fact, and how it names the subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    say: str
    held_out: bool = False
    name: Literal["code", "bare", "words", "described"] = "code"
    raw: bool = False  # as typed into a search: no capital, no mark at the end

    def slot(self) -> str:
        """The one slot of the kind of fact that the frame has."""
        match = SLOT.search(self.say)
        return match[1].lower() if match else ""

    def framed(self, phrase: str, values: dict[str, str]) -> str:
        """The phrase in its frame, whose optional parts stay where a place is named."""
        slots = {self.slot(): phrase, self.slot().capitalize(): capital(phrase)}
        return put(optional(self.say, values["c"]), {**values, **slots})


class Phrasings(BaseModel):
    """What a language's data file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    families: dict[str, Annotated[Family, BeforeValidator(lambda say: {"say": say} if isinstance(say, str) else say)]]
    kinds: dict[str, Phrases]
    nouns: dict[str, str]
    thing: str
    described: str
    code: dict[str, str]

    def noun(self, key: str) -> str:
        """What a subject is, in a word."""
        return self.nouns.get(key, self.thing if key in ("", "thing") else key)

    def fitting(self, kind: str, held_out: bool) -> Iterator[tuple[str, Family, tuple[str, ...]]]:
        """The families, trained or held out, for which a kind of fact has phrases."""
        for name, family in self.families.items():
            phrases = self.kinds[kind].get(family.slot(), ())
            if phrases and family.held_out == held_out:
                yield name, family, phrases


def load(lang: str) -> Phrasings:
    """The wordings of `phrasings.<lang>.yaml`; an error of who edited it is told in one line."""
    path = Path(__file__).with_name(f"phrasings.{lang}.yaml")
    try:
        return Phrasings.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, ValidationError) as error:
        first = (
            error.errors()[0]
            if isinstance(error, ValidationError)
            else {"loc": (), "msg": " ".join(str(error).split())}
        )
        raise UserError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def optional(template: str, place: str) -> str:
    """The template with what stands in brackets, or without it where no place is named."""
    return OPTIONAL.sub(r"\1" if place else "", template)


def capital(text: str) -> str:
    """The text with a capital at its beginning, unless that is a name such as `size_max` or ch01-01."""
    return text[:1].upper() + text[1:] if WORD.match(text) else text


def uncapital(text: str) -> str:
    """The text within a sentence: "What is it" as "what is it"; "I", "GPU" and names in code stay as they are."""
    return text[:1].lower() + text[1:] if re.match(r"[A-Z](?:[a-z]| \w)", text) and text[:2] != "I " else text


def put(template: str, values: dict[str, str]) -> str:
    """The template with its braces filled in."""
    return BRACE.sub(lambda brace: values[brace[1]], template)
