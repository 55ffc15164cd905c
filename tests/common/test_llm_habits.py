"""What servers and models of many makers say is understood: errors, limits, rooms, shapes of replies."""

import json
import time
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from stages.common.base.errors import UserError
from stages.common.llm import headers, replies, rooms
from stages.common.llm.completion import NoCompletionError, error_in, from_events, to_reply
from stages.common.llm.endpoint import completion
from stages.common.llm.faults import FaultError, RefusalError, from_error, from_status
from stages.common.llm.forms import Form
from stages.common.llm.json_text import UNUSABLE
from stages.generate.labelling.answer import Answer, Wordings
from support.asking import GOOD, complete, in_turn, request, stored

PAIR = {"instruction": "How bright is the lamp?", "input": "", "output": "9 lux", "evidence": "9 lux"}
OTHER = {**PAIR, "output": "3 lux"}
TEXT = json.dumps({"pairs": [PAIR]})
DRAFT = json.dumps({"pairs": [{**PAIR, "output": "a draft"}]})


def outputs(reply: str) -> list[str]:
    return [pair.output for pair in replies.read(reply, Answer).pairs]


STRAY = {
    "an object": '{"name": "lamp"}',
    "half a pair": '{"instruction": "And what else?"}',
    "a pair without an answer": json.dumps({**PAIR, "output": " "}),
    "a status": '{"status": "done", "written": 1}',
    "a count under the answer's key": '{"pairs": 1}',
    "a sentence under the answer's key": '{"pairs": "one pair written"}',
    "the beginning of an object": '{"name": "lam',
    "a bracket": "}",
    "the schema": json.dumps(Answer.model_json_schema()),
}


@pytest.mark.parametrize("name", STRAY)
def test_what_is_no_answer_behind_an_answer_does_not_hide_it(name):
    assert outputs(f"{TEXT}\n{STRAY[name]}") == outputs(f"{STRAY['an object']}\n{TEXT}\n{STRAY[name]}") == ["9 lux"]


FAILED = ['{"pairs": [3]}', '{"pairs": [{"instruction": "x"}]}', '[{"instruction": "x"}]', '{"pairs": [{"instruc']


@pytest.mark.parametrize("text", FAILED)
def test_behind_an_answer_that_failed_its_draft_is_not_taken(text):
    with pytest.raises(UNUSABLE):
        outputs(f"First: {DRAFT}\nAt last: {text}")


THINKING = {
    "Solar": f"<|think|>{DRAFT}<|end|><|begin|>assistant<|content|>{TEXT}<|end|>",
    "Apriel": f"Here are my reasoning steps:\n{DRAFT}\n[BEGIN FINAL RESPONSE]\n{TEXT}\n[END FINAL RESPONSE]",
    "gpt-oss without its tokens": f"assistantanalysisWe say {DRAFT}assistantfinal{TEXT}",
    "gpt-oss, a preamble": f"analysisHm {DRAFT}assistantcommentaryI say {DRAFT}assistantfinal json{TEXT}",
    "a budget within": f"<seed:think>hm<seed:cot_budget_reflect>9</seed:cot_budget_reflect>{DRAFT}</seed:think>{TEXT}",
    "written for a page": f"&lt;think&gt;{DRAFT}&lt;/think&gt;\n{TEXT}",
    "closed twice": f"{DRAFT}</think>\n{DRAFT}</think>\n{TEXT}",
    "one within the other": f"<think>a<think>{DRAFT}</think>{DRAFT}</think>{TEXT}",
}


@pytest.mark.parametrize("name", THINKING)
def test_the_answer_behind_the_thinking_of_other_models(name):
    assert outputs(THINKING[name]) == ["9 lux"]


TWO = ["9 lux", "3 lux"]
CALL = {"name": "write", "arguments": {"pairs": [PAIR]}}
SHAPES = {
    "one pair in place of the list": ({"pairs": PAIR}, TWO[:1]),
    "numbers in place of the list": ({"pairs": {"1": PAIR, "2": OTHER}}, TWO),
    "numbered pairs": ({"pair 1": PAIR, "pair 2": OTHER}, TWO),
    "pairs as a string": ({"pairs": json.dumps([PAIR, OTHER])}, TWO),
    "each pair as a string": ({"pairs": [json.dumps(PAIR), json.dumps(OTHER)]}, TWO),
    "lists in the list": ({"pairs": [[PAIR], [OTHER]]}, TWO),
    "a key around each pair": ({"pairs": [{"pair": PAIR}, {"pair": OTHER}]}, TWO),
    "several answers": ([{"pairs": [PAIR]}, {"pairs": [OTHER]}], TWO),
    "capital keys": ({"pairs": [{name.title(): text for name, text in PAIR.items()}]}, TWO[:1]),
    "question and answer": ({"pairs": [{"question": "How bright?", "answer": "9 lux"}]}, TWO[:1]),
    "a number": ({"pairs": [{**PAIR, "output": 9}]}, ["9"]),
    "true": ({"pairs": [{**PAIR, "output": True}]}, ["true"]),
    "steps with a number": ({"pairs": [{**PAIR, "output": ["Turn it on.", 2]}]}, ["Turn it on.\n2"]),
    "a call of a tool": (CALL, TWO[:1]),
    "its arguments as a string": ({**CALL, "arguments": TEXT}, TWO[:1]),
    "a call as the API writes it": ({"tool_calls": [{"function": {**CALL, "arguments": TEXT}}]}, TWO[:1]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_pairs_are_read_in_whatever_shape_a_model_gives_them(name):
    value, expected = SHAPES[name]
    assert outputs(json.dumps(value)) == outputs(f"Here it is:\n```json\n{json.dumps(value)}\n```") == expected


def test_chinese_punctuation_between_values_is_a_slip_of_the_pen():
    text = json.dumps({"pairs": [{**PAIR, "output": "亮度：9，不可调"}]}, ensure_ascii=False)
    assert outputs(text.replace('": ', '"：').replace('", "', '"，"')) == ["亮度：9，不可调"]


@pytest.mark.parametrize("value", [["a", "b"], {"questions": {"1": "a", "2": "b"}}, {"questions": [{"q": "a"}, "b"]}])
def test_wordings_are_read_from_lists_and_objects(value):
    assert replies.read(json.dumps(value), Wordings).questions == ["a", "b"]


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    fit: Literal["yes", "partly", "no", "NOT_KNOWN"]


class Notes(BaseModel):
    model_config = ConfigDict(extra="forbid")
    notes: list[Note]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ({"name": "a", "fit": "Yes."}, ("a", "yes")),
        ({"name": 7, "fit": "PARTLY"}, ("7", "partly")),
        ({"name": "a", "fit": False}, ("a", "no")),
        ({"name": "a", "fit": "not known"}, ("a", "NOT_KNOWN")),
        ({"name": "a", "fit": "no", "because": "it says so"}, ("a", "no")),
        ({"name": "a", "fit": "perhaps"}, None),
        ({"name": "a", "fit": 3}, None),
        ({"name": ["a"], "fit": "no"}, None),
        ({"fit": "no", "because": "it says so"}, None),
    ],
)
def test_a_verdict_is_read_by_its_words_and_what_nobody_asked_for_is_left_out(note, expected):
    text = json.dumps({"notes": [note], "done": True})
    if expected:
        assert [(read.name, read.fit) for read in replies.read(text, Notes).notes] == [expected]
    else:
        with pytest.raises(UNUSABLE):
            replies.read(text, Notes)


THROTTLED = [
    "Too many tokens, please wait before trying again.",
    "Rate exceeded",
    "Your account reached max concurrency: 1",
    "Server busy",
    "Flex tier capacity exceeded",
    "当前请求频繁",
    "请求过快，请稍候重试",
    "TPM超限",
    "调用次数已达上限",
    "该模型当前访问量过大",
    "服务负载过高",
    "算力资源紧张",
]


@pytest.mark.parametrize("message", THROTTLED)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_throttling_is_heard_in_two_languages(message, status):
    meaning = from_status(status, "", message)
    assert isinstance(meaning, FaultError) and meaning.overloaded and meaning.tries < 1


ENDS = {
    "credit": [
        (429, "Your account is suspended, please check your plan"),
        (403, "your account balance is insufficient"),
        (403, "your account has an overdue balance"),
        (400, "please make sure your account is in good standing"),
        (400, "Budget has been exceeded! Max budget: 1.0"),
    ],
    "key": [(400, "API Key 无效"), (400, "令牌已过期"), (400, "身份验证失败"), (400, "密钥错误")],
    "model": [(400, "a/b is not a valid model ID"), (400, "unexpected model name format"), (400, "Model Not Exist")],
    "proxy": [(407, "Proxy Authentication Required")],
}


@pytest.mark.parametrize("word", ENDS)
def test_what_only_the_user_can_mend_ends_the_run(word):
    for status, message in ENDS[word]:
        meaning = from_status(status, "", message)
        assert isinstance(meaning, UserError) and word in str(meaning), message


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ({"code": 1302, "msg": "您的账户已达到速率限制", "success": False}, FaultError, "速率"),
        ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}, FaultError, "rate limit"),
        ({"error_code": 18, "error_msg": "qps request limit reached"}, FaultError, "qps"),
        ({"Response": {"Error": {"Code": "LimitExceeded", "Message": "并发请求数超过限制"}}}, FaultError, "并发"),
        ({"error": {"message": "Insufficient balance", "code": "x"}}, UserError, "credit"),
        ({"error": {"message": "Incorrect API key provided"}}, UserError, "key"),
        ({"code": 401, "msg": "验证不正确"}, UserError, "key"),
        ({"code": 404, "message": "no such model"}, UserError, "model"),
        ({"error": {"message": "内容包含敏感信息"}}, RefusalError, "敏感"),
        ({"detail": "upstream closed"}, FaultError, "upstream"),
    ],
)
def test_an_error_with_status_200_means_what_it_says(body, kind, told):
    with pytest.raises(NoCompletionError) as caught:
        to_reply(body)
    meaning = from_error(caught.value.error)
    assert isinstance(meaning, kind) and told in str(meaning)


@pytest.mark.parametrize("error", [None, {}, {"code": 0, "message": ""}, {"code": "0", "message": "Success"}])
def test_an_error_that_says_there_is_none_is_none(error):
    assert to_reply({"error": error, "choices": [{"message": {"content": GOOD}}]}).text == GOOD


def test_what_a_provider_behind_a_gateway_said_is_told():
    raw = json.dumps({"error": {"message": "min_p is not supported"}})
    body = {"error": {"message": "Provider returned error", "metadata": {"raw": raw}}}
    assert error_in(json.dumps(body).encode())[1] == "Provider returned error: min_p is not supported"


def test_a_model_that_did_not_meet_the_schema_is_asked_again_in_the_same_form(endpoint):
    error = {"message": "Failed to generate JSON.", "code": "json_validate_failed", "failed_generation": "{"}
    endpoint.reply = in_turn({"status": 400, "raw": {"error": error}})
    assert complete([request(0)]).answered == 1
    assert "response_format" in endpoint.requests[1]


def test_a_page_in_place_of_json_is_told_as_such(endpoint):
    page = b"<html><head><title>Who are you?</title></head><body>Sign in</body></html>"
    endpoint.reply = lambda body: {"status": 403, "raw": page}
    with pytest.raises(UserError, match=r"a page, not with JSON \(.*Sign in.*\)"):
        complete([request(0)])
    endpoint.reply = lambda body: {"raw": page}
    assert "Sign in" in complete([request(0)], max_retries=0).example and stored() is None


def test_the_first_choice_that_says_something_is_the_reply():
    empty, full = ({"message": {"content": text}, "finish_reason": "stop"} for text in ("", GOOD))
    assert to_reply({"choices": [empty, full]}).text == GOOD
    assert to_reply({"choices": [empty]}).text == ""
    assert to_reply(json.dumps({"data": {"response": {"choices": [full]}}})).text == GOOD


def test_thoughts_are_read_where_the_text_has_none():
    thoughts = {"content": "<think></think>", "reasoning_content": GOOD}
    assert to_reply({"choices": [{"message": thoughts}]}).thoughts == GOOD


def events(*deltas: dict) -> str:
    return "".join(f"data:{json.dumps({'choices': [{'delta': delta}]})}\n\n" for delta in deltas)


@pytest.mark.parametrize(
    "deltas",
    [
        [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]}]}, {"content": GOOD}],
        [{"content": [{"type": "text", "text": GOOD[:4]}]}, {"content": [{"type": "text", "text": GOOD[4:]}]}],
        [{"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": part}}]} for part in (GOOD[:5], GOOD[5:])],
        [{"function_call": {"name": "f", "arguments": part}} for part in (GOOD[:5], GOOD[5:])],
        [{"content": None, "reasoning": "hm"}, {"content": GOOD, "reasoning": None}],
    ],
    ids=["thinking", "parts", "tool call", "function call", "nulls"],
)
def test_a_stream_is_put_together_whatever_its_pieces_are(deltas):
    assert to_reply(from_events(events(*deltas))).text == GOOD
    assert to_reply(completion(f": waiting\n\n{events(*deltas)}".encode())).text == GOOD


def test_a_server_that_knows_no_stream_options_is_asked_without():
    form = Form(stream=True).simpler("Unknown parameter: stream_options")
    assert form and "stream_options" not in form.body(request(0), request(0).messages, 50)
    assert form.body(request(0), request(0).messages, 50)["stream"]


WAITS = {
    "seconds": ({"retry-after": "1.5"}, 1.5),
    "unit": ({"retry-after": "1m30s"}, 90),
    "ms": ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
    "Azure": ({"x-ms-retry-after-ms": "2500"}, 2.5),
    "past": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    "words": ({"retry-after": "in 3s perhaps"}, 0),
    "nothing": ({}, 0),
}


@pytest.mark.parametrize("name", WAITS)
def test_how_long_to_wait_is_read_from_any_header(name):
    said, expected = WAITS[name]
    assert headers.retry_after(said) == pytest.approx(expected)


def test_a_date_to_wait_for_is_so_many_seconds_away():
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 9000))
    assert headers.retry_after({"retry-after": date}) == pytest.approx(9000, abs=900)


def test_limits_are_read_with_and_without_a_kind():
    assert headers.limits({}) is None
    named = {"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining": "1"}
    assert headers.limits(named) == (None, 0.0, 9.0, 300.0)
    assert headers.limits({"ratelimit-remaining": "3", "ratelimit-reset": "20"}) == (3.0, 20.0, None, 0.0)
    for moment in (time.time() + 60, (time.time() + 60) * 1000):
        bare = headers.limits({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{moment:.0f}"})
        assert bare and bare.requests == 0 and bare.requests_reset == pytest.approx(60, abs=30)


ROOMS = [
    ("Request too large on tokens per minute (TPM): Limit 6000, Requested 9000, reduce your message size", 8192, 5192),
    ("max_total_tokens (5000) must be less than or equal to max_seq_len (4096)", 4096, 3192),
    ("Please reduce the length of the messages or completion.", 2048, 1024),
    ("<400> InternalError: Range of max_tokens should be [1, 8192]", 10000, 8192),
    ("max_tokens is too large: 20000. This model supports at most 16384, whereas you provided 20000.", 20000, 16384),
    ("The input (5000 tokens) is longer than the model's context length (4096 tokens).", 2048, None),
    ("`inputs` must have less than 4095 tokens. Given: 5000", 2048, None),
    ("the first 5000 tokens, but a context length of only 4096 tokens, which needs a shorter input", 2048, None),
    ("maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.", 2048, None),
    ("length of prompt_tokens (5000) must be less than max_seq_len (4096)", 2048, None),
    ("输入长度5000超过模型最大上下文长度4096", 2048, None),
    ("the request is 9 % too long", 2048, None),
]


@pytest.mark.parametrize(("message", "asked", "expected"), ROOMS)
def test_the_room_is_read_in_the_words_of_more_servers(message, asked, expected):
    room = rooms.left(message, asked)
    assert (room and room.tokens) == expected


def test_a_request_above_what_a_minute_allows_is_not_waited_for():
    assert isinstance(from_status(429, "", "Request too large: Limit 10, Requested 20 tokens per min"), RefusalError)


@pytest.mark.parametrize(
    "message", ["Model rate limit exceeded. RPM limit=3, current usage=5", "Too many requests per min"]
)
def test_a_limit_per_minute_that_does_not_say_when_it_ends_is_outlasted(message):
    fault = from_status(429, "", message)
    assert fault.overloaded and fault.wait * 3 / fault.tries > 60
    assert from_status(429, "", f"{message}. Try again in 2s").wait == 2.0
    assert from_status(429, "", "Too many requests").wait == 0.0
