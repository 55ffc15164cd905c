"""What became of every file: counts, and lists of what was skipped, not resolved or not UTF-8."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stages.common.base.budget import failure
from stages.ingest.dialects.page import Findings
from stages.ingest.sources.losses import Account

LONGEST_LIST = 1_000  # entries of one list in the report; the counts are always complete
MOST_PLACES = 3  # of each kind of syntax that is not understood


@dataclass
class Report:
    counts: Counter[str] = field(
        default_factory=lambda: Counter(files=0, pages=0, duplicates=0, partials_inlined=0, partials_unresolved=0)
    )
    encodings: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    private: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    unresolved: list[dict[str, Any]] = field(default_factory=list)
    not_utf8: list[dict[str, str]] = field(default_factory=list)
    unread: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)  # front matter
    data: Counter[str] = field(default_factory=Counter)  # lines with base64, by path
    characters: dict[str, Counter[str]] = field(default_factory=dict)  # taken out, by path and kind
    looked_up: set[str] = field(default_factory=set)  # files that pages take something from
    account: Account = field(default_factory=Account)
    excluded: list[tuple[str, int]] = field(default_factory=list)  # directories with pages, and how many
    read_besides: list[str] = field(default_factory=list)  # files that data/sources.jsonl does not name

    def skip(self, path: str, reason: str) -> None:
        """A file that makes no page. A name that is not UTF-8 is written with escapes."""
        self.counts[f"skipped_{reason}"] += 1
        listed = self.skipped.setdefault(reason, [])
        if len(listed) < LONGEST_LIST:
            listed.append(path.encode("utf-8", "backslashreplace").decode())

    def failed(self, path: str, error: Exception) -> None:
        """A page on which a reader raised what it should not have."""
        if len(self.failures) < LONGEST_LIST:
            self.failures.append({"path": path, "error": failure(error)})

    def add(self, made: "Report") -> None:
        """What reading one page found, in the order of the pages."""
        self.counts.update(made.counts)
        self.encodings += made.encodings
        self.data.update(made.data)
        self.characters |= made.characters
        self.looked_up |= made.looked_up
        for name in ("unresolved", "not_utf8", "failures", "broken"):
            listed = getattr(self, name)
            listed += getattr(made, name)[: LONGEST_LIST - len(listed)]
        for kind, entry in made.unread.items():
            known = self.unread.setdefault(kind, {"count": 0, "places": []})
            known["count"] += entry["count"]
            known["places"] += entry["places"][: MOST_PLACES - len(known["places"])]
        self.account.add(made.account)

    def page(self, language: str, kind: str, private: Counter[str]) -> None:
        """A page that is read, and what was masked in it."""
        self.counts["pages"] += 1
        self.counts["pages_with_private_data"] += bool(private)
        self.private += private
        self.languages[language or "unknown"] += 1
        self.kinds[kind] += 1

    def decoded(self, path: str, encoding: str) -> None:
        self.encodings[encoding] += 1
        if not encoding.startswith("utf-8") and len(self.not_utf8) < LONGEST_LIST:
            self.not_utf8.append({"path": path, "encoding": encoding})

    def expanded(self, found: Findings) -> None:
        """What resolving a page found: files put in and not, and syntax by kind with its first places."""
        self.counts["partials_inlined"] += len(found.inlined)
        self.counts["partials_unresolved"] += len(found.unresolved)
        room = LONGEST_LIST - len(self.unresolved)
        self.unresolved += [one._asdict() for one in found.unresolved[:room]]
        for path, line, kind, text in found.unread:
            entry = self.unread.setdefault(kind, {"count": 0, "places": []})
            entry["count"] += 1
            if len(entry["places"]) < MOST_PLACES:
                entry["places"].append({"path": path, "line": line, "text": text})

    def as_json(self) -> dict[str, Any]:
        return {
            **dict(sorted(self.counts.items())),
            "encodings": dict(sorted(self.encodings.items())),
            "languages": dict(sorted(self.languages.items())),
            "kinds": dict(sorted(self.kinds.items())),
            "private": dict(sorted(self.private.items())),
            "skipped": dict(sorted(self.skipped.items())),
            "unresolved": self.unresolved,
            "unread": dict(sorted(self.unread.items())),
            "not_utf8": self.not_utf8,
            "failures": self.failures,
            "broken_front_matter": self.broken[:LONGEST_LIST],
            "base64": dict(self.data.most_common(LONGEST_LIST)),
            "characters": {
                "counts": dict(sum(self.characters.values(), Counter()).most_common()),
                "pages": {path: dict(counts) for path, counts in sorted(self.characters.items())[:LONGEST_LIST]},
            },
            "account": self.account.as_json(),
            "excluded_directories": dict(self.excluded),
            "read_besides": self.read_besides,
        }

    def summary(self) -> str:
        """What became of the files and their words, in at most five lines."""
        lines = [self.counted(), *self.account.summary()]
        if notes := [*self.unread_syntax(), *self.remarks()]:
            lines.append("; ".join(notes))
        return "\n".join(lines)

    def counted(self) -> str:
        """The counts that are not zero, and the encodings other than UTF-8, in one line."""
        others = [f"{n} in {name}" for name, n in sorted(self.encodings.items()) if not name.startswith("utf-8")]
        return ", ".join([f"{n} {name}" for name, n in self.counts.items() if n or name == "pages"] + others)

    def unread_syntax(self) -> Iterator[str]:
        """Syntax that is not understood, by kind with its first place."""
        for kind, entry in sorted(self.unread.items(), key=lambda item: -item[1]["count"])[:5]:
            place = entry["places"][0]
            yield f"{entry['count']} {kind} not understood ({place['path']}:{place['line']} {place['text'][:40]})"

    def remarks(self) -> Iterator[str]:
        for first in self.failures[:1]:
            yield f"{len(self.failures)} failed ({first['path']}: {first['error']})"
        for path, pages in self.excluded[:1]:
            total = sum(count for _, count in self.excluded)
            yield f"{total} pages in {len(self.excluded)} excluded directories ({path}: {pages})"
        for link in self.skipped.get("unreadable", [])[:1]:
            yield f"{link} cannot be read: fix or delete the file or link"
