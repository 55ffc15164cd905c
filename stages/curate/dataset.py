"""From checked rows to the dataset: near-duplicates out, judged, split, with pages held out that can be asked about."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from stages.common import schema
from stages.common.rows.source import Source
from stages.curate import judge
from stages.curate.duplicates import near, same_question, semantic, variants
from stages.curate.pages import TRAINED, Pages, pages
from stages.curate.shelf import Keyed, Shelf
from stages.curate.split import Parts, assert_no_leak, split
from stages.curate.table import Places, Rows, best_first

NAMED = 5  # held-out pages in the last lines
TRIES = 5  # other pages held out where nothing could be asked about the first


class Curated(NamedTuple):
    """The dataset's parts, what was rejected on the way to them, the judge's figures, and the pages behind them."""

    parts: Parts
    rejected: list[Shelf]
    judged: dict[str, int]
    pages: Pages


def curated(
    rows: Rows, chunks: Keyed, read_chunks: Mapping[str, Source], grouped: Pages, section: schema.Curate
) -> Curated:
    """Checked rows without near-duplicates, judged and split."""
    asked, sides = rows, grouped.sides(chunks.shelf)

    def order(rows: Rows) -> Places:
        of_trained = rows.column("own") | (np.append(sides, TRAINED)[rows.column("chunk")] == TRAINED)
        return best_first(rows, ~rows.column("held_out") & of_trained)

    rows.table.forget_scores()
    rows, repeated = same_question.sift(rows, order(rows))
    links = near.links(rows, section)
    links.add(semantic.links(rows, section))
    rows, alike = variants.sift(rows, links, order(rows), section)
    judged = judge.sift(rows, read_chunks, section)
    parts, leaked = split(judged.rows, asked, chunks.shelf, sides, links, section)
    assert_no_leak(parts, links, chunks.shelf, grouped)
    return Curated(parts, [repeated, alike, judged.rejected, leaked], judged.figures, grouped)


def dataset(
    rows: Rows, pairs: Mapping[str, int], chunks: Keyed, read_chunks: Mapping[str, Source], identity: dict[str, str],
    section: schema.Curate,
) -> Curated:  # fmt: skip
    """The dataset of checked rows. Where nothing is left to ask about the pages held out, others are held out instead.

    `pairs` counts those of each page, `identity` is the group of each page as ingest knows it, both by path.
    """
    passed_over: frozenset[str] = frozenset()
    for _ in range(TRIES):
        grouped = pages(chunks.shelf, section, identity, pairs, passed_over)
        result = curated(rows, chunks, read_chunks, grouped, section)
        if len(result.parts["eval_unseen"]) or not grouped.held_out - passed_over:
            break
        passed_over |= grouped.held_out
    return result


def held_out_paths(rows: Rows, chunks: Shelf) -> list[str]:
    """Pages that rows ask about."""
    numbers = np.unique(rows.where(~rows.column("own")).column("chunk")).tolist()
    return sorted({chunks[number]["path"] for number in numbers})


def facts(rows: Rows) -> int:
    return len(np.unique(rows.column("fact")))


def last_lines(result: Curated, chunks: Shelf, section: schema.Curate) -> Iterator[str]:
    """What is held out, and why nothing is where nothing is."""
    parts, grouped = result.parts, result.pages
    unseen = held_out_paths(parts["eval_unseen"], chunks)
    if unseen:
        count = len(parts["eval_unseen"])
        more = f" and {len(unseen) - NAMED} more" if len(unseen) > NAMED else ""
        yield f"held out (never trained): {', '.join(unseen[:NAMED])}{more}; {count} pairs ask about them"
    else:
        why = grouped.why_none or "every page that could be held out repeats a trained page"
        yield f"no page is held out, so eval_unseen is empty: {why}"
    if seen := facts(parts["eval_seen"]):
        asked = len(parts["eval_seen"])
        yield f"eval_seen asks {asked} questions about {seen} of {facts(parts['train'])} trained facts"
    else:
        few = "no fact has enough different wordings; raise generate.phrasings or generate.paraphrases"
        yield f"eval_seen is empty: {few if section.holdout_facts else 'curate.holdout_facts is 0'}"
