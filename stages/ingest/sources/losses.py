"""Words of the source files that reached no page, told without the readers: by what a person would see in the source.

The oracle knows no generator. It counts the words that `shown` leaves of a source file and compares them with the words
of the lines that came from this file.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stages.common.base.budget import MAX_SECONDS, OverBudgetError, budget
from stages.common.records.rows import Doc, Span
from stages.common.text.wording import CJK_RANGE
from stages.ingest.sources.shown import source_text

WORD = re.compile(rf"[\u3041-\u30fe{CJK_RANGE}\uac00-\ud7a3]|[^\W_]{{2,}}")
REASONS = [
    ("include", re.compile(r"8<-|^<<<|@\[code|\{\*|\{\{#|include::|\{%-? *include|!\[\[")),
    ("component", re.compile(r"</?[A-Z]|^\s+\w+=[\"{]")),
    ("shortcode", re.compile(r"\{\{[<%]")),
    ("template", re.compile(r"\{%|\{\{")),
    ("directive", re.compile(r"^\s*(?:\.\. |:{3,}|`{3,}\{|!!!|\?\?\?|///)")),
    ("expression", re.compile(r"\{[\w.\[(\"'`]")),
    ("html", re.compile(r"<[a-z]")),
    ("table", re.compile(r"^\s*\|")),
    ("link", re.compile(r"\]\(|\]\[|\[\[|\]:")),
    ("code", re.compile(r"^(?: {4}|\t)|`")),
]
WORST = 10  # files named in the report
NAMED_ON_SCREEN = 3
# What is left out on purpose, and counted apart.
UNNAMED = "partial that no page names"
ON_PURPOSE = ("kind_", "unpublished", "other_", "only_", "empty", "link_", "duplicate", UNNAMED)


def word_counts(text: str) -> Counter[str]:
    return Counter(WORD.findall(text.lower()))


@dataclass
class Loss:
    """Of one file: its words, how many reached no page, and the line that lost most."""

    path: str
    words: int
    lost: int
    line: int = 0
    text: str = ""


@dataclass
class Account:
    """What became of the words of all files."""

    files: list[Loss] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Counter[str]] = field(default_factory=dict)  # words of partials, by path
    unmeasured: list[str] = field(default_factory=list)  # pages on which counting took too long

    @contextmanager
    def counting(self, path: str) -> Iterator[None]:
        """Count a file's words; one on which that takes too long, or fails, is a page or a skip all the same."""
        try:
            with budget(MAX_SECONDS):
                yield
        except (OverBudgetError, ValueError, LookupError, RecursionError, MemoryError):
            self.unmeasured.append(path)

    def page(self, source: str, doc: Doc) -> None:
        """A page, and what of its partials it shows."""
        path, own = doc["path"], word_counts(f"{doc['title']} {doc['description']}")
        for name, text in texts(doc["text"].split("\n"), doc["spans"]).items():
            if name == path:
                own += word_counts(text)
            else:
                self.kept[name] = self.kept.get(name, Counter()) | word_counts(text)
        self.compare(path, source, own)

    def add(self, other: "Account") -> None:
        """What became of the words of a page."""
        self.files += other.files
        self.reasons.update(other.reasons)
        self.unmeasured += other.unmeasured
        for name, words in other.kept.items():
            self.kept[name] = self.kept[name] | words if name in self.kept else words

    def partial(self, path: str, words: Counter[str], source: Callable[[], str]) -> None:
        """A file that pages show, by the words that it has."""
        if words - self.kept[path]:
            self.compare(path, source(), self.kept[path])
        else:
            self.files.append(Loss(path, words.total(), 0))

    def skipped(self, path: str, count: int, reason: str) -> None:
        """A file that no page shows, by the number of its words: left out on purpose, or lost with all of them."""
        if reason.startswith(ON_PURPOSE):
            self.left_out[reason] += count
        elif count:
            self.files.append(Loss(path, count, count, 1, reason))
            self.reasons[reason] += count

    def compare(self, path: str, source: str, kept: Counter[str]) -> None:
        visible = source_text(path, source)
        needed = word_counts(visible)
        missing = needed - kept
        loss = Loss(path, needed.total(), missing.total())
        if missing:
            rows = list(lost_lines(visible.split("\n"), missing))
            raw = source.split("\n")
            for number, count in rows:
                self.reasons[reason_of(raw[number] if number < len(raw) else "")] += count
            number, _ = max(rows, key=lambda row: row[1])
            loss.line, loss.text = number + 1, " ".join(raw[number].split())[:120] if number < len(raw) else ""
        self.files.append(loss)

    @property
    def words(self) -> int:
        return sum(loss.words for loss in self.files)

    @property
    def lost(self) -> int:
        return sum(loss.lost for loss in self.files)

    @property
    def share(self) -> float:
        return self.lost / max(self.words, 1)

    def worst(self, count: int) -> list[Loss]:
        return sorted((loss for loss in self.files if loss.lost), key=lambda loss: (-loss.lost, loss.path))[:count]

    def as_json(self) -> dict[str, Any]:
        return {
            "words": self.words,
            "lost": self.lost,
            "share": round(self.share, 5),
            "by_reason": dict(self.reasons.most_common()),
            "left_out": dict(self.left_out.most_common()),
            "unmeasured": self.unmeasured,
            "worst": [vars(loss) for loss in self.worst(WORST)],
        }

    def summary(self) -> list[str]:
        """Lines for the screen."""
        by_reason = ", ".join(f"{count:,} {reason}" for reason, count in self.reasons.most_common(5))
        worst = "; ".join(f"{loss.path}:{loss.line} ({loss.lost:,})" for loss in self.worst(NAMED_ON_SCREEN))
        left_out = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.most_common(5))
        lost = f"{self.lost:,} of {self.words:,} words ({self.share:.2%}) reached no page"
        return [
            lost + (f": {by_reason}; most in {worst}" if self.lost else ""),
            *([f"left out on purpose: {left_out} words"] if self.left_out else []),
        ]


def texts(lines: list[str], spans: list[Span]) -> dict[str, str]:
    """The lines of a page's text by the file that they come from."""
    by_path: dict[str, list[str]] = {}
    ends = [span["line"] - 1 for span in spans[1:]] + [len(lines)]
    for span, end in zip(spans, ends, strict=True):
        by_path.setdefault(span["path"], []).extend(lines[span["line"] - 1 : end])
    return {path: "\n".join(part) for path, part in by_path.items()}


def lost_lines(lines: list[str], missing: Counter[str]) -> Iterator[tuple[int, int]]:
    """Lines, counted from 0, with the number of words they lost: those that lost most of theirs explain the most."""
    missing = Counter(missing)
    rows = []
    for number, line in enumerate(lines):
        counts = word_counts(line)
        count = sum(min(times, missing[word]) for word, times in counts.items() if word in missing)
        if count:
            rows.append((-count / counts.total(), number, counts))
    for _, number, counts in sorted(rows, key=lambda row: row[:2]):
        taken = counts & missing
        if taken:
            missing -= taken
            yield number, taken.total()


def reason_of(line: str) -> str:
    return next((reason for reason, pattern in REASONS if pattern.search(line)), "text")
