"""Facts in paragraphs: what something is, what it is for, what a section says."""

import itertools
import re
from collections.abc import Iterator

from stages.common.markdown.blocks import Block
from stages.common.text.wording import CJK, CJK_RANGE, normalised, sentences
from stages.generate.extractive import columns
from stages.generate.extractive.chinese import VERB
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import NAME, UNASKED, aspect, heading_name, topic
from stages.generate.extractive.inline import flowing, plain
from stages.generate.extractive.lists import (
    HEADLESS,
    MARKER,
    defined,
    leads_elsewhere,
    listed,
    stated,
)
from stages.generate.extractive.notices import MAX_ANSWER_CHARS, MIN_SHARE, NOTICE, heading_question
from stages.generate.extractive.speech import (
    ANNOUNCING,
    ENDED,
    NARRATION,
    OF_A_PAGE,
    complete,
    imperative,
    points,
    refers_back,
    standing,
)

MIN_SHARE_OF_OTHER = 0.5  # of what begins with something else than the heading names
MIN_SHARE_OF_ONE = 0.6  # of a single sentence
MIN_NAMED = 0.5  # of a heading's words in a sentence about what it names
MIN_LATIN, MIN_CHINESE = 90, 25  # a single sentence that is shorter says too little of a section or a page
MAX_WHOLE_CHARS = 900  # of a paragraph with the list or code that it announces
LABEL = re.compile(
    r"\s*+(?:\*\*|__)?([^\W\d_][\w ]{1,18})\s*+(?:\*\*|__)?\s*+[:：]\s*+(?:\*\*|__)?\s*+"
    r"(`[^`\n]+`|[^\s*][^\n]{0,60}?)[ \t\\]*"
)
THIS = re.compile(
    r"(?:该|此|本)[^，。的是\s]{1,6}?(?=是|用|可|能|主要|支持|提供|实现|负责|通过)"
    r"|(?:this|the) (?!following|same)(?-i:[a-z])\w*(?= (?:is|can|may|\w+s)\b)",
    re.IGNORECASE,
)
IS = re.compile(
    r"[^，。,.:：的]{0,12}?\s*(?:是(?!否|由于|因为)|指的?是|指(?!定|令|向|示)|即(?!可)|属于"
    r"|(?:is|are) (?:an?|the)\b|means\b|refers to)",
    re.IGNORECASE,
)
FOR = re.compile(
    r"[^，。,.:：的]{0,12}?\s*(?:(?:主要)?用[于以来]|可用于|(?<![只不仅])(?:支持|提供|实现|负责)|主要(?:支持|提供|实现|负责)|能够"
    r"|(?:is|are) used (?:to|for)\b|(?:lets|allows|enables|helps)\b)",
    re.IGNORECASE,
)
COUNTS = re.compile(
    r"\bthere(?:[’']re| (?:is|are))\b|\bprovides (?:several|many|some|various)\b"
    r"|^[一二两三四五六七八九十几][种个类点]|^[^，。]{0,12}[有分][为成]?[^，。]{0,4}[种个类点]",
    re.IGNORECASE,
)  # that something is there
# What stood before the text.
MEANT = re.compile(
    r"\b(?:this|these|those)\b|上述|这[些种样个]|^[^，。]{0,8}[将把对为给让使与](?:其|它)", re.IGNORECASE
)
OF_CLAUSE = re.compile(r"(?:how|what|why|when|where|which|who)\b|如何|怎[样么]|为什么", re.IGNORECASE)  # no thing
FIRST_OF = re.compile(r"\s*(?:(?:the )?first(?:ly)?\b|其?一[是，]|第一)", re.IGNORECASE)
NEXT_OF = re.compile(
    r"\b(?:second(?:ly)?|latter|next|then|alternatively|finally|the other(?! \w+s\b))\b|其?二[是，]|第二|其次|另",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"https?://[^\s，。；）)]+")
CONDITION = re.compile(r"(?:if|when|unless|while|to|as|since|because)\b|如果|若|当", re.IGNORECASE)
SEVERAL = re.compile(
    r"there(?:[’']re| (?:is|are)) (?:several|many|some|various|different|multiple|a (?:few|lot|number))\b",
    re.IGNORECASE,
)
LONG_WORD = re.compile(r"[a-z]{4,}")
CHINESE = re.compile(rf"[{CJK_RANGE}]{{2,}}")
NAME_IN_CODE = re.compile(r"`\w+[_.-][^`]*`")
ANSWERS = re.compile(r"(?:yes|no|not)\b|[是不可能会]", re.IGNORECASE)
ASIDE = re.compile(r"(?<!\s)\s*[(（][^()（）]*[)）]$")
HALF = re.compile(
    r"\bexamples?\b|^see\b|\b(?:see|visit)\W*$|[示实]例|[上前]面|一样|本(?:节|文|页|章)", re.IGNORECASE
)  # announces what is not all of it


def lead(
    source: str, announced: Block | None, title: str, headings: tuple[str, ...], share: float, opens: bool
) -> Iterator[Fact]:
    """What the paragraphs below a heading say about it, with the list or the code that the last one announces; `share`:
    how much that is of what the section says; `opens`: whether headings below it follow, which say the rest."""
    if headings and normalised(heading_name(headings[-1])) == normalised(ASIDE.sub("", heading_name(title))):
        headings = ()  # the page's title again
    heading = heading_name(headings[-1]) if headings else ""
    asks, named = heading_question(heading), bool(NAME.fullmatch(heading))
    text, evidence = whole(flowing(source), source, announced)
    while not headings and text and (OF_A_PAGE.match(text) or is_label(text)):  # what the page is going to say
        text = "".join(sentences(text)[1:]).strip()
    if is_label(text):
        return
    aside = NOTICE.fullmatch(re.split("[:：]", text, maxsplit=1)[0]) or (not asks and HEADLESS.match(text))
    unasked = UNASKED.fullmatch(heading) or NOTICE.fullmatch(heading) or (heading.endswith(("?", "？")) and not asks)
    if not text or unasked or aside or (refers_back(text) and not asks and not named):
        return
    if not (asks or named or THIS.match(text)) and MEANT.search(sentences(text)[0]):
        return
    if (COUNTS.match(text) and not headings) or (SEVERAL.match(text) and not asks):
        return
    above = topic(headings)
    kind = kind_of_lead(text, above or heading_name(title), heading)
    one = "\n" not in text and len(sentences(text)) == 1
    length = len(ADDRESS.sub("", text))
    share *= min(len(text) / max(len(flowing(source)), 1), 1)  # what points elsewhere is left out
    shows = announced is not None and announced.kind == "fence"  # what the sentence is about stands in code below it
    says_enough = not one or (length >= (MIN_CHINESE if CJK.search(text) else MIN_LATIN) and not COUNTS.search(text))
    if asks and share < MIN_SHARE_OF_OTHER and not (ANSWERS.match(text) or named_in(text, asks) >= MIN_NAMED / 2):
        return  # it has not come to what is asked
    if asks:
        yield Fact("faq", asks, text, evidence, headings[:-1])
    elif named and not about_another(text, heading):
        yield Fact("meaning", heading, text, evidence, headings[:-1])
    elif kind and (kind in ("definition", "purpose") or says_enough):
        yield Fact(kind, above, text, evidence, headings)
    elif (
        heading
        and not (text[:1] == "该" and CJK.search(heading))
        and says_enough
        and not (one and (opens or shows))
        and share >= least(text, heading, one)
    ):
        yield Fact("section", heading, text, evidence, headings[:-1])
    elif headings or not says_enough or imperative(text) or CONDITION.match(text):
        return
    elif not one or named_in(text, title) > MIN_NAMED / 2:
        yield Fact("introduction", "", text, evidence, headings)


def least(text: str, heading: str, one: bool) -> float:
    """The share of a section's words that an answer about it must have: more of a single sentence, and of what begins
    with something else than the heading names."""
    about = named_in(sentences(text)[0], heading) >= MIN_NAMED
    return MIN_SHARE_OF_ONE if one else MIN_SHARE if about else MIN_SHARE_OF_OTHER


def named_in(text: str, title: str) -> float:
    """The share of a title's words that a text has in whatever form; in Chinese, of its pairs of characters."""
    words = [word[:5] for word in LONG_WORD.findall(title.lower())]
    words += ["".join(two) for run in CHINESE.findall(title) for two in itertools.pairwise(run)]
    return sum(word in text.lower() for word in words) / len(words) if words else 1.0


def about_another(text: str, name: str) -> bool:
    """Whether a text begins with a condition on something in code that has another name."""
    clause = text.partition(",")[0]
    return bool(CONDITION.match(text)) and any(code != name for code in NAME_IN_CODE.findall(clause))


def is_label(text: str) -> bool:
    """Whether a text begins with a line that is no sentence, or is one such as `Place: /etc`."""
    first, _, rest = text.partition("\n")
    return not ENDED.search(first) and (rest.startswith("\n") or (not rest and bool(stated(first))))


def whole(text: str, source: str, announced: Block | None) -> tuple[str, str]:
    """Sentences that stand alone, with what the last one announces, and their source; empty if none do."""
    if not ANNOUNCING.search(text) or not announced:
        text = standing(text)
        told = sentences(text)
        first = next((i for i, one in enumerate(told) if FIRST_OF.match(one)), len(told))
        if first < len(told) and not NEXT_OF.search("".join(told[first + 1 :])):
            text = "".join(told[:first]).strip()
        while text and (ANNOUNCING.search(text) or COUNTS.search(sentences(text)[-1])):
            text = "".join(sentences(text)[:-1]).strip()  # what it announces stands below
        fits = all(map(complete, text.split("\n\n"))) and len(text) <= MAX_ANSWER_CHARS
        fits = fits and ("\n" not in text or any(map(ENDED.search, text.split("\n"))))  # else lines of links
        return (text, source.strip()) if fits else ("", "")
    *before, last = sentences(text)
    below = "" if leads_elsewhere(announced) else listed(announced)
    below = "" if points(below) else below
    if announced.kind == "fence":
        below = announced.text.strip()
    stands = not NARRATION.search(text) and not HALF.search(last)
    stands = stands and not any(map(ANNOUNCING.search, text.split("\n\n")[:-1]))
    stands = stands and standing("".join(before)) == "".join(before).strip()
    both = f"{text}\n{below}"
    evidence = f"{source.rstrip()}\n\n{announced.text.rstrip()}"
    return (both, evidence) if below and stands and len(both) <= MAX_WHOLE_CHARS else ("", "")


def kind_of_lead(text: str, name: str, heading: str) -> str:
    """Which question about `name` a paragraph answers; empty: none but what the section is about."""
    kind = aspect(heading)
    names_task = OF_CLAUSE.match(name) or (VERB.match(name) and THIS.match(text))
    rest = "" if names_task else after_subject(text, name)
    if rest and kind in ("", "features", "purpose", "introduction"):
        if IS.match(rest):
            return "definition"
        if FOR.match(rest):
            return "purpose"
    return kind


def after_subject(text: str, name: str) -> str:
    """What follows the subject at the beginning of a sentence: its name, or "this component"."""
    this = THIS.match(text)
    if this:
        return text[this.end() :]
    bare = re.sub(r"^(?:the|an?) ", "", text, flags=re.IGNORECASE)
    return bare[len(name) :] if bare.lower().startswith(name.lower()) else ""


def labelled(source: str, headings: tuple[str, ...]) -> list[Fact]:
    """What lines such as `**type:** string` say of the heading above; nothing unless each is one, or an item."""
    nearest = heading_name(headings[-1]) if headings else ""
    name = nearest if nearest[:1].islower() else topic(headings)  # `description` may name a setting
    lines = [(line.strip(), LABEL.fullmatch(MARKER.sub("", line))) for line in source.split("\n")]
    if not name or not all(label or MARKER.match(line) for line, label in lines):
        return []
    return [
        Fact(kind, name, plain(label[2]), line, headings[:-1])
        for line, label in lines
        if label and (kind := columns.attribute(label[1])) and plain(label[2])
    ]


def apart(source: str) -> bool:
    """Whether a paragraph says something of its own: a definition, or nothing but a picture."""
    text = plain(source)
    return any(map(defined, source.split("\n"))) or not text
