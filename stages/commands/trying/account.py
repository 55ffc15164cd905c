"""A rehearsal in words: pages, what was left out, what is held out, sample pairs and what a full run would cost."""

from collections.abc import Iterable, Iterator

from stages.commands.trying.rehearsal import Rehearsal
from stages.common import schema
from stages.common.records.files import share
from stages.common.records.rows import DatasetRow
from stages.common.text import tokens

LISTED = 5
SHORT = 300  # characters of an answer
REASONS = {
    "empty": "no words in it",
    "only_title": "only a title",
    "only_links": "only links",
    "only_images": "only images",
    "partial": "part of other pages",
    "unpublished": "not published by the site",
    "other_language": "not in docs.languages",
    "other_version": "not in docs.versions",
    "over_max_bytes": "larger than docs.max_bytes",
}
TURNS = 30  # tokens that a chat template writes around a question and its answer, about
CPU_SPEED = 523  # tokens a second that the embedded model is trained with on 2 cores (BENCHMARKS.md, a step on a CPU)


def lines(seen: Rehearsal, settings: schema.Params, pairs: int) -> Iterator[str]:
    yield from pages(seen)
    yield from held_out(seen)
    yield from samples(seen.rows, pairs)
    yield from cost(seen, settings)


def pages(seen: Rehearsal) -> Iterator[str]:
    """What was read, what was not, and what stays as unread syntax."""
    ingest = seen.ingest
    languages = ", ".join(f"{count:,} {name or 'in an unknown language'}" for name, count in most(ingest["languages"]))
    total = sum(chunk["tokens"] for chunk in seen.chunks)
    yield f"{ingest['pages']:,} pages from {ingest['files']:,} files ({languages})"
    yield f"{len(seen.chunks):,} chunks of {total:,} tokens"
    for reason, files in ingest["skipped"].items():
        yield f"left out ({reason_of(reason)}): {ingest[f'skipped_{reason}']:,}, such as {files[0]}"
    for name, count in ingest.get("excluded_directories", {}).items():
        yield f"left out (docs.exclude): {count:,} in {name.rstrip('/')}/"
    for kind, found in ingest.get("unread", {}).items():
        place = found["places"][0]
        example = " ".join(place["text"].split())
        yield f"syntax left as it is ({kind}): {found['count']:,}, such as {example} ({place['path']}:{place['line']})"
    sizes: dict[str, int] = {}
    for chunk in seen.chunks:
        sizes[chunk["path"]] = sizes.get(chunk["path"], 0) + chunk["tokens"]
    largest = ", ".join(f"{path} ({size:,} tokens)" for path, size in most(sizes)[:LISTED])
    yield f"largest pages: {largest}"


def held_out(seen: Rehearsal) -> Iterator[str]:
    names = sorted({row["path"] for row in seen.unseen})
    if seen.scale > 1:
        yield f"the rest is from a sample of {seen.sampled:,} chunks:"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    shown = f" ({', '.join(names[:LISTED])}{more})" if names else ""
    yield f"pages held out from training: {len(names)}{shown}"
    yield f"{seen.curate['pairs']:,} pairs, rejected or held back: {seen.curate['rejected']:,}"


def samples(rows: Iterable[DatasetRow], number: int) -> Iterator[str]:
    """Pairs drawn by hash, one a fact: not the best ones, but whole questions where a fact has one."""
    drawn: dict[str, DatasetRow] = {}
    for row in sorted(rows, key=lambda row: (row.get("family") == "search", share("try", row["pair_id"]))):
        drawn.setdefault(row["fact_id"], row)
    yield ""
    yield f"sample pairs: {min(number, len(drawn))}"
    for row in list(drawn.values())[:number]:
        yield f"\n{row['path']}:{row['line_start']}-{row['line_end']}"
        yield f"  {' '.join((row['instruction'] + ' ' + row['input']).split())}"
        yield f"  → {shortened(' '.join(row['output'].split()))}"


def cost(seen: Rehearsal, settings: schema.Params) -> Iterator[str]:
    """What a full run would take, scaled up from the sample."""
    each = [size(row, settings.chunk.encoding) for row in seen.rows]
    rows, total = round(len(each) * seen.scale), sum(each) * seen.scale * settings.train.num_train_epochs
    each_device = settings.train.per_device_train_batch_size
    batch = (8 if each_device == "auto" else int(each_device)) * settings.train.gradient_accumulation_steps
    steps = round(rows * settings.train.num_train_epochs / batch)
    yield ""
    yield (
        f"a full run would train on about {rows:,} rows ({batch} per step, steps: {steps:,}); the embedded model takes "
        f"{duration(total / CPU_SPEED)} on 2 CPU cores"
    )
    section = settings.generate
    requests = len(seen.chunks) * section.styles_per_chunk
    asked = sum(chunk["tokens"] for chunk in seen.chunks) * section.styles_per_chunk
    yield (
        f"with an LLM to write the pairs (generate.backend: llm) it would send about {requests:,} requests with "
        f"{asked:,} tokens of your pages; `doclore plan` shows what they cost"
    )


def size(row: DatasetRow, encoding: str) -> int:
    return tokens.count(f"{row['instruction']}\n{row['input']}\n{row['output']}", encoding) + TURNS


def most(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def shortened(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def reason_of(name: str) -> str:
    """Why ingest leaves a file out, in words where its name does not say it."""
    return (
        f"page kind {name.removeprefix('kind_')}"
        if name.startswith("kind_")
        else REASONS.get(name, name.replace("_", " "))
    )


def duration(seconds: float) -> str:
    if seconds < 90:
        return "about a minute"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} minutes"
    return f"about {seconds / 3600:.0f} hours"
