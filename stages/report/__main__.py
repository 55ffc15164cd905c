"""What the stages wrote in, reports/index.html out: what the pipeline did and how well the model knows the docs.

Reads reports/*.json, reports/predictions.jsonl, data/chunks.jsonl, data/dataset/ and data/uncovered.jsonl.
Run: python -m stages.report
"""

from stages.common.base import params, paths
from stages.common.base.errors import run_stage
from stages.common.base.printable import say
from stages.report import page


def main() -> None:
    file = paths.REPORTS / "index.html"
    page.write(file, params.load())
    say(f"report: {file}")


if __name__ == "__main__":
    run_stage("report", main)
