"""Facts in tables: which column names the things, and what the others say about them."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from stages.common.text.wording import CJK, LETTER, language, normalised
from stages.generate.extractive import columns
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.grids import Grid
from stages.generate.extractive.headings import INSTRUCTION, NAME, STATUS, adds, heading_name, parted, unbadged
from stages.generate.extractive.keys import MAX_NAME_CHARS, NO_VALUE, NUMBER, key_columns, name_of
from stages.generate.extractive.speech import points

MAX_ANSWER_CHARS = 400
MIN_UNIQUE = 0.8  # of the rows, from which on a column names those by itself that it tells apart
LINK_IN_CODE = re.compile(r"`(?=[^`\[]*?\w)[^`\[]*\[[^`\]]*\]\([\w./#-]+\)[^`]*`")  # which no reader can follow
DOCUMENT = re.compile(r"(?:[\w.-]+/){0,9}[\w.-]+\.(?:mdx?|rst|html?|pdf|txt)")  # what a column of links shows
FLAT_FENCE = re.compile(r"```[a-z]* ")  # of which a cell kept no lines
DEFAULT = re.compile(
    r"(?:默认值?(?:为|是|:|：)|\b[Dd]efaults? (?:to|is)\b)\s*(?!(?:the|an?|its)\b)"
    r"(`[^`]+`|[^，,。；;（）()\s]{1,20}?)(?=状态|[，,。；;（）()\s]|\.?$)"
)
RANGE = re.compile(r"(?:取值)?范围(?:为|是|:|：)\s*([^，,。；;\s]{0,200}\d[^，,。；;\s]*)")
# Headings that name no attribute: a version, a size, a clause, a question, two at once.
NO_ATTRIBUTE = re.compile(
    r"[^\W\d_]?[\W\d_]*|.*[，。！；].*|(?:what|how|why|when|where|who)\b.*|.*[?？]|.* / .*"
    r"|\d[\d.,]*[ -]?[A-Za-z]{1,4}\b.*|.*\[\^.*",
    re.IGNORECASE,
)
REQUIRED = re.compile(r"required\b|必[填选需须]", re.IGNORECASE)
IN_CODE = re.compile(r"`[^`]*`")
OF_CODE = re.compile(r"[a-z_]\w*|[A-Z_][A-Z\d_]*")
PLACEHOLDER = re.compile(
    r"`?<(?:your\b[^<>]*|[\w ]{1,80}[- _][\w -]+)>`?|`?\{\{?[\w -]+\}?\}`?|`?(?:your|my)[_-][\w-]+`?", re.IGNORECASE
)


def facts(grid: Grid, title: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """What a table says, cell by cell, in the order of its rows."""
    half = len(grid.header) // 2
    if is_output(grid):
        return
    if half > 1 and grid.header[:half] == grid.header[half:]:  # two tables side by side
        yield from facts(grid.columns(0, half), title, headings)
        yield from facts(grid.columns(half, 2 * half), title, headings)
    elif lists_properties(grid):
        yield from facts_of_columns(grid, headings)
    elif not compares(grid, title, headings):
        yield from facts_of_rows(grid, headings)
    elif any(IN_CODE.fullmatch(row[0].text) for row in grid.rows):  # what is the one in terms of the other
        yield from (replace(fact, noun="") for fact in facts_of_rows(grid, headings) if fact.kind != "named")


def compares(grid: Grid, title: str, headings: tuple[str, ...]) -> bool:
    """Whether a table only sets two things side by side, both of which a heading above names: the cells of neither
    name anything that the other could say something of."""
    above = " ".join([title, *headings]).lower()
    names = [name.lower() for name in grid.header]
    return len(names) == 2 and all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", above) for name in names if name)


def is_output(grid: Grid) -> bool:
    """Whether a table is what a query printed: its columns have names as code has, and none says what it gives."""
    named = [bool(OF_CODE.fullmatch(name)) for name in grid.header]
    return (
        len(named) > 1
        and all(named)
        and not any(map(columns.attribute, grid.header))
        and any("_" in name for name in grid.header)
    )


def lists_properties(grid: Grid) -> bool:
    """Whether the first column holds properties and each other column a thing that has them."""
    first, *others = grid.header or ("",)
    if len(others) < 2 or any(not name or columns.attribute(name) or columns.is_name(name) for name in others):
        return False
    return bool(columns.PROPERTIES.fullmatch(first)) or not first


def facts_of_columns(grid: Grid, headings: tuple[str, ...]) -> Iterator[Fact]:
    """A table of comparison: what is asked for stands in the first column, of what in the header."""
    for number, (name, *cells) in enumerate(grid.rows):
        if not LETTER.search(name.text) or NO_ATTRIBUTE.fullmatch(name.text) or len(name.text) > MAX_NAME_CHARS:
            continue
        if points(name.text):
            continue
        for thing, cell in zip(grid.header[1:], cells, strict=True):
            quote = grid.quote(number, cell)
            decides = columns.YES_OR_NO.fullmatch(cell.text) and not columns.BOOLEAN.match(cell.text)
            if quote and says_something(cell.text, thing) and thing != name.text:
                yield Fact(
                    "yesno" if decides else kind_of(cell.text), thing, cell.text, quote, headings, attribute=name.text
                )


def facts_of_rows(grid: Grid, headings: tuple[str, ...]) -> Iterator[Fact]:
    """The usual table: each row is about a thing, which one column or several together name."""
    if (
        grid.header
        and columns.attribute(grid.header[0])
        and all(map(partial(kind_of_column, grid), range(len(grid.header))))
    ):
        yield from facts_of_heading(grid, headings)
        return
    keys = key_columns(grid)
    if not keys:
        return
    first = [place for place in keys if columns.is_name(grid.header[place])][:1]
    named = Counter(row[place].text for row in grid.rows for place in first)
    first = first if list(named.values()).count(1) >= MIN_UNIQUE * len(grid.rows) else []
    headed = Counter(grid.header)  # two columns of one name are parts of a table that lost its second line of names
    others = [
        place for place, name in enumerate(grid.header) if place not in keys and (headed[name] == 1 or not any(headed))
    ]
    kinds = {
        place: kind_of_column(grid, place)
        for place in others
        if not only_leads_on(grid, place) and len(grid.header[place]) <= MAX_NAME_CHARS
        if not columns.INDEX.fullmatch(grid.header[place])
        and (kind_of_column(grid, place) or not NO_ATTRIBUTE.fullmatch(grid.header[place]))
    }
    if not any(grid.header[place] for place in keys):  # rows without a name of their kind have no examples
        kinds = {place: kind for place, kind in kinds.items() if kind != "example"}
    of_parts = {place: "stated" if kind == "meaning" else kind for place, kind in kinds.items()}
    for number, row in enumerate(grid.rows):
        parts = first if first and named[row[first[0]].text] == 1 else keys  # as many as tell this row apart
        noun = columns.noun_of(grid.header[parts[0]]) if len(parts) == 1 else ""
        name = name_of(grid, row, parts)
        if subject := unbadged(name):
            meanings = [row[place].text for place, kind in kinds.items() if kind == "meaning"]
            description = next((text.rstrip("。.；;") for text in meanings if describes(text)), "")
            about = Fact("", subject, "", "", headings, noun=noun, description=description)
            status = STATUS.fullmatch(parted(name)[1])
            if status and status["required"] and "required" not in kinds.values():
                yield said(about, "required", status[0], grid.quote(number))
            yield from facts_of_row(grid, number, about, kinds if len(parts) == 1 else of_parts)


def kind_of_column(grid: Grid, place: int) -> str:
    """The kind of attribute that a column gives, by its heading or by cells that all say yes or no."""
    texts = [row[place].text for row in grid.rows if row[place].text]
    if not any(grid.header) and len(grid.header) == 2:  # names and what is said of them
        return "stated"
    kind = columns.attribute(grid.header[place])
    if kind == "meaning" and columns.PROPERTIES.fullmatch(grid.header[0]) and not columns.noun(grid.header[0]):
        return "stated"  # of one thing, which the heading names
    return kind or ("yesno" if texts and all(map(columns.YES_OR_NO.fullmatch, texts)) else "")


def only_leads_on(grid: Grid, place: int) -> bool:
    """Whether a column has but links, each of which is called the same, documents, or examples that are links."""
    cells = [row[place] for row in grid.rows if row[place].text]
    links = [cell for cell in cells if cell.link]
    if cells and all(cell.link or DOCUMENT.fullmatch(cell.text) for cell in cells) and len(links) < len(cells):
        return columns.noun(grid.header[place]) != "file"
    if columns.attribute(grid.header[place]) in ("example", "note"):
        return len(links) * 2 > len(cells)
    return bool(cells) and len(links) == len(cells) > len({cell.text for cell in cells})


def facts_of_heading(grid: Grid, headings: tuple[str, ...]) -> Iterator[Fact]:
    """A table of attributes that names no thing: its only row is about the name in the heading above."""
    name = heading_name(headings[-1]) if headings else ""
    if NAME.fullmatch(name) and len(grid.rows) == 1:
        kinds = {place: kind_of_column(grid, place) for place in range(len(grid.header))}
        yield from facts_of_row(grid, 0, Fact("", name, "", "", headings[:-1]), kinds)


def facts_of_row(grid: Grid, number: int, about: Fact, kinds: dict[int, str]) -> Iterator[Fact]:
    """The facts of a row; `about` has its subject and place."""
    row = grid.rows[number]
    has_unit = any(kind == "unit" and says_something(row[place].text, "") for place, kind in kinds.items())
    known = {normalised(about.subject)}
    for place, kind in kinds.items():
        text, quote = row[place].text, grid.quote(number, row[place])
        if kind == "type_and_unit":
            parts = columns.TYPE_AND_UNIT.fullmatch(text)
            kind, text = ("unit", parts[2]) if parts else ("type", text)
        if not quote or not says_something(text, about.subject) or (kind == "type" and has_unit):
            continue  # what has a unit is a number
        if (row[place].link and not kind) or (kind == "default" and REQUIRED.match(text)):
            continue  # where something is told, or that there is none
        if kind in ("meaning", "note") and normalised(INSTRUCTION.sub("", text)) in known:
            continue
        known.add(normalised(text))
        if kind or grid.header[place]:
            kind = "" if kind == "value" and not re.search(r"^\W*\d", text) else kind  # what is no size
            attribute = grid.header[place] if kind in ("", "yesno") else ""
            yield said(about, kind or kind_of(text), text, quote, attribute)
            yield from mentioned(about, kind, text, quote)
            if LETTER.search(about.subject) and any(cell.text == about.subject for cell in row):
                yield from reversed_(about, kind, text, quote)


def said(about: Fact, kind: str, answer: str, quote: str, attribute: str = "", subject: str = "") -> Fact:
    description = "" if subject else about.description
    name = subject or about.subject
    return Fact(kind, name, answer, quote, about.headings, attribute, about.noun, description=description)


def reversed_(about: Fact, kind: str, text: str, quote: str) -> Iterator[Fact]:
    """From a key or a short meaning back to the name."""
    if kind == "key" and LETTER.search(text):
        yield said(about, "keyed", about.subject, quote, subject=text)
    if kind == "meaning" and about.noun and describes(text) and not (CJK.search(about.noun) and about.noun in text):
        yield said(about, "named", about.subject, quote, subject=text.rstrip("。.；;"))


def mentioned(about: Fact, kind: str, text: str, quote: str) -> Iterator[Fact]:
    """A default or a range that a description mentions."""
    if kind in ("meaning", "note"):
        for other, pattern in (("default", DEFAULT), ("accepted", RANGE)):
            matches = pattern.findall(text)
            if len(matches) == 1 and says_something(matches[0], about.subject):
                yield said(about, other, matches[0], quote)


def describes(text: str) -> bool:
    """Whether a meaning is one short phrase by which its thing can be found."""
    shortest, longest = (8, 40) if language(text) == "zh" else (20, 90)
    clauses = re.split(r"[，。；;！？]|[.,!?:]\s", text.rstrip("。.；;"))
    return (
        shortest <= len(text) <= longest and len(clauses) == 1 and not INSTRUCTION.search(text) and "默认" not in text
    )


def says_something(text: str, subject: str) -> bool:
    says = not NO_VALUE.fullmatch(text) and text != ">" and len(text) <= MAX_ANSWER_CHARS
    return (
        says
        and adds(text, subject)
        and not PLACEHOLDER.fullmatch(text)
        and not FLAT_FENCE.search(text)
        and not (points(text) or LINK_IN_CODE.search(text))
    )


def kind_of(text: str) -> str:
    """How to ask for a value of which only the column's heading is known."""
    return "number" if NUMBER.fullmatch(text) else "cell"
