"""What a chunk states, before it is asked about."""

from dataclasses import dataclass

# The style of a pair, and how much its fact is worth, by the kind of the fact. What can be wrong by a digit or a name
# (0) comes before what is said in words (1), and that before what can only be vague (3).
KINDS = {
    "default": ("lookup", 0),
    "unit": ("lookup", 0),
    "accepted": ("lookup", 0),
    "value": ("lookup", 0),
    "number": ("lookup", 0),
    "key": ("lookup", 0),
    "returns": ("lookup", 0),
    "meaning": ("lookup", 1),
    "cell": ("lookup", 1),
    "stated": ("lookup", 1),
    "note": ("lookup", 2),
    "example": ("lookup", 2),
    "symbol": ("lookup", 2),
    "type": ("lookup", 2),
    "required": ("lookup", 2),
    "yesno": ("lookup", 2),
    "dimension": ("lookup", 2),
    "definition": ("definition", 1),
    "purpose": ("definition", 1),
    "named": ("reverse", 1),
    "keyed": ("reverse", 1),
    "steps": ("how-to", 1),
    "code": ("example", 1),
    "formula": ("example", 1),
    "faq": ("troubleshooting", 1),
    "symptom": ("troubleshooting", 1),
    "cause": ("troubleshooting", 1),
    "remedy": ("troubleshooting", 1),
    "caution": ("troubleshooting", 1),
    "tip": ("troubleshooting", 2),
    "features": ("summary", 2),
    "introduction": ("summary", 2),
    "principle": ("summary", 2),
    "scope": ("summary", 2),
    "usage": ("summary", 2),
    "members": ("summary", 3),
    "section": ("summary", 3),
}


@dataclass(frozen=True)
class Fact:
    """Something that a chunk states about a subject.

    `answer` is a part of the chunk's text as `stages.generate.extractive.inline.plain` gives it, `evidence` its source.
    """

    kind: str  # a key of KINDS and of the phrasings: it decides which wordings fit
    subject: str  # empty: the page itself, or the section that the question names
    answer: str
    evidence: str
    headings: tuple[str, ...]  # the path below the page's title, with the caption of a table as its last part
    attribute: str = ""  # the column's heading where no kind of its own stands for it; a language
    noun: str = ""  # what the subject is, such as "parameter"; a key of a language's NOUNS
    owner: str = ""  # what the subject belongs to, where that is a name by itself: the function of an argument
    description: str = ""  # what the page says the subject is, in one phrase by which it can be asked for

    @property
    def style(self) -> str:
        return KINDS[self.kind][0]

    @property
    def rank(self) -> int:
        return KINDS[self.kind][1]
