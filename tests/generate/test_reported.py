"""Questions of an FAQ as clauses: grammar decides, and what it cannot decide stays as it is asked."""

import pytest

from stages.generate.extractive.reported import reported, searched


@pytest.mark.parametrize(
    ("question", "kind", "clause"),
    [
        ("How do I rotate the key?", "faq_do", "rotate the key"),
        ("How can we undo it", "faq_do", "undo it"),
        ("What is the largest page?", "faq_is", "what the largest page is"),
        ("Where are the logs of a run kept?", "faq_is", "where the logs of a run are kept"),
        ("When is the index built again?", "faq", ""),
        ("When is the index built?", "faq_is", "when the index is built"),
        ("How many rows are left out by default?", "faq_is", "how many rows are left out by default"),
        ("Where do I see the cost?", "faq_is", "where I see the cost"),
        ("How long may I wait?", "faq_is", "how long I may wait"),
        ("Which command shows the queue?", "faq_is", "which command shows the queue"),
        ("Can I stop it?", "faq_whether", "I can stop it"),
        ("Do I need an account?", "faq_whether", "I need an account"),
        ("What happens if the disk is full?", "faq_if", "the disk is full"),
        ("What happens when I press `U`?", "faq_if", "I press `U`"),
        ("Why is the bar empty?", "faq", ""),
        ("Which values does it take?", "faq", ""),
        ("Out of disk, what now?", "faq", ""),
    ],
)
def test_a_question_is_reported_where_its_grammar_is_certain(question, kind, clause):
    assert reported(question) == (kind, clause)


def test_a_search_has_no_words_of_closed_classes_and_keeps_names():
    assert searched("How do I set `a.is_on` to 3?") == "set `a.is_on` 3"
