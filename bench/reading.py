"""Extractive pairs for a person to read: a sample by hash of what curate's checks accept, one wording of each fact.

Stands in a project whose pages are ingested and chunked. Run: python bench/reading.py [--count 60] [--salt 1]
Verdicts are kept in bench/readings/extractive.csv, and may be looked up there by the pair's id.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterator

from stages.common.base import params, paths
from stages.common.base.budget import Skipped
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.rows.rows import to_row
from stages.common.rows.source import sources
from stages.curate import checks
from stages.curate.origins import Origins
from stages.generate.extractive import pairs
from stages.generate.extractive.contexts import Pages
from stages.generate.extractive.own_wordings import OwnWordings
from stages.generate.labelling.labelling import to_pair


def sample(salt: str) -> Iterator[DatasetRow]:
    """All accepted pairs in the order of the sample."""
    settings = params.load()
    section = settings.generate.model_copy(
        update={"max_facts_per_chunk": 0, "phrasings": 1, "held_out_phrasings": 0, "searches": 0}
    )
    chunks: dict[str, Chunk] = {chunk["chunk_id"]: chunk for chunk in read_jsonl(paths.CHUNKS)}
    pages, skipped = Pages(read_jsonl(paths.DOCS)), Skipped("generate")
    asked = pairs.rows(lambda _: chunks.values(), pages, section, OwnWordings(), Counter(), skipped)
    origins = Origins(read_jsonl(paths.DOCS))
    made = (
        to_row(to_pair(chunk["chunk_id"], row, row["style"], "", *wording), chunks) for chunk, row, wording in asked
    )
    rows = list(origins.located(made, chunks))
    read = sources(chunks.values(), origins.language)
    for row in sorted(rows, key=lambda row: hashlib.sha256(f"{salt}{row['fact_id']}".encode()).hexdigest()):
        if checks.verdict(row, read[row["chunk_id"]], settings.curate) is None:
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--salt", default="1", help="another one draws another sample")
    arguments = parser.parse_args()
    for row, _ in zip(sample(arguments.salt), range(arguments.count), strict=False):
        print(f"## {row['pair_id']} {row['style']} {row['path']}:{row['line_start']}\n\n{row['instruction']}\n")
        print(f"{row['output']}\n")


if __name__ == "__main__":
    main()
