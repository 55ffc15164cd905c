"""What can go wrong with one call to an endpoint, told apart by what is to be done about it."""

import contextlib
import email.utils
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from stages.common.base.errors import UserError
from stages.common.llm.completion import as_number, as_text, message_of

OVERLOADED = {429, 503, 529}  # too many requests, unavailable, overloaded (used by some providers)
AWAY = {502, 503, 504, 520, 521, 522, 523, 524, 530}  # a gateway says so while the server behind it restarts
TURNED_AWAY_TRIES = 0.25  # a server that says at once that it is busy is no fault of the request
FILTERED = (
    "content_filter",
    "content filter",
    "content_policy",
    "content management policy",
    "data_inspection_failed",
    "inappropriate content",
    "was flagged",
    "for safety reasons",
    "high risk",
    "敏感",
)
NO_CREDIT = (
    "insufficient_quota",
    "insufficient_balance",
    "insufficient balance",
    "insufficient credit",
    "exceeded your current quota",
    "arrearage",
    "credit balance is too low",
    "余额不足",
    "欠费",
)
# Gemini and LiteLLM (which looks an unknown key up in a database) say so with status 400.
UNKNOWN_MODEL = re.compile(
    r"model_not_found|(?:unknown|no such) model\b|invalid model (?:name|id\b|passed)"
    r"|model\b.{0,80}?\b(?:not found|(?:does )?not exist)|模型.{0,40}?不存在",
    re.IGNORECASE,
)
BAD_KEY = re.compile(
    r"(?:invalid|incorrect|wrong|missing)\W+(?:\w+\W+){0,2}api.?key|api.?key (?:is )?(?:not valid|invalid|incorrect)"
    r"|no_db_connection|no connected db|unauthenticated",
    re.IGNORECASE,
)
# Some gateways throttle with status 400, 403, 408 or 500; what they say is plainer than the status.
THROTTLED = re.compile(
    r"rate.?limit|request rate|too many (?:requests|concurrent)|throttl|overload|(?:at|over) capacity|is busy"
    r"|per (?:min(?:ute)?|sec(?:ond)?|hour|day)\b|\b[rt]pm\b|\bqps\b|concurren\w+ (?:limit|request|reached|exceeded)"
    r"|slow down|queue is full|replenish"
    r"|(?:try|retry) (?:again )?(?:later|in \d|after)|temporarily unavailable|resource.?exhausted"
    r"|限流|限速|频率|速率|过于频繁|请求过多|并发|稍后(?:再试|重试)|服务繁忙|系统繁忙",
    re.IGNORECASE,
)
WAIT = re.compile(
    r"(?:(?:try|retry)(?: again)?|wait)\D{0,12}?(\d[\d.]*)\s*(ms|milliseconds?|s\b|secs?\b|seconds?|m\b|min\w*|$|[.,])",
    re.I,
)
MAX_MESSAGE = 300
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class FaultError(Exception):
    """A call that failed for now. `wait` is what the server asks for, in seconds; `overloaded`: it is too busy;
    `tries`: how much the call counts against max_retries; `away`: the server is out of reach, which is waited for."""

    def __init__(
        self,
        kind: str,
        message: str = "",
        wait: float = 0.0,
        overloaded: bool = False,
        tries: float = 1.0,
        away: bool = False,
    ) -> None:
        super().__init__(message or kind)
        self.kind, self.wait, self.overloaded, self.tries, self.away = kind, wait, overloaded, tries, away


class RefusalError(Exception):
    """A request that the endpoint will never answer. `filtered`: for what it says, else for how it is made."""

    def __init__(self, kind: str, message: str, filtered: bool = False) -> None:
        super().__init__(message)
        self.kind, self.filtered = kind, filtered


def from_status(status: int, code: str, message: str, wait: float = 0.0) -> FaultError | RefusalError | UserError:
    """An HTTP status other than 200, with the API's error code and message, as what it means here."""
    message = clean(message)
    text = f"{code} {message}"
    wait = wait or wait_in(message)
    throttled = wait > 0 or bool(THROTTLED.search(text))
    if mentions(text, FILTERED):
        return RefusalError("content filter", message, filtered=True)
    if status == 402 or (mentions(text, NO_CREDIT) and not (throttled and wait)):
        return UserError(f"the account has no credit left ({message}); what was answered is stored")
    if status in OVERLOADED or (throttled and status != 404):
        away = status in AWAY
        return FaultError(f"status {status}", message, wait, overloaded=True, tries=TURNED_AWAY_TRIES, away=away)
    if status in (401, 403) or (status == 400 and BAD_KEY.search(text)):
        return UserError(f"the endpoint refuses the key in OPENAI_API_KEY ({message}); what was answered is stored")
    if status == 404 or (status in (400, 422) and UNKNOWN_MODEL.search(text)):
        return UserError(
            f"the endpoint does not know the model or the address ({message}); what was answered is stored"
        )
    if status >= 500 or status in (408, 409, 425):
        return FaultError(f"status {status}", message, wait, away=status in AWAY)
    return RefusalError(f"status {status}", message)


def from_error(error: Any) -> FaultError | RefusalError | UserError:
    """An error in a body of status 200 as what it means here."""
    code = error.get("code") or error.get("type") if isinstance(error, dict) else ""
    number = as_number(code)
    status = number if 400 <= number < 600 else 0
    message = clean(message_of(error))
    if status or mentions(f"{code} {message}", FILTERED) or THROTTLED.search(f"{code} {message}"):
        return from_status(status or 500, as_text(code), message)
    return FaultError("no completion", message)


def mentions(text: str, words: tuple[str, ...]) -> bool:
    lower = text.lower()
    return any(word in lower for word in words)


def clean(message: str) -> str:
    """A message as one short line without the key, which some servers repeat, and without HTML."""
    if "<html" in message.lower():
        message = re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", message)
    key = os.environ.get("OPENAI_API_KEY", "")
    line = " ".join(message.split())
    return (line.replace(key, "***") if len(key) > 3 else line)[:MAX_MESSAGE]


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait; 0 when it does not say (RFC 9110, 10.2.3: seconds or a date)."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        with contextlib.suppress(ValueError):
            return max(0.0, float(value) * scale)
        with contextlib.suppress(ValueError, OverflowError):
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return 0.0


def wait_in(message: str) -> float:
    """Seconds that a message asks to wait, as in "please try again in 20s"; 0 when it does not say."""
    match = WAIT.search(message)
    if not match:
        return 0.0
    with contextlib.suppress(ValueError):
        unit = match[2].lower()
        scale = 0.001 if unit.startswith(("ms", "milli")) else 60.0 if unit.startswith("m") else 1.0
        return float(match[1].rstrip(".")) * scale
    return 0.0


def seconds(text: str) -> float:
    """A duration such as 1s, 6m0s, 20ms or 59.5; 0 when it is none."""
    with contextlib.suppress(ValueError):
        return max(0.0, float(text))
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text))
