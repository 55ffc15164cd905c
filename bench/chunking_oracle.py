"""What chunks do to their pages, measured by a line scanner of its own: no parser or rule of the chunkers'."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

MARKS = r"^\s*(?:>\s?|[-*+]\s+|\d+[.)]\s+)*"  # of quotes and lists that a line stands in
FENCE = re.compile(MARKS + r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})")
FORMULA = re.compile(MARKS + r"(?P<mark>\$\$|\\\[)(?P<rest>.*)$")
DELIMITER = re.compile(r"^[\s>]*(?=.*\|)\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
HEADING = re.compile(r"^ {0,3}(?P<level>#{1,6})(?:\s+(?P<name>.*?))?(?:\s+#+)?\s*$")
UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)\s*$")
LABEL = re.compile(r"^\s*>\s*\*\*.+\*\*\s*$")
NO_PARAGRAPH = re.compile(r"^\s*(?:$|[#>|<]|[-*+]\s|\d+[.)]\s|\$\$|```|~~~|:::|!\[|={3,}\s*$|-{3,}\s*$)")
ENDS = "。！？；：.!?;:…"
CLOSERS = "\"'”’）)】」』》*_`]"
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Region:
    """Lines `first` to `last`, from 0, that belong together."""

    kind: str  # code, table, formula or admonition
    first: int
    last: int


@dataclass
class Page:
    """A page as the scanner sees it: regions, and for each line the headings above it."""

    title: str
    lines: list[str]
    regions: list[Region] = field(default_factory=list)
    paths: list[tuple[str, ...]] = field(default_factory=list)
    headings: dict[int, str] = field(default_factory=dict)

    @cached_property
    def flat(self) -> str:
        """The lines without white space at their ends, one after the other."""
        return "\n".join(line.strip() for line in self.lines)

    @cached_property
    def numbers(self) -> dict[str, list[int]]:
        """Where each line stands."""
        found: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines):
            found.setdefault(line.strip(), []).append(number)
        return found

    @cached_property
    def offsets(self) -> list[int]:
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line.strip()) + 1)
        return starts[:-1]

    def line_at(self, offset: int) -> int:
        return bisect_right(self.offsets, offset) - 1


def flat(text: str) -> str:
    """Lines stripped, blank ones left out: what stands in a chunk whole, whatever its indentation."""
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def scan(text: str, title: str) -> Page:
    page = Page(title, text.split("\n"))
    number = 0
    while number < len(page.lines):
        last, kind = region_end(page.lines, number)
        if kind:
            page.regions.append(Region(kind, number, last))
        else:
            heading_at(page, number)
        number = last + 1
    regions = [region for region in page.regions if region.kind != "admonition"]
    page.regions = regions + list(admonitions(page))
    path: list[tuple[int, str]] = []
    for number in range(len(page.lines)):
        if number in page.headings:
            match = HEADING.match(page.lines[number])
            level = len(match["level"]) if match else 1 if "=" in page.lines[number + 1] else 2
            path = [(above, name) for above, name in path if above < level] + [(level, page.headings[number])]
        page.paths.append(tuple(name for _, name in path if name))
    return page


def region_end(lines: list[str], first: int) -> tuple[int, str]:
    """The last line of what begins on a line, and its kind; the line itself and nothing for ordinary text."""
    line = lines[first]
    fence = FENCE.match(line)
    if fence:
        mark = fence["fence"]
        return until(lines, first, lambda text: text.startswith(mark) and not text.strip(mark[0])), "code"
    formula = FORMULA.match(line)
    if formula:
        close = "$$" if formula["mark"] == "$$" else "\\]"
        if formula["rest"].strip().endswith(close):
            return first, "formula"
        last = until(lines, first, lambda text: text.endswith(close))
        return (last, "formula") if last < len(lines) - 1 or lines[-1].rstrip().endswith(close) else (first, "")
    if "<table" in line.lower():
        last = until(lines, first - 1, lambda text: "</table" in text.lower())
        return (last, "table") if "</table" in lines[last].lower() else (first, "")
    if "|" in line and first + 1 < len(lines) and DELIMITER.match(lines[first + 1]):
        last = first + 1
        while last + 1 < len(lines) and lines[last + 1].strip("> \t") and "|" in lines[last + 1]:
            last += 1
        return last, "table"
    return first, ""


def until(lines: list[str], first: int, ends: Callable[[str], bool]) -> int:
    """The next line that ends it, or the page's last line."""
    for number in range(first + 1, len(lines)):
        if ends(lines[number].strip().lstrip("> ").strip()):
            return number
    return len(lines) - 1


def heading_at(page: Page, number: int) -> None:
    match = HEADING.match(page.lines[number])
    if match:
        page.headings[number] = (match["name"] or "").strip()
    elif number and UNDERLINE.match(page.lines[number]) and not NO_PARAGRAPH.match(page.lines[number - 1]):
        first = number - 1
        while first and not NO_PARAGRAPH.match(page.lines[first - 1]) and first - 1 not in page.headings:
            first -= 1
        inside = any(region.first <= first <= region.last for region in page.regions)
        if not inside and not page.lines[number - 1].startswith("    "):
            name = " ".join(line.strip() for line in page.lines[first:number])
            page.headings[number - 1] = name


def admonitions(page: Page) -> Iterator[Region]:
    """Quotes whose first line is a bold label."""
    number = 0
    while number < len(page.lines):
        if LABEL.match(page.lines[number]):
            last = number
            while last + 1 < len(page.lines) and page.lines[last + 1].lstrip().startswith(">"):
                last += 1
            yield Region("admonition", number, last)
            number = last
        number += 1


def cut_regions(page: Page, texts: list[str]) -> list[Region]:
    """The regions that stand whole in no chunk."""
    found = [flat(text) for text in texts]
    return [
        region
        for region in page.regions
        if not any(flat("\n".join(page.lines[region.first : region.last + 1])) in text for text in found)
    ]


def continuations(page: Page, region: Region, texts: list[str]) -> tuple[int, int]:
    """The chunks that go on with a table that was cut, and how many of them hold its header."""
    lines = [line.strip() for line in page.lines[region.first : region.last + 1] if line.strip()]
    if lines[0].lower().startswith("<table"):
        first_row = re.search(r"<tr\b.*?</tr\s*>", "\n".join(lines), re.DOTALL | re.IGNORECASE)
        header = first_row[0].split("\n") if first_row else []
        is_header = first_row and ("<th" in first_row[0] or "**" in first_row[0])
        rows = lines[len(header) + 1 :]
        header = header if is_header else []
    else:
        header, rows = lines[:2], lines[2:]
    all_lines = Counter(line.strip() for line in page.lines)
    own = {row for row in rows if all_lines[row] == 1 and len(row) > 8}
    holding = [text for text in map(flat, texts) if any(line in own for line in text.split("\n"))]
    whole = "\n".join(header)
    return max(len(holding) - 1, 0), sum(whole in text for text in holding[1:])


def starts(page: Page, texts: list[str]) -> Iterator[int]:
    """Where in the page's flat text each chunk begins; -1 when none of its first lines is found there."""
    behind = 0
    for text in texts:
        lines = [line.strip() for line in text.replace("\ufffd", "").split("\n") if line.strip()]
        while lines and (HEADING.match(lines[0]) or FENCE.match(lines[0]) or not WORD.search(lines[0])):
            lines.pop(0)
        position = next(
            (found for n in range(min(len(lines), 4)) if (found := place(page, lines[n:], behind)) >= 0), -1
        )
        yield position
        behind = max(behind, position)


def place(page: Page, lines: list[str], behind: int) -> int:
    """Where the page has the first line, and most of the lines after it; rather behind the chunk before."""
    numbers = page.numbers.get(lines[0], [])
    if not numbers:  # a piece of a line
        position = page.flat.find(lines[0], behind)
        return position if position >= 0 else page.flat.find(lines[0])
    first = max(numbers, key=lambda number: (same_lines(page, number, lines), page.offsets[number] >= behind, -number))
    return page.offsets[first]


def same_lines(page: Page, first: int, lines: list[str]) -> int:
    """How many lines of a chunk the page has from line `first` on, blank ones left out."""
    here = (line for line in map(str.strip, page.lines[first:]) if line)
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(here, lines, strict=False)))


def lost_headings(page: Page, start: int, headings: list[str], text: str) -> bool:
    """Whether a heading above the place where a chunk begins stands neither in its path nor in its text before that."""
    if start < 0:
        return False
    known = {squeezed(name) for name in headings}
    for line in text.split("\n"):
        match = HEADING.match(line)
        known.add(squeezed((match["name"] or "") if match else line))
    return any(squeezed(name) not in known for name in page.paths[page.line_at(start)])


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def mid_sentence(page: Page, start: int) -> bool:
    """Whether a chunk begins inside a sentence: in a line, or on a line that goes on with a paragraph."""
    if start <= 0:
        return False
    line = page.line_at(start)
    before = page.flat[page.offsets[line] : start].rstrip()
    if not before:
        if not goes_on(page, line):
            return False
        before = page.lines[line - 1].rstrip()
    elif not WORD.search(before):  # a list's or a quote's mark
        return False
    return not before.rstrip(CLOSERS).endswith(tuple(ENDS)) and not before.endswith(("|", "</td>", ">"))


def in_code(page: Page, start: int) -> bool:
    """Whether a place is in a code block, which has lines and no sentences."""
    line = page.line_at(max(start, 0))
    return any(region.kind == "code" and region.first <= line <= region.last for region in page.regions)


def goes_on(page: Page, line: int) -> bool:
    """Whether a line goes on with the paragraph of the line before it."""
    return not (
        line == 0
        or NO_PARAGRAPH.match(page.lines[line])
        or NO_PARAGRAPH.match(page.lines[line - 1])
        or page.lines[line - 1].endswith("  ")
        or line - 1 in page.headings
        or any(region.first <= line <= region.last for region in page.regions)
    )


def lost_words(page: Page, headings: list[list[str]], texts: list[str]) -> Iterator[str]:
    """The words of the page that are in none of its chunks."""
    found = "\n".join(map(flat, texts))
    known: set[str] | None = None
    for line in page.lines:
        if not line.strip() or line.strip() in found:
            continue
        if known is None:
            known = set(WORD.findall("\n".join([*("\n".join(path) for path in headings), *texts])))
        yield from (word for word in WORD.findall(line) if word not in known)
