"""Habits and faults of servers: each is adapted to once, and what a reply holds is found wherever it stands."""

import json
import threading
import time
from collections import Counter

import pytest

from stages.common.base.errors import ParamsError, UserError
from stages.common.llm import asking, rooms
from stages.common.llm.address import addresses
from stages.common.llm.completion import NoCompletionError, to_reply
from stages.common.llm.forms import Form
from support.asking import GOOD, complete, in_turn, request, stored
from support.endpoint import FakeEndpoint

THOUGHTS = "Perhaps one name, perhaps two."
PARTS = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": GOOD}]
CALL = {"id": "c", "type": "function", "function": {"name": "answer", "arguments": GOOD}}
PLACES = {
    "parts": {"content": PARTS},
    "text in pieces": {"content": [GOOD[:7], {"type": "output_text", "text": GOOD[7:]}]},
    "an object": {"content": json.loads(GOOD)},
    "a part of JSON": {"content": [{"type": "json", "json": json.loads(GOOD)}]},
    "tool call": {"message": {"content": None, "tool_calls": [CALL]}},
    "tool call with an object": {"message": {"tool_calls": [{"function": {"arguments": json.loads(GOOD)}}]}},
    "function call": {"message": {"function_call": {"name": "answer", "arguments": GOOD}}},
    "parsed": {"message": {"content": "", "parsed": json.loads(GOOD)}},
    "reasoning_content": {"message": {"content": None, "reasoning_content": GOOD}},
    "reasoning": {"message": {"content": "  ", "reasoning": f"```json\n{GOOD}\n```"}},
    "reasoning behind its end": {"message": {"content": "", "reasoning_content": f"{THOUGHTS}</think>{GOOD}"}},
    "tool call beside prose": {"message": {"content": "By the tool.", "tool_calls": [CALL]}},
    "second tool call": {"message": {"tool_calls": [{"function": {"arguments": '{"note": "hm"}'}}, CALL]}},
    "tool use as a part": {"content": [{"type": "tool_use", "input": json.loads(GOOD)}]},
    "parts of Gemini": {"content": {"parts": [{"text": "hm", "thought": True}, {"text": GOOD}]}},
    "parts of Bedrock": {"content": [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": GOOD}]},
    "thinking_content": {"message": {"content": None, "thinking_content": GOOD}},
    "numbers as text": {"content": GOOD, "usage": {"prompt_tokens": "7", "completion_tokens": "3.0"}},
    "no usage": {"content": GOOD, "usage": None},
    "odd usage": {"content": GOOD, "usage": [1]},
    "another finish": {"content": GOOD, "finish_reason": "end_turn"},
    "no finish": {"content": GOOD, "finish_reason": None},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.005)
    monkeypatch.setattr(asking, "LONGEST_WAIT", 0.05)


@pytest.mark.parametrize("name", PLACES)
def test_the_answer_is_taken_from_wherever_it_stands_in_one_call(endpoint, name):
    endpoint.reply = lambda body: PLACES[name]
    assert complete([request(0)]).answered == 1
    assert stored() == (GOOD, "") and len(endpoint.requests) == 1


FINISHES = {
    "length": ("length", "MAX_TOKENS", "max_length", "FINISH_REASON_MAX_TOKENS", "model_context_window_exceeded"),
    "stop": ("stop", "STOP", "eos", "end_turn", "stop_sequence", "tool_calls", 3),
    "content_filter": ("content_filter", "SAFETY", "refusal", "guardrail_intervened"),
    "error": ("error", "abort", "cancelled"),
    "": (None, ""),
}


@pytest.mark.parametrize("finish", FINISHES)
def test_how_a_reply_ended_is_known_in_the_words_of_any_server(finish):
    for said in FINISHES[finish]:
        assert to_reply({"choices": [{"message": {"content": GOOD}, "finish_reason": said}]}).finish == finish


def stream(*deltas: dict, finish: str | None = "stop") -> bytes:
    """Server-sent events with these pieces of a message."""
    pieces = [*({"delta": delta, "finish_reason": None} for delta in deltas), {"delta": {}, "finish_reason": finish}]
    chunks = [*({"choices": [piece]} for piece in pieces), {"choices": [], "usage": {"prompt_tokens": 7}}]
    return "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def test_a_stream_that_was_not_asked_for_is_read_as_a_reply(endpoint):
    endpoint.reply = lambda body: {"raw": stream({"role": "assistant"}, {"content": GOOD[:9]}, {"content": GOOD[9:]})}
    assert complete([request(0)]).prompt_tokens == 7
    assert stored() == (GOOD, "") and len(endpoint.requests) == 1


def test_a_stream_that_breaks_off_is_no_answer(endpoint):
    endpoint.reply = in_turn({"raw": stream({"content": GOOD}, finish=None)})
    assert (complete([request(0)]).answered, len(endpoint.requests)) == (1, 2)


def test_a_server_that_only_streams_is_asked_for_a_stream_from_then_on(endpoint):
    def reply(body: dict) -> object:
        said = "This model only supports stream mode, please enable the stream parameter"
        return {"raw": stream({"content": GOOD})} if body.get("stream") else {"status": 400, "error": said}

    endpoint.reply = reply
    assert complete([request(n) for n in range(3)], concurrency=1).answered == 3
    assert len(endpoint.requests) == 4


def test_what_fastapi_says_of_a_field_is_understood(endpoint):
    fields = [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]
    endpoint.reply = lambda body: {"status": 422, "raw": {"detail": fields}} if "temperature" in body else GOOD
    assert complete([request(0, sampling={"temperature": 0.7})]).answered == 1


def test_a_body_with_a_byte_order_mark_or_another_status_of_success_is_a_reply(endpoint):
    body = {"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]}
    endpoint.reply = lambda _: {"raw": b"\xef\xbb\xbf" + json.dumps(body).encode(), "status": 201}
    assert complete([request(0)]).answered == 1
    assert to_reply({"code": 0, "data": body}).text == to_reply([body]).text == GOOD


CHOICES = [None, [], [3], [{}], [{"message": None}], "x"]


@pytest.mark.parametrize("body", [None, 3, [], "x", {}, {"error": "x"}, *({"choices": c} for c in CHOICES)], ids=str)
def test_a_body_of_any_type_is_a_fault_and_no_traceback(endpoint, body):
    with pytest.raises(NoCompletionError):
        to_reply(body)
    endpoint.reply = in_turn({"raw": body})
    outcome = complete([request(0)])
    assert (outcome.faults["no completion"], outcome.answered) == (1, 1)


@pytest.mark.parametrize("field", ["content", "refusal", "tool_calls", "reasoning", "function_call", "parsed"])
@pytest.mark.parametrize("value", [0, 1.5, True, [], {}, [[]], [None], {"a": []}, "x", [{"type": 3}]], ids=str)
def test_no_type_of_a_field_raises_anything_but_a_fault(field, value):
    body = {"choices": [{"message": {"content": GOOD, field: value}, "finish_reason": value}], "usage": value}
    assert isinstance(to_reply(body).text, str)


def test_thoughts_that_hold_a_draft_beside_other_words_are_no_answer(endpoint):
    endpoint.reply = lambda body: {"message": {"content": None, "reasoning_content": f"First idea: {GOOD}"}}
    outcome = complete([request(0)])
    assert stored() is None and len(endpoint.requests) <= 3
    assert "field for thoughts" in outcome.reasons() and "generate.thinking" in outcome.reasons()


def test_thoughts_that_fill_the_room_are_told_and_more_room_asks_only_for_these(endpoint):
    def reply(body: dict) -> object:
        if "(1)" in str(body) and body["max_tokens"] < 300:
            return {"message": {"content": None, "reasoning_content": THOUGHTS}, "finish_reason": "length"}
        return GOOD

    endpoint.reply = reply
    outcome = complete([request(n) for n in range(2)])
    assert "thoughts filled max_tokens" in outcome.reasons() and "generate.max_tokens" in outcome.reasons()
    endpoint.requests.clear()
    again = complete([request(n, sampling={"max_tokens": 500}) for n in range(2)])
    assert (again.hits, again.answered, len(endpoint.requests)) == (1, 1, 1)
    assert complete([request(n) for n in range(2)]).hits == 2  # and less room is enough for what is whole


THROTTLED = {
    "400": (400, "Rate limit reached for requests per minute, please retry later", "rate_limit_exceeded"),
    "403": (403, "请求过于频繁，请稍后重试", "Throttling"),
    "408": (408, "Too many requests in the queue", None),
    "500": (500, "Concurrency limit of the model reached", None),
    "quota": (403, "Out of call volume quota. It will be replenished soon.", None),
    "200": (200, "The service is overloaded, try again later", 503),
}


@pytest.mark.parametrize("name", THROTTLED)
def test_throttling_is_known_by_what_is_said_whatever_the_status(endpoint, name):
    status, message, code = THROTTLED[name]
    endpoint.reply = in_turn(*[{"status": status, "raw": {"error": {"message": message, "code": code}}}] * 3)
    assert complete([request(0)], max_retries=1).answered == 1  # turned away three times, which is less than one try
    assert stored() == (GOOD, "")


@pytest.mark.parametrize("error", ["API key not valid. Please pass a valid API key.", "No connected db."])
def test_a_key_that_is_refused_with_status_400_ends_the_run_with_its_name(endpoint, error):
    endpoint.reply = lambda body: {"status": 400, "error": error}
    with pytest.raises(UserError, match="refuses the key in OPENAI_API_KEY"):
        complete([request(0)])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
def test_a_server_that_lists_no_models_is_asked_all_the_same(endpoint, status):
    endpoint.models_status, endpoint.reply = status, lambda body: GOOD
    assert complete([request(0)]).answered == 1


def refusing(error: str, when) -> object:
    return lambda body: {"status": 400, "error": error} if when(body) else GOOD


ADAPTED = {
    "temperature": (
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) is supported.",
        lambda body: "temperature" in body,
    ),
    "seed": ("Extra inputs are not permitted: seed", lambda body: "seed" in body),
    "max_tokens": (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        lambda body: "max_tokens" in body,
    ),
    "system": ("System role not supported", lambda body: body["messages"][0]["role"] == "system"),
    "roles": ("Only user and assistant roles are supported!", lambda body: body["messages"][0]["role"] == "system"),
    "most": (
        "max_tokens is too large: 2048. This model supports at most 1024 completion tokens.",
        lambda body: body.get("max_tokens", 0) > 1024,
    ),
    "thinking": (
        "chat_template_kwargs: unexpected field", lambda body: "chat_template_kwargs" in body,
    ),
    "must not think": (
        "parameter.enable_thinking must be set to false for non-streaming calls",
        lambda body: body.get("enable_thinking") is not False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ADAPTED)
def test_what_a_server_refuses_is_left_out_once_and_remembered(endpoint, name, capsys):
    endpoint.reply = refusing(*ADAPTED[name])
    sampling = {"temperature": 0.7, "seed": 5, "max_tokens": 2048}
    thinking = "off" if name == "thinking" else ""
    first, *others = (request(n, sampling=sampling, thinking=thinking) for n in range(4))
    assert complete([first]).answered == 1
    assert len(endpoint.requests) == 2
    assert capsys.readouterr().err.count("from now on requests go out") == 1
    assert complete(others).answered == 3
    assert len(endpoint.requests) == 5
    text = str(endpoint.requests[-1]["messages"])
    assert "JSON only." in text and "Question (" in text


def test_room_beyond_the_context_is_lowered_to_what_is_left_for_this_request_alone(endpoint):
    def reply(body: dict) -> object:
        if "(0)" in str(body) and body["max_tokens"] > 700:
            told = f"maximum context length is 1600 tokens; you asked for {body['max_tokens']} with 900 in the messages"
            return {"status": 400, "error": told}
        return GOOD

    endpoint.reply = reply
    sampling = {"max_tokens": 1000}
    assert complete([request(n, sampling=sampling) for n in range(2)], concurrency=1).answered == 2
    assert [body["max_tokens"] for body in endpoint.requests] == [1000, 700, 1000]


def test_room_that_doclore_chose_itself_never_makes_a_refusal_for_good(endpoint):
    def reply(body: dict) -> object:
        if "(1)" not in str(body):
            return GOOD
        if body["max_tokens"] > 1000:
            return {"status": 400, "error": "This model's maximum context length is 1500 tokens."}
        return {"content": '{"names": [{"a', "finish_reason": "length"}

    endpoint.reply = reply
    outcome = complete([request(n, sampling={"max_tokens": 1000}) for n in range(2)], concurrency=1)
    assert dict(outcome.refusals) == {"truncated": 1}
    endpoint.reply = lambda body: GOOD
    assert complete([request(1, sampling={"max_tokens": 1001})]).answered == 1


ROOMS = {
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (904 in the messages, 4096 "
    "in the completion).": (4096, 3192),
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 904 `inputs` tokens and 4096 `max_new_tokens`": (
        4096, 3192),
    "You requested a total of 5,000 tokens: 904 tokens from the input messages and 4,096 for the completion; the "
    "maximum context length is 4,096 tokens.": (4096, 3192),
    "Range of max_tokens should be [1, 8192]": (16384, 8192),
    "max_tokens: 10000 > 8192, which is the maximum allowed number of output tokens": (10000, 8192),
    "supported range of max_output_tokens is from 1 (inclusive) to 8193 (exclusive)": (10000, 8192),
    "the request exceeds the available context size (4096 tokens)": (2048, 1024),
    "Prompt contains 5000 tokens, too large for model with 4096 maximum context length": (2048, None),
    "request (5000 tokens) exceeds the available context size (4096 tokens)": (2048, None),
    "input length and `max_tokens` exceed context limit: 904 + 4096 > 4096": (4096, 3192),
    "The input length 904 and max_tokens 4096 exceed session_len 4096.": (4096, 3192),
    "输入超过模型上下文长度4096，当前输入904 tokens，max_tokens 4096": (4096, 3192),
    "Your request exceeded model token limit: 4096 (requested: 5000)": (4096, 3192),
    "maximum context length is 4096 tokens, you requested 5000 tokens (800 in the messages, 104 in the functions, and "
    "4096 in the completion)": (4096, 3192),
    "'max_tokens' is too large: 2048. The maximum context length is 2500 tokens and your request has 1000 input "
    "tokens (2048 > 2500 - 1000).": (2048, 1500),
    "max_new_tokens must be at most 1500, got 2048": (2048, 1500),
    "maxOutputTokens is 2048 but the supported range is from 1 (inclusive) to 1501 (exclusive)": (2048, 1500),
    "The maximum tokens you requested exceeds the model limit of 1500": (2048, 1500),
    "the model is gone": (2048, None),
}  # fmt: skip


@pytest.mark.parametrize("message", ROOMS)
def test_the_room_is_read_from_what_a_server_says(message):
    asked, expected = ROOMS[message]
    room = rooms.left(message, asked)
    assert (room and room.tokens) == expected


def test_room_that_no_message_names_is_searched_for_between_what_was_too_little_and_too_much(endpoint):
    def reply(body: dict) -> object:
        if body["max_tokens"] > 1700:
            return {"status": 400, "error": "max_tokens is more than the context window leaves"}
        return GOOD if body["max_tokens"] > 1024 else {"content": '{"names": [{"a', "finish_reason": "length"}

    endpoint.reply = reply
    assert complete([request(0, sampling={"max_tokens": 1024})]).answered == 1


def test_a_server_that_fails_over_the_room_is_asked_for_what_it_leaves(endpoint):
    told = "maximum context length is 1600 tokens; the request has 900 input tokens and asks for 1000"
    endpoint.reply = lambda body: {"status": 500, "error": told} if body["max_tokens"] > 700 else GOOD
    assert complete([request(0, sampling={"max_tokens": 1000})]).answered == 1


def test_a_field_of_extra_body_that_is_refused_ends_the_run_and_names_its_key(endpoint):
    endpoint.reply = refusing("Unknown field: min_p", lambda body: "min_p" in body)
    with pytest.raises(ParamsError, match=r"generate\.extra_body\.min_p.*refuses it"):
        complete([request(0, extra={"min_p": 0.1, "top_p": 0.9})])


def test_extra_body_is_sent_and_wins_over_what_thinking_adds(endpoint):
    endpoint.reply = lambda body: GOOD
    extra = {"top_p": 0.8, "chat_template_kwargs": {"thinking": True}}
    complete([request(0, thinking="off", extra=extra)])
    body = endpoint.requests[0]
    assert (body["top_p"], body["chat_template_kwargs"]) == (0.8, {"enable_thinking": False, "thinking": True})


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("http://127.0.0.1:8000/v1", "chat_template_kwargs"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "enable_thinking"),
        ("https://openrouter.ai/api/v1", "reasoning"),
        ("https://open.bigmodel.cn/api/paas/v4", "thinking"),
        ("http://localhost:11434/v1", "reasoning_effort"),
        ("https://api.openai.com/v1", "reasoning_effort"),
    ],
)
def test_thinking_is_switched_in_the_words_of_the_server(address, field):
    for switch in ("on", "off"):
        assert field in Form().body(request(0, thinking=switch), request(0).messages, 50, address)
    assert field not in Form().body(request(0), request(0).messages, 50, address)


def test_limits_in_headers_are_heeded_before_they_are_hit(endpoint):
    window, lock, refused = Counter[int](), threading.Lock(), []

    def reply(body: dict) -> object:
        with lock:
            second = int(time.monotonic() / 0.5)
            window[second] += 1
            left = 8 - window[second]
            if left < 0:
                refused.append(second)
                return {"status": 429, "error": "slow down"}
        reset = f"{int(500 - (time.monotonic() % 0.5) * 1000) + 5}ms"
        headers = {"x-ratelimit-remaining-requests": str(left), "x-ratelimit-reset-requests": reset}
        return {"content": GOOD, "headers": headers}

    endpoint.reply = reply
    assert complete([request(n) for n in range(40)], concurrency=2).answered == 40
    assert len(refused) <= 3


def test_a_prompt_that_the_server_cut_is_told_with_the_setting_to_change(endpoint, capsys):
    long = [{"role": "user", "content": "The lamp has a limit of 7 lux. " * 200}]
    endpoint.reply = lambda body: {"content": GOOD, "usage": {"prompt_tokens": 90, "completion_tokens": 5}}
    outcome = complete([request(n, messages=[*long, request(n).messages[1]]) for n in range(3)])
    assert outcome.prompts_cut == 3
    told = capsys.readouterr().err
    assert told.count("counted 90 tokens") == 1
    assert all(name in told for name in ("OLLAMA_CONTEXT_LENGTH", "--ctx-size", "--max-model-len"))


def test_an_endpoint_that_restarts_is_waited_for_and_no_try_is_used_up(endpoint, monkeypatch, capsys):
    monkeypatch.setattr(asking, "LONGEST_AWAY", 0.05)
    begun = threading.Event()

    def reply(body: dict) -> object:
        begun.set()
        return 503 if len(endpoint.requests) in range(3, 30) else GOOD

    endpoint.reply = reply
    outcome = complete([request(n) for n in range(6)], max_retries=1, max_outage=30.0, concurrency=2)
    assert (outcome.answered, outcome.unanswered()) == (6, 0)
    assert capsys.readouterr().err.count("is unreachable") == 1


def test_an_outage_that_lasts_too_long_ends_the_run_with_one_line(endpoint, monkeypatch):
    monkeypatch.setattr(asking, "LONGEST_AWAY", 0.05)
    endpoint.reply = lambda body: 502
    with pytest.raises(UserError, match=r"unreachable for .* answers so far are stored"):
        complete([request(0)], max_outage=0.3)
    assert stored() is None


def test_one_request_that_fails_while_others_are_answered_is_no_outage(endpoint):
    endpoint.reply = lambda body: 503 if "(0)" in str(body) else GOOD
    outcome = complete([request(n) for n in range(60)], max_outage=600.0, max_retries=1, concurrency=2)
    assert (outcome.answered, outcome.failures.total()) == (59, 1)


def test_a_connection_that_is_cut_halves_nothing(endpoint, monkeypatch):
    limits = []

    class Watched(asking.Throttle):
        def end(self, *said: object) -> None:
            super().end(*said)
            limits.append(self.limit)

    monkeypatch.setattr(asking, "Throttle", Watched)
    endpoint.reply = in_turn(None, None)
    assert complete([request(n) for n in range(4)]).answered == 4
    assert min(limits) == 4


@pytest.fixture
def second(monkeypatch, endpoint):
    fake = FakeEndpoint()
    monkeypatch.setenv("OPENAI_BASE_URLS", f"{endpoint.url}, {fake.url}")
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def test_several_addresses_share_the_work_and_one_that_fails_does_not_stop_the_run(endpoint, second):
    endpoint.reply = second.reply = lambda body: GOOD
    assert complete([request(n) for n in range(20)]).answered == 20
    assert min(len(endpoint.requests), len(second.requests)) >= 5
    for broken in (401, 404, 503, None):
        second.reply = lambda body, broken=broken: broken
        start = 100 * (broken or 9)
        assert complete([request(n) for n in range(start, start + 12)]).answered == 12


def test_an_address_that_cannot_be_reached_is_told_and_the_other_is_asked(endpoint, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_BASE_URLS", f"http://127.0.0.1:9/v1 {endpoint.url}")
    endpoint.reply = lambda body: GOOD
    assert complete([request(n) for n in range(5)], max_outage=30.0).answered == 5
    assert "127.0.0.1:9/v1 cannot be reached" in capsys.readouterr().err


ADDRESSES = {
    "http://a:1/v1/": "http://a:1/v1/chat/completions",
    "http://a:1/v1/chat/completions": "http://a:1/v1/chat/completions",
    "https://x.openai.azure.com/openai/deployments/d?api-version=2026-01-01": (
        "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2026-01-01"
    ),
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_taken_with_what_people_leave_at_its_end(monkeypatch, text):
    monkeypatch.setenv("OPENAI_BASE_URL", text)
    (address,) = addresses()
    assert address.url("chat/completions") == ADDRESSES[text]
    assert ("api-key" in address.headers("k")) == ("azure" in text) and "?" not in address.shown


def test_proxies_of_the_environment_are_used_but_never_for_this_machine(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pw@proxy:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    names = (
        "https://outside.example/v1",
        "https://inside.example/v1",
        "http://127.0.0.1:8/v1",
        "http://localhost:8/v1",
    )
    monkeypatch.setenv("OPENAI_BASE_URLS", " ".join(names))
    found = addresses()
    assert [address.proxy for address in found] == ["http://user:pw@proxy:3128", None, None, None]
    assert found[0].shown_proxy() == "http://proxy:3128"


def test_without_an_address_nothing_is_sent_anywhere(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    with pytest.raises(UserError, match="OPENAI_BASE_URL is not set, so nothing is sent"):
        complete([request(0)])
