"""The rows between the stages, and where the lines of a page's text come from: the page's file and its partials' files.

`Doc.spans` say it for each run of lines. The first span is always the page's own, if need be without any line, so that
it names the page; any other path is that of a partial.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple, NotRequired, TypedDict


class Span(TypedDict):
    """A run of lines of a page's text that stand together in one file; it ends where the next span begins.

    `line` is its first line in the text, `start` that line's number in the file `path`, `at` the line of the page's own
    file at which it stands. Within a span of the page's own lines `start` and `at` count up; within a partial's lines
    `start` does, and `at` stays the line of the component.
    """

    line: int
    path: str
    start: int
    at: int


class PartialLines(TypedDict):
    """Lines of a partial's file, 1-based and inclusive."""

    path: str
    line_start: int
    line_end: int


class Doc(TypedDict):
    """One page. `also_in` are pages with the same content, `breadcrumbs` the titles of the directories that hold it,
    `partials` the files inlined into it, sorted. `language` is an ISO 639-1 code, empty where it cannot be told; `kind`
    one of docs.page_kinds; translations, versions and twins of a page have the same `group`. `file_sha256` is that of
    the page's file, `rev` the commit that holds it and its partials as they were read, `…-dirty` when none did, empty
    outside Git.
    """

    path: str
    title: str
    description: str
    tags: list[str]
    language: str
    kind: str
    group: str
    text: str
    sha256: str
    also_in: list[str]
    breadcrumbs: list[str]
    partials: list[str]
    spans: list[Span]
    file_sha256: str
    rev: str


class Chunk(TypedDict):
    """A piece of a page under its heading path; lines are those of the page's file, 1-based and inclusive.

    `partials` are the lines of other files that its text comes from, `also_in` other pages that hold the same chunk.
    """

    chunk_id: str
    path: str
    headings: list[str]
    line_start: int
    line_end: int
    tokens: int
    text: str
    also_in: list[str]
    partials: list[PartialLines]


OWN_FAMILY = "asked"  # of wordings that the user wrote


class Pair(TypedDict):
    """A question with its grounded answer. `evidence` is verbatim text of the chunk, `family` names the family that the
    question's wording belongs to ("": none); what is `held_out` belongs to one that is never trained. `value` is what
    the output states, where that is put into a sentence: the rest of it need not be said. `reworded` is the output in
    other words, by the request `answer_key`; curate takes it where it states the same."""

    pair_id: str
    chunk_id: str
    instruction: str
    input: str
    output: str
    evidence: str
    style: str
    request_key: str
    family: NotRequired[str]
    value: NotRequired[str]
    held_out: NotRequired[bool]
    reworded: NotRequired[str]
    answer_key: NotRequired[str]


class Message(TypedDict):
    """A turn of a conversation; `role` is user or assistant."""

    role: str
    content: str


class Passage(TypedDict):
    """A chunk that stands before a question; one that has to be cut keeps `quote`, a part of its text."""

    chunk_id: str
    path: str
    line_start: int
    line_end: int
    quote: str


class DatasetRow(Pair):
    """A kept pair with the place that it comes from: a page of the documentation, or a file of the user's own data.

    Own rows have no chunk. One with several turns has all of them in `messages`, user first, assistant last, without
    the system turn; instruction and output are its last exchange. `system` takes the place of format.system_prompt.
    Lines are those of the fact where it can be found on the page, else of its chunk; `partial` are its lines in the
    file that the page inlines, if it comes from one, and `further_partials` those in others. `review` is accept or edit
    where a reviewer said so, `score` the judge's, from 0 to 10. `form` says how the row is asked where that is not
    closed-book: with `passages`, of which one holds the answer (gold) or none does (distractors). `first_output` is the
    fact's answer, where `output` says it in other words.
    """

    fact_id: str
    path: str
    line_start: int
    line_end: int
    messages: NotRequired[list[Message]]
    system: NotRequired[str]
    partial: NotRequired[PartialLines]
    further_partials: NotRequired[list[PartialLines]]
    review: NotRequired[str]
    score: NotRequired[float]
    form: NotRequired[str]
    passages: NotRequired[list[Passage]]
    first_output: NotRequired[str]


class Origin(NamedTuple):
    """Where one line of a page's text comes from: a file and the line there, and the line of the page it stands at."""

    path: str
    line: int
    at: int


def to_spans(page: str, origins: Iterable[Origin]) -> list[Span]:
    """The origins of a text's lines, in order, as runs that leave no line out."""
    spans: list[Span] = [{"line": 1, "path": page, "start": 1, "at": 1}]
    expected = Origin(page, 1, 1)
    for line, origin in enumerate(origins, 1):
        if origin != expected:
            spans.append({"line": line, "path": origin.path, "start": origin.line, "at": origin.at})
        expected = Origin(origin.path, origin.line + 1, origin.at + (origin.path == page))
    return spans


def page_lines(spans: list[Span], first: int, last: int) -> tuple[int, int]:
    """The lines of the page's file at which lines `first` to `last` of its text stand; all are 1-based, inclusive."""
    return page_line(spans, first), page_line(spans, last)


def page_line(spans: list[Span], line: int) -> int:
    span = spans[index_at(spans, line)]
    return span["at"] + (line - span["line"] if span["path"] == spans[0]["path"] else 0)


def partial_lines(spans: list[Span], first: int, last: int) -> list[PartialLines]:
    """The partials' files that lines `first` to `last` of a page's text come from, in order, each once."""
    partials: dict[str, PartialLines] = {}
    for span, start, end in runs(spans, first, last):
        if span["path"] != spans[0]["path"]:
            row = partials.setdefault(span["path"], {"path": span["path"], "line_start": start, "line_end": end})
            row["line_start"], row["line_end"] = min(row["line_start"], start), max(row["line_end"], end)
    return list(partials.values())


def runs(spans: list[Span], first: int, last: int) -> Iterator[tuple[Span, int, int]]:
    """The spans that lines `first` to `last` touch, each with the first and last such line in its file."""
    for index in range(index_at(spans, first), len(spans)):
        span = spans[index]
        if span["line"] > last:
            return
        end = min(last, spans[index + 1]["line"] - 1 if index + 1 < len(spans) else last)
        start = max(first, span["line"])
        if start <= end:
            yield span, span["start"] + start - span["line"], span["start"] + end - span["line"]


def index_at(spans: list[Span], line: int) -> int:
    """The index of the span that holds a line of the text."""
    return bisect_right(spans, line, key=lambda span: span["line"]) - 1
