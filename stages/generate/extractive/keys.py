"""What names the rows of a table: one column, or as many as tell the rows apart."""

import re

from stages.common.text.wording import LETTER, language
from stages.generate.extractive import columns
from stages.generate.extractive.grids import Cell, Grid
from stages.generate.extractive.headings import PICTURE

MAX_NAME_CHARS = 60
MAX_KEY_COLUMNS = 4
NO_VALUE = re.compile(
    r"[\W_]*|:\w+:|n/?a|none|null|无|暂无|略|待定|tbd|空|same|同[上前左]|ditto|idem|〃", re.IGNORECASE
)
NUMBER = re.compile(r"[-+±−]?\d[\d.,]*(?:[eE][-+]?\d+)?\s*(?:%|°|[A-Za-zΩμ·/^.²³]{1,8})?")
DECIMAL = re.compile(r"[-+]?\d+\.\d+")
MEASURED = re.compile(r"[-+±−]?\d+[.,]\d+\s*[A-Za-zμ]+")  # the result of a row, not its name
SENTENCE = re.compile(r"[。！？；]|[.!?]\s+[A-Z]")  # names nothing either
ASIDE = re.compile(r"\([^()]*\)|[（][^（）]*[）]")  # "(none)" names nothing
BROKEN = re.compile(
    r"[\w-]+(?:\. ?[\w-]+)*\. [\w-]+(?:\. ?[\w-]+)*"
)  # a name on two lines of its cell: pump.flow. total
BROKEN_CODE = re.compile(r"(?<=[.\-_/:])` ?`")  # the same of a name in code: `pump.` `flow`
PART_OF_NAME = re.compile(r"(?:参数|节点|母线)类型")


def key_columns(grid: Grid) -> list[int]:
    """The columns that tell the rows apart: the one with names, and as many beside it as that takes."""
    width = len(grid.header)
    first = next((place for place in range(width) if columns.is_name(grid.header[place])), None)
    if first is None:
        first = next((place for place in range(width) if can_name(grid, place)), None)
    if first is None:
        return []
    keys = [first]
    free = [place for place in range(width) if place != first and is_identity(grid, place)]
    while free and len(keys) < MAX_KEY_COLUMNS and repeats(grid, keys):
        keys = sorted([*keys, free.pop(0)])
    return [] if len(keys) == width else keys


def can_name(grid: Grid, place: int) -> bool:
    """Whether a column has texts, or under a heading numbers, that can stand for the rows."""
    heading = grid.header[place]
    if columns.INDEX.fullmatch(heading) and place + 1 < len(grid.header):
        return False
    texts = [row[place].text for row in grid.rows]
    leads = all(columns.INDEX.fullmatch(name) for name in grid.header[:place])
    return any(LETTER.search(text) for text in texts) or (leads and bool(LETTER.search(heading)) and any(texts))


def is_identity(grid: Grid, place: int) -> bool:
    """Whether a column may help to name a row: neither an attribute nor decimals nor long text."""
    heading, texts = grid.header[place], [row[place].text for row in grid.rows]
    if (
        not heading
        or columns.INDEX.fullmatch(heading)
        or (columns.attribute(heading) and not PART_OF_NAME.fullmatch(heading))
    ):
        return False
    return all(len(text) <= 24 and not DECIMAL.fullmatch(text) for text in texts)


def repeats(grid: Grid, keys: list[int]) -> bool:
    names = [tuple(row[place].text for place in keys) for row in grid.rows]
    return len(set(names)) < len(names)


def name_of(grid: Grid, row: tuple[Cell, ...], keys: list[int]) -> str:
    """The name of a row's thing. A number, and each of several parts, is named with its column's heading."""
    texts = [BROKEN_CODE.sub("", row[place].text) for place in keys]
    if any(NO_VALUE.fullmatch(text) for text in texts) or any(
        MEASURED.fullmatch(text) or SENTENCE.search(text) or ASIDE.fullmatch(text) or text.startswith("- ")
        for text in texts
    ):
        return ""
    if len(texts) == 1 and LETTER.search(texts[0]) and not NUMBER.fullmatch(texts[0]):
        name = PICTURE.sub("", texts[0]).strip()
        name = name.replace(" ", "") if BROKEN.fullmatch(name) else name
        return name if len(name) <= MAX_NAME_CHARS else ""
    names = [grid.header[place] for place in keys]
    if not all(LETTER.search(name) for name in names):
        return ""
    parts = list(zip(names, texts, strict=True))
    if language("".join(grid.header)) == "zh" and len(parts) == 2 and not any(re.search(r"\d", text) for text in texts):
        name = "、".join(f"{heading}“{text.strip('`')}”" for heading, text in parts)
    elif language("".join(grid.header)) == "zh":
        name = "、".join(f"{heading} {text}" for heading, text in parts)
    elif len(parts) == 1 or all(NUMBER.fullmatch(text) for text in texts):
        name = ", ".join(f"{heading} {text}" for heading, text in parts)
    else:  # words beside words: each part is marked, and more than two nobody would say
        name = " and ".join(f"{heading} “{text.strip('`')}”" for heading, text in parts) if len(parts) < 3 else ""
    return name if len(name) <= 2 * MAX_NAME_CHARS else ""
