"""The grammar of questions in English: what a subject and a place look like inside a sentence."""

import re

from stages.shared.generation import phrasings
from stages.shared.generation.contexts import Place
from stages.shared.generation.fact import Fact

PHRASINGS = phrasings.load("en")
NOUNS = {
    "parameter": "parameter",
    "pin": "pin",
    "field": "field",
    "indicator": "metric",
    "setting": "setting",
    "property": "property",
    "option": "option",
    "variable": "variable",
    "button": "button",
    "control": "control",
    "command": "command",
    "function": "function",
    "file": "file",
    "check": "check",
    "stage": "stage",
    "term": "term",
}
THING = "item"
CODE_LANGUAGES = {
    "py": "Python",
    "python": "Python",
    "js": "JavaScript",
    "sh": "shell",
    "bash": "shell",
    "yaml": "YAML",
    "json": "JSON",
    "graphql": "GraphQL",
}
IN_QUOTES_ALREADY = (
    "named",
    "keyed",
    "section",
    "members",
    "faq",
    "steps",
    "first_step",
    "next_step",
    "code",
    "formula",
)
KEEPS_CASE = re.compile(r"[A-Z]{2}|\d|[^\x00-\x7f]")
MAX_BARE_WORDS = 3


def wordings(fact: Fact) -> tuple[str, ...]:
    return PHRASINGS[fact.kind]


def subject(fact: Fact) -> str:
    """The subject as it stands in a question."""
    if fact.kind in IN_QUOTES_ALREADY:
        return fact.subject
    noun = NOUNS.get(fact.noun, "")
    name = f"the {noun} {fact.subject}" if noun else quoted(fact.subject)
    return f"{name} of {fact.owner}" if fact.owner else name


def quoted(name: str) -> str:
    """A name of more than three words stands in quotation marks."""
    return f"“{name}”" if len(name.split()) > MAX_BARE_WORDS and "“" not in name else name


def attribute(fact: Fact) -> str:
    """A column's heading inside a sentence: `Default` becomes `default`, `ID` stays."""
    if fact.kind == "code":
        return f"{CODE_LANGUAGES.get(fact.attribute.lower(), fact.attribute)} " if fact.attribute else ""
    if fact.kind == "next_step" or KEEPS_CASE.search(fact.attribute):
        return fact.attribute
    return fact.attribute[:1].lower() + fact.attribute[1:]


def noun(fact: Fact) -> str:
    return NOUNS.get(fact.noun, THING)


def place(place: Place) -> str:
    """A page, by what it belongs to where its title is not enough, and a section of it."""
    if place.page is None:
        return ""
    title, above, _ = place.page
    name = f"{quoted(title)} ({above})" if above else quoted(title)
    return f"the section “{' / '.join(place.headings)}” of {name}" if place.headings else name


def tidy(question: str) -> str:
    """One space at most, none before a mark, a capital at the beginning."""
    question = re.sub(r"“{2,}", "“", re.sub(r"”{2,}", "”", re.sub(r"[ \t]{2,}", " ", question))).strip()
    question = re.sub(r"\?{2,}", "?", re.sub(r"\s+([?.,:)])(?=\s|$)", r"\1", question))
    return question[:1].upper() + question[1:]
