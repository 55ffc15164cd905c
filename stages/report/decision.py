"""What a busy reader repeats: how much the model knows, where it is wrong without saying so, whether a search does as
well, and what to do next. The same sentences stand in the report and in `doclore summary`."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from stages.report import measures, texts

GOOD = 0.9  # share of right answers from which on there is nothing to mend
CLOSE = 0.05  # a difference of shares that is none
PAGES = ("no_pages", "one_page", "pages")


class Sentence(NamedTuple):
    """A text of texts.TEXTS, and what is put into it."""

    key: str
    values: dict[str, Any]


def sentences(evaluate: dict[str, Any], predictions: Sequence[dict[str, Any]]) -> list[Sentence]:
    """What was found, then what to do next; one sentence alone when nothing was measured."""
    outcomes = measures.outcomes(predictions)
    if not outcomes:
        return [Sentence("lead_none", {})]
    findings = [*knows(evaluate), *doubtless(outcomes[0].split, predictions), *against_search(predictions)]
    return [*findings, next_step(evaluate, outcomes[0])]


def knows(evaluate: dict[str, Any]) -> Iterator[Sentence]:
    """The share of right answers in each set, closed-book, and what it rests on."""
    for name, rows, cells in measures.sets(evaluate):
        shares = {cell: texts.share(figures["key_values"]) for cell, figures in cells}
        if {"base_closed", "tuned_closed"} <= shares.keys():
            pages = evaluate[name].get("pages", 0)
            rests = texts.filled(texts.RESTS_ON[PAGES[min(pages, 2)]], {"rows": rows, "pages": pages})
            values = {"tuned": shares["tuned_closed"], "base": shares["base_closed"], "rests": rests}
            yield Sentence(f"lead_{name}", values)
        trained = evaluate[name].get("trained", {"rows": rows})
        if trained["rows"] < rows:
            yield Sentence("lead_trained", {"rows": trained["rows"], "tuned": texts.share(trained["tuned_closed"])})


def doubtless(name: str, predictions: Sequence[dict[str, Any]]) -> Iterator[Sentence]:
    """Wrong answers that do not say that they cannot answer: what a user fears."""
    answers = [row["answers"].get("tuned_closed") for row in predictions if row["split"] == name]
    answered = [answer for answer in answers if answer and "refused" in answer]
    if answered:
        wrong = sum(not answer["key_values"] and not answer["refused"] for answer in answered)
        yield Sentence("lead_doubtless", {"share": texts.share(wrong / len(answered)), "set": texts.TEXTS[name]})


def against_search(predictions: Sequence[dict[str, Any]]) -> Iterator[Sentence]:
    """The tuned model by itself beside the base model with a search, on the questions of both, and the tuned model with
    a search where that is better than either."""
    both = [row for row in predictions if {"tuned_closed", "base_retrieved"} <= row["answers"].keys()]
    known = [row for row in both if row["split"] != "eval_unseen"]
    if not known:
        return
    tuned, search = (sum(measures.right(row, cell) for row in known) / len(known)
                     for cell in ("tuned_closed", "base_retrieved"))  # fmt: skip
    verdict = "better" if tuned > search + CLOSE else "worse" if search > tuned + CLOSE else "like"
    values = {"rows": len(known), "tuned": texts.share(tuned), "search": texts.share(search)}
    yield Sentence(f"lead_search_{verdict}", values)
    if all("tuned_retrieved" in row["answers"] for row in known):
        together = sum(measures.right(row, "tuned_retrieved") for row in known) / len(known)
        if together > max(tuned, search) + CLOSE:
            yield Sentence("lead_search_both", {"both": texts.share(together)})


def next_step(evaluate: dict[str, Any], outcome: measures.Outcome) -> Sentence:
    """The one thing to do, by what most of the wrong answers lack."""
    wrong = outcome.wrong + outcome.lost
    if wrong <= (1 - GOOD) * outcome.rows:
        if not evaluate.get("gate", {}).get("passed"):
            return Sentence("next_gate", {})
        return Sentence("next_promote" if outcome.split == "exam" else "next_exam", {})
    if outcome.endless > wrong / 2:
        return Sentence("next_endless", {})
    asked = outcome.reads + outcome.misreads
    if outcome.reads >= outcome.misreads and outcome.reads:
        return Sentence("next_reads", {"n": outcome.reads, "asked": asked})
    return Sentence("next_misreads" if outcome.misreads else "next_learn", {"n": outcome.misreads, "asked": asked})
