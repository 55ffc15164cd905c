"""English questions in reported speech: `Where are the pages kept?` as `where the pages are kept`.

It needs the grammar of closed classes only (auxiliary verbs, pronouns, prepositions); what that cannot tell, such as
where a subject ends behind `does`, is left as it is asked.
"""

import re

from stages.generate.extractive.phrasings import uncapital

WHO = r"(?P<who>I|we|you)"
VERBS = r"can|may|must|should"
PARTICIPLE = r"\w+ed|kept|held|found|written|sent|left|taken|made|done|shown|given|chosen|run|set|put|built|lost|cut"
DONE = rf" (?:{PARTICIPLE})(?: (?:out|in|by|from|for|with|on|to|if|when|while|as|at|up)(?: .+)?)?"
# The kind of question, its parts, and the clause that they make.
FORMS = (
    ("faq_do", rf"How (?:do|would|could|{VERBS}) {WHO} (?P<rest>.+)", "{rest}"),
    ("faq_if", r"What (?:happens|will happen) (?:if|when) (?P<rest>.+)", "{rest}"),
    (
        "faq_is",
        r"(?P<wh>What|Where|Who|Which \w+|How \w+(?: \w+s)?) (?P<verb>is|are)"
        rf"(?P<subject>(?: (?!(?:{PARTICIPLE})\b)[^,]+?)?)(?P<rest>(?:{DONE})?)",
        "{wh}{subject} {verb}{rest}",
    ),
    (
        "faq_is",
        rf"(?P<wh>When|Why|How) (?P<verb>is|are) (?P<subject>[^,]+?)(?P<rest>{DONE})",
        "{wh} {subject} {verb}{rest}",
    ),
    ("faq_is", rf"(?P<wh>W[\w ]+?|How [\w ]+?) do {WHO} (?P<rest>.+)", "{wh} {who} {rest}"),
    (
        "faq_is",
        rf"(?P<wh>W[\w ]+?|How [\w ]+?) (?P<verb>{VERBS}) {WHO} (?P<rest>.+)",
        "{wh} {who} {verb} {rest}",
    ),
    (
        "faq_is",
        r"(?P<rest>(?:Which|What|Who)(?: \w+)? (?!is\b|was\b|does\b|has\b)\w+s"
        r"(?! (?:do|does|did|is|are|can|may|must|should|will)\b) .+)",
        "{rest}",
    ),
    ("faq_whether", rf"(?P<verb>{VERBS}) {WHO} (?P<rest>.+)", "{who} {verb} {rest}"),
    ("faq_whether", rf"Do {WHO} (?P<rest>.+)", "{who} {rest}"),
)
PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE), clause) for kind, pattern, clause in FORMS)
# Words that nobody types into a search.
CLOSED = re.compile(
    r"\b(?:the|an?|this|that|these|those|it|its|i|we|you|he|she|they|me|us|my|our|your|in|on|at|for|if|when|while|with|by"
    r"|from|as|and|or|but|so|of|to|into|is|are|was|were|be|do|does|did|can|could|may|must|should|will|would|has|have"
    r"|had|there|what|how|why|where|which|who|any|some|get|happens)\b(?:[’'](?:s|re))?(?![.`-])",
    re.IGNORECASE,
)


def reported(question: str) -> tuple[str, str]:
    """The kind of an FAQ's question in the phrasings, and what it asks as a clause; `faq` and empty if that is open."""
    for kind, pattern, clause in PATTERNS:
        match = pattern.fullmatch(question.rstrip("? "))
        if match:
            return kind, clause.format(**{part: uncapital(words) for part, words in match.groupdict().items()})
    return "faq", ""


def searched(question: str) -> str:
    """A question as one types it into a search: without its words of closed classes."""
    return " ".join(CLOSED.sub(" ", question).split()).strip(" ?,.")
