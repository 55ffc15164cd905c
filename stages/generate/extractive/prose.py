"""Facts in paragraphs: what something is, what it is for, what a section says."""

import itertools
import re
from collections.abc import Iterator

from stages.common.text.wording import CJK, LETTER, sentences
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import UNASKED, aspect, topic, words
from stages.generate.extractive.inline import plain
from stages.generate.extractive.lists import CALL, defined, told
from stages.generate.extractive.notices import LEADS_AWAY, MAX_ANSWER_CHARS, NOTICE, POINTING, kind_of, question

ABOUT_PAGE = re.compile(
    r"(?:本(?:节|文|页|章|文档|案例|帮助|教程|页面)|该文档"
    r"|this (?:page|section|guide|chapter|document))\s*(?:将|主要|会)*\s*"
    r"(?:介绍|讲述|说明|描述|讲解|describes|explains|covers|shows|is about)",
    re.IGNORECASE,
)
THIS = re.compile(
    r"(?:该|本|此)(?:类|种|款)?(?:元件|模块|控件|功能|模型|平台|软件|页面|工具|装置|产品|函数|算法|项目|系统|接口|方法|参数|设备|标签页|组件"
    r"|图表|程序|服务)"
    r"|(?:this|the) (?:component|module|function|page|tool|option|stage|command|model|block|method)\b",
    re.IGNORECASE,
)
IS = re.compile(
    r"[^，。,.:：的]{0,12}?\s*(?:是(?!否|由于|因为)|指的?是|指(?!定|令|向|示)|即(?!可)|属于"
    r"|(?:is|are) (?:an?|the)\b|means\b|refers to)",
    re.IGNORECASE,
)
FOR = re.compile(
    r"[^，。,.:：的]{0,12}?\s*(?:(?:主要)?用[于以来]|可用于|(?:主要)?(?:支持|提供|实现|负责)|能够"
    r"|is used (?:to|for)\b|lets\b|allows\b|provides\b|makes\b|reads\b|writes\b|turns\b|checks\b|measures\b|trains\b)",
    re.IGNORECASE,
)


def standing(text: str) -> str:
    """The sentences up to the first that points at a figure or elsewhere."""
    kept = itertools.takewhile(lambda sentence: not POINTING.search(sentence), sentences(text))
    return "".join(kept).strip()


def says_much(text: str) -> bool:
    """Whether a paragraph stands alone: long enough, a sentence, about nothing that stands elsewhere."""
    enough = 12 if CJK.search(text) else 30
    return (
        enough <= len(text) <= MAX_ANSWER_CHARS
        and bool(LETTER.search(text))
        and not text.endswith((":", "："))
        and not text.startswith(("|", ":::", "$$", "其中", "例如", "注意", "："))
        and (ABOUT_PAGE.match(text) or not text.startswith(("本节", "本文", "本页", "本章", "This section", "These ")))
        and not POINTING.search(text)
        and not LEADS_AWAY.search(text)
    )


def lead(source: str, title: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """What the first paragraph below a heading says about it."""
    text = standing(plain(source))
    heading = words(headings[-1]) if headings else ""
    if not says_much(text) or UNASKED.fullmatch(heading):
        return
    above = topic(headings)
    kind = kind_of_lead(text, above or words(title), heading)
    if question(heading):
        yield Fact("faq", question(heading), text, source.strip(), headings[:-1])
    elif kind:
        yield Fact(kind, above, text, source.strip(), headings)
    elif heading:
        yield Fact("section", heading, text, source.strip(), headings[:-1])
    else:
        yield Fact("introduction", "", text, source.strip(), headings)


def kind_of_lead(text: str, name: str, heading: str) -> str:
    """Which question about `name` a paragraph answers; empty: none but what the section is about."""
    if ABOUT_PAGE.match(text):
        return "page"
    kind = aspect(heading)
    rest = after_subject(text, name)
    if rest and kind in ("", "features", "purpose", "introduction"):
        if IS.match(rest):
            return "definition"
        if FOR.match(rest):
            return "purpose"
    return kind


def after_subject(text: str, name: str) -> str:
    """What follows the subject at the beginning of a sentence: its name, or "this component"."""
    found = THIS.match(text)
    if found:
        return text[found.end() :]
    bare = re.sub(r"^(?:the|an?) ", "", text, flags=re.IGNORECASE)
    return bare[len(name) :] if bare.lower().startswith(name.lower()) else ""


def definition_lines(source: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """`**term**: text`, line by line."""
    call = CALL.match(headings[-1]) if headings else None
    for line in source.split("\n"):
        marked = defined(line)
        if marked and NOTICE.fullmatch(plain(marked[0])):
            yield from told(Fact(kind_of(plain(marked[0])), topic(headings), marked[1], line, headings))
        elif marked:
            owner = f"`{call[1]}`" if call else ""
            yield from told(Fact("definition", marked[0], marked[1], line, headings, owner=owner))
