"""Checks of how a question and its answer are put, in both languages."""

from stages.common.records.rows import Pair
from stages.common.rows.rows import Verdict
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.common.text.wording import gives_away, sentences, squeezed
from stages.curate.checks import phrases


def answer_not_in_question(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """A question that contains its answer teaches nothing."""
    question = f"{pair['instruction']}\n{pair['input']}"
    return Verdict(pair["output"], "not in the question") if gives_away(question, pair["output"]) else None


def stands_alone(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """The question neither points at its source nor begins with a pronoun for something not named yet. Where there is
    an input, "the following code" is that."""
    question = pair["instruction"]
    match = phrases.POINTS_AT_SOURCE.search(question)
    if not match and not phrases.SITUATION.match(question):
        match = phrases.BEGINS_WITH_PRONOUN.match(question)
    if not match or (pair["input"].strip() and phrases.MATERIAL.search(match[0])):
        return None
    if match[0].isascii() and question[: match.end() + 8] in source.text:
        return None  # a name such as "Is This Source Grounded?"
    return Verdict(match[0], "understood without the source")


def quotes_no_prompt(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Neither question nor answer repeats what a labelling prompt says, unless the chunk does."""
    for text in (pair["instruction"], pair["output"]):
        match = phrases.LABELLING_PROMPT.search(text)
        if match and squeezed(match[0]) not in source.squeezed:
            return Verdict(match[0], "no words of the labelling prompt")
    return None


def no_refusal(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """The answer is one: it does not say that the text says nothing, unless it quotes the chunk."""
    for sentence in sentences(pair["output"]):
        match = phrases.REFUSAL.search(sentence)
        if match and squeezed(sentence) not in source.squeezed:
            return Verdict(match[0], "an answer")
    return None
