"""The exam: questions of the user's own with reference answers, from data/exam/. It is never trained, and measured.

Every .jsonl, .csv and .md file below the directory is read, but for a README.md. A question must have a reference
answer; it may name the page that holds it, the key values that a right answer states, and tags. `a | b` in a key value
means that either will do.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.exam.readers import READERS, Fault, Item
from stages.common.records.files import digest
from stages.common.text.wording import normalised

NAMES = {  # of the fields, as people may write them in CSV and Markdown
    "question": "question", "问题": "question",
    "reference": "reference", "answer": "reference", "参考答案": "reference", "答案": "reference",
    "page": "page", "页面": "page",
    "key_values": "key_values", "关键值": "key_values",
    "tags": "tags", "标签": "tags",
}  # fmt: skip
LISTS = ("key_values", "tags")
SEPARATORS = {"key_values": ";；\n", "tags": ",;，；、\n"}  # of a list that is written as one text


class ExamRow(TypedDict):
    """A question of the exam. `page` is a path below docs.path, or empty; `path` and the lines are those of the exam's
    own file, 1-based and inclusive."""

    exam_id: str
    question: str
    reference: str
    page: str
    key_values: list[str]
    tags: list[str]
    path: str
    line_start: int
    line_end: int


class Exam(NamedTuple):
    """The questions in the order of files and lines, and one line about each thing that is none."""

    rows: list[ExamRow]
    faults: list[str]


def questions(directory: Path = paths.EXAM) -> list[ExamRow]:
    """The exam, [] where there is none. Raises UserError with the first thing that is no question."""
    exam = read(directory)
    if exam.faults:
        more = len(exam.faults) - 1
        raise UserError(exam.faults[0] + (f" ({more} more: `doclore exam check` lists all)" if more else ""))
    return exam.rows


def read(directory: Path = paths.EXAM) -> Exam:
    """Questions and faults of all files below the directory."""
    rows: dict[str, ExamRow] = {}
    faults: list[str] = []
    for file in files(directory):
        for item in items(file):
            if isinstance(item, Fault):
                faults.append(f"{file.as_posix()}:{item.line}: {item.problem}")
                continue
            row = to_row(item, file)
            first = rows.setdefault(normalised(row["question"]), row)
            if first is not row:
                place = f"{first['path']}:{first['line_start']}"
                faults.append(f"{file.as_posix()}:{item.first}: the question is that of {place}; remove one of them")
    return Exam(list(rows.values()), faults)


def files(directory: Path) -> list[Path]:
    return sorted(file for file in directory.rglob("*") if file.is_file() and not file.name.startswith("."))


def items(file: Path) -> Iterator[Item | Fault]:
    """The questions of a file with their fields under our names."""
    if file.name.lower() == "readme.md":
        return
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        yield Fault(1, f"{file.suffix or 'this kind of'} file is not read; accepted are .jsonl, .csv and .md")
        return
    for item in reader(file):
        yield item if isinstance(item, Fault) else checked(item)


def checked(item: Item) -> Item | Fault:
    """The item with all fields, lists as lists; or what is wrong with it."""
    fields: dict[str, Any] = {"question": "", "reference": "", "page": "", "key_values": [], "tags": []}
    for name, value in item.fields.items():
        key = NAMES.get(name.strip().lower().replace(" ", "_"))
        close = get_close_matches(name.strip().lower(), NAMES, n=1, cutoff=0.8)
        if key is None and close:
            return Fault(item.first, f"{name!r} is not a field; did you mean {close[0]!r}?")
        if key and value not in (None, ""):
            fields[key] = value
    for name, value in fields.items():
        fields[name] = as_list(value, SEPARATORS[name]) if name in LISTS else value
        if not (name in LISTS or isinstance(value, str)) or not all(isinstance(one, str) for one in fields[name]):
            return Fault(item.first, f"{name} is not {'a list of texts' if name in LISTS else 'text'}")
        if name in ("question", "reference") and not value.strip():
            return Fault(item.first, f"{name} is missing or blank; every question needs {name!r}")
    return Item(item.first, item.last, fields)


def as_list(value: Any, separators: str) -> list[Any]:
    """A list as it is; a text cut at the separators, without code marks around the parts."""
    if not isinstance(value, str):
        return value if isinstance(value, list) else [value]
    for separator in separators:
        value = value.replace(separator, "\n")
    return [part.strip().strip("`") for part in value.split("\n") if part.strip()]


def to_row(item: Item, file: Path) -> ExamRow:
    fields = item.fields
    return {
        "exam_id": digest("exam", normalised(fields["question"])),
        "question": fields["question"].strip(),
        "reference": fields["reference"].strip(),
        "page": fields["page"].strip().removeprefix("./"),
        "key_values": fields["key_values"],
        "tags": fields["tags"],
        "path": file.as_posix(),
        "line_start": item.first,
        "line_end": item.last,
    }
