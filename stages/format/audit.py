"""The audit: what was formatted, in figures that add up over batches, and the limits that it must keep to."""

import math
from collections import Counter
from typing import Any

from rich.table import Table
from rich.text import Text

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.chat.conversations import IGNORED, THOUGHT, without_thought
from stages.common.records.files import digest
from stages.common.schema import Format
from stages.common.text.wording import language
from stages.common.values.names import without_code
from stages.format.encoding import Encoder
from stages.format.examples import Example, named

COUNTS = (
    "rows",
    "answers",
    "tokens",
    "supervised_tokens",
    "ended",
    "dropped",
    "truncated",
    "zero_label_rows",
    "double_bos",
    "replacement_characters",
    "think_leaks",
    "empty_answers",
    "replayed",
    "documents",
    "document_tokens",
)
PERCENTILES = (5, 50, 95, 99)
SAMPLE = 80  # characters of a question that tell its language
NAMED_ROWS = 3  # rows that an error names

# What a limit of `format.audit` counts, and what mends it.
LIMITS = {
    "max_dropped": (
        "dropped",
        "longer than format.max_length = {max_length} tokens and dropped",
        "raise format.max_length",
    ),
    "max_truncated": (
        "truncated",
        "longer than format.max_length = {max_length} tokens and cut",
        "raise format.max_length",
    ),
    "max_think_leaks": ("think_leaks", "trained to write a think block of their own", "mend the answers"),
    "max_replacement_characters": ("replacement_characters", "broken text with U+FFFD in it", "mend the text"),
    "max_empty_answers": ("empty_answers", "without an answer", "remove them"),
}


class Figures:
    """Counts of one split. Lengths are counted, not listed: memory does not grow with the rows."""

    def __init__(self) -> None:
        self.counts = Counter(dict.fromkeys(COUNTS, 0))
        self.lengths: Counter[int] = Counter()  # tokens of a row → rows
        self.forms: Counter[str] = Counter()  # how a question is asked → rows
        self.languages: Counter[str] = Counter()
        self.ends: Counter[int] = Counter()  # token that ends an answer → rows
        self.private: Counter[str] = Counter()  # what was masked in replayed rows
        self.names: dict[str, list[str]] = {}  # count → the first rows that it counted

    def add(self, encoder: Encoder, example: Example, final: Example | None) -> None:
        """Count an example and what became of it, None if it was dropped."""
        opened = encoder.chat.opens_thought
        written = [example.rendered.text[turn.start : turn.answer] for turn in example.rendered.turns]
        written = [without_thought(one, opened) for one in written] if opened else written
        self.note("replacement_characters", example, "\ufffd" in example.rendered.text)
        self.note("empty_answers", example, not all(map(str.strip, written)))
        self.note("think_leaks", example, any(leaks_thought(one, encoder) for one in written))
        self.note("dropped", example, final is None)
        if final is None:
            return
        self.note("truncated", example, final is not example)
        labelled = final.labelled
        supervised = len(labelled.labels) - labelled.labels.count(IGNORED)
        ended = sum(labelled.labels[end] == labelled.input_ids[end] for end in labelled.ends)
        self.counts["rows"] += 1
        self.counts["answers"] += len(written)
        self.counts["tokens"] += len(labelled.input_ids)
        self.counts["supervised_tokens"] += supervised
        self.counts["ended"] += final is example and ended == len(written)
        self.lengths[len(labelled.input_ids)] += 1
        self.forms[example.row.get("form", "closed_book")] += 1
        self.languages[language(example.row["instruction"][:SAMPLE])] += 1
        for end in labelled.ends:
            self.ends[labelled.input_ids[end]] += 1

    def note(self, count: str, example: Example, holds: bool) -> None:
        if holds:
            self.counts[count] += 1
            self.names.setdefault(count, []).append(named(example.row))
            del self.names[count][NAMED_ROWS:]

    def merge(self, other: "Figures") -> None:
        """Add what was counted behind this."""
        for name in ("counts", "forms", "lengths", "languages", "ends"):
            getattr(self, name).update(getattr(other, name))
        for count, names in other.names.items():
            self.names[count] = [*self.names.get(count, []), *names][:NAMED_ROWS]

    def percentile(self, share: int) -> int:
        """The length in tokens that `share` per cent of the rows do not exceed; 0 without rows."""
        left = sum(self.lengths.values()) * share / 100
        for length in sorted(self.lengths):
            left -= self.lengths[length]
            if left <= 0:
                return length
        return 0

    def summary(self) -> dict[str, Any]:
        """The figures of reports/format.json."""
        rows = self.counts["rows"]
        return {
            **{name: count for name, count in self.counts.items() if name != "ended"},
            "ended_share": round(self.counts["ended"] / rows, 4) if rows else 0.0,
            "length": {**{f"p{share}": self.percentile(share) for share in PERCENTILES}, "max": self.percentile(100)},
            "forms": dict(sorted(self.forms.items())),
            "languages": {name: round(n / rows, 4) for name, n in sorted(self.languages.items())},
        }


def report(parts: dict[str, Figures], encoder: Encoder) -> dict[str, Any]:
    """The content of reports/format.json."""
    chat = encoder.chat
    (stop,) = parts["train"].ends
    return {
        **{split: figures.summary() for split, figures in parts.items()},
        "stop_token": chat.tokenizer.convert_ids_to_tokens(stop),
        "system_in_user_turn": chat.folds_system and bool(chat.section.system_prompt),
        "private": dict(sorted(parts["train"].private.items())),
        "template_hash": digest(chat.template),
    }


def table(report: dict[str, Any]) -> Table:
    """The figures on screen, a column for each split."""
    splits = [split for split in paths.SPLITS if split in report]
    stop = f"answers end in {report['stop_token']}, chat template {report['template_hash']}"
    shown = Table("format audit", *splits, caption=Text(stop))
    for name, first in report[splits[0]].items():
        cells = [report[split][name] for split in splits]
        if isinstance(first, dict):
            shown.add_row(name, *(", ".join(f"{key} {value}" for key, value in cell.items()) for cell in cells))
        else:
            shown.add_row(
                name.replace("_", " "), *(f"{cell:.1%}" if isinstance(cell, float) else f"{cell:,}" for cell in cells)
            )
    return shown


def leaks_thought(written: str, encoder: Encoder) -> bool:
    """Whether the model is trained to write thoughts beside the block that the template has for them.

    Documentation about templates may name the tags in code: that is no thought.
    """
    if "think>" not in written:
        return False
    block = THOUGHT.match(written) if encoder.chat.section.thinking == "keep" else None
    rest = without_code(written[block.end() :] if block else written)
    return "<think>" in rest or "</think>" in rest


def check(figures: Figures, section: Format) -> None:
    """Raise when a share of the training rows is above its limit, with the first rows' places."""
    seen = figures.counts["rows"] + figures.counts["dropped"]
    for key, (count, meaning, remedy) in LIMITS.items():
        share = figures.counts[count] / seen if seen else 0.0
        limit = getattr(section.audit, key)
        if share > limit:
            raise UserError(
                f"format audit: {figures.counts[count]} of {seen} rows ({share:.1%}) are "
                f"{meaning.format(max_length=section.max_length)}, above format.audit.{key} = {limit}; {remedy} or set "
                f"-S format.audit.{key}={math.ceil(share * 100) / 100}; the first: {'; '.join(figures.names[count])}"
            )
