"""How the model came about: what each stage made, in what time, and what was left on the way."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from stages.report.inputs import Inputs

Figures = dict[str, Any]


class Step(NamedTuple):
    """A stage with its figures by word, and the seconds of its last run on this machine, if it ran here."""

    stage: str
    figures: Figures
    seconds: float | None


class Count(NamedTuple):
    """A number of the funnel; `ratio` is to the number before it: a share from 0 to 1, or how many of them for one."""

    name: str
    size: int
    ratio: float | None


def steps(inputs: Inputs) -> list[Step]:
    """The stages in their order."""
    of = inputs.stages
    figures: dict[str, Figures] = {
        "ingest": picked(of["ingest"], "pages", "duplicates") | accounted(of["ingest"]),
        "chunk": picked(of["chunk"], "chunks", "tokens"),
        "generate": {"pairs": of["curate"]["generated"]} if "generated" in of["curate"] else {},
        "curate": picked(of["curate"], "kept", "rejected"),
        "format": picked(of["format"].get("train", {}), "rows", "tokens", "supervised_tokens"),
        "train": picked(of["train"], "steps", "backend", "device", "dtype", "trainable_parameters"),
        "merge": picked(of["merge"], "parameters", "bytes"),
        "evaluate": {"questions": len(inputs.predictions)} if inputs.predictions else {},
    }
    return [Step(stage, values, inputs.seconds.get(stage)) for stage, values in figures.items()]


def accounted(ingest: Figures) -> Figures:
    """Words that reached no page, what of the syntax is not understood, and the languages of the pages."""
    lost = {"words_lost": ingest["account"]["lost"]} if "account" in ingest else {}
    unread = sum(entry["count"] for entry in ingest.get("unread", {}).values())
    languages = ", ".join(f"{code} {pages:,}" for code, pages in ingest.get("languages", {}).items())
    return lost | ({"unread": unread} if unread else {}) | ({"languages": languages} if languages else {})


def picked(report: Figures, *names: str) -> Figures:
    return {name: report[name] for name in names if name in report}


def funnel(inputs: Inputs) -> list[Count]:
    """From pages to trained rows, as far as the stages counted them."""
    of = inputs.stages
    counts = {
        "pages": of["ingest"].get("pages"),
        "chunks": of["chunk"].get("chunks"),
        "pairs": of["curate"].get("pairs"),
        "kept": of["curate"].get("kept"),
        "trained": of["format"].get("train", {}).get("rows"),
    }
    known = [(name, count) for name, count in counts.items() if count is not None]
    before = [None, *(count for _, count in known)]
    return [Count(name, count, count / last if last else None)
            for (name, count), last in zip(known, before, strict=False)]  # fmt: skip


def losses(inputs: Inputs) -> Iterator[tuple[str, int]]:
    """Why pairs are not trained: the checks of curate that rejected them, then the two held-out sets."""
    curate = inputs.stages["curate"]
    yield from sorted(curate.get("rejected_by", {}).items(), key=lambda item: -item[1])
    yield from picked(curate, "eval_seen", "eval_unseen").items()
    dropped = inputs.stages["format"].get("train", {}).get("dropped", 0)
    if dropped:
        yield "dropped", dropped
