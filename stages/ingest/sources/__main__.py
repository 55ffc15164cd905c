"""The files that ingest may read in, by path and hash: data/sources.jsonl, on which ingest depends.

It always runs and takes a fraction of a second, since hashes are kept by the files' times.
Run: python -m stages.ingest.sources
"""

from stages.common.base import params
from stages.common.base.errors import run_stage
from stages.ingest.sources import manifest


def main() -> None:
    manifest.write(params.load().docs)


if __name__ == "__main__":
    run_stage("sources", main)
