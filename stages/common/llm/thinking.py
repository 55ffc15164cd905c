"""Where a model thinks before it answers: the tags and channels in which models do so, set apart before anything else
is read."""

import re
from typing import NamedTuple

WORD = r"(?:think|thought|reason|reflect|scratch_?pad|monologue|rationale|deliberat|contemplat|思考|思维|推理)"
NAME = rf"(?:inner )?[\w:.-]{{0,30}}{WORD}[\w:.-]{{0,30}}"
OTHER = r"(?:analysis|analy[sz]e|cot|plan|planning|draft|brainstorm\w{0,4})"  # names that a page's own tags have, too
IN_TOKEN = rf"[\w▁ :-]{{0,30}}?{WORD}[\w▁ :-]{{0,30}}?"
BRACKETED = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|思考(?:过程)?|推理(?:过程)?)"
ATTRIBUTES = r"(?:\s[^<>]{0,200})?(?<!/)"


class Way(NamedTuple):
    """What begins thinking and what ends it. `certain`: it is thinking even where it does not end, and some chat
    templates open it themselves, so that a reply may only close it; the others count at the head of a reply, and where
    both are there."""

    opens: str
    closes: str
    certain: bool = True


WAYS = (
    Way(rf"<{NAME}{ATTRIBUTES}>", rf"</{NAME}\s*>"),
    Way(rf"<[|｜](?!/|end[_▁]){IN_TOKEN}(?<![_▁]end)[|｜]>",  # Cohere, OpenThinker, Solar: tokens of their own
        rf"<[|｜](?:/{IN_TOKEN}|end[_▁]{IN_TOKEN}|{IN_TOKEN}[_▁]end|content)[|｜]>"),
    Way(r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),  # Apertus
    Way(r"◁think▷", r"◁/think▷"),  # Kimi
    Way(r"(?-i:\[THINK\])", r"(?-i:\[/THINK\])"),  # Magistral
    Way(r"<\|channel\|>\s*(?:analysis\b|commentary\b(?!\s+to=))",
        r"<\|channel\|>\s*(?:final\b|commentary\s+to=)(?:.{0,80}?<\|message\|>)?"),  # gpt-oss
    Way(r"\A(?-i:(?:assistant)?(?:analysis|commentary)(?=[A-Z]))", r"(?-i:assistantfinal)"),  # the same without tokens
    Way(r"<\|channel>\s*thought", r"<channel\|>"),  # Gemma
    Way(r"<unused94>", r"<unused95>"),
    Way(r"Here is my thought process:", r"Here is my response:"),  # Granite
    Way(r"Here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]"),  # Apriel
    Way(rf"&lt;{NAME}&gt;", rf"&lt;/{NAME}&gt;", certain=False),  # written for a page
    Way(r'<details\s+type="reasoning"[^<>]{0,200}>', r"</details>", certain=False),  # Open WebUI
    Way(rf"<{OTHER}{ATTRIBUTES}>", rf"</{OTHER}\s*>", certain=False),
    Way(rf"\[{BRACKETED}\]", rf"\[/{BRACKETED}\]", certain=False),
    Way(rf"【{BRACKETED}】", rf"【/{BRACKETED}】", certain=False),
    Way(r"```(?:think(?:ing)?|thoughts?|reasoning)\b", r"\n\s*```", certain=False),
)  # fmt: skip
FLAGS = re.IGNORECASE
OPENS = "|".join(f"(?P<open{number}>{way.opens})" for number, way in enumerate(WAYS))
CLOSES = "|".join(way.closes for way in WAYS if way.certain)
TAG = re.compile(f"(?P<close>{CLOSES})|{OPENS}", FLAGS)
CLOSERS = [re.compile(way.closes, FLAGS) for way in WAYS]


class StillThinkingError(ValueError):
    """The reply ends while the model thinks."""

    def __init__(self) -> None:
        super().__init__("the model was still thinking")


class Mark(NamedTuple):
    """A tag of thinking: where it begins and ends; behind it goes the thinking that it opens, nothing if it closes."""

    start: int
    end: int
    opens: re.Pattern[str] | None
    certain: bool


def next_mark(text: str, position: int) -> Mark | None:
    """The next tag from `position` on."""
    match = TAG.search(text, position)
    if not match:
        return None
    kind = match.lastgroup or ""
    if not kind.startswith("open"):
        return Mark(match.start(), match.end(), None, True)
    number = int(kind.removeprefix("open"))
    return Mark(match.start(), match.end(), CLOSERS[number], WAYS[number].certain)


def behind(text: str, mark: Mark) -> int | None:
    """Where the reply goes on behind a tag, and behind the thinking that it opens; None where the tag is none of
    thinking. Raises StillThinkingError when that does not end."""
    if not mark.opens:
        return mark.end
    closed = mark.opens.search(text, mark.end)
    if not closed and (mark.certain or not text[: mark.start].strip()):
        raise StillThinkingError
    return closed.end() if closed else None
