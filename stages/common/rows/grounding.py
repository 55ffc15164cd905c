"""Checks against the source: what a pair claims stands in the chunk."""

import re
from collections import Counter

from rapidfuzz import fuzz

from stages.common.records.rows import Pair
from stages.common.rows.rows import Verdict
from stages.common.rows.source import Source, counts
from stages.common.schema import Curate
from stages.common.text.wording import squeezed
from stages.common.values import names, numbers

# Words that turn a statement round. A quote that differs in one is no quote.
NEGATION = re.compile(r"\b(?:not|no|never|cannot|without|un(?=\w{4}))|n't|[不无未没非勿禁]")


def evidence_in_chunk(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """The quote stands in the chunk: white space and character width aside, or nearly so (rapidfuzz's partial ratio),
    but never with another number, identifier or negation."""
    score = evidence_score(pair["evidence"], source)
    return None if score >= limits.min_evidence else Verdict(round(score, 3), limits.min_evidence)


def evidence_score(evidence: str, source: Source) -> float:
    """1 for a quote, else how alike the most similar passage of the chunk is; 0 where facts differ."""
    quote = squeezed(evidence)
    if not re.search(r"\w", quote):
        return 0.0
    if quote in source.squeezed:
        return 1.0
    alignment = fuzz.partial_ratio_alignment(quote, source.squeezed)
    if alignment is None or len(quote) > len(source.squeezed):
        return 0.0
    passage = source.squeezed[alignment.dest_start : alignment.dest_end]
    return min(alignment.score / 100, 0.999) if exact_parts(quote) == exact_parts(passage) else 0.0


def exact_parts(text: str) -> Counter[str]:
    """Numbers, Latin words and negations: the parts of a quote that must not differ."""
    return Counter(re.findall(r"\d+", text)) + Counter(NEGATION.findall(text)) + Counter(names.identifiers(text))


def numbers_in_chunk(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Numbers of the answer and their units occur in the chunk or the question, whatever way they are written."""
    foreign = [number.written for number in numbers.numbers(pair["output"]) if not is_stated(number, pair, source)]
    return too_many(foreign, limits.max_foreign_numbers)


def is_stated(number: numbers.Number, pair: Pair, source: Source) -> bool:
    if number.counted and number.value in source.counts | counts(pair["output"]):
        return True
    asked = numbers.numbers(f"{pair['instruction']}\n{pair['input']}")
    return has_quantity(number, source) or any(number.value == other.value for other in asked)


def has_quantity(number: numbers.Number, source: Source) -> bool:
    """Whether the chunk has the number with the same unit, with none while the unit stands elsewhere (in a table's
    header), or as the same quantity in another unit."""
    known = source.numbers.get(number.value, set())
    if number.unit is None or isinstance(number.value, str):
        return bool(known)
    if number.unit in known or (None in known and number.unit in source.units):
        return True
    dimension, factor = number.unit
    return any(
        unit is not None
        and unit[0] == dimension
        and not isinstance(other, str)
        and other * unit[1] == number.value * factor
        for other, its_units in source.numbers.items()
        for unit in its_units
    )


def is_grounded(text: str, source: Source) -> bool:
    """Whether a text in other words states no number and no name of code that its chunk does not."""
    stated = all(number.counted or has_quantity(number, source) for number in numbers.numbers(text))
    return stated and all(occurs(name, source.code) for name in claimed_names(text))


def identifiers_in_chunk(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Code identifiers, flags and code spans of the answer occur in the chunk or the question as whole words."""
    known = source.code + "\n" + names.code(pair["instruction"] + "\n" + pair["input"])
    foreign = [name for name in claimed_names(pair["output"]) if not occurs(name, known)]
    return too_many(foreign, limits.max_foreign_identifiers)


def claimed_names(answer: str) -> list[str]:
    """Identifiers of an answer, and the words of its code spans."""
    spans = [word for span in names.inline_code(answer) for word in span.split() if re.search(r"[A-Za-z]", word)]
    return list(dict.fromkeys([*spans, *names.identifiers(answer)]))


def occurs(name: str, text: str) -> bool:
    """Whether a name, or each of its parts, stands in a text as a whole word. GitHub may also be a Github."""
    emphasised = re.fullmatch(r"_[^_](?:.*[^_])?_", name)
    if whole(name, text) or (emphasised and whole(name[1:-1], text)):
        return True
    parts = re.split(r"[=(),;\[\]{}<>\"'`]+", name)
    if len(parts) > 1:
        return all(whole(part, text) for part in parts if re.search(r"\w", part))
    return bool(re.fullmatch(r"[A-Z][a-z]+[A-Z][a-z]+", name)) and name.capitalize() in text


def whole(name: str, text: str) -> bool:
    """Whether a name stands in a text between other things than ASCII letters, digits and underscores."""
    before = {"-": r"(?<![\w-])", "\\": ""}.get(name[0], r"(?<!\w)")  # a \ begins a name of its own: F\eta, C:\lamp
    return bool(re.search(f"(?a){before}{re.escape(name)}(?!\\w)", text))


def links_in_chunk(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Links of the answer occur in the chunk or the question."""
    claimed = list(names.links(pair["output"]))
    if not claimed:
        return None
    known = {*names.links(source.text), *names.links(f"{pair['instruction']}\n{pair['input']}")}
    foreign = [
        link for link in claimed if link not in known and not re.search(re.escape(link) + r"(?!/?[\w-])", source.text)
    ]
    return too_many(foreign, limits.max_foreign_links)


def too_many(foreign: list[str], limit: int) -> Verdict | None:
    return Verdict(foreign, limit) if len(foreign) > limit else None
