"""Wordings of the user's own: what people asked, beside what an FAQ's page asks."""

import pytest

from stages.common.base.errors import UserError
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.own_wordings import OwnWordings

LAMP = Fact("faq", "Why does the lamp blink?", "The fuse `F7` is loose.", "The fuse `F7` is loose.", ("Faults",))
ENTRY = '"why does the lamp blink":\n  - my light flickers, what now?\n  - is it true that the fuse F7 is loose?\n'


@pytest.fixture
def put(tmp_path):
    def write(**files: str) -> None:
        (tmp_path / "data/wordings").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (tmp_path / f"data/wordings/{name}.yaml").write_text(text, "utf-8")

    return write


def test_a_question_is_asked_in_the_words_of_all_files_unless_they_tell_the_answer(put):
    put(a=ENTRY, b='"Why does the lamp blink?": ["the bulb is nervous"]\n')
    own = OwnWordings()
    assert list(own.of(LAMP)) == [("asked", "my light flickers, what now?"), ("asked", "the bulb is nervous")]
    assert own.unused() == []


def test_only_a_question_of_an_faq_has_them(put):
    put(a=ENTRY)
    other = Fact("section", LAMP.subject, LAMP.answer, LAMP.evidence, LAMP.headings)
    assert list(OwnWordings().of(other)) == []


def test_an_entry_that_no_page_asks_is_told_but_not_a_file_of_another_documentation(put):
    put(a=f'{ENTRY}"Why is it cold?": ["brr"]\n', foreign='"Who are you?": ["name?"]\n', empty="")
    own = OwnWordings()
    list(own.of(LAMP))
    assert own.unused() == ["data/wordings/a.yaml: Why is it cold?"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a list", "the file: input should be a valid dictionary"),
        ('"Why?": one text', "Why?: input should be a valid list"),
        ('"Why?": [1]', "Why? 0: input should be a valid string"),
        ('"Why?: [', "while scanning a quoted scalar"),
    ],
)
def test_a_file_of_another_form_is_told_in_one_line(put, text, problem):
    put(a=text)
    with pytest.raises(UserError) as error:
        OwnWordings()
    message = str(error.value)
    assert message.startswith(f"data/wordings/a.yaml: {problem}") and "\n" not in message
    assert message.endswith("each entry is a question of a page and a list of other wordings")


def test_without_the_directory_there_are_none(tmp_path):
    assert list(OwnWordings().of(LAMP)) == [] and OwnWordings().unused() == []
