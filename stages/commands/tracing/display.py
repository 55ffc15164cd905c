"""What `doclore why` and `doclore diff` print, as lines that a terminal may wrap and a shell may cut up."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from stages.commands.tracing.changes import Change
from stages.commands.tracing.rows import REJECTED, TracedRow
from stages.commands.tracing.sources import Feed
from stages.common.records.rows import Chunk, Doc
from stages.report.evidence import evidence_span

LISTED = 40  # rows of a page that are listed unless all are asked for
COLOURS = {"train": "green", "eval_seen": "cyan", "eval_unseen": "blue", REJECTED: "red"}
CHANGES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}


def story(traced: TracedRow, chunk: Chunk | None, page: Doc | None, facts: dict[str, str]) -> Iterator[Text]:
    """A row from its question back to its page. `facts` are further lines: generator, review, format."""
    row = traced.row
    yield from conversation(row)
    yield Text()
    for name, value in {**outcome(traced), **facts, **origin(row, chunk, page)}.items():
        if value:
            style = COLOURS[traced.fate] if name == "went to" else ""
            yield Text.assemble((f"{name:10}", "bold"), (" ".join(value.split()), style))
    yield from source(row, chunk)


def conversation(row: dict[str, Any]) -> Iterable[Text]:
    for turn in row.get("messages", [])[:-2]:
        yield Text(f"{turn['role']}: {turn['content']}", style="dim")
    yield Text(f"{row['instruction']}\n{row['input']}".strip(), style="bold")
    yield Text(row["output"])


def outcome(traced: TracedRow) -> dict[str, str]:
    row = traced.row
    lines = {"pair": row["pair_id"], "went to": traced.reason}
    if traced.fate == REJECTED:
        lines |= {"found": readable(row["value"]), "accepted": str(row["threshold"]), "row": row.get("row", "")}
    return lines


def readable(value: Any) -> str:
    """A value as people read it: a judge's verdict is several words by name."""
    return ", ".join(f"{name} {word}" for name, word in value.items()) if isinstance(value, dict) else str(value)


def origin(row: dict[str, Any], chunk: Chunk | None, page: Doc | None) -> dict[str, str]:
    lines = {"evidence": row["evidence"]}
    if chunk:
        lines["chunk"] = f"{chunk['chunk_id']}, {chunk['tokens']} tokens"
        lines["headings"] = " › ".join(chunk["headings"])
    lines["page"] = place(row)
    if "form" in row:
        before = ", ".join(map(place, row.get("passages", [])))
        lines["form"] = f"{row['form']}: asked behind {before}" if before else row["form"]
    if "partial" in row:
        lines["inlined from"] = ", ".join(map(place, [row["partial"], *row.get("further_partials", [])]))
    if chunk:
        lines["partials"] = ", ".join(map(place, chunk["partials"]))
        lines["also in"] = ", ".join(chunk["also_in"])
    if page:
        lines |= {"title": page["title"], "revision": page["rev"]}
    return lines


def place(row: Any) -> str:
    """`path:first-last`, as editors understand it; one line is one number."""
    first, last = row["line_start"], row["line_end"]
    return f"{row['path']}:{first}" + (f"-{last}" if last > first else "")


def source(row: dict[str, Any], chunk: Chunk | None) -> Iterable[Text]:
    """The chunk's text with the evidence marked."""
    if chunk:
        text = Text(chunk["text"].strip("\n"), style="dim")
        if span := evidence_span(text.plain, row["evidence"]):
            text.stylize("bold not dim reverse", *span)
        yield Text()
        yield text


def heading(feed: Feed) -> Text:
    where = f"{feed.path}:{feed.line}" if feed.line else feed.path
    return Text(f"{where}: {len(feed.chunks)} chunks, {len(feed.rows)} rows", style="bold")


def counted(feed: Feed) -> Table:
    table = Table("fate", "rows")
    for reason, count in sorted(Counter(traced.reason for traced in feed.rows).items()):
        table.add_row(reason, str(count))
    return table


def listed(feed: Feed, limit: int | None) -> Iterable[Text]:
    """The rows, under the headings of their chunks."""
    chunks = {chunk["chunk_id"]: chunk for chunk in feed.chunks}
    last = ""
    for traced in sorted(feed.rows, key=lambda traced: (traced.row["line_start"], traced.row["chunk_id"]))[:limit]:
        row = traced.row
        if row["chunk_id"] != last:
            last = row["chunk_id"]
            yield Text(f"{' › '.join(chunks[last]['headings'])} ({place(row)})", style="bold")
        yield brief(traced)
    if limit and len(feed.rows) > limit:
        yield Text(f"… and {len(feed.rows) - limit} more; --all lists them", style="dim")


def brief(traced: TracedRow, before: str = "") -> Text:
    """A row in one line."""
    row = traced.row
    asked = " ".join(row["instruction"].split()) or f"line {row['line_start']}: {row.get('value')}"
    shown = asked if len(asked) <= 80 else asked[:79] + "…"
    return Text.assemble(f"  {before}", (row["pair_id"], "dim"), " ", (traced.reason, COLOURS[traced.fate]), " ", shown)


def changed_table(shown: dict[str, dict[str, int]], counts: dict[str, dict[str, int]]) -> Table:
    """Counts by page, and their sums over all pages, shown or not."""
    kinds = list(CHANGES)
    table = Table("page", *kinds, show_footer=True)
    table.columns[0].footer = f"{len(counts)} pages"
    table.columns[0].overflow = "fold"
    for column, kind in zip(table.columns[1:], kinds, strict=True):
        column.justify = "right"
        column.footer = str(sum(count[kind] for count in counts.values()))
    for path, count in shown.items():
        table.add_row(Text(path), *(Text(str(count[kind] or ""), style=CHANGES[kind]) for kind in kinds))
    return table


def changed_row(change: Change) -> Iterable[Text]:
    """A change in one line for each side that there is."""
    yield Text.assemble((change.kind, CHANGES[change.kind]), f" {change.path} {change.reason}".rstrip())
    for mark, row in (("-", change.before), ("+", change.after)):
        if row:
            yield Text(" ".join(f"  {mark} {row.question} → {row.answer}".split("\n")))
