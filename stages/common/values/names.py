"""Code identifiers, flags and links of a text."""

import re
import unicodedata
from collections.abc import Iterator

from stages.common.values.units import UNITS

FENCE = re.compile(r"(?ms)^ *(`{3,}|~{3,})[^\n]*\n(.*?)(?:^ *\1|\Z)")
SPAN = re.compile(r"(?<!`)(`++)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(
    r"(?:(?:https?|ftp|wss?)://|www\.)[^\s<>\"'`，。；：、！？（）【】《》「」|\u4e00-\u9fff]+|(?<=\]\()[^)\s]+(?=[)\s])"
)
# What no word of a language looks like.
IDENTIFIER = re.compile(
    r"(?a)"  # a Chinese character ends a name
    r"(?<!\w)[A-Za-z]:(?:\\[\w.$-]*[\w$-])+"  # a path of Windows, without blanks
    r"|(?<![\w/.$-])--?[A-Za-z][\w-]*(?:=[\w./-]+)?"  # a flag: -x, --dry-run, --jobs=4
    r"|(?<![\w$])\$\{?[A-Za-z_]\w*(?![\w\\$])\}?"  # a variable: $HOME, not the formula $F\eta$
    r"|(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\(\))?"  # a path of names: lora.r, params.yaml
    r"|(?<![\w.])[A-Za-z_]\w*\(\)"  # a call
    r"|\\[A-Za-z]+_\w+"  # a symbol of LaTeX: \eta_e
    r"|(?<!\w)[A-Za-z]*_\w+|(?<!\w)[A-Za-z]\w*_\w*"  # snake_case
    r"|(?<!\w)[a-z]+[A-Z]\w*|(?<!\w)[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+(?!\w)"  # camelCase, PascalCase
    r"|(?<![\w-])[A-Za-z]+\d+[A-Za-z\d]*(?!\w)|(?<!\w)0x[0-9A-Fa-f]+"  # AC1, 0x1F
)
EMPHASISED = re.compile(r"(?<![\w\\])_(?![\s_])([^_\n]*[^_\s])_(?!\w)")  # Markdown's _very_
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[^\W_]")
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")  # of Markdown: LaTeX's commands begin with a backslash and a letter
ABBREVIATION = re.compile(r"(?:e\.g|i\.e|p\.u|a\.m|p\.m|etc|vs)\.?", re.IGNORECASE)


def code(text: str) -> str:
    """NFKC without Markdown's escapes."""
    return ESCAPE.sub(r"\1", unicodedata.normalize("NFKC", text))


def without_code(text: str) -> str:
    """The text without its fences and code spans."""
    return SPAN.sub(" ", FENCE.sub("\n", text))


def code_spans(text: str) -> Iterator[str]:
    """What stands in back-ticks, fences line by line."""
    for match in FENCE.finditer(code(text)):
        yield from filter(str.strip, match[2].split("\n"))
    yield from inline_code(text)


def inline_code(text: str) -> Iterator[str]:
    """What stands in back-ticks within a line."""
    for match in SPAN.finditer(FENCE.sub("\n", code(text))):
        yield match[2].strip()


def identifiers(text: str) -> Iterator[str]:
    """Flags, variables and names that are code by their looks, without those inside links."""
    for match in IDENTIFIER.finditer(EMPHASISED.sub(r"\1", LINK.sub(" ", code(text)))):
        if match[0] not in UNITS and not ABBREVIATION.fullmatch(match[0]):
            yield match[0]


def links(text: str) -> Iterator[str]:
    """Addresses, without the punctuation behind them."""
    for match in LINK.finditer(text):  # before NFKC, which makes a part of the link of the （ behind it
        yield unicodedata.normalize("NFKC", match[0]).rstrip(".,;:!?)*_").rstrip("/")


def all_words(text: str) -> list[str]:
    """Latin words in lower case without the s of a plural or genitive, and single characters of other scripts."""
    words = WORD.findall(code(text).lower())
    return [word if len(word) < 4 else word.removesuffix("'s").removesuffix("s") for word in words]
