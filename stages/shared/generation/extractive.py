"""Grounded pairs without any model: facts are read off the structure of a chunk, answers are verbatim text.

It lets the whole chain run on a laptop, and it is the baseline that a language model must beat.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stages.shared.markdown import blocks
from stages.shared.records import Chunk, share
from stages.shared.text import LETTER, language

MAX_ANSWER_CHARS = 400
MAX_LEAD_CHARS = 60
NO_VALUE = re.compile(r"^[\W_]*$|^(n/?a|none|无|暂无|略)$", re.IGNORECASE)
DEFINITION = re.compile(r"^\s*(?:[-*+] +)?(\*\*[^*\n]{2,60}\*\*|`[^`\n]{2,60}`)\s*[:：—–-]\s*(\S.{2,})$")
LIST_MARK = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")

# What a question can be about, {s}: the subject, {a}: the attribute asked for, {c}: the page it is about.
QUESTIONS = {
    "en": {
        "lookup": (
            "What is the {a} of {s} in {c}?",
            "In {c}, which {a} does {s} have?",
            "{c}: please give the {a} of {s}.",
            "I am looking up {s} ({c}). What is its {a}?",
            "Can you tell me the {a} that {c} gives for {s}?",
            "{s} in {c}: what is its {a}?",
        ),
        "definition": (
            "What is {s} in {c}?",
            "In {c}, what does {s} mean?",
            "Explain {s} as used in {c}.",
            "{c}: how is {s} defined?",
            "Please describe {s} ({c}).",
            "What should I know about {s} in {c}?",
        ),
        "summary": (
            'What does the section "{s}" of {c} say?',
            "{c}: summarise {s}.",
            'What is the main point of "{s}" in {c}?',
            "Tell me about {s} in {c}.",
            'How does {c} introduce "{s}"?',
            'In {c}, what is "{s}" about?',
        ),
        "how-to": (
            'What are the steps of "{s}" in {c}?',
            '{c}: walk me through "{s}".',
            'How does {c} do "{s}", step by step?',
            'In which order are things done for "{s}" in {c}?',
            'List the steps for "{s}" ({c}).',
            'I want to follow "{s}" from {c}. What do I do?',
        ),
        "example": (
            'Which code does {c} show for "{s}"?',
            '{c}: what do I type for "{s}"?',
            'Show me the example of {c} for "{s}".',
            'Give the command or code in {c} about "{s}".',
            'How does "{s}" look in code ({c})?',
            'What is the snippet for "{s}" in {c}?',
        ),
    },
    "zh": {
        "lookup": (
            "{c}中，{s}的{a}是什么？",
            "请问{c}里{s}的{a}是什么？",
            "在{c}中，{s}对应的{a}是？",
            "我想查{s}（{c}）的{a}，请告诉我。",
            "{s}在{c}中的{a}是怎样的？",
            "{c}：请给出{s}的{a}。",
        ),
        "definition": (
            "{c}中，{s}是什么？",
            "在{c}里，{s}指的是什么？",
            "请解释{c}中的{s}。",
            "{c}是怎样说明{s}的？",
            "如何理解{c}中的{s}？",
            "请介绍一下{s}（{c}）。",
        ),
        "summary": (
            "{c}的“{s}”讲了什么？",
            "请概述{c}中的“{s}”。",
            "在{c}中，“{s}”的要点是什么？",
            "{c}如何介绍“{s}”？",
            "关于{c}的“{s}”，有哪些说明？",
            "请说明{c}的{s}。",
        ),
        "how-to": (
            "{c}中，“{s}”的步骤是什么？",
            "在{c}里，如何一步步完成“{s}”？",
            "请列出{c}中“{s}”的操作步骤。",
            "{c}：“{s}”该怎么做？",
            "按照{c}，“{s}”的流程是怎样的？",
            "我想完成“{s}”（{c}），应依次做什么？",
        ),
        "example": (
            "{c}中，“{s}”的代码是什么？",
            "请给出{c}里“{s}”的示例代码。",
            "在{c}中，“{s}”应该输入什么？",
            "{c}：“{s}”的写法是怎样的？",
            "如何用代码实现{c}中的“{s}”？",
            "请展示{c}关于“{s}”的示例。",
        ),
    },
}


@dataclass(frozen=True)
class Fact:
    """Something a chunk states: the answer and its evidence are verbatim text of the chunk."""

    style: str
    subject: str
    attribute: str
    answer: str
    evidence: str


def facts(chunk: Chunk) -> Iterator[Fact]:
    """The facts of a chunk in the order in which it states them."""
    previous: blocks.Block | None = None
    heading = chunk["headings"][-1]
    leads = True  # the first paragraph below a heading introduces it
    for block in blocks.blocks(chunk["text"]):
        if block.kind == "heading":
            heading, leads, previous = blocks.heading_text(block), True, None
            continue
        if block.kind == "table":
            yield from table_facts(block)
        elif block.kind == "steps":
            yield from whole_block("how-to", heading, block)
        elif block.kind == "fence" and previous is not None and previous.kind == "paragraph":
            yield from whole_block("example", lead_in(previous.text), block)
        elif block.kind in ("paragraph", "list"):
            defined = list(definitions(block))
            yield from defined
            if block.kind == "paragraph" and leads and not defined:
                yield from whole_block("summary", heading, block)
        leads, previous = False, block


def table_facts(block: blocks.Block) -> Iterator[Fact]:
    """One fact per row and column: the first cell is the subject, the column's header the attribute."""
    header, _, *rows = block.text.split("\n")
    attributes = blocks.cells(header)[1:]
    for row in rows:
        subject, *values = blocks.cells(row)
        subject = subject.strip("*")
        if not LETTER.search(subject) or len(subject) > MAX_LEAD_CHARS:
            continue
        for attribute, value in zip(attributes, values, strict=False):
            if attribute and not NO_VALUE.match(value) and value not in ("^", ">") and value != subject:
                yield Fact("lookup", subject, lowered(attribute), value, row.strip())


def definitions(block: blocks.Block) -> Iterator[Fact]:
    """`**term**: text` and `- **term**: text`, line by line."""
    for line in block.text.split("\n"):
        match = DEFINITION.match(line)
        if match and len(match[2]) <= MAX_ANSWER_CHARS:
            yield Fact("definition", match[1].strip("*"), "", match[2].strip(), line.strip())


def whole_block(style: str, subject: str, block: blocks.Block) -> Iterator[Fact]:
    """The block itself as the answer, unless it is too long, an image or a mark-up line."""
    text = block.text.strip()
    plain = LINK.sub("", text)
    if subject and len(text) <= MAX_ANSWER_CHARS and LETTER.search(plain) and not plain.startswith((":::", "|")):
        yield Fact(style, subject, "", text, text)


def lead_in(paragraph: str) -> str:
    """What a code fence is about: the last line before it, without its colon."""
    line = LINK.sub(r"\1", LIST_MARK.sub("", paragraph.strip().split("\n")[-1])).rstrip(":：.。 ")
    return line if len(line) <= MAX_LEAD_CHARS * 2 else ""


def lowered(attribute: str) -> str:
    """A column header inside a sentence: `Default` becomes `default`, `ID` and Chinese stay."""
    return attribute.lower() if attribute.istitle() else attribute


def question(fact: Fact, template: str, page: str, lang: str) -> str:
    """The template filled in. A fact about the page itself is asked about the documentation."""
    context = {"en": "this documentation", "zh": "本文档"}[lang] if fact.subject == page else page
    return template.format(s=fact.subject, a=fact.attribute, c=context)


def rows(chunk: Chunk, phrasings: int, question_language: str) -> Iterator[dict[str, str]]:
    """Each fact of the chunk asked in `phrasings` wordings, which a hash of the fact chooses."""
    lang = language(" ".join(chunk["headings"]) + chunk["text"]) if question_language == "auto" else question_language
    page = LINK.sub(r"\1", chunk["headings"][0])
    for fact in facts(chunk):
        templates = QUESTIONS[lang][fact.style]
        first = int(share(chunk["chunk_id"], fact.subject, fact.attribute, fact.answer) * len(templates))
        for turn in range(phrasings):
            asked = question(fact, templates[(first + turn) % len(templates)], page, lang)
            yield {"instruction": asked, "output": fact.answer, "evidence": fact.evidence, "style": fact.style}
