"""What a pair must pass to be trained on. Every check is pure, judges one pair and is named like its function."""

from collections.abc import Callable

from stages.common.records.rows import Pair
from stages.common.rows.grounding import evidence_in_chunk, identifiers_in_chunk, links_in_chunk, numbers_in_chunk
from stages.common.rows.rows import Verdict
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.curate.checks.form import (
    answer_length,
    input_adds_something,
    no_leftovers,
    no_markup,
    no_repetition,
    question_length,
    schema,
)
from stages.curate.checks.language import language_agrees
from stages.curate.checks.syntax import no_unread_syntax
from stages.curate.checks.wording import answer_not_in_question, no_refusal, quotes_no_prompt, stands_alone

Check = Callable[[Pair, Source, Curate], Verdict | None]
# The user's own rows have no chunk, and how they ask is the user's to decide: a task may hold its answer, a greeting is
# short. What must never be trained is looked for in all of them.
OWN_CHECKS: tuple[Callable[[Pair, Source | None, Curate], Verdict | None], ...] = (schema, no_leftovers)
CHECKS: tuple[Check, ...] = (
    schema,
    question_length,
    answer_length,
    no_leftovers,
    no_markup,
    no_unread_syntax,
    no_repetition,
    input_adds_something,
    stands_alone,
    quotes_no_prompt,
    no_refusal,
    language_agrees,
    answer_not_in_question,
    evidence_in_chunk,
    numbers_in_chunk,
    identifiers_in_chunk,
    links_in_chunk,
)


def verdict(pair: Pair, source: Source | None, limits: Curate) -> tuple[str, Verdict] | None:
    """The first check that rejects the pair, by name, with what it found."""
    for check in CHECKS if source else OWN_CHECKS:
        if check.__name__ not in limits.disabled_checks:
            problem = check(pair, source, limits)  # type: ignore[arg-type]
            if problem:
                return check.__name__, problem
    return None
