"""Facts in code and formulas: what the sentence or the heading before says that they show."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from stages.common.markdown.blocks import Block
from stages.common.text.wording import CJK
from stages.generate.extractive import announcements, lists, speech
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import SAMPLE, heading_name, is_common, topic
from stages.generate.extractive.inline import plain

MAX_CODE_CHARS = 1200
MIN_LEAD_CHARS, MAX_LEAD_CHARS = 5, 120
MAX_FORMULA_LEAD_CHARS = 40
FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(?:.*?)^[ \t]*\1", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"\s*(?:`{3,}|~{3,})[ \t]*([A-Za-z+#]*)[^\n]*\n")
NO_CODE_TEXT = re.compile(r"[├└│─↓→]|\n\s*https?://\S+\s*\n")  # a drawing, or an address
NO_CODE = {"plain", "text", "txt", "mermaid", "md", "markdown"}
# The name of a file of settings, which a reader may ask for; one of a program names a step of a demonstration.
CAPTION_OF_CODE = re.compile(
    r"\*\*((?:[\w.@-]+/)*[\w.@-]*(?:\.config\.\w+|\w\.(?:ya?ml|toml|json5?|ini|conf|cfg|env|xml|properties)))\*\*"
)
UNREAD = re.compile(
    r"\{\{[#<%]|\{\*|<(?:span|font)\s[^>\n]*style=\"|^\s*(?:`{3,}|~{3,})\{[a-z]"
)  # what another tool would have put in, or read
OUTPUT = re.compile(
    r"(?:输出|结果|返回|效果)[^。]{0,8}$|[会将应](?:看到|得到|收到|返回|显示|输出|变成|是)|看到|类似|\b(?:output|prints?|result|response|returns?|see|error|prompted)\b",
    re.IGNORECASE,
)
CALLS = re.compile(r"`([\w.]*\w)\(")  # the functions that a heading names
EXAMPLE_OF = re.compile(r"^(?:an )?examples?(?: of| for)?:? (?=\w{3})", re.IGNORECASE)
FORMULA_END = re.compile(
    r"(?:的)?(?:计算)?(?:公式|表达式|方程)?(?:分别|如下|为|是|可?表示为|定义|满足|有){0,9}(?:所示)?[:：,，]{0,9}$"
)
GOES_ON = re.compile(
    r"(?:则|即|中|可得|代入|将|再|最后|然后|由此|因此|从而|化简|整理|其|得|式|在这种|so|then|thus|where|and)",
    re.IGNORECASE,
)


def code(block: Block, before: str, headings: tuple[str, ...], leads: bool) -> Iterator[Fact]:
    """A fence is an example of its function, of what the paragraph before it announces, or of its heading when the
    section begins with it (`leads`)."""
    fence, lead = FENCE.match(block.text), announcements.announcement(plain(before))
    if not fence or fence[1].lower() in NO_CODE or len(block.text) > MAX_CODE_CHARS or OUTPUT.search(lead):
        return
    if (not fence[1] and NO_CODE_TEXT.search(block.text)) or UNREAD.search(block.text):
        return
    calls = CALLS.findall(headings[-1]) if headings and lists.CALL.match(headings[-1]) else []
    call = next((name for name in calls if name.rpartition(".")[2] in block.text), "")
    example = Fact("code", "", block.text.strip(), block.text.strip(), headings, attribute=fence[1])
    if call:
        yield replace(example, subject=f"`{call}`")
    elif lead and not CJK.search(lead) and (wanted := announcements.goal(lead)):
        yield replace(example, subject=f"How to {wanted}")
    elif lead and (said := announced(lead)):
        yield replace(example, subject=said)
    elif caption := CAPTION_OF_CODE.fullmatch(before.strip()):
        yield replace(example, subject=f"`{caption[1]}`")
    elif leads and names_code(headings):
        yield replace(example, subject=EXAMPLE_OF.sub("", topic(headings)))


def language_of(block: Block) -> str:
    fence = FENCE.match(block.text)
    return fence[1].lower() if fence else ""


def names_code(headings: tuple[str, ...]) -> bool:
    """Whether the heading directly above can say what its code is about: one word is too little."""
    heading = heading_name(headings[-1]) if headings else ""
    words = len(heading.split()) > 1 + heading.isascii() or len(CJK.findall(heading)) > 3
    return words and not SAMPLE.fullmatch(heading) and not re.search(r"\d", heading)


def announced(lead: str) -> str:
    """The sentence before, where it says by itself what the code is about; empty otherwise."""
    said = EXAMPLE_OF.sub("", announcements.said(lead))
    return said if MIN_LEAD_CHARS <= len(said) <= MAX_LEAD_CHARS and not is_common(said) else ""


def formula(block: Block, before: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """A formula that a sentence with a colon leads in."""
    before = plain(before)
    said = announcements.announcement(before) if before.endswith((":", "：")) else ""
    lead = FORMULA_END.sub("", said).strip(" ，,其") if CJK.search(said) else announcements.said(said)
    says = 3 < len(lead) <= MAX_FORMULA_LEAD_CHARS and not GOES_ON.match(lead) and not speech.points(lead)
    if says and len(block.text) <= MAX_CODE_CHARS:
        yield Fact("formula", lead, block.text.strip(), block.text.strip(), headings)


def shown(texts: Iterable[str]) -> str:
    """The letters and digits of all code in some texts."""
    return signs("\n".join(match[0] for text in texts for match in FENCED.finditer(text)))


def signs(text: str) -> str:
    """The letters and digits of a text."""
    return re.sub(r"[\W_]+", "", text)
