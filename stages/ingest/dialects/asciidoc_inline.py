"""Macros and marks of AsciiDoc within a line, as those of Markdown."""

import re
from collections.abc import Callable, Mapping

from stages.ingest.dialects.flavours.roles import readable
from stages.ingest.dialects.prose import masked

REFERENCE = re.compile(r"(?<!\\)\{([A-Za-z][\w-]*)\}")
ANCHOR = re.compile(r"\[\[[^\[\]]*\]\]")
KNOWN = {
    "nbsp": " ",
    "empty": "",
    "blank": "",
    "sp": " ",
    "plus": "+",
    "asterisk": "*",
    "vbar": "|",
    "zwsp": "",
    "lt": "<",
}
KNOWN |= {"gt": ">", "amp": "&", "apos": "'", "quot": '"', "startsb": "[", "endsb": "]", "caret": "^", "tilde": "~"}


CROSS = re.compile(r"<<([\w-]{1,200})>>|xref:#?([\w-]{1,200})\[\]")


def split(text: str) -> list[str]:
    return [part.strip() for part in text.split(">") if part.strip()]


def linked(target: str, words: str) -> str:
    """A link of Markdown; a page of AsciiDoc without words is named."""
    shown = words.split(",window=")[0].rstrip("^").strip().strip('"')
    if not shown:
        return target if "://" in target else readable(target.partition("#")[0].removesuffix(".adoc") or target)
    return f"[{shown}]({target})"


INLINE: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(?:link|xref):([^\s\[\]]{1,400})\[([^\[\]]{0,400})\]"), lambda m: linked(m[1], m[2])),
    (re.compile(r"(https?://[^\s\[\]<>]{1,400})\[([^\[\]]{0,400})\]"), lambda m: linked(m[1], m[2])),
    (re.compile(r"<<([^<>,]{1,200})(?:,([^<>]{1,200}))?>>"), lambda m: (m[2] or readable(m[1])).strip()),
    (re.compile(r"image:(?!:)([^\s\[\]]{1,300})\[([^\[\]]{0,300})\]"), lambda m: f"![{m[2].split(',')[0]}]({m[1]})"),
    (re.compile(r"(?:kbd|btn):\[([^\[\]]{1,100})\]"), lambda m: m[1]),
    (
        re.compile(r"menu:([^\s\[\]]{1,100})\[([^\[\]]{0,200})\]"),
        lambda m: " → ".join(filter(None, (m[1], *split(m[2])))),
    ),
    (re.compile(r"footnote:(?:[\w-]{0,40})\[([^\[\]]{0,1000})\]"), lambda m: f" ({m[1]})" if m[1] else ""),
    (re.compile(r"(?:stem|latexmath|asciimath):\[([^\[\]]{1,400})\]"), lambda m: f"${m[1]}$"),
    (re.compile(r"pass:[a-z,]{0,20}\[([^\[\]]{0,400})\]"), lambda m: m[1]),
    (re.compile(r"(?:icon|anchor|indexterm2?):[^\s\[\]]{0,200}\[[^\[\]]{0,200}\]"), lambda m: ""),
    (re.compile(r"\[[.%][\w.%-]{1,60}\](?=[*_`\ufdd3])"), lambda m: ""),
    (re.compile(r"\[[^\[\]\s]{1,60}\]#([^#\n]{1,400})#"), lambda m: m[1]),
    (re.compile(r"\(\(([^()]{1,200})\)\)"), lambda m: "" if m[0].startswith("(((") else m[1]),
    (re.compile(r"(?<![*\w])\*([^\s*](?:[^*\n]{0,400}[^\s*])?)\*(?![*\w])"), lambda m: f"**{m[1]}**"),
]


def shown(values: Mapping[str, str], text: str) -> str:
    """A text with references to these values filled in, and its macros and marks outside code as Markdown."""
    text = REFERENCE.sub(lambda found: values.get(found[1], KNOWN.get(found[1], found[0])), text)
    if not any(sign in text for sign in ("[", "<", "*", "(")):
        return text
    if "<<" in text or "xref:" in text:  # what has a title is called by it
        text = CROSS.sub(lambda found: values.get(f"#{found[1] or found[2]}", found[0]), text)
    for pattern, words in INLINE:
        pieces, position = [], 0
        for found in pattern.finditer(masked(text)):
            whole = pattern.match(text, found.start())
            pieces += [text[position : found.start()], words(whole) if whole else found[0]]
            position = whole.end() if whole else found.end()
        text = "".join([*pieces, text[position:]])
    return ANCHOR.sub("", text)
