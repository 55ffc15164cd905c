"""What the adapter's card says of licences, and where it looks for them."""

import pytest

from stages.train import card


@pytest.fixture
def docs(tmp_path):
    """A repository with pages in a directory of its own, in another directory."""
    pages = tmp_path / "outside" / "repository" / "docs" / "guide"
    pages.mkdir(parents=True)
    (pages.parents[1] / ".git").mkdir()
    return pages


def test_the_nearest_licence_within_the_repository_counts(docs):
    (docs.parents[1] / "LICENCE.md").write_text("\n  Some Terms 2.0 \nmore")
    assert card.docs_licence(docs) == "`LICENCE.md`: Some Terms 2.0"
    (docs / "LICENSE").write_text("Other Terms")
    assert card.docs_licence(docs) == "`LICENSE`: Other Terms"


def test_a_licence_beyond_the_root_of_the_repository_is_another_ones(docs):
    (docs.parents[2] / "LICENSE").write_text("Not theirs")
    assert card.docs_licence(docs) == ""


def test_a_directory_of_licences_is_named_by_their_names(docs):
    licences = docs.parents[1] / "LICENSES"
    licences.mkdir()
    assert card.docs_licence(docs) == ""
    for name in ("ZPL-2.1", "0BSD"):
        (licences / f"{name}.txt").write_text("text")
    assert card.docs_licence(docs) == "`LICENSES`: 0BSD, ZPL-2.1"


def test_a_licence_that_cannot_be_read_is_named_alone(docs):
    (docs.parents[1] / "LICENSE").write_text("")
    assert card.docs_licence(docs) == "`LICENSE`"
    assert card.first_line(docs) == "", "a directory"
