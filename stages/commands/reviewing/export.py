"""The verdicts of data/review.jsonl as Markdown, for the text of a pull request."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from stages.commands.tracing.rows import shown, traced_rows
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.git import git, refuse_without_git
from stages.curate.review import Review, parsed, read_reviews

LONGEST = 60_000  # characters; a pull request of GitHub takes 65,536
CUT = 300  # characters of a question or an answer
SIGNS = re.compile(r"([\\`*_\[\]<>#|@~])")  # which Markdown or a forge would read
PAST = {"accept": "accepted", "edit": "edited", "reject": "rejected"}
GONE = "no pair has these ids any more"


class Said(NamedTuple):
    """One verdict on the wordings of one fact."""

    path: str
    review: Review
    question: str
    answer: str
    times: int


def markdown(reviews: Mapping[str, Review]) -> str:
    """Counts, then every verdict under its page, one for all wordings of a fact that have the same."""
    counts: Counter[str] = Counter(review.verdict for review in reviews.values())
    counted = ", ".join(f"{counts[name]} {past}" for name, past in PAST.items() if counts[name])
    lines = [f"## Review of {len(reviews)} pairs: {counted or 'none'}"]
    pages: dict[str, list[Said]] = defaultdict(list)
    for said in verdicts(reviews):
        pages[said.path].append(said)
    for path in sorted(pages, key=lambda path: (path == GONE, path)):
        lines += ["", f"### {plain(path)}", "", *map(line, pages[path])]
    return cut(lines)


def verdicts(reviews: Mapping[str, Review]) -> Iterator[Said]:
    """With nothing private in them; rows and reviews are looked through once."""
    rows = shown({traced.row["pair_id"]: traced.row for traced in traced_rows(of_these(reviews))})
    texts = shown({pair_id: review.model_dump() for pair_id, review in reviews.items()})
    reviews = {pair_id: Review.model_validate(text) for pair_id, text in texts.items()}
    grouped: dict[Any, list[Review]] = defaultdict(list)
    for pair_id, review in reviews.items():
        row = rows.get(pair_id, {})
        fact = (row.get("fact_id") or pair_id, review.verdict, review.note, review.text and review.text.output)
        grouped[row.get("path", GONE), *fact].append(review)
    for (path, *_), alike in grouped.items():
        first = alike[0]
        row = rows.get(first.pair_id, {})
        question = first.question or row.get("instruction", first.pair_id)
        yield Said(path, first, question, row.get("output", ""), len(alike))


def of_these(reviews: Mapping[str, Review]) -> Any:
    """Whether a line of the dataset holds one of these pairs."""
    pair_id = re.compile(r'"pair_id": "([^"]+)"')
    return lambda text: (match := pair_id.search(text)) and match[1] in reviews


def line(said: Said) -> str:
    review = said.review
    more = f" and {said.times - 1} more wordings" if said.times > 1 else ""
    parts = [f"- **{PAST[review.verdict]}**: {plain(said.question)}{more}"]
    for name, text in (review.text.model_dump(exclude_none=True) if review.text else {}).items():
        before = f"{plain(said.answer)} → " if name == "output" and said.answer and said.answer != text else ""
        parts.append(f"  - {name}: {before}{plain(text)}")
    if review.note:
        parts.append(f"  - note: {plain(review.note)}")
    return "\n".join(parts)


def plain(text: str) -> str:
    """A text as one line in which nothing is mark-up."""
    text = " ".join(text.split())
    return SIGNS.sub(r"\\\1", text if len(text) <= CUT else f"{text[: CUT - 1]}…")


def cut(lines: list[str]) -> str:
    """The lines that a pull request has room for."""
    size, kept = 0, 0
    while kept < len(lines) and (size := size + len(lines[kept]) + 1) < LONGEST:
        kept += 1
    left = sum(one.startswith("- ") for one in lines[kept:])
    return "\n".join([*lines[:kept], *([f"\n… and {left} more verdicts in {paths.REVIEW}"] if left else [])])


def changed_since(revision: str) -> dict[str, Review]:
    """The verdicts that are not those of a revision of Git. Raises UserError when there is no such revision."""
    name = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not name:
        refuse_without_git()
        raise UserError(f"{revision} is not a commit, branch or tag of this repository")
    text = git("show", f"{name.strip()}:./{paths.REVIEW.as_posix()}") or ""
    before = {}
    for row in filter(str.strip, text.splitlines()):
        try:
            before[json.loads(row)["pair_id"]] = parsed(row)
        except (ValueError, KeyError):
            continue  # what cannot be read there is new here
    return {key: review for key, review in read_reviews(paths.REVIEW).items() if before.get(key) != review}
