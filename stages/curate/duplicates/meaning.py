"""What a question asks about and what an answer claims, as far as two of them can be told apart without a model.

Two questions that look alike in their 3-grams often ask for different facts: 参数A的默认值 and 参数B的默认值. The words
that tell facts apart are words of the source: names, numbers, columns. So a question's subject is what is left of it
without words of courtesy and grammar, as far as its source has it too.
"""

import functools
import re
from collections.abc import Hashable
from typing import NamedTuple

from stages.common.text.wording import CJK
from stages.common.values import names, numbers

# Grammar and courtesy: two questions that differ in these alone ask the same.
GRAMMAR = """a an the is are was were be been being of in on at for from to by with as into and or that this these
those it its they their there here what which whose do does did can could will would shall should may
might must has have had i me my you your we our us please tell give show explain describe list name
state say let know want need like about regarding respect concerning value just exactly precisely
briefly kindly help looking find out get any some so then if according documentation"""
ENGLISH_FILLERS = frozenset(GRAMMAR.split())
CHINESE_FILLERS = re.compile(
    "请问|请你?|麻烦|能否|可否|可以|能不能|告诉|帮我?|我想|我要|想要|想查|查询?|知道|了解|一下|给出|列出|说明|解释|介绍|描述|简述|概述"
    "|详细|具体|简要|简单|到底|究竟|分别|是什么|什么|多少|哪些|哪个|哪一?种|几个?|怎么样?|怎样|如何|对应|关于|对于|有关|根据|按照|本文档|文档"
    "|数值|的值|值|[的地得了着过是为有在中里内呢吗吧啊呀嘛么与和及或以之其该此这那把被将由从对于你我]"
)
# Why, when, where and who ask for different things, and these words turn a statement round.
TURNS = re.compile(
    r"\b(?:why|when|where|who|how|not|no|never|without|before|after|minimum|maximum|min|max|least|most|input|output"
    r"|enable[ds]?|disable[ds]?|start|stop|on|off)\b|n't"
    r"|为什么|为何|何时|何地|谁|不|未|非|无|没|最|上|下|前|后|左|右|开|关|启|停|进|出|入|始|终|增|减|正|负|反",
    re.IGNORECASE,
)
SIGN = re.compile(r"[-+<>=!#%&|^/~]+")
ONE_WAY = re.compile(r"\b(?:to|from|into|than|before|after)\b|[到至向转比]", re.IGNORECASE)
LATIN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
HAN_RUN = re.compile(f"{CJK.pattern}+")


RECENT = 256  # texts: the wordings of a fact share their answer, and each question is read twice


class Claim(NamedTuple):
    """What must be the same for two answers to agree, and the words that may be more in one of them."""

    exact: frozenset[object]
    words: frozenset[str]


@functools.lru_cache(RECENT)
def exact_parts(text: str) -> tuple[object, ...]:
    """Numbers with their units, identifiers, code and signs such as the + of `AC1+`."""
    text = names.code(text)
    quantities = [(str(number.value), number.unit) for number in numbers.numbers(text)]
    return (*quantities, *names.code_spans(text), *names.identifiers(text), *SIGN.findall(text))


@functools.lru_cache(RECENT)
def content_words(text: str) -> tuple[str, ...]:
    """What is left of a text without grammar and courtesy. In another case than at the beginning these words are names:
    the If and the IT of a table."""
    text = CHINESE_FILLERS.sub(" ", text)
    bare = LATIN.sub(lambda word: "" if is_filler(word, text) else word[0], text)
    return tuple(names.all_words(bare))


def is_filler(word: re.Match[str], text: str) -> bool:
    first = not text[: word.start()].strip()
    return (word[0].islower() or (first and word[0].istitle())) and word[0].lower() in ENGLISH_FILLERS


def subject(question: str, stated: frozenset[str] | None) -> Hashable:
    """The same for two questions that ask for one thing. Words count that their source tells; None: all words."""
    asked = [word for word in content_words(question) if stated is None or word in stated]
    latin = [word for word in asked if not CJK.match(word)]
    known = frozenset(asked)
    runs = HAN_RUN.findall(CHINESE_FILLERS.sub(" ", names.code(question)))
    han = sorted("".join(char for char in run if char in known) for run in runs)
    exact = sorted(map(str, exact_parts(question)))
    ordered = latin if ONE_WAY.search(question) else sorted(latin)
    return tuple(ordered), tuple(filter(None, han)), tuple(exact), tuple(TURNS.findall(question.lower()))


def claim(answer: str, asked: str) -> Claim:
    """What an answer says beyond the question: whether it repeats that makes no difference."""
    exact = {*exact_parts(answer), *TURNS.findall(answer.lower())} - {
        *exact_parts(asked),
        *TURNS.findall(asked.lower()),
    }
    return Claim(frozenset(exact), frozenset(content_words(answer)))


def agree(one: Claim, other: Claim) -> bool:
    """Whether two answers say the same, one of them perhaps with more words."""
    return one.exact == other.exact and (one.words <= other.words or other.words <= one.words)
