"""Admonitions, and questions with their answers."""

import itertools
import re
from collections.abc import Iterator

from stages.common.markdown.blocks import Block
from stages.common.text.wording import LETTER
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import topic, words
from stages.generate.extractive.inline import plain

MAX_ANSWER_CHARS = 600
POINTING = re.compile(
    r"(?:如|见|由|从|按|据)?(?:下|上|左|右)(?:图|表|方|述|列|式)|如图|图\s*\d|表\s*\d|列于|所示|如下(?:案例|步骤|内容|几|说明)"
    r"|(?:如下|下面|以下|如上)(?:图|表|[:：]?$)|此处不再|(?:下面|以下|接下来)(?:将|分别|对|介绍|以|是)"
    r"|\b(?:the following|figure \d|table \d|(?:as|is|are) shown|shown (?:here|in)"
    r"|(?:see|as|shown|listed|described|table|figure|example|section|list|text) (?:above|below))\b",
    re.IGNORECASE,
)
LEADS_AWAY = re.compile(
    r"^(?:(?:更多|具体|详细)[^。]{0,30})?[^。]{0,40}(?:详见|详情(?:参见|查看|请见)|请?参[见考]|请查看|请?参阅)[^。]*。?$"
    r"|^(?:see|refer to|for (?:details|more))\b[^.]*\.?$|^(?:no description|暂无|待补充|略|点击打开|查看)",
    re.IGNORECASE,
)
NOTICE = re.compile(
    r"(?:特别|温馨)?(?:注意|提示|提醒|说明|备注|警告|重要|危险)(?:事项)?|notes?|tips?|info|warning|caution|danger|important|attention",
    re.IGNORECASE,
)
CAUTION = re.compile(r"warning|caution|danger|important|attention|(?:特别)?注意(?:事项)?|警告|危险|重要", re.IGNORECASE)
LABEL = re.compile(r"\*\*([^*\n]{1,60})\*\*\s*[:：]?[ \t]*")
QUESTION = re.compile(r"\s*(?:\*\*)?\s*(?:[Qq问]\d*\s*[:：.]\s*|\d+[.、)]\s*)?([^\n。!！]{4,120}?[？?])\s*(?:\*\*)?\s*")
ASKING = re.compile(
    r"如何|怎么|怎样|为什么|是否|能否|什么|哪|吗|^(?:how|why|what|when|which|can|does|is)\b", re.IGNORECASE
)
TROUBLE = re.compile(
    r"报错|错误|失败|无法|不能|异常|没有|缺少|过长|很慢|error|fail|cannot|can't|unable|missing|refused|not found",
    re.IGNORECASE,
)
ANSWER_MARK = re.compile(r"^\s*(?::(?:\s+|$)|[Aa答]\d*\s*[:：]\s*)")


def starts(block: Block) -> bool:
    """Whether a block is an admonition: a quote that begins with a bold label, as `ingest` writes it."""
    return block.kind == "quote" and bool(parts(block.text)[0])


def admonition(source: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    kind, title, body = parts(source)
    text = "\n".join(line for line in plain(body).split("\n") if line.strip())
    stands = not POINTING.search(text) and not LEADS_AWAY.search(text) and not text.endswith((":", "："))
    shortest = 8 if re.search(r"[。.！!；;]", text) else 20
    if kind and stands and shortest <= len(text) <= MAX_ANSWER_CHARS:
        yield Fact(kind, title or topic(headings), text, source.strip(), headings)


def parts(source: str) -> tuple[str, str, str]:
    """Kind of fact, title and body of an admonition; empty when it is none."""
    first = source.strip().partition("\n")[0]
    label = LABEL.match(first.removeprefix(">").strip()) if first.startswith(">") else None
    if not label:
        return "", "", ""
    name, _, title = re.sub(r"\s*[:：]$", "", label[1]).replace("：", ":").partition(":")
    if not NOTICE.fullmatch(name.strip()):
        name, title = "", label[1]
    body = source.strip()[source.strip().index(label[0]) + len(label[0]) :]
    return kind_of(name), words(title), re.sub(r"(?m)^\s*>[ \t]?", "", body)


def kind_of(name: str) -> str:
    return "caution" if CAUTION.fullmatch(name.strip()) else "tip"


def asked(block: Block) -> str:
    """The question that a paragraph begins with; empty when it asks none."""
    return question(block.text.split("\n")[0].rstrip()) if block.kind == "paragraph" else ""


def question(source: str) -> str:
    match = QUESTION.fullmatch(source.strip())
    return plain(match[1]).strip() if match else ""


def answer(term: str, source: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """A question or a symptom with the whole of its answer or, when that is too long, with its first paragraph."""
    kind, name = ("faq", question(term)) if question(term) else ("symptom", plain(term).strip(" ：:。."))
    if kind == "symptom" and ASKING.search(name):
        kind = "faq"
    elif kind == "symptom" and not TROUBLE.search(name):
        kind = "stated"
    lines = source.split("\n")
    whole = "\n".join(itertools.takewhile(lambda line: not question(line), lines)) if len(lines) > 1 else source
    for part in (whole, re.split(r"\n\s*\n|\n(?=:\s)", whole.strip())[0]):
        text = answer_text(part)
        if 4 <= len(text) <= MAX_ANSWER_CHARS and LETTER.search(text) and not POINTING.search(text):
            if text.endswith((":", "：")) or "```" in text:
                continue
            yield Fact(kind, name, text, part.strip(), headings)
            return


def answer_text(source: str) -> str:
    """An answer's source as text, without the marks of a definition list."""
    lines = (plain(ANSWER_MARK.sub("", line)) for line in source.split("\n"))
    return "\n".join(line for line in lines if line.strip(" :")).strip()
