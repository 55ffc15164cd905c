"""Lists as items, and what they state: terms with their meaning, arguments, steps, members."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import dedent

from stages.common.markdown.blocks import Block
from stages.common.text.wording import CJK, CJK_RANGE, LETTER
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import (
    NAME,
    PICTURE,
    UNASKED,
    adds,
    heading_name,
    is_common,
    topic,
)
from stages.generate.extractive.inline import flowing, plain
from stages.generate.extractive.notices import NOTICE, kind_of, question
from stages.generate.extractive.speech import ANNOUNCING, NARRATION, QUOTED, imperative, points

MIN_DEFINITION_CHARS, MIN_LATIN = 5, 12
MIN_STATED, MIN_STATED_WORDS = 5, 3  # Chinese characters, Latin words
MAX_ANSWER_CHARS = 600
MAX_ITEM_CHARS = 200
MARKER = re.compile(r"^([ \t]*)(?:[-*+]|\d{1,3}[.)])(?:[ \t]+|$)")
TERM = re.compile(
    r"\s*(\*\*[^*\n]{2,60}\*\*|`[^`\n]{1,80}`)(\s*[（(][^（）()\n]{1,40}[）)])?\s*(?:[:：]|\s[—–-]+\s|——)\s*(\S.*)",
    re.DOTALL,
)
PLAIN_TERM = re.compile(r"\s{0,40}([^:：，,。；;、！？!?\n*`\[\]]{2,24}?)\s*+(?:：|:(?=\s))\s*+(\S.*)", re.DOTALL)
COPULA = re.compile(r"(?:is|are|means|refers to)\b|是(?!否)|指|即|表示|代表|用[于来以]")
# A noun with its article, a Chinese one at the end of its modifiers; a clause has a verb of its own behind that.
NOUN_FIRST = re.compile(
    r"(?:\([^)]*\)\s*)?(?:(?:an?|the|any|each|one of)\b|\w+(?: \w+)? of\b)"
    r"|一[种个类组些]|[^，。；]*的[^的，。；]{1,8}(?:[，。；]|$)",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"(?:an?|the|any|each) [\w` -]{1,80}? (?:(?:is|are|was|were|has|have|can|will|should|must|may)\b"
    r"|\w+s (?:\d|(?:the|an?|you|your|it|them|all|each|no)\b))",
    re.IGNORECASE,
)
# An answer whose subject stands elsewhere.
HEADLESS = re.compile(
    r"(?:is|are|was|were|has|have|can|will|note|for (?:example|instance)|e\.g|similarly|likewise|however|also)\b"
    r"|(?:this|it|they|these) (?:can|could|may|might|will|would|should|must)\b|这(?:一?点|[会将使让能就也都])"
    r"|例如|比如|同样|此外|另外|因此|所以|但是?",
    re.IGNORECASE,
)
# What is no sentence, nor a name with what belongs to it.
FRAGMENT = re.compile(
    r"(?:to|with|by|in|on|at|from|as|if|when|because|since|until|unless|via|instead|but|and|or)\b[^,]*$"
    r"|(?:[a-z]+ing|for|although)\b|(?-i:from|to|with|by|in|on|at|as|via)\b",
    re.IGNORECASE,
)
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
COMMAND = re.compile(r"`[^`]* [^`]*`[。.]?")  # of which only the text before says what it does
NAMES_ALONE = re.compile(rf"[{CJK_RANGE}\w ]+(?:[、/][{CJK_RANGE}\w ]+)+")  # a few names, of which nothing is said
REASON = re.compile(r"(?:because|since|but|and|or)\b", re.IGNORECASE)
RETURNS = re.compile(r"\s*`?(?:Returns?|返回值?)`?\s*[:：]\s*(\S.*)", re.IGNORECASE | re.DOTALL)
CALL = re.compile(r"^`([\w.]*\w)\([^`]*\)`")
NO_TERM = re.compile(
    r"(?:an?|the) \w+|the following.*|(?:this|in|on|for|if|when|to) .*|https?|\([^()]*\)"
    r"|(?:对于?|关于|至于|就).*(?:来说|而言|来讲)?|.*[例比]如"
    r"|(?:第?[一二三四五六七八九十\d]+(?:步|种|类|个)?|步骤|方法|情况|案例|示例|图|表|例如|例|如|其中|以及|答|问|[QA])\s*\d*",
    re.IGNORECASE,
)
# Chinese tells what to do with the particles of handling, of sequence and of completion.
DOING = re.compile(r"[^，。]{0,12}(?:首先|然后|接着|最后|再|先|把|将|点击|单击|双击|选择|打开|输入|填写|后，|完成)")
UNFINISHED = re.compile(rf"{ANNOUNCING.pattern}|[,，、?？]$|\b(?:and|or|that|which|the|an?|of|to|with)$|→|->|=>")
PLURAL = re.compile(r"^\S?[^\sA-Z._]*(?:\s.*)?[a-rt-z]s$")  # of a word, not of a name in code
LINK_FIRST = re.compile(r"\W*(?:\w[\w ]{0,39}[:：]\W*)?(?:\[[^\]]*\](?:\(|\[)|<?https?://)")
LINKS_ONLY = re.compile(r"(?:[^\w\[<]*+(?:\[[^\]]*+\](?:\([^)]*+\)|\[[^\]]*+\])?+|<?https?://\S++))++\W*")


@dataclass(frozen=True)
class Item:
    """An item of a list: its own words and its source with everything below it."""

    text: str
    source: str


def items(block: Block, nested: bool = False) -> list[Item]:
    """The items of the outermost level, or those of every level."""
    lines = block.text.split("\n")
    first = MARKER.match(lines[0])
    indent = len(first[1].expandtabs(4)) if first else 0
    groups: list[list[str]] = []
    for line in lines:
        marker = MARKER.match(line)
        if (marker and (nested or len(marker[1].expandtabs(4)) <= indent + 1)) or not groups:
            groups.append([])
        groups[-1].append(line)
    return [Item(own_words(group), "\n".join(group).rstrip()) for group in groups]


def own_words(lines: list[str]) -> str:
    """An item's first paragraph, without its marker, as source."""
    words = [MARKER.sub("", lines[0])]
    for line in lines[1:]:
        if not line.strip() or MARKER.match(line) or line.lstrip().startswith(("```", "|", ":::", "![", ">", "$$")):
            break
        words.append(line.strip())
    return "\n".join(words).strip()


def defined(text: str) -> tuple[str, str] | None:
    """A marked term and what is said about it; both as source."""
    match = TERM.fullmatch(text)
    name = plain(match[1]) if match else ""
    if not match or not LETTER.search(name) or NO_TERM.fullmatch(name) or PICTURE.match(name):
        return None
    return match[1].strip("*"), match[3]


def of_paragraph(source: str) -> list[Item]:
    """The lines of a paragraph as items, each from a marked term to the next one."""
    groups: list[list[str]] = []
    for line in source.split("\n"):
        if defined(line) or not groups:
            groups.append([])
        groups[-1].append(line)
    return [Item(text, text) for text in map("\n".join, groups)]


def terms(entries: list[Item], headings: tuple[str, ...], plainly: bool = True) -> Iterator[Fact]:
    """Items of the form `term: text`, arguments and return values among them; `plainly`: also without marks."""
    call = CALL.match(headings[-1]) if headings else None
    function = f"`{call[1]}`" if call else ""
    unmarked = [stated(item.text) if plainly else None for item in entries]
    for item, pair in zip(entries, unmarked, strict=True):
        returned, marked = RETURNS.fullmatch(item.text), defined(item.text)
        if returned and call:
            yield from told(Fact("returns", function, returned[1], item.text, headings))
        elif marked and call and marked[0].startswith("`"):
            yield from told(Fact("meaning", *marked, item.text, headings, noun="parameter", owner=function))
        elif marked and (asks := question(marked[0])):
            yield from told(Fact("faq", asks, marked[1], item.text, headings))
        elif marked and NOTICE.fullmatch(plain(marked[0])):
            yield from told(Fact(kind_of(plain(marked[0])), topic(headings), marked[1], item.text, headings))
        elif marked and not is_common(plain(marked[0])):
            yield from told(Fact(kind_of_term(*marked), *marked, item.text, headings))
        elif pair and sum(map(bool, unmarked)) > 1:  # a single colon may be of a sentence
            yield from told(Fact("stated", *pair, item.text, headings))


def kind_of_term(term: str, said: str) -> str:
    """Whether what is said of a marked term defines it: as a noun, or by a copula behind its name."""
    clause = re.match(rf"(?:{re.escape(plain(term))}\W*)?{COPULA.pattern}", plain(said), re.IGNORECASE)
    if clause or (NOUN_FIRST.match(said) and not CLAUSE.match(said) and not term.startswith("`")):
        return "definition"
    return "meaning" if NAME.fullmatch(term) else "stated"


def stated(text: str) -> tuple[str, str] | None:
    """A term without marks and what is said about it."""
    match = PLAIN_TERM.fullmatch(text)
    usable = (
        match
        and not NO_TERM.fullmatch(match[1])
        and not PICTURE.match(match[1])
        and not DOING.match(match[1])
        and not is_common(match[1])
    )
    return (match[1], match[2]) if match and usable else None


def told(fact: Fact) -> Iterator[Fact]:
    """The fact in plain words, unless it says nothing, too much, or leads on to something else."""
    answer, evidence = flowing(fact.answer), fact.evidence.strip()
    shortest = (MIN_DEFINITION_CHARS if CJK.search(answer) else MIN_LATIN) if fact.kind == "definition" else 1
    shortest = max(shortest, 1 + bool(CJK.search(answer)))
    if fact.kind == "stated" and (DATE.fullmatch(answer) or not re.search(r"\b\d", answer)):
        words = QUOTED.sub("", answer).split()
        shortest = MIN_STATED if CJK.search(answer) else len(answer) + (len(words) < MIN_STATED_WORDS)
    says = (
        adds(answer, plain(fact.subject))
        and len(answer) >= shortest
        and (LETTER.search(answer) or re.search(r"\d", answer))
    )
    elsewhere = (
        UNFINISHED.search(answer) or points(answer) or LINKS_ONLY.fullmatch(fact.answer) or HEADLESS.match(answer)
    )
    task = fact.kind in ("definition", "stated") and (
        imperative(answer) or FRAGMENT.match(answer) or (CJK.search(answer) and NAMES_ALONE.fullmatch(answer))
    )
    task = task or (fact.kind == "stated" and bool(COMMAND.fullmatch(answer)))
    task = task or (fact.kind == "meaning" and REASON.match(answer))
    elsewhere = elsewhere or task or NARRATION.search(QUOTED.sub("", answer))
    if says and not elsewhere and len(answer) <= MAX_ANSWER_CHARS and "\n\n" not in evidence:
        yield replace(fact, subject=plain(fact.subject), answer=answer, evidence=evidence)


def members(block: Block, entries: list[Item], headings: tuple[str, ...]) -> Iterator[Fact]:
    """A list of short items directly under a heading that says what they are."""
    answer, name = listed(block), heading_name(headings[-1])
    unasked = CALL.match(headings[-1]) or UNASKED.fullmatch(name) or is_common(name)
    if not CJK.search(name):  # of things of one kind, which a plural names
        unasked = unasked or block.kind == "steps" or not PLURAL.search(name)
    short = all(0 < len(plain(item.text)) <= MAX_ITEM_CHARS for item in entries)
    stands = not points(answer) and not (NARRATION.search(answer) or UNFINISHED.search(answer)) and "```" not in answer
    if (
        len(entries) > 1
        and short
        and stands
        and not leads_elsewhere(block)
        and 0 < len(answer) <= MAX_ANSWER_CHARS
        and not unasked
    ):
        yield Fact("members", name, answer, block.text.strip(), headings[:-1])


def leads_elsewhere(block: Block) -> bool:
    """Whether a list is one of links: more of its items begin with one than not."""
    entries = items(block) if block.kind in ("list", "steps") else []
    return sum(bool(LINK_FIRST.match(item.text)) for item in entries) * 2 > len(entries)


def listed(block: Block) -> str:
    """A list as text: its marks stay, images and blank lines go. Empty when a mark would stand alone, or what an item
    announces is not there."""
    cleaned = [f"{line[: len(line) - len(line.lstrip())]}{plain(line)}" for line in block.text.split("\n")]
    lines = [line for line in cleaned if line.strip()]
    depths = [len(line) - len(line.lstrip()) for line in lines] + [-1]
    open_ends = (line for line, here, below in zip(lines, depths, depths[1:], strict=False) if below <= here)
    halves = any(ANNOUNCING.search(line) for line in open_ends)
    return "" if halves or any(not MARKER.sub("", line).strip() for line in lines) else dedent("\n".join(lines))
