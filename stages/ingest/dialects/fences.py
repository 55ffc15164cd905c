"""Fences of code with their language alone: titles become bold paragraphs, but below a sentence that ends in a colon,
and what steers a generator goes.

A fence's first line holds options (`{1,3-5} showLineNumbers`), and its code comments that no site shows as such:
`// highlight-next-line`, `// [!code focus]`, `# (1)!`.
"""

import re

from stages.ingest.dialects import marks
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.outline import fences
from stages.ingest.dialects.page import Page, needs

OPENING = re.compile(r"([ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*)(`{3,}|~{3,})[ \t]*([^\s`](?:.*[^ \t])?)[ \t]*$")
PLAIN = re.compile(r"[\w+#./-]*$")
TITLE = re.compile(r"""\b(?:title|filename|file|caption|name|tab)=(?:"([^"]*)"|'([^']*)'|([^\s"'{}]+))""")
BRACKETED = re.compile(r"(?<!\[)\[([^\[\]\n]+)\]")
MARKINGS = re.compile(r"\[\[[^\n]{0,400}\]\]")  # words to be coloured, as lists
FILE = re.compile(r"(?<!\S)((?:[\w.@-]+/)*[\w.@-]*\w\.[a-z]\w{0,9})(?!\S)")
OPTIONS = re.compile(
    r"\{[^{}]*\}|\S+=(?:\{[^{}]*\}|\"[^\"]*\"|'[^']*'|\S+)"
    r"|(?<!\S)(?:lines|wrap|expandable|icon|twoslash|copy|live|editable|edit|linenos|linenums|numberLines|npm2yarn"
    r"|showLineNumbers|noInline|noLineNumbers|jsx-preview|theme)(?!\S)"
)
CLASS = re.compile(r"\{[ \t]*\.?([A-Za-z][\w+-]*)")
OPEN, CLOSE = r"(?://|#|--|%|;|/\*|<!--|\{/\*|')", r"(?:\*/\}?|-->)?"
STEERING = re.compile(
    rf"\s*{OPEN}[ \t]*(?:(?:highlight|error|success|focus|mark|ins|del)-(?:next-line|start|end)|---cut(?:-\w+)?---"
    rf"|prettier-ignore|docs-(?:start|end)\b.*)[ \t]*{CLOSE}\s*"
)
MARKED = re.compile(
    rf"(?<![ \t])[ \t]*+(?:{OPEN}?(?:[ \t]*+\[!code [^\[\]]*\])+|{OPEN}[ \t]*+\(\d+\)!?)[ \t]*+{CLOSE}[ \t]*+$"
)
CELL_OPTION = re.compile(r"(?:#|//)\|[ \t]")
SIGNS = ("highlight-", "[!code", ")!", "---cut", "error-", " (1)", "#| ", "docs-", "prettier-ignore")
# Of Documenter.jl: what it fills in from code, what it only works with, and what is code.
FILLED_IN, UNSEEN = ("@docs", "@autodocs"), ("@contents", "@index", "@meta", "@setup", "@raw", "@eval")
LANGUAGES = {"@example": "julia", "@repl": "julia", "jldoctest": "julia", "ipython3": "python", "none": ""}


@needs("```", "~~~")
def plain(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their fences so, those nested in lists and quotes too."""
    text = to_text(lines)
    if ("```" not in text and "~~~" not in text) or not any(wants(line.text) for line in lines):
        return lines
    blocks = dict(fences(text, page.indented_code))
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        end = blocks.get(number, number + 1)
        kept += fence(lines[number:end], page, kept) if number in blocks else lines[number:end]
        number = end
    return kept


def wants(text: str) -> bool:
    """Whether a line may begin a fence with options, or be code with a comment that no site shows."""
    if "```" in text or "~~~" in text:
        found = OPENING.match(text)
        return bool(found and (not PLAIN.match(found[3]) or found[3] in LANGUAGES))
    return any(sign in text for sign in SIGNS)


def fence(lines: list[Line], page: Page, before: list[Line]) -> list[Line]:
    """The lines of one fence, behind its title; nothing of one that holds no code."""
    found = OPENING.match(lines[0].text)
    body = code(lines[1:])
    if found is None:
        return [lines[0], *body]
    start, sign, info = found[1], found[2], found[3]
    name = info.split(None, 1)[0]
    if name in FILLED_IN:
        page.unread(lines[0], "autodoc", f"{name} {' '.join(line.text for line in lines[1:-1])}")
    if name in (*FILLED_IN, *UNSEEN):
        return [line.with_text("") for line in lines]
    caption, head = title(info, page)
    first = lines[0].with_text(f"{start}{sign}{head}")
    words = f"**{caption}**" if caption else ""
    said = next((line.text for line in reversed(before[-4:]) if line.text.strip(" >\t")), "")
    if not words or said.strip(" >\t") == words:
        return [first, *body]
    if said.rstrip().endswith((":", "：")):  # the sentence that announces the code stays right above it
        return [first.with_text(f'{first.text} title="{caption}"'), *body]
    rest = marks.continued(start)
    shown = (start + words, rest.rstrip(), f"{rest}{sign}{head}")
    return [*(first.with_text(text) for text in shown), *body]


def language(info: str) -> str:
    """The language that a fence names: `rust,ignore`, `{.python .annotate}`, `ts:line-numbers {1}`, `js{1,3}`."""
    classed = CLASS.match(info) if info.startswith("{") else None
    word = classed[1] if classed else re.split(r"[\s,{\[:]", info, maxsplit=1)[0]
    word = word.lower() if word.lower() in LANGUAGES else word
    return LANGUAGES.get(word, "" if "=" in word else word)


def title(info: str, page: Page) -> tuple[str, str]:
    """The title of a fence and what its first line holds without it: a title may be named, in brackets, the name of a
    file, and with Mintlify all words behind the language. Words that are not understood stay."""
    named, head = TITLE.search(info), language(info)
    words = (named[1] or named[2] or named[3] or "").strip() if named else ""
    if info.startswith("{"):
        return words, head
    if head != info.split(None, 1)[0] and head == "julia":
        return words, head  # of Documenter.jl: its blocks have names
    rest = re.sub(r"\{[^{}]*\}", " ", info[len(re.match(r"[^\s\[{]*", info)[0]) :])  # type: ignore[index]
    bracketed = None if words else BRACKETED.search(MARKINGS.sub(" ", rest))
    other = " ".join(OPTIONS.sub(" ", BRACKETED.sub(" ", MARKINGS.sub(" ", rest))).split())
    if bracketed:
        words = bracketed[1].strip()
    if page.site.flavour.name == "mintlify":
        return words or other, head
    if not words and (file := FILE.search(other)):
        words, other = file[1], " ".join(other.replace(file[1], " ", 1).split())
    return words, f"{head} {other}".strip()


def code(lines: list[Line]) -> list[Line]:
    """The lines of code without comments that only steer the site."""
    kept = []
    for number, line in enumerate(lines):
        text = line.text
        if not any(sign in text for sign in SIGNS):
            kept.append(line)
        elif not STEERING.fullmatch(text) and not (CELL_OPTION.match(text.lstrip(" \t>")) and number < 12):
            kept.append(line.with_text(MARKED.sub("", text)))
    return kept
