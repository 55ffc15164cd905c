"""Your own exam in data/exam/: list, check and add questions.

`check` lists malformed questions, and questions that no page answers because a search does not find their key values.

Examples:
  doclore exam check
  doclore exam list
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say, terminal

FILE = paths.EXAM / "questions.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="print the questions (the default)")
    listing.add_argument("--tag", default="", help="only questions with this tag")
    actions.add_parser("check", help="list malformed questions, and questions that no page answers")
    adding = actions.add_parser("add", help="add a question")
    adding.add_argument("question")
    adding.add_argument("reference", help="the correct answer")
    adding.add_argument("--page", default="", help="the page that contains the answer, relative to docs.path")
    adding.add_argument(
        "--key-value", action="append", default=[], help="something a right answer must state; may be repeated"
    )
    adding.add_argument("--tag", action="append", default=[], help="may be repeated")
    adding.add_argument("--file", type=Path, default=FILE, help=f"a .jsonl file below {paths.EXAM} (default: {FILE})")


def run(arguments: argparse.Namespace) -> None:
    {"check": check, "add": add}.get(arguments.action, show)(arguments)


def show(arguments: argparse.Namespace) -> None:
    """The questions in a table, and how many faults keep others out of it."""
    from rich.table import Table
    from rich.text import Text

    from stages.common.exam.questions import read

    exam, tag = read(), getattr(arguments, "tag", "")
    rows = [row for row in exam.rows if not tag or tag in row["tags"]]
    table = Table("place", "question", "reference", "tags", title=f"{len(rows)} questions", show_lines=True)
    for row in rows:
        place = f"{Path(row['path']).relative_to(paths.EXAM)}:{row['line_start']}"
        table.add_row(*map(Text, (place, row["question"], row["reference"], ", ".join(row["tags"]))))
    terminal().print(table if rows else f"No questions yet; type: doclore exam add QUESTION REFERENCE, or write {FILE}")
    if exam.faults:
        say(f"{faulty(exam.faults)} in {paths.EXAM}; type: doclore exam check")


def check(_: argparse.Namespace) -> None:
    """Raises UserError when something in data/exam/ is no question."""
    from stages.common.exam.questions import read
    from stages.common.records.files import read_jsonl

    exam = read()
    for fault in exam.faults:
        say(fault)
    chunks = list(read_jsonl(paths.CHUNKS)) if exam.rows else []
    for remark in remarks(exam.rows, chunks):
        say(remark)
    if exam.faults:
        raise UserError(f"{faulty(exam.faults)} in {paths.EXAM}; fix or remove what is listed")


def faulty(faults: list[Any]) -> str:
    return f"{len(faults)} unusable {'entry' if len(faults) == 1 else 'entries'}"


def remarks(rows: list[Any], chunks: list[Any]) -> Iterator[str]:
    """A line about each question that no page answers, and one about all."""
    from stages.common.exam.search import Search, chunk_text
    from stages.evaluate import exam

    measured, foreign = exam.of_documentation(rows, chunks)
    for row in foreign:
        place = f"{row['path']}:{row['line_start']}"
        yield f"{place}: {row['page']} is not a page of the documentation, so the question is not measured"
    search = Search([chunk_text(chunk) for chunk in chunks]) if chunks else None
    results = [exam.answered(row, chunks, search) for row in measured] if search else []
    for result in results:
        if not result.complete:
            place = f"{result.row['path']}:{result.row['line_start']}"
            nearest = f"; nearest is {result.chunk['path']}:{result.chunk['line_start']}" if result.chunk else ""
            missing = ", ".join(exam.values_of(result.row))
            yield f"{place}: no page answers {result.row['question']!r} (looked for: {missing}){nearest}"
    answered = sum(result.complete for result in results)
    yield f"{len(rows)} questions; {answered} are answered by a page, {len(foreign)} are about pages that do not exist"


def add(arguments: argparse.Namespace) -> None:
    """Append a question to a file of the exam. Raises UserError when it is none, or is there already."""
    from stages.common.exam.questions import checked, questions
    from stages.common.exam.readers import Fault, Item
    from stages.common.text.wording import normalised

    file: Path = arguments.file
    if file.suffix != ".jsonl" or not file.resolve().is_relative_to(paths.EXAM.resolve()):
        raise UserError(f"--file {file}: accepted is a .jsonl file below {paths.EXAM}")
    fields = {"question": arguments.question, "reference": arguments.reference, "page": arguments.page,
              "key_values": arguments.key_value, "tags": arguments.tag}  # fmt: skip
    item = checked(Item(0, 0, fields))
    if isinstance(item, Fault):
        raise UserError(item.problem)
    for row in questions():
        if normalised(row["question"]) == normalised(arguments.question):
            raise UserError(f"the question is already in {row['path']}:{row['line_start']}")
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text("utf-8") if file.exists() else ""
    line = json.dumps({key: value for key, value in fields.items() if value}, ensure_ascii=False)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if before and not before.endswith("\n") else "") + line + "\n")
    say(f"added to {file}; `doclore exam check` says whether a page answers it")
