"""The manual in both languages, and what README shows of a run."""

import re
from pathlib import Path

import pytest

from stages.report import texts
from support.repository import ROOT

DOCS = ROOT / "docs"
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
PAGES = sorted(page.relative_to(DOCS) for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] != "zh")


def text(page: Path, language: str = "en") -> str:
    return (DOCS / ("zh" if language == "zh" else ".") / page).read_text("utf-8")


def test_both_manuals_have_the_same_pages():
    chinese = DOCS / "zh"
    assert sorted(page.relative_to(chinese) for page in chinese.rglob("*.md")) == PAGES


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_says_the_same_in_both_languages(page):
    """What no translation may change: examples, the number of headings, and every name in code, table by table."""
    english, chinese = text(page), text(page, "zh")
    assert FENCE.findall(chinese) == FENCE.findall(english)
    prose = [FENCE.sub("", one) for one in (english, chinese)]
    assert [re.findall(r"^#+", one, re.M) for one in prose][1] == re.findall(r"^#+", prose[0], re.M)
    rows = [
        [sorted(re.findall(r"`[^`]+`", "|".join(line.split("|")[1:3]))) for line in one.split("\n") if line[:2] == "| "]
        for one in prose
    ]
    assert rows[1] == rows[0]
    named = [set(re.findall(r"`([^`\n]+)`", one)) for one in prose]
    assert named[0] ^ named[1] == set()


@pytest.mark.parametrize(
    "file", ["README.md", "README.zh.md", *(page.relative_to(ROOT).as_posix() for page in sorted(DOCS.rglob("*.md")))]
)
def test_every_link_to_a_file_leads_to_one(file):
    for link in re.findall(r"\]\(([^)#\s]+)\)", FENCE.sub("", (ROOT / file).read_text("utf-8"))):
        if "://" not in link:
            assert ((ROOT / file).parent / link).exists(), link


@pytest.mark.parametrize("file", ["README.md", "README.zh.md"])
def test_readme_shows_the_sentences_that_a_run_ends_with(file):
    """The block of the last run: each sentence is one of the report's, with figures for its values."""
    block = re.search(r"^    (Your exam: (?:.+\n)+?)    Report: ", (ROOT / file).read_text("utf-8"), re.M)
    assert block
    lines = re.split(r"(?<=[.:])\n    (?=[A-Z])", block[1].strip())
    patterns = [
        "(.+)".join(re.escape(part) for part in re.split(r"\{\w+\}", re.sub("<[^>]+>", "", one[0])))
        for one in texts.TEXTS.values()
    ]
    told = [" ".join(line.split()).removeprefix("Next: ") for line in lines]
    assert len(told) > 5
    assert [
        line for line in told[:-1] if not any(re.fullmatch(pattern, line) for pattern in patterns if len(pattern) > 30)
    ] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_quickstart_shows_the_run_that_readme_shows(language):
    base, tuned = re.search(r"closed-book +60 +(\d+%) → (\d+%)", text(Path("quickstart.md"), language)).groups()
    readme = (ROOT / ("README.zh.md" if language == "zh" else "README.md")).read_text("utf-8")
    assert f"answers {tuned} correctly from memory, the base model {base}" in readme
