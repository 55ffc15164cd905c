"""What can go wrong with one call to an endpoint, told apart by what is to be done about it."""

import contextlib
import os
import re
from typing import Any

from stages.common.base.errors import UserError
from stages.common.llm.completion import as_number, code_of, message_of

OVERLOADED = {429, 503, 529}  # too many requests, unavailable, overloaded (used by some providers)
AWAY = {502, 503, 504, 520, 521, 522, 523, 524, 530}  # a gateway says so while the server behind it restarts
OF_A_MINUTE = 6.0  # seconds: at three retries, a request outlasts a limit per minute that does not say when it ends
PER_MINUTE = re.compile(r"\b[RT]PM\b|per[ -]?min(?:ute)?\b", re.IGNORECASE)
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
    "content exists risk",
    "sensitive information",
    "sensitivecontent",
    "guardrail",
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
    "balance is insufficient",
    "exceeded_current_quota",
    "is suspended",
    "overdue",
    "good standing",
    "budget has been exceeded",
    "余额不足",
    "欠费",
)
# Gemini and LiteLLM (which looks an unknown key up in a database) say so with status 400.
UNKNOWN_MODEL = re.compile(
    r"model_not_found|(?:unknown|no such|unexpected) model\b|invalid model (?:name|id\b|passed)|not a valid model"
    r"|model\b.{0,80}?\b(?:not found|(?:does )?not exist)|模型.{0,40}?不存在",
    re.IGNORECASE,
)
BAD_KEY = re.compile(
    r"(?:invalid|incorrect|wrong|missing)\W+(?:\w+\W+){0,2}api.?key|api.?key (?:is )?(?:not valid|invalid|incorrect)"
    r"|no_db_connection|no connected db|unauthenticated"
    r"|(?:api.?key|密钥|令牌)\s*.{0,8}(?:无效|错误|不正确|过期)|身份验证失败|鉴权失败",
    re.IGNORECASE,
)
# Some gateways throttle with status 400, 403, 408 or 500; what they say is plainer than the status.
THROTTLED = re.compile(
    r"rate.?limit|request rate|rate exceeded|too many (?:requests|concurrent)|throttl|overload|(?:at|over) capacity"
    r"|capacity exceeded|(?:is|server) (?:too )?busy|please wait|wait (?:before|a)\b|slow down|queue is full|replenish"
    r"|per (?:min(?:ute)?|sec(?:ond)?|hour|day)\b|(?<![a-z])(?:[rt]pm|qps)(?![a-z])|max(?:imum)? concurrency"
    r"|concurren\w+ (?:limit|request|reached|exceeded)"
    r"|(?:try|retry) (?:again )?(?:later|in \d|after)|temporarily unavailable|resource.?exhausted"
    r"|限流|限速|频率|速率|频繁|过快|请求过多|并发|排队|负载|访问量|稍[后候](?:再试|重试)|繁忙|资源(?:紧张|不足)"
    r"|(?:次数|频次|请求数|流量)\S{0,6}(?:超|受限|上限)",
    re.IGNORECASE,
)
# What can never pass, though it is said in the words of a limit in time: one request above what a minute allows.
TOO_LARGE = re.compile(r"request (?:is )?too large", re.IGNORECASE)
# The model's own slip, which servers that hold it to a schema tell as a mistake of the request.
NO_JSON = re.compile(
    r"json_validate_failed|failed to (?:generate|validate) json|generated json does not", re.IGNORECASE
)
WAIT = re.compile(
    r"(?:(?:try|retry)(?: again)?|wait)\D{0,12}?(\d[\d.]*)\s*(ms|milliseconds?|s\b|secs?\b|seconds?|m\b|min\w*|$|[.,])",
    re.I,
)
MAX_MESSAGE = 300


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
        return UserError(f"the account has no credit left ({message}); answers so far are stored")
    if TOO_LARGE.search(text):
        return RefusalError(f"status {status}", message)
    if NO_JSON.search(text):
        return FaultError("schema not met", message)
    if status == 407:
        return UserError(
            f"the proxy requires authentication ({message}); write HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
        )
    if status in OVERLOADED or (throttled and status != 404):
        away = status in AWAY
        wait = wait or (OF_A_MINUTE if PER_MINUTE.search(text) else 0.0)
        return FaultError(f"status {status}", message, wait, overloaded=True, tries=TURNED_AWAY_TRIES, away=away)
    if status in (401, 403) or (status == 400 and BAD_KEY.search(text)):
        return UserError(f"the endpoint refuses the key in OPENAI_API_KEY ({message}); answers so far are stored")
    if status == 404 or (status in (400, 422) and UNKNOWN_MODEL.search(text)):
        return UserError(f"the endpoint does not know the model or the address ({message}); answers so far are stored")
    if status >= 500 or status in (408, 409, 425):
        return FaultError(f"status {status}", message, wait, away=status in AWAY)
    return RefusalError(f"status {status}", message)


def from_error(error: Any) -> FaultError | RefusalError | UserError:
    """An error in a body of status 200 as what it means here."""
    code = code_of(error) if isinstance(error, dict) else ""
    status = as_number(code)
    message = clean(message_of(error))
    text = f"{code} {message}"
    if 400 <= status < 600:
        return from_status(status, code, message)
    if mentions(text, (*FILTERED, *NO_CREDIT)) or THROTTLED.search(text):
        return from_status(500, code, message)
    if BAD_KEY.search(text) or UNKNOWN_MODEL.search(text):
        return from_status(400, code, message)
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
