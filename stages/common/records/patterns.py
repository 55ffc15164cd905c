"""What secrets and personal data look like.

Formats of keys and tokens are detect-secrets' (https://github.com/Yelp/detect-secrets); a few that it lacks or matches
in part only, e-mail addresses, phone numbers and Chinese identity numbers (GB 11643) are ours. What documentation
itself shows as an example (user@example.com, AKIAIOSFODNN7EXAMPLE, <your-key>) is none.
"""

import functools
import re
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

# Of detect-secrets: what needs the assignment around a key, matches words of plain text, matches a part of a secret, or
# takes quadratic time; the last five are done below.
NOT_USED = (
    "Artifactory Credentials", "Public IP (ipv4)", "Basic Auth Credentials", "JSON Web Token", "Private Key",
    "NPM tokens", "OpenAI Token",
)  # fmt: skip
PRIVATE_KEY = "Private Key"
PERSONAL = ("e-mail", "ID number", "phone")
PASSWORD = "Basic Auth Credentials"
ANYWHERE = (PASSWORD, PRIVATE_KEY)  # not in lines with long words alone
PEM = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
# A group in a pattern is what to mask.
OURS = (
    (PASSWORD, r"://[^\s:/?#\[\]@\"'`<>]*:([^\s/\"'`<>]{1,200})@(?=[\w\[{$.-])"),
    (PRIVATE_KEY, rf"-----BEGIN {PEM}(?:(?:(?!-----)[\s\S])*-----END {PEM}|(?:\s*[A-Za-z0-9+/=]{{16,}})+)"),
    (PRIVATE_KEY, r"Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{16,}\s*)+)"),  # PuTTY
    ("JSON Web Token", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}={0,2}(?:\.[A-Za-z0-9_-]{4,}={0,2}){1,4}"),
    ("OpenAI or Anthropic key", r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{24,}"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("Google key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{60,}"),
    ("Alibaba Cloud key", r"\bLTAI[A-Za-z0-9]{12,24}"),
    ("Tencent Cloud key", r"\bAKID[A-Za-z0-9]{32}"),
    ("NPM tokens", r":_authToken=\s*([A-Za-z0-9_-]{16,})"),
    ("AWS Secret Key", r"(?i:aws_?secret_?(?:access_?)?key)\W{1,6}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ("Bearer token", r"\bBearer\s+((?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{20,}=*)"),
)
GROUPED = ("NPM tokens", "AWS Secret Key", "Bearer token")
# Digits or letters of a length that other things have as well: these need a word beside them that says what they are.
SHAPE_ONLY = ("Telegram Bot Token", "Twilio API Key")
CONTEXT = re.compile(
    r"tokens?\b|\bkeys?\b|secret|password|passwd|credential|api[ _-]?key|auth|\bbots?\b|telegram|twilio|\bsid\b"
    r"|密钥|令牌|口令|密码|凭证|凭据|机器人",
    re.IGNORECASE,
)
NEARBY = 120  # characters before a token in which that word stands
LONG = re.compile(r"(?<![A-Za-z0-9_+/=-])[_+/=-]*[A-Za-z0-9][A-Za-z0-9_+/=-]{15,}")  # no key or token is shorter
DIGITS = re.compile(r"\d[\d() -]{6,}\d")  # no phone or identity number is shorter
RUN = re.compile(r"[A-Za-z0-9_+/=-]*")  # what goes on behind a match belongs to it
EXAMPLE = re.compile(
    r"example|sample|dummy|fake|test|your|placeholder|x{4}|\*\*\*|\.\.\.|…|<|\$\{|\{\{|%s"
    r"|eyJzdWIiOiIxMjM0NTY3ODkwI",  # the token of every introduction to JWT, whose subject is 1234567890
    re.IGNORECASE,
)
NO_PASSWORD = re.compile(
    r"pass(?:word|wd|phrase)?|pwd|secret|token|key|changeme|postgres|root|admin|guest|mysql|redis|rabbit(?:mq)?|x+|\W+"
    r"|[$%{].*|[A-Z_]+",
)
EMAIL = re.compile(
    r"(?a)(?<![\w.+/%-])[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w@/-]|:[\w/~.])"
)
AFTER_USER = re.compile(r"//[^\s/@]*:\Z")  # pass@host of an address
# Domains and names that belong to nobody (RFC 2606), to a program, or to an office rather than a person.
NO_ONES = re.compile(
    r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost|local)(?:\.\w+)?\Z|@(?:your|my|some)[\w-]*\.|@(?:domain|company|xxx+|abc)\.com\Z"
    r"|\A(?:git|noreply|no-reply|user|username|you|your[\w.]*|name|someone|email|foo|bar|test|admin)@",
    re.IGNORECASE,
)
PHONE = re.compile(
    r"(?a)(?<![\w.+/=#-])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\w-]|\.\d)"  # Chinese mobile
    r"|(?<![\w.])\(?0\d{2,3}\)?[- ]\d{7,8}(?:-\d{1,5})?(?![\w-])"  # Chinese land line
    r"|(?<![\w.])\+(?!86)[1-9]\d{0,2}[- ]?(?:\(\d{1,4}\)[- ]?)?\d{2,4}(?:[- ]\d{2,4}){1,4}(?![\w-])"  # international
)
NO_PHONE = re.compile(r"(\d)\1{6}|12345678|555[- ]?01\d\d|13800138000")
CHINESE_ID = re.compile(r"(?a)(?<![\w.])\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Match(NamedTuple):
    """Something private in a text: where it stands, and what it is."""

    start: int
    end: int
    kind: str


@functools.cache
def secret_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Name and pattern of every kind of secret. Only ASCII letters are letters: 密钥ghp_… begins a word at ghp_."""
    with without_requests():
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.plugins.base import RegexBasedDetector

        detectors: list[tuple[str, Any]] = sorted(get_mapping_from_secret_type_to_class().items())
    known = [
        (name, re.compile(pattern.pattern, pattern.flags & re.IGNORECASE | re.ASCII))
        for name, detector in detectors
        if issubclass(detector, RegexBasedDetector) and name not in NOT_USED
        for pattern in detector().denylist
    ]
    return (*known, *patterns_of(tuple(name for name, _ in OURS)))


@contextmanager
def without_requests() -> Iterator[None]:
    """Keep detect-secrets from loading the client with which it could ask a service whether a secret is a valid one,
    which nobody here does: that takes longer than all the rest of it."""
    name = "requests"
    loaded = sys.modules.get(name)
    if loaded is None:
        sys.modules[name] = stand_in = types.ModuleType(name)
        stand_in.Response = object  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if loaded is None:
            del sys.modules[name]


@functools.cache
def patterns_of(names: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Name and pattern of some of our own kinds, for which detect-secrets need not be loaded."""
    return tuple((name, re.compile(pattern, re.ASCII)) for name, pattern in OURS if name in names)


def secrets(text: str) -> Iterator[Match]:
    """Keys, tokens and passwords, each to its end."""
    for kind, pattern in patterns_of(ANYWHERE):
        for match in pattern.finditer(text):
            start, end = match.span(pattern.groups)
            if not is_example(kind, text[start:end], match[0]):
                yield Match(start, end, kind)
    for line_start, line_end in lines_with_long_words(text):
        yield from tokens(text, line_start, line_end)


def lines_with_long_words(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of the lines where a key or a token can stand, its line break included."""
    end = 0
    while match := LONG.search(text, end):
        start, end = text.rfind("\n", 0, match.start()) + 1, (text.find("\n", match.end()) + 1 or len(text))
        yield start, end


def tokens(text: str, line_start: int, line_end: int) -> Iterator[Match]:
    """Keys and tokens in one line of a text."""
    for kind, pattern in secret_patterns():
        end = line_start
        for match in () if kind in ANYWHERE else pattern.finditer(text, line_start, line_end):
            start, stop = match.span(pattern.groups if kind in GROUPED else 0)
            if start < end or is_inside_word(text, start) or EXAMPLE.search(match[0]):
                continue
            stop = RUN.match(text, stop).end()  # type: ignore[union-attr]
            if kind not in SHAPE_ONLY or has_context(text, start, stop):
                end = stop
                yield Match(start, end, kind)


def has_context(text: str, start: int, end: int) -> bool:
    """Whether a word before a token says what it is, or the text is nothing else, as an answer is."""
    alone = not re.search(r"\w", text[max(start - NEARBY, 0) : start] + text[end : end + NEARBY])
    return alone or bool(CONTEXT.search(text, max(start - NEARBY, 0), start))


def is_inside_word(text: str, start: int) -> bool:
    """Whether a match begins amid letters and digits: a part of a checksum or of an encoded picture."""
    return start > 0 and bool(re.match(r"(?a)\w\w", text[start - 1 : start + 1]))


def is_example(kind: str, secret: str, match: str) -> bool:
    """Whether a password or a private key is one that documentation shows: ***, the user's own name, `password`."""
    name = match.removeprefix("://").partition(":")[0]
    known = kind == PASSWORD and (secret == name or NO_PASSWORD.fullmatch(secret))
    return bool(known or EXAMPLE.search(match))


def personal(text: str) -> Iterator[Match]:
    """E-mail addresses, phone numbers and identity numbers."""
    if "@" in text:
        for match in EMAIL.finditer(text):
            if not NO_ONES.search(match[0]) and not AFTER_USER.search(
                text[max(match.start() - 100, 0) : match.start()]
            ):
                yield Match(*match.span(), "e-mail")
    if not DIGITS.search(text):
        return
    for match in CHINESE_ID.finditer(text):
        if checksum_holds(match[0]):
            yield Match(*match.span(), "ID number")
    for match in PHONE.finditer(text):
        if not NO_PHONE.search(match[0]):
            yield Match(*match.span(), "phone")


def checksum_holds(number: str) -> bool:
    """ISO 7064 MOD 11-2, as in GB 11643: serial numbers of 18 digits rarely pass."""
    total = sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == number[-1].upper()
