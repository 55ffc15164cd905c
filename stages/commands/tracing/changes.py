"""What became of each row between two versions of the dataset."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stages.commands.tracing.rows import REJECTED
from stages.common.records.files import digest, read_jsonl
from stages.common.text.wording import normalised

ALIKE = 60  # percent; two questions with one answer that are less alike ask about different things


class ComparedRow(NamedTuple):
    """What is compared of a row; `first` is the fact's answer where the row has it in other words, `fact` a hash of it
    and of what it is taken from."""

    pair_id: str
    part: str
    path: str
    question: str
    answer: str
    talk: str  # hash of the turns before and of the system prompt
    first: str = ""
    fact: str = ""

    @property
    def content(self) -> tuple[str, str, str]:
        return self.question, self.answer, self.talk


class Version(NamedTuple):
    """The rows of a dataset, and the check that rejected each other pair."""

    rows: list[ComparedRow]
    rejected: dict[str, str]


class Change(NamedTuple):
    """A row that is new, gone, worded or answered otherwise, or in another part of the split. `reason` says more."""

    kind: str  # added, removed, changed or moved
    before: ComparedRow | None
    after: ComparedRow | None
    reason: str

    @property
    def path(self) -> str:
        return (self.after or self.before).path  # type: ignore[union-attr]


def version(files: dict[str, Path]) -> Version:
    """A version of the dataset from its files."""
    rows, rejected = [], {}
    for part, file in files.items():
        for row in read_jsonl(file):
            if part == REJECTED:
                rejected[row["pair_id"]] = row["check"]
            else:
                rows.append(to_row(row, part))
    return Version(rows, rejected)


def to_row(row: dict[str, Any], part: str) -> ComparedRow:
    question = f"{row['instruction']}\n{row['input']}" if row["input"] else row["instruction"]
    talk = digest(row.get("system"), row["messages"]) if "messages" in row else row.get("system", "")
    first = row.get("first_output", "")
    fact = digest(row.get("evidence", ""), normalised(first or row["output"]))
    return ComparedRow(row["pair_id"], part, row["path"], question, row["output"], talk, first, fact)


def changes(old: Version, new: Version) -> list[Change]:
    """The differences between two versions, page by page.

    Rows are the same when their pair_id is, wherever their page moved to, or when page, question and answer are: an
    edit elsewhere in a chunk gives all its pairs new ids. Of the others, the same question of a page has another
    answer, and the same answer of a page may have got another wording.
    """
    noted: list[Change] = []
    before, after = old.rows, new.rows
    for key in (same_pair, same_content, same_question):
        before, after = matched(before, after, key, noted)
    before, after = reworded(before, after, noted)
    noted += [Change("removed", row, None, reason(row, new, "its text is gone")) for row in before]
    noted += [Change("added", None, row, reason(row, old, "")) for row in after]
    return sorted((one for one in noted if one.kind), key=lambda one: one.path)


def same_pair(row: ComparedRow) -> Hashable:
    return row.pair_id


def same_content(row: ComparedRow) -> Hashable:
    return row.path, row.content


def same_question(row: ComparedRow) -> Hashable:
    return row.path, normalised(row.question), row.talk


def matched(
    before: list[ComparedRow], after: list[ComparedRow], key: Callable[[ComparedRow], Hashable], noted: list[Change]
) -> tuple[list[ComparedRow], list[ComparedRow]]:
    """Pair the rows that share a key and note what changed in them; the rows that are left on both sides."""
    waiting: dict[Hashable, list[ComparedRow]] = defaultdict(list)
    for row in reversed(after):
        waiting[key(row)].append(row)
    left, taken = [], set()
    for row in before:
        candidates = waiting.get(key(row))
        if candidates:
            other = candidates.pop()
            taken.add(id(other))
            noted.extend(difference(row, other))
        else:
            left.append(row)
    return left, [row for row in after if id(row) not in taken]


def difference(before: ComparedRow, after: ComparedRow) -> Iterator[Change]:
    if before.content != after.content:
        what = [name for name in ("question", "answer", "talk") if getattr(before, name) != getattr(after, name)]
        yield Change("changed", before, after, f"another {' and '.join(what)}")
    elif before.part != after.part:
        yield Change("moved", before, after, f"{before.part} → {after.part}")


def reworded(
    before: list[ComparedRow], after: list[ComparedRow], noted: list[Change]
) -> tuple[list[ComparedRow], list[ComparedRow]]:
    """Pair the rows of a page that answer the same and ask alike, the most alike first."""
    from rapidfuzz import fuzz, process

    waiting: dict[Hashable, dict[int, ComparedRow]] = defaultdict(dict)
    for index, row in enumerate(after):
        waiting[row.path, normalised(row.answer)][index] = row
    left, taken = [], set()
    for row in before:
        candidates = waiting.get((row.path, normalised(row.answer)), {})
        questions = {index: other.question for index, other in candidates.items()}
        best = process.extractOne(row.question, questions, scorer=fuzz.ratio, score_cutoff=ALIKE)
        if best:
            taken.add(best[2])
            noted.extend(difference(row, candidates.pop(best[2])))
        else:
            left.append(row)
    return left, [row for index, row in enumerate(after) if index not in taken]


def reason(row: ComparedRow, other: Version, otherwise: str) -> str:
    """Why the other version lacks the row."""
    check = other.rejected.get(row.pair_id)
    return f"rejected by {check}" if check else otherwise


def per_page(noted: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Counts of each kind by page."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("added", "removed", "changed", "moved"), 0))
    for one in noted:
        counts[one.path][one.kind] += 1
    return dict(counts)
