"""Admonitions, and questions with their answers."""

import itertools
import re
from collections.abc import Iterator

from stages.common.markdown.blocks import Block
from stages.common.text.wording import CJK, LETTER, sentences
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import UNASKED, heading_name, topic
from stages.generate.extractive.inline import flowing, plain
from stages.generate.extractive.speech import NARRATION, complete, points, refers_back

MAX_ANSWER_CHARS = 600
MIN_NAMED = 24  # Latin characters of what a box with a title says
WHOLE_SHARE = 0.9  # from which on a box of several lines is the section itself, not a hint on it
MIN_SHARE = 0.3  # of a section's words, below which an answer is not what the section says
NOTICE = re.compile(
    r"(?:特别|温馨)?(?:注意|提示|提醒|说明|备注|警告|重要|危险)(?:事项)?"
    r"|notes?|notice|hint|tips?|info|warning|caution|danger|important|attention|see ?also",
    re.IGNORECASE,
)
# Further kinds of boxes, of which the title says what they are about.
BOX = re.compile(
    r"todo|example|success|check|question|help|bug|abstract|summary|tl;?dr|quote|fail(?:ure)?|error|admonition|示例|例子|问题",
    re.IGNORECASE,
)
DEMONSTRATIVE = re.compile(r"\b(?:this|these|those)\b|这|此|该|上述", re.IGNORECASE)
LEADS_ON = re.compile(r"see ?also|另请参[阅见]|参[见阅考]", re.IGNORECASE)  # a box of links
VERSION = re.compile(r"\d\.\d")  # a notice of what is new in it
CAUTION = re.compile(r"warning|caution|danger|important|attention|(?:特别)?注意(?:事项)?|警告|危险|重要", re.IGNORECASE)
LABEL = re.compile(r"\*\*([^*\n]{1,60})\*\*\s*[:：]?[ \t]*")
QUESTION = re.compile(
    r"\s*+(?:\*\*)?\s*+(?:[Qq问]\d*\s*[:：.]\s*+|\d+[.、)]\s*+)?([^\n。!！]{4,120}?[？?])\s*+(?:\*\*)?\s*+"
)
INTRODUCED = re.compile(r"[^，,。？?]*是[，,：]")  # a question that its author puts: "the question is, why"
CLAUSE_END = re.compile(r"[，,；;]|\.{3}|…")
ASKING = re.compile(r"如何|怎么|怎样|为什么|是否|能否|什么|哪|吗|^(?:how|why|what|which|can|does|is)\b", re.IGNORECASE)
INTERROGATIVE = re.compile(
    r"如何|怎么|怎样|为什么|为何|是否|能否|可否|什么|哪|吗|谁|何|几|有没有|[是能会可]不|多[少久大长]|呢"
    r"|\b(?:how|why|what|which|when|where|who|whose)\b"
    r"|(?:^|[,;:] )(?:can|could|do|does|did|is|are|am|was|were|will|would|should|shall|may|must|has|have)(?:n[’']t)?\b",
    re.IGNORECASE,
)
UNMARKED = re.compile(
    r"(?:what|how|why|when|where|which|who)"
    r" (?:is|are|was|were|do|does|did|can|could|should|would|will|has|have|use|not)\b"
    r"|什么是|为什么|怎么|怎样|如何(?!.*(?:步骤|方法)$)",
    re.IGNORECASE,
)
TROUBLE = re.compile(
    r"报错|错误|失败|无法|不能|异常|没有|缺少|过长|很慢|error|fail|cannot|can't|unable|missing|refused|not found",
    re.IGNORECASE,
)
CHEER = re.compile(r"[^\s.,!！。，]+(?: [^\s.,!！]+){0,2}[!！]")  # Well done!
ANSWER_MARK = re.compile(r"^\s*(?::(?:\s+|$)|(?:\*\*)?(?:[Aa]|[Aa]nswer|答案?|回答|解答)\d*\s*[:：]\s*(?:\*\*)?)")


def starts(block: Block) -> bool:
    """Whether a block is an admonition: a quote that begins with a bold label, as `ingest` writes it."""
    return block.kind == "quote" and bool(parts(block.text)[0])


def admonition(source: str, headings: tuple[str, ...], share: float) -> Iterator[Fact]:
    """What an admonition says, which is that share of what its section says."""
    kind, title, body = parts(source)
    text = "\n".join(line for line in flowing(body).split("\n") if line.strip())
    named = LETTER.match(title) and not NOTICE.fullmatch(title)
    above = tuple(heading for heading in headings if not NOTICE.fullmatch(heading_name(heading)))
    about = title if named else topic(above)
    about = "" if heading_question(about) or VERSION.search(title) or UNASKED.fullmatch(about) else about
    stands = complete(text) and not points(text) and not refers_back(text) and not NARRATION.search(text)
    stands = (
        stands
        and not (text.startswith(("- ", "* ")) and "\n- " not in text and "\n* " not in text)
        and not CHEER.match(text)
        and not DEMONSTRATIVE.search(sentences(text)[0])
        and not (named and len(text) < MIN_NAMED and not CJK.search(text))
    )
    if not kind or not stands or len(text) > MAX_ANSWER_CHARS or LEADS_ON.match(source.lstrip("> *")):
        return
    if asks := question(title):
        yield Fact("faq", asks, text, source.strip(), headings)
    elif (kind == "caution" and not heading_question(topic(above))) or (about and (named or share >= MIN_SHARE)):
        whole = kind == "tip" and about and (named or (share >= WHOLE_SHARE and "\n" in text))
        yield Fact("section" if whole else kind, about, text, source.strip(), headings)


def parts(source: str) -> tuple[str, str, str]:
    """Kind of fact, title and body of an admonition; empty when it is none."""
    first = source.strip().partition("\n")[0]
    label = LABEL.match(first.removeprefix(">").strip()) if first.startswith(">") else None
    if not label:
        return "", "", ""
    name, _, title = re.sub(r"\s*[:：]$", "", label[1]).replace("：", ":").partition(":")
    if not NOTICE.fullmatch(name.strip()):
        name, title = "", title if title.strip() and BOX.fullmatch(name.strip()) else label[1]
    body = source.strip()[source.strip().index(label[0]) + len(label[0]) :]
    return kind_of(name), heading_name(title), re.sub(r"(?m)^\s*>[ \t]?", "", body)


def kind_of(name: str) -> str:
    return "caution" if CAUTION.fullmatch(name.strip()) else "tip"


def asked(block: Block) -> str:
    """The question that a paragraph begins with; empty when it asks none. One in the flow of a text is the author's
    own: only what is marked, by strong type, a number or a Q, or stands with its answer below it, is a reader's."""
    first, _, rest = block.text.partition("\n")
    marked = re.match(r"\s*(?:\*\*|[Qq问]\d*\s*[:：.]|\d+[.、)])", first) or rest or CJK.search(first)
    stands = block.kind == "paragraph" and marked and not INTRODUCED.match(first) and len(CLAUSE_END.findall(first)) < 3
    return question(first.rstrip()) if stands else ""


def question(source: str) -> str:
    match = QUESTION.fullmatch(source.strip())
    return plain(match[1]).strip() if match and INTERROGATIVE.search(plain(match[1]).strip()) else ""


def heading_question(heading: str) -> str:
    """The question that a heading asks, with or without its mark; empty when it asks none."""
    return question(heading) or (heading if UNMARKED.match(heading) else "")


def answer(term: str, source: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """A question or a symptom with the whole of its answer or, when that is too long, with its first paragraph."""
    kind, name = ("faq", question(term)) if question(term) else ("symptom", plain(term).strip(" ：:。."))
    if kind == "symptom" and (ASKING.search(name) or (name.endswith("？") and source.lstrip().startswith(":"))):
        kind = "faq"  # whatever ends so above its answer asks something
    elif kind == "symptom" and not TROUBLE.search(name):
        kind = "stated"
    if kind == "stated" and (name.startswith(("(", "（")) or name.endswith(("?", "？"))):
        return  # "(none)" names nothing, and "Ready?" asks nothing
    lines = source.split("\n")
    whole = "\n".join(itertools.takewhile(lambda line: not question(line), lines)) if len(lines) > 1 else source
    for part in (whole, re.split(r"\n\s*\n|\n(?=:\s)", whole.strip())[0]):
        text = answer_text(part)
        if kind == "faq" and refers_back(name):
            continue
        if 4 <= len(text) <= MAX_ANSWER_CHARS and LETTER.search(text) and not points(text):
            if text.endswith((":", "：")) or "```" in text:
                continue
            yield Fact(kind, name, text, part.strip(), headings)
            return


def answer_text(source: str) -> str:
    """An answer's source as text, without the marks of a definition list."""
    lines = (plain(ANSWER_MARK.sub("", line)) for line in source.split("\n"))
    return "\n".join(line for line in lines if line.strip(" :")).strip()
