"""What can go wrong with one call to an endpoint, told apart by what is to be done about it."""

import contextlib
import email.utils
import os
import time

import httpx2
import openai

from stages.common.base.errors import UserError

OVERLOADED = {429, 503, 529}  # too many requests, unavailable, overloaded (used by some providers)
TURNED_AWAY_TRIES = 0.25  # a server that says at once that it is busy is no fault of the request
FILTERED = ("content_filter", "content_policy", "content management policy")
NO_CREDIT = ("insufficient_quota", "insufficient_balance", "exceeded your current quota")
MAX_MESSAGE = 300


class FaultError(Exception):
    """A call that failed for now. `wait` is what the server asks for, in seconds; `overloaded`: it is too busy;
    `tries`: how much the call counts against max_retries."""

    def __init__(
        self, kind: str, message: str = "", wait: float = 0.0, overloaded: bool = False, tries: float = 1.0
    ) -> None:
        super().__init__(message or kind)
        self.kind, self.wait, self.overloaded, self.tries = kind, wait, overloaded, tries


class RefusalError(Exception):
    """A request that the endpoint will never answer. `filtered`: for what it says, else for how it is made."""

    def __init__(self, kind: str, message: str, filtered: bool = False) -> None:
        super().__init__(message)
        self.kind, self.filtered = kind, filtered


def from_sdk(error: openai.OpenAIError) -> FaultError | RefusalError | UserError:
    """An error of the SDK as what it means here."""
    if isinstance(error, openai.APITimeoutError):
        return FaultError("timeout", overloaded=True)
    if not isinstance(error, openai.APIStatusError):
        return FaultError("connection", clean(f"{error} {error.__cause__ or ''}"))
    return from_status(error.status_code, str(error.code), server_message(error), retry_after(error.response.headers))


def from_status(status: int, code: str, message: str, wait: float = 0.0) -> FaultError | RefusalError | UserError:
    """An HTTP status other than 200, with the API's error code and message, as what it means here."""
    message = clean(message)
    if status == 401 or (status == 403 and not mentions(message, FILTERED)):
        return UserError("the endpoint refuses the key in OPENAI_API_KEY; what was answered is stored")
    if status == 402 or (status == 429 and mentions(f"{code} {message}", NO_CREDIT)):
        return UserError(f"the account has no credit left ({message}); what was answered is stored")
    if status == 404:
        return UserError(
            f"the endpoint does not know the model or the address ({message}); what was answered is stored"
        )
    if status in OVERLOADED:
        return FaultError(f"status {status}", message, wait, overloaded=True, tries=TURNED_AWAY_TRIES)
    if status >= 500 or status in (408, 409, 425):
        return FaultError(f"status {status}", message, wait)
    if mentions(f"{code} {message}", FILTERED):
        return RefusalError("content filter", message, filtered=True)
    return RefusalError(f"status {status}", message)


def server_message(error: openai.APIStatusError) -> str:
    """What the server says, without the SDK's wrapping where that is possible."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return error.message


def mentions(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text.lower() for word in words)


def clean(message: str) -> str:
    """A message as one short line without the key, which some servers repeat."""
    key = os.environ.get("OPENAI_API_KEY", "")
    line = " ".join(message.split())
    return (line.replace(key, "***") if len(key) > 3 else line)[:MAX_MESSAGE]


def retry_after(headers: httpx2.Headers) -> float:
    """Seconds that the server asks to wait; 0 when it does not say (RFC 9110, 10.2.3: seconds or a date)."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        with contextlib.suppress(ValueError):
            return max(0.0, float(value) * scale)
        with contextlib.suppress(ValueError, OverflowError):
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return 0.0
