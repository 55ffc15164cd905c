"""The facts of a chunk: one walk over its blocks, which hands each kind of block to the module that can read it."""

import itertools
import re
from collections.abc import Iterator

from stages.common.markdown.blocks import Block, blocks, heading_text
from stages.common.records.masking import masks
from stages.common.records.rows import Chunk
from stages.generate.extractive import announcements, codes, grids, lists, notices, procedures, prose, speech, tables
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import ASIDE, SAMPLE, heading_name, is_common, topic
from stages.generate.extractive.inline import plain

OF_SAMPLE = ("number", "value", "cell", "stated", "yesno")  # kinds that in a sample are nobody's
MAX_LEAD_SOURCE_CHARS = 480  # of paragraphs that are one answer
CAPTION = re.compile(r"[^。，,.!?！？：:]{2,24}")
MEMBER = re.compile(
    r"\[`?([\w.]+)`?\]\([^)]*\)\s*\[`?((?:\[[^\]]*\]|[^\]`])+)`?\]\([^)]*\)"
)  # [Type.member](#)[Type](type.md)
TAB = re.compile(r"\*\*[^*\n]+\*\*")
COLON = re.compile(r":(?:\s|$)")
INDENTED_TABLE = re.compile(r"[ \t]*\|[^\n]*\n[ \t]*\|[\s:|-]+\n")  # indented too far to be one by the rules


class Reader:
    """Where the walk is: the heading path, the paragraph before, and whether a lead is still expected."""

    def __init__(self, chunk: Chunk, before: Chunk | None) -> None:
        self.title = chunk["headings"][0]
        self.path = list(chunk["headings"])
        self.blocks = list(blocks(chunk["text"]))
        self.lines = chunk["text"].split("\n")
        texts = [before["text"], chunk["text"]] if before and before["path"] == chunk["path"] else [chunk["text"]]
        self.code = codes.shown(texts)
        self.before = ""  # the paragraph directly before
        self.leads = not goes_on(chunk, before)
        self.member = False  # whether the last heading is a member of an interface

    @property
    def headings(self) -> tuple[str, ...]:
        """The path below the page's title."""
        return tuple(self.path[1:])

    def facts(self) -> Iterator[Fact]:
        """All facts but those of which a part is masked, and of a demonstration, whose source a fence shows beside."""
        stated = (fact for fact in self.stated() if not (masks(fact.answer) or is_of_sample(fact)))
        return (fact for fact in stated if fact.kind in ("code", "steps") or not self.is_shown(fact))

    def is_shown(self, fact: Fact) -> bool:
        """Whether a fence near by holds the fact as a sample: its source, or its subject and its answer."""
        source, answer, subject = map(codes.signs, (fact.evidence, fact.answer, fact.subject))
        named = subject and "`" not in fact.subject and subject in self.code
        return bool(self.code) and (source in self.code or bool(named and answer in self.code))

    def stated(self) -> Iterator[Fact]:
        place = 0
        while place < len(self.blocks):
            block = self.blocks[place]
            behind = self.end(place)
            if block.kind == "heading":
                yield from self.enter(block)
            elif not any(ASIDE.fullmatch(heading_name(heading)) for heading in self.path):
                yield from self.read(place, behind)
                self.leads = self.leads and (
                    not plain(block.text) or self.is_labelled(block)
                )  # an image does not end it
            self.before = block.text if block.kind == "paragraph" else ""
            place = behind

    def enter(self, heading: Block) -> Iterator[Fact]:
        """The heading's place in the path: a heading inside a chunk has as many # as its place is deep. That of a
        member of an interface names its type as well; below the title again, the text only goes on."""
        member = MEMBER.fullmatch(heading_text(heading))
        name = f"`{member[1]}`" if member else heading_text(heading)
        back = heading.level == 1 and name == self.title
        self.path = [*self.path[: max(heading.level - 1, 1)], *([] if back else [name])]
        self.leads, self.member = not back, bool(member)
        if member:
            yield Fact("type", name, plain(member[2]), heading.text.strip(), self.headings[:-1], noun="field")

    def is_labelled(self, block: Block) -> bool:
        return block.kind == "paragraph" and bool(prose.labelled(block.text, self.headings))

    def end(self, place: int) -> int:
        """The block behind what begins here: an HTML table or an answer may be several."""
        block, behind = self.blocks[place], place + 1
        if is_html_table(block):
            closing = (i for i in range(place, len(self.blocks)) if "</table" in self.blocks[i].text.lower())
            return next(closing, place) + 1
        if self.is_term(place) and not notices.question(block.text.split("\n")[0]):
            while behind < len(self.blocks) and self.blocks[behind].text.startswith((":", " ", "\t")):
                behind += 1
        elif notices.asked(block) or self.is_term(place):
            while behind < len(self.blocks) and not self.begins(behind):
                behind += 1
        return behind

    def begins(self, place: int) -> bool:
        """Whether a section, a question or a term of a definition list begins here."""
        block = self.blocks[place]
        return block.kind == "heading" or bool(notices.asked(block)) or self.is_term(place)

    def is_term(self, place: int) -> bool:
        """Whether a paragraph is the term of a definition list, whose next line or block begins with a colon."""
        block, following = self.blocks[place], self.blocks[place + 1 : place + 2]
        below = [*block.text.split("\n")[1:2], *(b.text for b in following)]
        return block.kind == "paragraph" and block.text[:1] != ":" and bool(below) and bool(COLON.match(below[0]))

    def source(self, first: int, behind: int) -> str:
        """The lines of some blocks in a row."""
        return "\n".join(self.lines[self.blocks[first].line_start - 1 : self.blocks[behind - 1].line_end])

    def read(self, place: int, behind: int) -> Iterator[Fact]:
        block = self.blocks[place]
        if notices.asked(block) or self.is_term(place):
            term, _, answer = self.source(place, behind).partition("\n")
            yield from notices.answer(term, answer, self.headings)
        elif notices.starts(block):
            if not TAB.fullmatch(self.before):  # else it is about one tab of the section
                yield from notices.admonition(block.text, self.headings, self.share(place, behind))
        elif is_html_table(block):
            yield from self.of_table(grids.from_html(self.source(place, behind)), place)
        elif block.kind == "table" or (block.kind == "code" and INDENTED_TABLE.match(block.text)):
            yield from self.of_table(grids.from_markdown(block.text), place)
        elif block.kind in ("list", "steps"):
            yield from self.of_list(block)
        elif block.kind == "fence":
            again = self.before.startswith("**") and self.lines.count(self.before) > 1  # the name of several files
            if not self.is_half(place):
                yield from codes.code(block, "" if again else self.before, self.headings, self.leads)
        elif block.kind == "formula":
            yield from codes.formula(block, self.before, self.headings)
        elif block.kind == "paragraph":
            yield from self.of_paragraph(block, place)

    def of_table(self, grid: grids.Grid, place: int) -> Iterator[Fact]:
        """What a table says; of what a program printed, only what its columns say by their headings."""
        above = self.blocks[place - 1].kind if place else ""
        for fact in tables.facts(grid, self.title, self.under_caption()):
            if above != "fence" or fact.kind not in OF_SAMPLE:
                yield fact

    def is_half(self, place: int) -> bool:
        """Whether a fence goes on in the one right below it, which has another language: a script and its template."""
        below = self.blocks[place + 1 : place + 2]
        languages = {codes.language_of(block) for block in (self.blocks[place], *below)}
        return bool(below) and below[0].kind == "fence" and len(languages - {""}) > 1

    def of_paragraph(self, block: Block, place: int) -> Iterator[Fact]:
        stated = prose.labelled(block.text, self.headings) or list(
            lists.terms(lists.of_paragraph(block.text), self.headings, plainly=False)
        )
        yield from stated
        if self.leads and self.member:
            meaning = Fact("meaning", self.path[-1], block.text, block.text, self.headings[:-1], noun="field")
            yield from lists.told(meaning)
        elif self.leads and not stated:
            behind = self.paragraphs(place)
            source, share = self.source(place, behind), self.share(place, behind)
            yield from prose.lead(source, self.announced(behind), self.title, self.headings, share, self.opens(behind))

    def paragraphs(self, first: int) -> int:
        """The block behind the paragraphs that begin there and together say little enough for one answer."""
        behind = first + 1
        while behind < len(self.blocks) and self.blocks[behind].kind == "paragraph" and not self.begins(behind):
            if len(self.source(first, behind + 1)) > MAX_LEAD_SOURCE_CHARS or prose.apart(self.blocks[behind].text):
                break
            behind += 1
        return behind

    def share(self, first: int, behind: int) -> float:
        """How much of what its section says in words, as far as the chunk holds it, stands in some blocks."""
        last = next((i for i in range(behind, len(self.blocks)) if self.blocks[i].kind == "heading"), len(self.blocks))
        lengths = [len(b.text) * (b.kind in ("paragraph", "list", "steps", "quote")) for b in self.blocks[first:last]]
        return sum(lengths[: behind - first]) / max(sum(lengths), 1)

    def opens(self, behind: int) -> bool:
        """Whether a heading below the one where the walk is follows."""
        below = self.blocks[behind : behind + 1]
        return bool(below) and below[0].kind == "heading" and below[0].level > len(self.path)

    def announced(self, place: int) -> Block | None:
        """The block there, when a paragraph can take it along as a part of its answer: nothing of the kind follows."""
        below = list(itertools.takewhile(lambda block: block.kind != "heading", self.blocks[place:]))
        more = any(block.kind == "paragraph" and speech.ANNOUNCING.search(plain(block.text)) for block in below)
        return below[0] if below and below[0].kind in ("list", "steps", "fence") and not more else None

    def of_list(self, block: Block) -> Iterator[Fact]:
        entries = lists.items(block)
        if procedures.is_procedure(block, entries, self.path, self.before):
            goal = topic(self.headings) or (heading_name(self.headings[-1]) if self.headings else "")
            yield from procedures.steps(block, entries, goal, self.headings)
            return
        of_heading = prose.labelled(block.text, self.headings)
        stated = of_heading or list(lists.terms(lists.items(block, nested=True), self.headings))
        yield from stated
        if self.headings and self.leads and not of_heading and not any(fact.owner for fact in stated):
            yield from lists.members(block, entries, self.headings)

    def under_caption(self) -> tuple[str, ...]:
        """The path with the short line above a table as its last part."""
        caption = announcements.LIGHT.sub("", heading_name(self.before)).strip()
        fits = CAPTION.fullmatch(caption) and not speech.points(caption) and not is_common(caption)
        return (*self.headings, caption) if fits and caption not in self.path else self.headings


def is_of_sample(fact: Fact) -> bool:
    """Whether a value or what stands behind a label is of a sample, as the heading above says."""
    heading = heading_name(fact.headings[-1]) if fact.headings else ""
    return fact.kind in OF_SAMPLE and bool(SAMPLE.fullmatch(heading))


def is_html_table(block: Block) -> bool:
    return block.kind == "html" and "<table" in block.text.lower()


def goes_on(chunk: Chunk, before: Chunk | None) -> bool:
    """Whether a chunk begins in the midst of a section, the first part of which ends the chunk before, or comes back to
    the page itself."""
    if not before or before["path"] != chunk["path"]:
        return False
    if len(chunk["headings"]) == 1:
        return True
    heading = rf"^#+ .*{re.escape(heading_name(chunk['headings'][-1]))}\W*$"
    return before["headings"] == chunk["headings"] or bool(re.search(heading, before["text"], re.MULTILINE))


def facts(chunk: Chunk, before: Chunk | None = None) -> Iterator[Fact]:
    """The facts of a chunk, which may go on where the one `before` ends, in the order in which it states them."""
    yield from Reader(chunk, before).facts()
