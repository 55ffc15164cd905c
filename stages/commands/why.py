"""Trace a pair to its page and outcome, or a page to its rows.

WHAT is a pair_id, a question (if none has this wording, the closest one is shown), or a page, partial or file of
data/extra, optionally with a line: docs/page.md:12.

Examples:
  doclore why docs/index.md:12
  doclore why "What is a chunk?"
"""

import argparse
import json
import re
from typing import TYPE_CHECKING, Any

from stages.common.base.errors import UserError
from stages.common.base.printable import say, terminal

if TYPE_CHECKING:
    from stages.commands.tracing.rows import TracedRow

PAIR_ID = re.compile(r"[0-9a-f]{16}")
FILE = re.compile(r".+\.(md|mdx|markdown|json|jsonl)(:\d+)?", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="+", metavar="WHAT", help="pair_id, question, or page[:line]")
    parser.add_argument("--all", action="store_true", help="list every row of a page")
    parser.add_argument("--json", action="store_true", help="print JSON lines instead")


def run(arguments: argparse.Namespace) -> None:
    what = " ".join(arguments.what).strip()
    if not what:
        raise UserError("nothing to look up; give a pair_id, a question or a page")
    if PAIR_ID.fullmatch(what):
        explain_pair(what, arguments.json)
    elif FILE.fullmatch(what) and "?" not in what:
        explain_page(what, arguments)
    else:
        explain_question(what, arguments.json)


def explain_pair(pair_id: str, as_json: bool) -> None:
    from stages.commands.tracing.rows import by_id

    rows = by_id(pair_id)
    if not rows:
        raise UserError(
            f"no row has the pair_id {pair_id}; its chunk or text may have changed, or `dvc repro` has not run yet"
        )
    for one in rows:
        explain(one, as_json)


def explain_question(question: str, as_json: bool) -> None:
    from stages.commands.tracing.questions import closest

    matches = closest(question)
    if not matches:
        raise UserError(f"no question resembles {question!r}")
    exact = [match for match in matches if match.similarity == 100]
    for match in exact or matches[:1]:
        explain(match.traced, as_json)
    if not as_json and not exact:
        from stages.commands.tracing.display import brief

        console = terminal(highlight=False, soft_wrap=True)
        console.print(
            f"\nNo question has exactly this wording; this is the closest one ({matches[0].similarity} % alike). Next:"
        )
        for match in matches[1:]:
            console.print(brief(match.traced, f"{match.similarity:3} % "))


def explain(traced: "TracedRow", as_json: bool) -> None:

    from stages.commands.tracing.display import story
    from stages.commands.tracing.origins import facts
    from stages.commands.tracing.sources import chunk_of, page_of

    row = traced.row
    chunk = chunk_of(row["chunk_id"]) if row["chunk_id"] else None
    page = page_of(row["path"]) if chunk else None
    if as_json:
        whole = {"fate": traced.fate, **row, "facts": facts(traced), "chunk": chunk, "rev": page["rev"] if page else ""}
        say(json.dumps(whole, ensure_ascii=False))
    else:
        for line in story(traced, chunk, page, facts(traced)):
            terminal(highlight=False, soft_wrap=True).print(line)


def explain_page(place: str, arguments: Any) -> None:

    from stages.commands.tracing.display import LISTED, counted, heading, listed
    from stages.commands.tracing.sources import feed
    from stages.common.base import params

    fed = feed(place, params.load().docs.path)
    if arguments.json:
        for traced in fed.rows:
            say(json.dumps({"fate": traced.fate, **traced.row}, ensure_ascii=False))
        return
    console = terminal(highlight=False, soft_wrap=True)
    console.print(heading(fed))
    if fed.line and not fed.rows:
        console.print(f"No row comes from line {fed.line} itself; leave out :{fed.line} to see the whole file.")
    if fed.rows:
        console.print(counted(fed))
    for line in listed(fed, None if arguments.all else LISTED):
        console.print(line)
