"""From checked rows to the dataset: near-duplicates out, judged, split, with pages held out that can be asked about."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stages.common import schema
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Chunks, Rejection, is_own
from stages.common.rows.source import Source
from stages.curate import judge
from stages.curate.duplicates import near, semantic, variants
from stages.curate.duplicates import same_question as duplicates
from stages.curate.pages import Pages, pages
from stages.curate.split import Parts, assert_no_leak, split

NAMED = 5  # held-out pages in the last lines
TRIES = 5  # other pages held out where nothing could be asked about the first


class Curated(NamedTuple):
    """The dataset's parts, what was rejected on the way to them, the judge's figures, and the pages behind them."""

    parts: Parts
    rejected: list[Rejection]
    judged: dict[str, int]
    pages: Pages


def curated(
    rows: list[DatasetRow], chunks: Chunks, read_chunks: Mapping[str, Source], grouped: Pages, section: schema.Curate,
    asks: Mapping[str, bytes],
) -> Curated:  # fmt: skip
    """Checked rows without near-duplicates, judged and split."""

    def is_trainable(row: DatasetRow) -> bool:
        return not row.get("held_out") and (is_own(row) or grouped.is_trained(chunks[row["chunk_id"]]))

    asked, rank = rows, variants.ranking(read_chunks, is_trainable)
    rows, repeated = duplicates.sift(rows, rank)
    links = near.links(rows, read_chunks, section, asks) + semantic.links(rows, section)
    rows, alike = variants.sift(rows, links, rank, section)
    judged = judge.sift(rows, read_chunks, section)
    parts, leaked = split(judged.rows, asked, chunks, grouped, links, section)
    assert_no_leak(parts, links, chunks, grouped)
    return Curated(parts, repeated + alike + judged.rejected + leaked, judged.figures, grouped)


def dataset(
    rows: list[DatasetRow], chunks: Chunks, read_chunks: Mapping[str, Source], identity: dict[str, str],
    section: schema.Curate, asks: Mapping[str, bytes] = {},
) -> Curated:  # fmt: skip
    """The dataset of checked rows. Where nothing is left to ask about the pages held out, others are held out instead.

    `identity` is the group of each page as ingest knows it, by path; `asks` what rows are known to seek, by pair_id.
    """
    pairs = Counter(row["path"] for row in rows if not is_own(row))
    passed_over: frozenset[str] = frozenset()
    for _ in range(TRIES):
        grouped = pages(chunks.values(), section, identity, pairs, passed_over)
        result = curated(rows, chunks, read_chunks, grouped, section, asks)
        if result.parts["eval_unseen"] or not grouped.held_out - passed_over:
            break
        passed_over |= grouped.held_out
    return result


def last_lines(result: Curated, section: schema.Curate) -> Iterator[str]:
    """What is held out, and why nothing is where nothing is."""
    parts, grouped = result.parts, result.pages
    unseen = sorted({row["path"] for row in parts["eval_unseen"] if not is_own(row)})
    if unseen:
        count = len(parts["eval_unseen"])
        more = f" and {len(unseen) - NAMED} more" if len(unseen) > NAMED else ""
        yield f"held out (never trained): {', '.join(unseen[:NAMED])}{more}; {count} pairs ask about them"
    else:
        why = grouped.why_none or "every page that could be held out repeats a trained page"
        yield f"no page is held out, so eval_unseen is empty: {why}"
    facts = len({row["fact_id"] for row in parts["eval_seen"]})
    if facts:
        trained = len({row["fact_id"] for row in parts["train"]})
        yield f"eval_seen asks {len(parts['eval_seen'])} questions about {facts} of {trained} trained facts"
    else:
        few = "no fact has enough different wordings; raise generate.phrasings or generate.paraphrases"
        yield f"eval_seen is empty: {few if section.holdout_facts else 'curate.holdout_facts is 0'}"
