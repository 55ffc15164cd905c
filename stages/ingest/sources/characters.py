"""Characters that are no text: taken out once, here, and counted by kind, so that no later stage meets them.

Control characters end lines in some places and act on terminals in others; those of private use are icons of a font at
best; marks of direction and of no width change what is read and not what is seen. Joiners stay where scripts and emoji
need them.
"""

import re
from collections import Counter

KINDS = {
    "control": r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029",
    "zero_width": r"\xad\u200b-\u200d\u2060-\u2065\ufeff",
    "bidirectional": r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f",
    "private_use": r"\ue000-\uf8ff\U000f0000-\U0010ffff",
    "noncharacter": r"\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff",
}
ANY = re.compile(f"[{''.join(KINDS.values())}]")
PATTERNS = {kind: re.compile(f"[{characters}]") for kind, characters in KINDS.items()}
SPACES = dict.fromkeys("\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029", " ")  # what stands between words
JOINERS = "\u200c\u200d"
# An escape sequence of a terminal: without its first character the rest of it would stand in the text.
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def cleaned(text: str) -> tuple[str, Counter[str]]:
    """The text without them, and how many of each kind there were. Lines stay lines."""
    if not ANY.search(text):
        return text, Counter()
    counts: Counter[str] = Counter()

    def replaced(match: re.Match[str]) -> str:
        character, at = match[0], match.start()
        if character in JOINERS and joins(match.string, at):
            return character
        counts[next(kind for kind, pattern in PATTERNS.items() if pattern.match(character))] += 1
        return SPACES.get(character, "")

    escapes = len(ESCAPE.findall(text)) if "\x1b" in text else 0
    text = ANY.sub(replaced, ESCAPE.sub("", text) if escapes else text)
    counts["control"] += escapes
    return text, +counts


def joins(text: str, at: int) -> bool:
    """Whether a joiner stands between signs that it can join: emoji, or letters of scripts that are written joined."""
    return ord(text[at - 1 : at] or " ") > 0x5FF and ord(text[at + 1 : at + 2] or " ") > 0x5FF
