"""Secrets and personal data: masked in a pair, or a reason to drop it.

Formats of keys and tokens are detect-secrets' (https://github.com/Yelp/detect-secrets); a few that it lacks, e-mail
addresses, phone numbers and Chinese identity numbers (GB 11643) are ours. What documentation itself shows as an example
(user@example.com, AKIAIOSFODNN7EXAMPLE, <your-key>) is none.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Rejection, Verdict, rejection
from stages.common.schema import Curate

Row = TypeVar("Row", DatasetRow, dict[str, Any])
FIELDS = ("instruction", "input", "output", "evidence", "system", "row")
# Their patterns need the assignment around a key, or match words of plain text.
NOT_USED = ("Artifactory Credentials", "Public IP (ipv4)")
OUR_SECRETS = (
    ("OpenAI or Anthropic key", r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{24,}"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("Google key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{60,}"),
    ("Alibaba Cloud key", r"\bLTAI[A-Za-z0-9]{12,24}\b"),
    ("Tencent Cloud key", r"\bAKID[A-Za-z0-9]{32}\b"),
)
EXAMPLE = re.compile(
    r"example|sample|dummy|fake|test|your|placeholder|xxx|\*\*\*|\.\.\.|<|\$\{|(?:user|name):pass", re.IGNORECASE
)
EMAIL = re.compile(r"(?<![\w.+/:-])[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w@/:-])")
# Domains and names that belong to nobody (RFC 2606), to a program, or to an office rather than a person.
NO_ONES = re.compile(
    r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost|local)(?:\.\w+)?\Z|@(?:your|my|some)[\w-]*\.|@(?:domain|company|xxx+|abc)\.com\Z"
    r"|\A(?:git|noreply|no-reply|user|username|you|your[\w.]*|name|someone|email|foo|bar|test|admin)@",
    re.IGNORECASE,
)
PHONE = re.compile(
    r"(?<![\w.+/=#-])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\w-]|\.\d)"  # Chinese mobile
    r"|(?<![\w.])\(?0\d{2,3}\)?[- ]\d{7,8}(?:-\d{1,5})?(?![\w-])"  # Chinese land line
    r"|(?<![\w.])\+(?!86)[1-9]\d{0,2}[- ]?(?:\(\d{1,4}\)[- ]?)?\d{2,4}(?:[- ]\d{2,4}){1,4}(?![\w-])"  # international
)
NO_PHONE = re.compile(r"(\d)\1{6}|12345678|555[- ]?01\d\d|13800138000")
CHINESE_ID = re.compile(r"(?<![\w.])\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)")
ONLY_MASKS = re.compile(r"(?:\[[A-Za-z][\w() .-]*\]|\W)+")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Found(NamedTuple):
    """Something private in a text: what it is and where."""

    kind: str
    start: int
    end: int


@functools.cache
def secret_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Name and pattern of every kind of secret."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.base import RegexBasedDetector

    detectors: list[tuple[str, Any]] = sorted(get_mapping_from_secret_type_to_class().items())
    known = [
        (name, pattern)
        for name, detector in detectors
        if issubclass(detector, RegexBasedDetector) and name not in NOT_USED
        for pattern in detector().denylist
    ]
    return (*known, *((name, re.compile(pattern)) for name, pattern in OUR_SECRETS))


def secrets(text: str) -> Iterator[Found]:
    for kind, pattern in secret_patterns():
        for match in pattern.finditer(text):
            group = pattern.groups if kind == "Basic Auth Credentials" else 0
            if not EXAMPLE.search(match[0]):
                yield Found(kind, *match.span(group))


def personal(text: str) -> Iterator[Found]:
    if "@" in text:
        for match in EMAIL.finditer(text):
            if not NO_ONES.search(match[0]):
                yield Found("e-mail", *match.span())
    for match in CHINESE_ID.finditer(text):
        if checksum_holds(match[0]):
            yield Found("ID number", *match.span())
    for match in PHONE.finditer(text):
        if not NO_PHONE.search(match[0]):
            yield Found("phone", *match.span())


def checksum_holds(number: str) -> bool:
    """ISO 7064 MOD 11-2, as in GB 11643: serial numbers of 18 digits rarely pass."""
    total = sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == number[-1].upper()


def masked(text: str) -> tuple[str, list[str]]:
    """The text with [kind] in place of everything private, and the kinds found."""
    kinds, before = [], len(text)
    for found in sorted({*secrets(text), *personal(text)}, key=lambda found: (-found.end, found.start)):
        if found.end <= before:  # what overlaps is hidden with its neighbour
            text = f"{text[: found.start]}[{found.kind}]{text[found.end :]}"
            kinds.append(found.kind)
            before = found.start
    return text, kinds


def sift(
    rows: list[DatasetRow], rejected: list[Rejection], limits: Curate
) -> tuple[list[DatasetRow], list[Rejection], Counter[str]]:
    """Rows as `curate.private` wants them, what is rejected, and how many rows each kind of private data was found in.
    An answer of which nothing is left is none.

    Rows that something else has rejected are masked as well: data/rejected.jsonl is shared like the dataset.
    """
    if limits.private == "keep":
        return rows, rejected, Counter()
    kept, kinds = [], Counter[str]()
    rejected = [masked_row(row)[0] for row in rejected]
    for row in rows:
        new, found = masked_row(row)
        kinds.update(found)
        if found and (limits.private == "drop" or ONLY_MASKS.fullmatch(new["output"])):
            rejected.append(rejection(new, "nothing_private", Verdict(found, "nothing private")))
        else:
            kept.append(new)
    return kept, rejected, kinds


def masked_row(row: Row) -> tuple[Row, list[str]]:
    """The row without anything private, and the kinds that were found."""
    values: dict[str, Any] = {name: dict(row)[name] for name in FIELDS if name in row}
    turns: list[Any] = row.get("messages", [])
    if not any_private("\n".join([*values.values(), *(turn["content"] for turn in turns)])):
        return row, []
    kinds: set[str] = set()
    for name, text in values.items():
        values[name], found = masked(text)
        kinds.update(found)
    if turns:
        values["messages"] = [{**turn, "content": masked(turn["content"])[0]} for turn in turns]
        kinds.update(kind for turn in turns for kind in masked(turn["content"])[1])
    return {**row, **values}, sorted(kinds)  # type: ignore[return-value, typeddict-item]


def any_private(text: str) -> bool:
    return next(secrets(text), None) is not None or next(personal(text), None) is not None
