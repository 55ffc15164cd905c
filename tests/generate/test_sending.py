"""What is found private in a chunk is masked in every run; that nothing is, is looked for once."""

import pytest

from stages.generate.labelling import sending
from stages.generate.labelling.sending import BATCH, Sending


def chunk(number: int, text: str):
    return {"chunk_id": f"c{number}", "path": "page.md", "headings": ["Manual", str(number)], "text": text}


@pytest.fixture
def searches(monkeypatch):
    """The texts that were searched, as they come."""
    texts, hide = [], sending.hide
    monkeypatch.setattr(sending, "hide", lambda chunk: [texts.append(chunk["text"]), hide(chunk)][1])
    return texts


CHUNKS = [chunk(number, f"Valve {number} opens at noon.") for number in range(BATCH + 3)]
PRIVATE = chunk(999, "Ask ming.zhao@plant-seven.cn for it.")


@pytest.mark.parametrize("private", ["mask", "refuse"])
def test_a_later_run_searches_what_is_new_or_private_and_sends_the_same(private, searches):
    chunks = [*CHUNKS, PRIVATE]
    first = list(Sending(lambda: chunks, private)())
    assert len(searches) == len(chunks) and "ming.zhao" not in str(first)
    assert ("Ask [e-mail] for it." in str(first)) == (private == "mask")
    searches.clear()
    edited = chunk(5, "Valve 5 opens at dusk.")
    chunks[5] = first[5] = edited
    again = Sending(lambda: chunks, private)
    assert list(again()) == first
    assert searches == [edited["text"], PRIVATE["text"]]
    assert again.withheld() == {f"private_chunks_{'masked' if private == 'mask' else 'refused'}": 1}
    searches.clear()
    assert list(again()) == first  # the next walk of the same run
    assert searches == [PRIVATE["text"]]


def test_looking_at_the_first_chunks_does_not_forget_the_others(searches):
    list(Sending(lambda: CHUNKS, "mask")())
    for _ in range(6):
        assert next(Sending(lambda: CHUNKS, "mask")()) == CHUNKS[0]
    searches.clear()
    list(Sending(lambda: CHUNKS, "mask")())
    assert searches == []


def test_what_is_sent_is_the_same_without_what_was_kept(tmp_path, monkeypatch):
    chunks = [*CHUNKS, PRIVATE]
    first = list(Sending(lambda: chunks, "mask")())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    assert list(Sending(lambda: chunks, "mask")()) == first
