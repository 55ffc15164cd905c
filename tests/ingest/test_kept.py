"""Ingest in the ordered map: what was kept changes no byte, and an edit costs the pages that it shows in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.common.base import mapped, paths
from stages.common.records.files import CANONICAL
from stages.ingest import __main__ as ingest
from stages.ingest.pages import Outcome, Reader
from stages.ingest.sources import manifest
from stages.ingest.sources.report import Report
from support.settings import docs_section

SITE = {
    "mkdocs.yml": "site_name: Kiln\nextra:\n  maker: Ostra\n",
    "docs/fire.md": "# Firing\n\nThe {{ maker }} kiln is fired to 1240 degrees.\n\n--8<-- \"safety.txt\"\n",
    "docs/glaze.md": "# Glazing\n\nimport Table from './_table.md'\n\nColours and their oxides:\n\n<Table />\n",
    "docs/_table.md": "| Oxide | Colour |\n| --- | --- |\n| cobalt | blue |\n",
    "docs/clay.md": "# Clay\n\nStoneware clay is kept at 20 percent water. Write to kay@ostra-kilns.org.\n",
    "docs/cool.md": "# Cooling\n\nThe door stays shut below:\n\n--8<-- \"later.txt\"\n",
    "safety.txt": "Wear gloves near the door.\n",
}  # fmt: skip
EDITS: dict[str, tuple[dict[str, str], set[str]]] = {
    "nothing": ({}, set()),
    "a page": ({"docs/clay.md": "# Clay\n\nStoneware clay is kept at 25 percent water.\n"}, {"clay.md"}),
    "a partial": ({"docs/_table.md": "| Oxide | Colour |\n| --- | --- |\n| iron | red |\n"}, {"glaze.md"}),
    "a snippet": ({"safety.txt": "Wear gloves and a visor near the door.\n"}, {"fire.md"}),
    "a snippet that was missing": ({"later.txt": "The kiln cools for a day.\n"}, {"cool.md"}),
    "the site": (
        {"mkdocs.yml": "site_name: Kiln\nextra:\n  maker: Brann\n"},
        {"fire.md", "glaze.md", "clay.md", "cool.md"},
    ),
    "a new page": ({"docs/wheel.md": "# Wheel\n\nThe wheel turns at 240 per minute.\n"}, {"wheel.md"}),
}


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


def ingested(from_nothing: bool = False) -> tuple[bytes, str]:
    """The bytes of the rows, and the report."""
    if from_nothing:
        shutil.rmtree(".cache/kept", ignore_errors=True)
    section, report = docs_section(path="docs"), Report()
    manifest.write(section)
    ingest.write_docs(section, report)
    return paths.DOCS.read_bytes(), CANONICAL.encode(report.as_json())


@pytest.fixture
def pages_read(monkeypatch) -> list[str]:
    """The pages that are read, not taken from what was kept."""
    names: list[str] = []
    read: Callable[[Reader, str], Outcome] = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, path: (names.append(path), read(self, path))[1])
    return names


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_gives_the_bytes_of_a_run_from_nothing_and_costs_the_pages_that_show_it(edit, pages_read):
    files, touched = EDITS[edit]
    write(SITE)
    ingested()
    write(files)
    pages_read.clear()
    kept = ingested()
    assert set(pages_read) == touched
    assert kept == ingested(from_nothing=True)
    assert b"degrees" in kept[0]


def test_what_an_edit_takes_back_is_as_it_was(pages_read):
    write(SITE)
    before = ingested()
    for files, _ in EDITS.values():
        write(files)
        ingested()
        write(SITE)
        for name in files.keys() - SITE.keys():
            Path(name).unlink()
        assert ingested() == before


def test_a_page_on_which_a_reader_fails_is_read_again(monkeypatch, pages_read):
    write(SITE)
    with monkeypatch.context() as patch:
        patch.setattr("stages.ingest.pages.kind", lambda path, *_: 1 / 0 if path == "clay.md" else "manual")
        assert b"Stoneware" not in ingested()[0]
    pages_read.clear()
    assert b"Stoneware" in ingested()[0]
    assert pages_read == ["clay.md"]


def test_a_new_title_costs_the_pages_that_refer_to_it_and_a_new_paragraph_costs_none(pages_read):
    refers, label = "# Kiln\n\nSee {ref}`warm` and {doc}`glaze`.\n", "(warm)=\n## Firing\n\nTo 1240 degrees.\n"
    write({"docs/conf.py": "", "docs/kiln.md": refers, "docs/fire.md": label, "docs/glaze.md": "# Glaze\n\nBlue.\n"})
    ingested()
    for name, text, touched in (
        ("fire", f"{label}\nFor a day.\n", set()),
        ("fire", label.replace("Firing", "The firing"), {"kiln.md"}),
        ("glaze", "# The glaze\n\nBlue.\n", {"kiln.md"}),
    ):
        pages_read.clear()
        write({f"docs/{name}.md": text})
        kept = ingested()
        assert set(pages_read) == {f"{name}.md"} | touched
        assert kept == ingested(from_nothing=True)
    assert b"See The firing and The glaze." in kept[0]


@pytest.mark.slow  # starts two processes
def test_two_processes_write_the_bytes_of_one(monkeypatch):
    write(SITE)
    write(
        {f"docs/part-{n}.md": f"# Part {n}\n\nNumber {n} of {{{{ maker }}}} weighs {n} kilograms.\n" for n in range(60)}
    )
    alone = ingested()
    monkeypatch.setattr(mapped, "SECONDS", 0.0)
    monkeypatch.setattr(mapped.engines, "most", lambda name: 2)
    assert ingested(from_nothing=True) == alone
