"""What the headers of a reply say: how long to wait, and how much may still be asked."""

import contextlib
import email.utils
import re
import time
from collections.abc import Mapping
from typing import NamedTuple

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
WAITS = (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0))
LONGEST_RESET = 300.0  # seconds: what is further away is not waited for in one go
YEAR_2001 = 1e9  # seconds since 1970: above it a number is a moment, not a duration; above a hundred times that in ms


class Limits(NamedTuple):
    """Requests and tokens left, None where nothing is said, each with the seconds until there are more."""

    requests: float | None
    requests_reset: float
    tokens: float | None
    tokens_reset: float


def limits(headers: Mapping[str, str]) -> Limits | None:
    """What is left by the headers of OpenAI, which most servers send, or by those without a kind (OpenRouter, and the
    draft of the IETF); None when they say nothing."""
    requests, tokens = pair(headers, "-requests"), pair(headers, "-tokens")
    if requests[0] is None and tokens[0] is None:
        requests = pair(headers, "")
    return None if requests[0] is None and tokens[0] is None else Limits(*requests, *tokens)


def pair(headers: Mapping[str, str], kind: str) -> tuple[float | None, float]:
    for prefix in ("x-ratelimit", "ratelimit"):
        left = headers.get(f"{prefix}-remaining{kind}", "")
        if left.replace(".", "", 1).isdigit():
            return float(left), min(until(headers.get(f"{prefix}-reset{kind}", "")), LONGEST_RESET)
    return None, 0.0


def until(text: str) -> float:
    """Seconds from now: of a duration, or until a moment since 1970 in seconds or milliseconds."""
    value = seconds(text)
    if value < YEAR_2001:
        return value
    return max(0.0, (value / 1000 if value > 100 * YEAR_2001 else value) - time.time())


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait; 0 when it does not say (RFC 9110, 10.2.3: seconds or a date)."""
    for name, scale in WAITS:
        value = headers.get(name, "")
        if waited := seconds(value):
            return waited * scale
        with contextlib.suppress(ValueError, OverflowError):
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return 0.0


def seconds(text: str) -> float:
    """A duration such as 1s, 6m0s, 20ms or 59.5; 0 when it is none."""
    with contextlib.suppress(ValueError):
        return max(0.0, float(text))
    if not re.fullmatch(r"(?:\s*\d+(?:\.\d+)?\s*(?:ms|[smhd]))+\s*", text):
        return 0.0
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*(ms|[smhd])", text))
