"""Tabs as labelled sections: the label of a tab is a heading one level below the one that the tabs stand under, so that
a chunk of the tab's content carries it in its heading path.

A heading reaches to the next one. When text of the section goes on behind the tabs, the section's own heading is
therefore repeated before it. Where no heading can stand (in a list, in a quote, below level 6) or none can be repeated,
the label is a bold paragraph.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from stages.ingest.dialects import marks
from stages.ingest.dialects.headings import DEEPEST
from stages.ingest.dialects.lines import Line, dedent, to_text
from stages.ingest.dialects.outline import Outline, outline

TEXT = DEEPEST + 1  # as the level of what follows some tabs: no heading but text


class TabHeading(NamedTuple):
    """A heading that lines stand under; level 0: none."""

    level: int
    words: str


@dataclass
class Open:
    """Tabs (or a tab) that the current line stands in."""

    end: int  # the line that closes it
    is_tab: bool
    above: TabHeading  # what the tabs stand under
    level: int  # of the labels; 0: bold ones
    deeper: int = 0  # by so much are the headings in it moved


def labelled(lines: list[Line], indented_code: bool) -> list[Line]:
    """The lines with the marks of tabs replaced by labels."""
    if not any(marks.OPENING in line.text for line in lines):
        return lines
    lines = list(marks.isolated(lines))
    found = [marks.read(line.text) for line in lines]
    ends = closings(found)
    tabs = outermost_first(found, ends)
    indented = any(lines[start].text.startswith((" ", "\t")) for start, _ in tabs)
    nested = outline(to_text(lines), indented_code).nested if indented else set()
    for start, end in tabs:
        white = marks.prefix(lines[start].text)
        if not white.strip():
            moved = dedent(lines[start + 1 : end])
            inner = [line.with_text(white + line.text) if line.text.strip() else line for line in moved]
            lines[start + 1 : end] = inner if start in nested else moved
    return Labeller(lines, found, ends, indented_code).run()


def closings(found: list[marks.Mark | None]) -> dict[int, int]:
    """The line at which each group and each tab ends; what is not closed ends with what it stands in."""
    ends: dict[int, int] = {}
    waiting: list[int] = []

    def close(line: int, until: str) -> None:
        """Close what is open, up to and with the innermost of the kind; only tabs, when there is none."""
        while waiting:
            kind = found[waiting[-1]].kind  # type: ignore[union-attr]
            if kind != until and until == marks.TAB and kind == marks.TABS:
                return
            ends[waiting.pop()] = line
            if kind == until:
                return

    for line, mark in enumerate(found):
        if mark is None or mark.kind == marks.COMPONENT:
            continue
        if mark.kind == marks.TABS_END:
            close(line, marks.TABS)
        elif mark.kind in (marks.TAB, marks.TAB_END):
            close(line, marks.TAB)
        if mark.kind in (marks.TABS, marks.TAB):
            waiting.append(line)
    ends.update(dict.fromkeys(waiting, len(found)))
    return ends


def outermost_first(found: list[marks.Mark | None], ends: dict[int, int]) -> list[tuple[int, int]]:
    """The tabs as (line, end), but not those nested so deep that their labels are no headings anyway."""
    tabs: list[tuple[int, int]] = []
    around: list[int] = []
    for start in sorted(ends):
        while around and around[-1] <= start:
            around.pop()
        if found[start].kind == marks.TAB:  # type: ignore[union-attr]
            if len(around) < DEEPEST:
                tabs.append((start, ends[start]))
            around.append(ends[start])
    return tabs


class Labeller:
    """One pass over the lines of a page, with the groups that are open and the heading that the line stands under."""

    def __init__(
        self, lines: list[Line], found: list[marks.Mark | None], ends: dict[int, int], indented_code: bool
    ) -> None:
        self.lines, self.found, self.ends = lines, found, ends
        self.outline: Outline = outline(to_text(lines), indented_code)
        self.headings = {start: (end, level) for start, end, level in self.outline.headings}
        self.starts = [start for start, _, _ in self.outline.headings]
        self.following = self.what_follows()
        self.stack: list[Open] = []
        self.section = TabHeading(0, "")
        self.written: list[Line] = []

    def what_follows(self) -> dict[int, int]:
        """For each line, the level of the heading that comes next below it, TEXT for text, 0 for neither.

        Neither is the end of the page or of the tab around; tabs are looked through to what follows them.
        """
        following = {len(self.lines): 0}
        for line in range(len(self.lines) - 1, -1, -1):
            mark = self.found[line]
            if line in self.headings:
                following[line] = self.headings[line][1]
            elif mark is not None and mark.kind != marks.COMPONENT:
                following[line] = following[min(self.ends[line] + 1, len(self.lines))] if mark.kind == marks.TABS else 0
            else:
                following[line] = TEXT if self.lines[line].text.strip() else following[line + 1]
        return following

    def run(self) -> list[Line]:
        line = 0
        while line < len(self.lines):
            while self.stack and self.stack[-1].end == line and self.stack[-1].is_tab:
                self.section = self.stack.pop().above
            mark = self.found[line]
            if line in self.headings:
                line = self.heading(line)
                continue
            if mark is None or mark.kind == marks.COMPONENT:
                self.written.append(self.lines[line])
            else:
                self.resolve(line, mark)
            line += 1
        return self.written

    def heading(self, start: int) -> int:
        """Write a heading, deeper when the tab around asks for it; the line behind it."""
        end, level = self.headings[start]
        deeper = self.stack[-1].deeper if self.stack else 0
        text = self.lines[start].text.strip()
        if text.startswith("#"):
            words = text.lstrip("#").strip()
        else:
            words = " ".join(line.text.strip() for line in self.lines[start : end - 1])
        self.section = TabHeading(min(level + deeper, DEEPEST), words)
        if not deeper:
            self.written += self.lines[start:end]
            return end
        self.write(self.lines[start], heading_line(self.section))
        for line in self.lines[start + 1 : end]:
            self.write(line, "")
        return end

    def resolve(self, line: int, mark: marks.Mark) -> None:
        """Write what stands in the place of a mark."""
        if mark.kind == marks.TABS:
            self.open_group(line)
        elif mark.kind == marks.TAB:
            self.open_tab(line, mark.payload)
            return
        elif mark.kind == marks.TABS_END and self.stack and self.stack[-1].end == line:
            group = self.stack.pop()
            self.section = group.above
            more = self.found[self.next_text(line)] if self.next_text(line) < len(self.lines) else None
            more_tabs = more is not None and more.kind == marks.TABS
            if group.level and group.above.level and not more_tabs and self.goes_on(line, group.level):
                self.write(self.lines[line], heading_line(group.above))
                return
        self.write(self.lines[line], marks.continued(marks.prefix(self.lines[line].text)).rstrip())

    def goes_on(self, line: int, level: int) -> bool:
        """Whether what stands below a line would be taken for a part of the section of a label of this level."""
        return self.following[min(line + 1, len(self.lines))] > level

    def next_text(self, line: int) -> int:
        """The next line below that is not blank."""
        line += 1
        while line < len(self.lines) and not self.lines[line].text.strip():
            line += 1
        return line

    def open_group(self, line: int) -> None:
        above, deeper = self.section, self.stack[-1].deeper if self.stack else 0
        level = max(above.level, 1) + 1
        nested = line in self.outline.nested or marks.prefix(self.lines[line].text).strip()
        if nested or level > DEEPEST or (not above.level and self.goes_on(self.ends[line], level)):
            level = 0
        self.stack.append(Open(self.ends[line], False, above, level, deeper))

    def open_tab(self, line: int, label: str) -> None:
        if not self.stack or self.stack[-1].is_tab:  # a tab without tabs around it
            self.open_group(line)
            group = self.stack.pop()
        else:
            group = self.stack[-1]
        self.section = group.above
        deeper = max(0, group.level + 1 - self.highest(line, self.ends[line])) if group.level else group.deeper
        self.stack.append(Open(self.ends[line], True, group.above, group.level, deeper))
        if group.level and label:
            self.section = TabHeading(group.level, label)
            self.write(self.lines[line], heading_line(self.section))
        elif label:
            self.bold(line, label)
        else:
            self.write(self.lines[line], "")

    def highest(self, first: int, end: int) -> int:
        """The level of the highest heading in a range of lines."""
        starts = self.outline.headings[bisect_left(self.starts, first) : bisect_left(self.starts, end)]
        return min((level for _, _, level in starts), default=TEXT)

    def bold(self, line: int, label: str) -> None:
        """A label as a paragraph of its own."""
        start = marks.prefix(self.lines[line].text)
        blank = marks.continued(start).rstrip()
        if self.written and self.written[-1].text.strip(" >\t"):
            self.write(self.lines[line], blank)
        self.write(self.lines[line], f"{start}**{label}**")
        if line + 1 < len(self.lines) and self.found[line + 1] is None and self.lines[line + 1].text.strip():
            self.write(self.lines[line], blank)

    def write(self, cause: Line, text: str) -> None:
        self.written.append(cause.with_text(text))


def heading_line(section: TabHeading) -> str:
    return f"{'#' * section.level} {section.words}"
