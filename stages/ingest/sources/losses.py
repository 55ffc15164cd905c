"""Words of the source files that reached no page, told without the readers: by what a person would see in the source.

The oracle knows no generator. It takes from the source what no site shows (metadata, comments, addresses, the names of
tags, attributes, directives and templates, imports), counts the words that remain, prose in quotes among them, and
compares them with the words of the lines that came from this file.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from stages.common.records.rows import Doc, Span

WORD = re.compile(r"[\u3041-\u30fe\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3]|[^\W_]{2,}")
FENCE = re.compile(
    r"^[ \t>]{0,60}(?:(?:[-*+]|\d{1,9}\.)[ \t]{1,9})?(`{3,20}|~{3,20})[^\n]*\n(?:.*?)(?:^[ \t>]*\1[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
CODE = re.compile(r"(?<!`)(`{1,9})(?!`)[^\n]{0,2000}?(?<!`)\1(?!`)")
QUOTES = re.compile(r"\"([^\"]*[\s\u3040-\u9fff][^\"]*)\"|'([^']*[\s\u3040-\u9fff][^']*)'")
# Quoted, but not for readers.
HIDDEN = re.compile(
    r"\b(?:class(?:Name)?|style|href|src(?:[Ss]et)?|sizes|id|key|d|viewBox|points|transform|on[A-Z]\w*|rel|target|from|sx|css"
    r"|require|svg|data-[\w-]+)\s*[=:]\s*\{?\s*(?:\"[^\"]*\"|'[^']*'|`[^`]*`)"
)
# What no site shows, from a sign to the next of another kind.
COMMENTS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"<!--"), "-->"),
    (re.compile(r"\{\s{0,9}/\*"), "*/"),
    (re.compile(r"\{#\s"), "#}"),
    (re.compile(r"\{\{[<%]?\s{0,9}/\*"), "*/"),
    (re.compile(r"\{\{!"), "}}"),
    (re.compile(r"%%"), "%%"),
    (re.compile(r"<script\b", re.IGNORECASE), "</script>"),
    (re.compile(r"<style\b", re.IGNORECASE), "</style>"),
    (re.compile(r"<svg\b", re.IGNORECASE), "</svg>"),
]
# What no site shows, by a sign without which it need not be looked for, in the order in which it is taken out.
UNSEEN: list[tuple[str, re.Pattern[str]]] = [
    ("import ", re.compile(r"^import\b(?:[^\n;]*|\s{,9}\{[^}]{,3000}\}\s{,9})from\s*[\"'][^\"'\n]+.;?", re.MULTILINE)),
    ("import ", re.compile(r"^import\s+[\"'][^\n]+", re.MULTILINE)),
    ("export ", re.compile(r"^export\b.*?(?=\n[ \t]*\n|\Z)", re.DOTALL | re.MULTILINE)),
    (";base64,", re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")),
    ("](", re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*")),
    ("]:", re.compile(r"^[ \t>]*\[[^\]\n]+\]:[ \t]*\S+", re.MULTILINE)),
    ("][", re.compile(r"\]\[[^\]\n]{0,300}\]")),
    ("://", re.compile(r"\b[a-z]+://[^\s<>)\]\"'`]+")),
    ("://", re.compile(r"(?<=` )<[^<>\n]+>`_")),
    ("[!", re.compile(r"\[![\w-]+(?:\|[^\]\n]*)?\][+-]?")),
    ("[[", re.compile(r"\[\[[^\]|\n]{0,300}\|")),
    (".. ", re.compile(r"^[ \t]*\.\.[ \t]+_[^\n]*:[^\n]*", re.MULTILINE)),
    (".. ", re.compile(r"^[ \t]*\.\. (?:code|code-block|sourcecode|\w*module|image|figure)::[^\n]*", re.MULTILINE)),
    (".. ", re.compile(r"^[ \t]*\.\. +(?:\|[^|\n]+\| +)?[\w:+.-]+::(?:[^\n]*\.\w{2,5}[ \t]*$)?", re.MULTILINE)),
    ("    :", re.compile(r"^[ \t]+:(?!caption|name)[\w-]+:(?:[ \t][^\n]*)?$", re.MULTILINE)),
    ("   :", re.compile(r"^[ \t]+:(?!caption|name)[\w-]+:(?:[ \t][^\n]*)?$", re.MULTILINE)),
    (":", re.compile(r"(?<![\w:]):[a-z][\w+-]+:(?![\w:`])")),
    (":::", re.compile(r"^[ \t>]*:{3,}[ \t]*\{?[\w.-]*\}?", re.MULTILINE)),
    ("!!!", re.compile(r"^[ \t]*!!![ \t]+[\w -]+", re.MULTILINE)),
    ("???", re.compile(r"^[ \t]*\?\?\?\+?[ \t]+[\w -]+", re.MULTILINE)),
    ("///", re.compile(r"^[ \t]*/{3,}[ \t]*[\w-]*", re.MULTILINE)),
    ("&", re.compile(r"&#?\w+;")),
    ("|", re.compile(r"^[ \t>:|-]+$", re.MULTILINE)),
]  # fmt: skip
BRACED = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
# Syntax whose names are not shown, but whose quoted prose is.
NAMED: list[tuple[str, re.Pattern[str]]] = [
    ("{{", re.compile(r"\{\{[^{}]*\}\}")),
    ("{", re.compile(r"\{[:#.][^{}\n]*\}|\{ *[.#][\w-][^{}\n]*\}|\{\*[^{}\n]*\*\}|(?<=\))\{[^{}\n]*\}")),
    ("<", re.compile(r"</?[A-Za-z][\w.:-]*(?=[\s/>])(?:\"[^\"]*\"|'[^']*'|" + BRACED + r"|[^<>\"'{}])*>")),
    ("<", re.compile(r"</?>")),
]  # fmt: skip
# What stands for another file, in code too.
INCLUDE = re.compile(
    r"\{!>?[^{}\n]*!\}|\{\*[^{}\n]*\*\}|\{\{ *#\w+[^{}\n]*\}\}|^[^\n]*?-8<-[^\n]*$|^[ \t]*<<<[^\n]*$", re.MULTILINE
)
ROLE = re.compile(r"(?::[\w+.-]+(?::[\w+.-]+)*:|\{[\w:+.-]+\})`([^`\n]*?)(?:\s*<[^<>`\n]+>)?`(?!`)")
FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\n.*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
MASKED = re.compile("\ue000(\\d+)\ue001(\n*)")
REASONS = [
    ("include", re.compile(r"8<-|^<<<|\{\*|\{\{#|include::|\{%-? *include|!\[\[")),
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
ON_PURPOSE = ("kind_", "unpublished", "other_", "only_", "empty", "link_", "duplicate")


def words(text: str) -> Counter[str]:
    return Counter(WORD.findall(text.lower()))


def shown(source: str) -> str:
    """The source with blanks for what no reader sees, line for line."""
    text = INCLUDE.sub(blank, FRONT.sub(blank, source))
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\ue000{len(kept) - 1}\ue001" + blank(match)

    def restored(match: re.Match[str]) -> str:
        piece = kept[int(match[1])] if int(match[1]) < len(kept) else ""
        return piece + match[2][piece.count("\n") :]

    text = FENCE.sub(keep, text)
    if "`" in text:
        text = ROLE.sub(r"\1", text) if ":`" in text or "}`" in text else text
        text = CODE.sub(keep, text)
    for opening, closing in COMMENTS:
        text = replaced(text, opening, closing, blank_text)
    for sign, pattern in UNSEEN:
        if sign in text:
            text = pattern.sub(blank, text)
    text = replaced(text, re.compile(r"\{%"), "%}", quoted_text)
    for sign, pattern in NAMED:
        if sign in text:
            text = pattern.sub(quoted, text)
    return MASKED.sub(restored, text) if kept else text


def replaced(text: str, opening: re.Pattern[str], closing: str, replacement: Callable[[str], str]) -> str:
    """The text with what stands from each opening sign to the next closing one replaced, without looking twice."""
    pieces, position = [], 0
    for match in opening.finditer(text) if closing in text else ():
        if match.start() < position:
            continue
        end = text.find(closing, match.end())
        if end < 0:
            break
        pieces += [text[position : match.start()], replacement(text[match.start() : end + len(closing)])]
        position = end + len(closing)
    return "".join([*pieces, text[position:]]) if pieces else text


def blank_text(text: str) -> str:
    return "\n" * text.count("\n") or " "


def blank(match: re.Match[str]) -> str:
    return blank_text(match[0])


def quoted(match: re.Match[str]) -> str:
    return quoted_text(match[0])


def quoted_text(source: str) -> str:
    """The prose in quotes, and code, of a tag or a template."""
    if '"' not in source and "'" not in source and "\ue000" not in source:
        return blank_text(source)
    text = HIDDEN.sub(" ", source)
    prose = [next(filter(None, found.groups())) for found in QUOTES.finditer(text)]
    codes = [f"\ue000{found[1]}\ue001" for found in MASKED.finditer(text)]
    return " ".join(["", *(piece.replace("\n", " ") for piece in (*prose, *codes)), ""]) + "\n" * source.count("\n")


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
    partial: re.Pattern[str] = re.compile(r"(?!)")
    named: set[str] = field(default_factory=set)  # names of partials that stand in some page

    def expect(self, partials: Iterable[str]) -> None:
        """Look for the names of these files in the pages, since one that no page names is missed by nobody."""
        names = sorted({PurePosixPath(path).stem for path in partials}, key=lambda name: (-len(name), name))
        self.partial = re.compile("|".join(map(re.escape, names)) if names else r"(?!)")

    def page(self, source: str, doc: Doc) -> None:
        """A page, and what of its partials it shows."""
        self.named.update(self.partial.findall(source))
        path, own = doc["path"], words(f"{doc['title']} {doc['description']}")
        for name, text in texts(doc["text"].split("\n"), doc["spans"]).items():
            if name == path:
                own += words(text)
            else:
                self.kept[name] = self.kept.get(name, Counter()) | words(text)
        self.compare(path, source, own)

    def skipped(self, path: str, source: str, reason: str) -> None:
        """A file that makes no page: left out on purpose, or lost with all its words."""
        if reason == "partial" and path in self.kept:
            self.compare(path, source, self.kept[path])
            return
        count = words(source_text(path, source)).total()
        if reason == "partial" and PurePosixPath(path).stem not in self.named:
            self.left_out["partial that no page names"] += count
        elif reason.startswith(ON_PURPOSE):
            self.left_out[reason] += count
        elif count:
            self.files.append(Loss(path, count, count, 1, reason))
            self.reasons[reason] += count

    def compare(self, path: str, source: str, kept: Counter[str]) -> None:
        visible = source_text(path, source)
        needed = words(visible)
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


def source_text(path: str, source: str) -> str:
    """What is to be shown of a file, by its kind."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".txt":
        return source
    if suffix == ".ipynb":
        try:
            cells = json.loads(source)["cells"]
            return "\n".join(str("".join(cell["source"])) for cell in cells)
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
    return shown(source)


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
        found = words(line)
        count = sum(min(times, missing[word]) for word, times in found.items() if word in missing)
        if count:
            rows.append((-count / found.total(), number, found))
    for _, number, found in sorted(rows, key=lambda row: row[:2]):
        taken = found & missing
        if taken:
            missing -= taken
            yield number, taken.total()


def reason_of(line: str) -> str:
    return next((reason for reason, pattern in REASONS if pattern.search(line)), "text")
