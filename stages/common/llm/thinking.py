"""Where a reply thinks: the tags and channels in which models do so, set apart before anything else is read."""

import re
from typing import NamedTuple

NAMES = r"(?:[\w-]+:)?(?:\w*think(?:ing)?|\w*thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|inner_?monologue)"

# What begins thinking, and what ends it: tags as most models write them, and the tokens of single families.
PAIRS = (
    (rf"<{NAMES}(?:\s[^<>]*)?>", rf"</{NAMES}\s*>"),
    (r"◁think▷", r"◁/think▷"),  # Kimi
    (r"\[THINK\]", r"\[/THINK\]"),  # Magistral
    (r"<\|?(?:START_THINKING|begin_of_thought|inner_prefix|think(?:ing)?)\|?>",
     r"<\|?/?(?:END_THINKING|end_of_thought|inner_suffix|/think(?:ing)?)\|?>"),  # Cohere, OpenThinker, Apertus
    (r"<\|channel\|>\s*(?:analysis|commentary)\b", r"<\|channel\|>\s*final\b(?:.{0,80}?<\|message\|>)?"),  # gpt-oss
    (r"\Aanalysis(?=[A-Z])", r"assistantfinal"),  # the same without its special tokens
    (r"<\|channel>\s*thought", r"<channel\|>"),  # Gemma
    (r"<unused94>", r"<unused95>"),
    (r"Here is my thought process:", r"Here is my response:"),  # Granite
    (r'<details\s+type="reasoning"[^<>]*>', r"</details>"),  # Open WebUI
)  # fmt: skip
OPENS = "|".join(f"(?P<open{number}>{opened})" for number, (opened, _) in enumerate(PAIRS))
# Some chat templates open the thinking themselves, so a reply may only close it.
CLOSES = "|".join(closed for _, closed in PAIRS)
TAG = re.compile(f"{OPENS}|(?P<close>{CLOSES})")
CLOSERS = [re.compile(closed) for _, closed in PAIRS]


class StillThinkingError(ValueError):
    """The reply ends while the model thinks."""

    def __init__(self) -> None:
        super().__init__("the model was still thinking")


class Mark(NamedTuple):
    """A tag of thinking: where it begins and ends; behind it goes the thinking that it opens, nothing if it closes."""

    start: int
    end: int
    opens: re.Pattern[str] | None


def next_mark(text: str, position: int) -> Mark | None:
    """The next tag from `position` on."""
    match = TAG.search(text, position)
    if not match:
        return None
    kind = match.lastgroup or ""
    closer = CLOSERS[int(kind.removeprefix("open"))] if kind.startswith("open") else None
    return Mark(match.start(), match.end(), closer)


def behind(text: str, mark: Mark) -> int:
    """Where the reply goes on behind a tag, and behind the thinking that it opens. Raises StillThinkingError when that
    does not end."""
    if not mark.opens:
        return mark.end
    closed = mark.opens.search(text, mark.end)
    if not closed:
        raise StillThinkingError
    return closed.end()
