"""The grammar of questions in English: what a subject and a place look like inside a sentence."""

import re

from stages.generate.extractive import phrasings
from stages.generate.extractive.contexts import Place
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.reported import reported
from stages.generate.extractive.reported import searched as searched

UNQUOTED = ""  # what stands for a quotation mark in a question without any
PHRASINGS = phrasings.load("en")
IN_QUOTES_ALREADY = (
    "named",
    "keyed",
    "section",
    "members",
    "faq",
    "steps",
    "code",
    "formula",
)
KEEPS_CASE = re.compile(r"[A-Z]{2}|\d|[^\x00-\x7f]")
# A column's heading that is a noun by its form: one to three words, the last of which is neither a verb nor a particle.
NOUN_PHRASE = re.compile(
    r"(?!(?:is|are|has|have|can|do|does|not|no|in|on|at|to|for|if|what|how|when|who|where|why|which|used)\b)"
    r"(?:[A-Za-z]+[ _]){0,2}(?!(?:in|on|by|to|for|of|at|with|from|as|is|are|only|also|not)$)"
    r"[A-Za-z]*(?:[a-rt-zA-RT-Z]|ss|us|is)(?<!ed)",
    re.IGNORECASE,
)
CLAUSES = ("section", "members", "steps", "code")
HOW_TO = re.compile(r"^How to (?=\w)")
THIS_COMMAND = re.compile(r"^This (?:command|line|script)(?:, [^,]+,)? (?=\w+s\b)")
CLAUSE = re.compile(r"(?:How|What|Why|When|Where|Which|Who) (?!.*\?)")


def kind(fact: Fact) -> str:
    """The kind whose phrases fit: what to do is asked for with how, a heading that is a clause as one."""
    if fact.kind == "faq":
        return reported(fact.subject)[0]
    if HOW_TO.match(fact.subject) and f"{fact.kind}_do" in PHRASINGS.kinds:
        return f"{fact.kind}_do"
    if fact.kind == "code" and THIS_COMMAND.match(fact.subject):
        return "command"
    if fact.kind == "cell" and fact.noun and NOUN_PHRASE.fullmatch(fact.attribute):
        return "cell_of"
    return "embedded" if fact.kind in ("section", "members") and CLAUSE.match(fact.subject) else fact.kind


def subject(fact: Fact) -> str:
    """The subject as it stands in a question."""
    if fact.kind in CLAUSES:
        return clause(fact)
    if fact.kind in IN_QUOTES_ALREADY:
        return fact.subject
    noun = "" if fact.subject.startswith("`") else PHRASINGS.nouns.get(fact.noun, "")
    name = f"the {noun} {quoted(fact.subject)}" if noun else quoted(fact.subject)
    return f"{name} of {fact.owner}" if fact.owner else name


def alias(fact: Fact, name: str) -> str:
    """The subject by its words, or by what it is described as."""
    return (
        PHRASINGS.described.format(n=PHRASINGS.noun(fact.noun), d=fact.description)
        if name == "described"
        else f"“{fact.description}”"
    )


def clause(fact: Fact) -> str:
    """`What it mends` as `what it mends`, `How to mend it` as `mend it`, `This command mends it` as `mends it`."""
    heading = fact.subject
    if fact.kind in ("section", "members"):
        return heading[:1].lower() + heading[1:] if CLAUSE.match(heading) else heading
    return THIS_COMMAND.sub("", HOW_TO.sub("", heading))


def quoted(name: str) -> str:
    """Code, abbreviations and single capitalised words stand as they are, other names in quotation marks."""
    bare = re.fullmatch(r"`[^`]*`(?: \([^()]*\))?|\$[^$]*\$|\x22[^\x22]*\x22|[A-Z][\w.+-]*|“.*”|[\w., ]+ \d+", name)
    return name if bare or "“" in name else f"“{name}”"


def attribute(fact: Fact) -> str:
    """A column's heading inside a sentence: `Default` becomes `default`, `ID` stays."""
    if fact.kind == "faq":
        return reported(fact.subject)[1]
    if fact.kind == "code":
        code = PHRASINGS.code.get(fact.attribute.lower(), fact.attribute)
        return f"{code} " if code else ""
    if fact.kind == "yesno" or kind(fact) == "cell" or KEEPS_CASE.search(fact.attribute):
        return fact.attribute
    name = fact.attribute.replace("_", " ")
    return name[:1].lower() + name[1:]


def place(place: Place) -> str:
    """A page, by what it belongs to where its title is not enough, and a section of it."""
    if place.page is None:
        return ""
    title, above, _ = place.page
    name = f"{title} ({above})" if above else title
    return f"the section “{' / '.join(place.headings)}” of {name}" if place.headings else name


def tidy(question: str) -> str:
    """One space at most, and none before a mark."""
    question = re.sub(r"“{2,}", "“", re.sub(r"”{2,}", "”", re.sub(r"[ \t]{2,}", " ", question))).strip()
    return re.sub(r"\?{2,}", "?", re.sub(r"\s+([?.,:)])(?=\s|$)", r"\1", question))
