"""lineage: every line of a page's text is found again in the file and at the line that it comes from."""

import pytest

from stages.common.records.rows import Origin, page_lines, partial_lines, to_spans

# Lines 3 to 8 of the text come from a partial used at line 3, with another one in it; line 9 is one that ingest added.
ORIGINS = [
    Origin("page.md", 1, 1),
    Origin("page.md", 2, 2),
    Origin("_outer.md", 1, 3),
    Origin("_outer.md", 2, 3),
    Origin("_inner.md", 1, 3),
    Origin("_inner.md", 2, 3),
    Origin("_outer.md", 4, 3),
    Origin("_outer.md", 5, 3),
    Origin("page.md", 4, 4),
    Origin("page.md", 4, 4),
    Origin("page.md", 5, 5),
]


def test_spans_give_back_the_origin_of_every_line():
    spans = to_spans("page.md", ORIGINS)
    for line, origin in enumerate(ORIGINS, 1):
        assert page_lines(spans, line, line) == (origin.at, origin.at)
        partial = {"path": origin.path, "line_start": origin.line, "line_end": origin.line}
        assert partial_lines(spans, line, line) == ([] if origin.path == "page.md" else [partial])


def test_consecutive_lines_share_a_span():
    assert len(to_spans("page.md", (Origin("page.md", n, n) for n in range(1, 99)))) == 1
    assert len(to_spans("page.md", ORIGINS)) == 6


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1, 2, []),
        (2, 3, [("_outer.md", 1, 1)]),
        (4, 7, [("_outer.md", 2, 4), ("_inner.md", 1, 2)]),
        (1, 11, [("_outer.md", 1, 5), ("_inner.md", 1, 2)]),
        (9, 11, []),
    ],
)
def test_partial_lines_name_each_file_once_with_the_lines_that_are_used(first, last, expected):
    found = partial_lines(to_spans("page.md", ORIGINS), first, last)
    assert [(row["path"], row["line_start"], row["line_end"]) for row in found] == expected


def test_a_page_that_begins_with_a_partial_still_knows_its_own_lines():
    spans = to_spans("page.md", [Origin("_part.md", 7, 1), Origin("page.md", 2, 2), Origin("page.md", 3, 3)])
    assert page_lines(spans, 1, 3) == (1, 3)
    assert partial_lines(spans, 1, 3) == [{"path": "_part.md", "line_start": 7, "line_end": 7}]
