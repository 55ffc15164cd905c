"""The client against a real HTTP server: every request is answered, refused for good or left for the next run."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.common.base.errors import UserError
from stages.common.llm import asking, client, pending
from stages.common.llm.claims import Claims
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.llm.throttle import Rate, Throttle
from stages.common.records.files import digest
from support.asking import GOOD, asked, complete, connection, in_turn, read_until, refuses, request, start, stored
from support.repository import ROOT
from support.settings import change_params


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    """Waits of the back-off are a hundredth of the real ones."""
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.005)


# What a server may do to a request, and what is then stored for it after how many calls.
RECOVERED = {
    "429": [429],
    "429 with Retry-After": [{"status": 429, "headers": {"Retry-After": "0"}}],
    "Retry-After as a date": [{"status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}}],
    "500": [500],
    "503": [503, 503, 503],
    "529": [529],
    "closed connection": [None],
    "empty": [""],
    "blank": [" \n"],
    "null": [{"content": None}],
    "no choices": [{"raw": {"choices": []}}],
    "an error with status 200": [{"raw": {"error": {"message": "upstream"}}}],
    "not an object": [{"raw": "busy"}],
    "not JSON": ["I think the answer is b."],
    "wrong shape": ['{"names": 3}'],
    "cut although it says stop": ['{"names": [{"a": "b"}, {"a": "th'],
    "truncated": [{"content": '{"names": [{"a": "b"}, {"a": "th', "finish_reason": "length"}],
    "only thoughts": [{"content": "<think>well,", "finish_reason": "length"}],
    "refusal": [{"content": None, "refusal": "I cannot."}],
}


@pytest.mark.parametrize("name", RECOVERED)
def test_what_goes_wrong_for_a_moment_costs_one_more_call_each_and_nothing_else(endpoint, name):
    endpoint.reply = in_turn(*RECOVERED[name])
    outcome = complete([request(0)])
    assert stored() == (GOOD, "")
    extra = len(RECOVERED[name])
    assert (outcome.answered, outcome.calls, outcome.retries) == (1, 1 + extra, extra)
    assert outcome.faults.total() == extra
    assert outcome.unanswered() == 0


@pytest.mark.parametrize("reply", [500, 503, 429, None, ""], ids=str)
def test_a_transient_failure_is_never_stored_and_the_next_run_asks_again(endpoint, reply):
    endpoint.reply = lambda body: reply
    outcome = complete([request(0)], max_retries=1)
    assert (outcome.failures.total(), outcome.refusals.total()) == (1, 0)
    assert stored() is None
    endpoint.reply = lambda body: GOOD
    assert complete([request(0)]).answered == 1


REFUSED = {
    "content filter": {"content": "half", "finish_reason": "content_filter"},
    "content filter before the call": {"status": 400, "error": "rejected by our content management policy"},
    "schema not met": "no JSON here",
    "refused by the model": {"content": None, "refusal": "I cannot."},
    "status 400": {"status": 400, "error": "maximum context length is 8000 tokens"},
    "truncated": {"content": '{"names": [{"a": "b', "finish_reason": "length"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_for_good_is_stored_with_its_reason_and_never_asked_again(endpoint, name):
    endpoint.reply = lambda body: REFUSED[name] if "(1)" in str(body) else GOOD
    outcome = complete([request(0), request(1)], concurrency=1)
    kind = name.removesuffix(" before the call")
    assert dict(outcome.refusals) == {kind: 1}
    answer, reason = stored(1)
    assert answer == "" and reason.startswith(f"{kind}: ")
    endpoint.requests.clear()
    endpoint.reply = lambda body: GOOD
    again = complete([request(0), request(1)])
    assert endpoint.requests == []
    assert (again.hits, again.unanswered()) == (2, 1)
    assert "refused in an earlier run" in again.reasons() and reason in again.reasons()
    assert "doclore store gc --refusals" in again.reasons()


def test_when_every_request_is_refused_for_how_it_is_made_nothing_is_stored(endpoint):
    endpoint.reply = lambda body: {"status": 400, "error": "max_tokens is too large"}
    outcome = complete([request(n) for n in range(3)])
    assert dict(outcome.failures) == {"status 400": 3}
    assert "max_tokens is too large" in outcome.reasons()
    assert all(stored(n) is None for n in range(3))


def test_refusals_before_the_first_answer_are_stored_with_it(endpoint):
    endpoint.reply = lambda body: GOOD if "(2)" in str(body) else 400
    outcome = complete([request(n) for n in range(3)], concurrency=1)
    assert dict(outcome.refusals) == {"status 400": 2}
    assert stored(0)[1] == "status 400: planned failure"


def test_the_second_question_shows_the_model_its_answer_and_what_was_wrong(endpoint):
    endpoint.reply = in_turn('{"names": [{"a": null}]}')
    complete([request(0)])
    first, second = endpoint.requests
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2] == {"role": "assistant", "content": '{"names": [{"a": null}]}'}
    assert "names.0.a" in second["messages"][3]["content"] and "valid string" in second["messages"][3]["content"]


def test_there_is_one_second_question_for_each_kind_of_unusable_answer(endpoint):
    endpoint.reply = lambda body: "no JSON"
    complete([request(0)], max_retries=9)
    assert len(endpoint.requests) == 2
    endpoint.reply = in_turn("no JSON", REFUSED["refused by the model"])
    assert complete([request(1)]).answered == 1
    assert len(endpoint.requests) == 2 + 3


def test_without_retries_nothing_is_asked_twice_and_an_unusable_answer_is_no_refusal(endpoint):
    for reply in ("no JSON", 503, REFUSED["truncated"]):
        endpoint.requests.clear()
        endpoint.reply = lambda body, reply=reply: reply
        outcome = complete([request(0)], max_retries=0)
        assert len(endpoint.requests) == 1
    assert dict(outcome.refusals) == {"truncated": 1}


def test_a_truncated_answer_is_asked_for_with_more_room_under_the_same_key(endpoint):
    endpoint.reply = in_turn(RECOVERED["truncated"][0])
    complete([request(0)])
    assert [body["max_tokens"] for body in endpoint.requests] == [50, 100]
    assert endpoint.requests[0]["messages"] == endpoint.requests[1]["messages"]
    assert stored() == (GOOD, "")


CUT = {"content": '{"names": [{"a": "b"}, {"c": "d"}, {"e": "th', "finish_reason": "length"}


@pytest.mark.parametrize("then", [CUT, {"status": 400, "error": "maximum context length exceeded"}], ids=["cut", "400"])
def test_the_whole_items_of_an_answer_that_never_fits_are_saved(endpoint, then):
    endpoint.reply = in_turn(CUT, then)
    outcome = complete([request(0)])
    assert stored() == ('{"names":[{"a":"b"},{"c":"d"}]}', "")
    assert (outcome.answered, len(endpoint.requests)) == (1, 2)


def test_a_whole_answer_with_words_behind_it_that_the_limit_cut_is_taken_when_more_room_brings_the_same(endpoint):
    endpoint.reply = lambda body: {"content": f"{GOOD} And now for some", "finish_reason": "length"}
    complete([request(0)])
    assert stored() == (GOOD, "") and len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("refused", "calls"),
    [((), 1), (("json_schema",), 2), (("json_schema", "json_object"), 3)],
    ids=["all", "no", "none"],
)
def test_a_form_of_answer_that_the_server_refuses_is_given_up_once_and_remembered(endpoint, refused, calls):
    endpoint.reply = refuses(*refused)
    complete([request(0)])
    assert len(endpoint.requests) == calls
    complete([request(n) for n in range(1, 5)])
    assert len(endpoint.requests) == calls + 4
    told = endpoint.requests[-1]["messages"][-1]["content"]
    assert ('"names"' in told) == bool(refused)  # where response_format cannot carry the schema, the prompt does
    assert stored(4) == (GOOD, "")


def test_many_requests_that_meet_a_refused_form_at_once_are_all_answered(endpoint):
    endpoint.reply = refuses("json_schema")
    assert complete([request(n) for n in range(12)], concurrency=6).answered == 12


def test_newer_models_get_max_completion_tokens(endpoint):
    wrong = {"status": 400, "error": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}
    endpoint.reply = lambda body: wrong if "max_tokens" in body else GOOD
    complete([request(0)])
    assert endpoint.requests[-1]["max_completion_tokens"] == 50
    assert endpoint.requests[-1]["response_format"]["type"] == "json_schema"


def test_a_request_carries_its_sampling_and_samples_differ_in_key_and_seed(endpoint):
    endpoint.reply = lambda body: GOOD
    both = [request(0, sampling={"temperature": 0.3, "top_p": 0.9, "seed": 5}, sample=n) for n in range(2)]
    assert complete(both, concurrency=1).answered == 2
    assert [(body["temperature"], body["top_p"], body["seed"]) for body in endpoint.requests] == [
        (0.3, 0.9, 5),
        (0.3, 0.9, 6),
    ]
    assert both[0].key() != both[1].key()


def test_the_server_says_how_long_to_wait(endpoint):
    times = []

    def reply(body: dict) -> object:
        times.append(time.monotonic())
        return {"status": 429, "headers": {"Retry-After": "0.4"}} if len(times) == 1 else GOOD

    endpoint.reply = reply
    complete([request(0)])
    assert times[1] - times[0] >= 0.4


def test_a_server_that_asks_to_wait_for_hours_is_not_waited_for(endpoint):
    endpoint.reply = lambda body: {"status": 429, "headers": {"Retry-After": "7200"}}
    assert complete([request(0)]).failures == Counter({"status 429": 1})
    assert len(endpoint.requests) == 1


def test_a_request_that_takes_too_long_is_given_up_and_asked_again(endpoint):
    def reply(body: dict) -> str:
        if len(endpoint.requests) == 1:
            time.sleep(1.5)
        return GOOD

    endpoint.reply = reply
    outcome = complete([request(0)], timeout=0.5)
    assert (dict(outcome.faults), outcome.answered) == ({"timeout": 1}, 1)


def test_a_server_that_stays_silent_is_waited_for_no_more_often_than_max_retries_says(endpoint):
    def reply(body: dict) -> str:
        time.sleep(0.6)
        return GOOD

    endpoint.reply = reply
    assert complete([request(0)], timeout=0.2, max_retries=1).failures == Counter({"timeout": 1})
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("status", "error", "line"),
    [
        (401, "bad key", "refuses the key"),
        (402, "pay first", "no credit left"),
        (429, "You exceeded your current quota", "no credit left"),
        (404, "model gone", "does not know the model"),
        (400, "/chat/completions: Invalid model name passed in model=lampp", "does not know the model"),
        (422, "The model `lampp` does not exist", "does not know the model"),
    ],
)
def test_what_no_request_can_pass_ends_the_run_with_one_line_and_keeps_what_arrives(endpoint, status, error, line):
    def reply(body: dict) -> object:
        if "(1)" in str(body):
            return {"status": status, "error": error}
        time.sleep(0.3)
        return GOOD

    endpoint.reply = reply
    with pytest.raises(UserError) as caught:
        complete([request(n) for n in range(40)], concurrency=2)
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert len(endpoint.requests) <= 3
    assert stored(0) == (GOOD, "")  # it was in flight


def test_an_endpoint_that_stops_answering_ends_the_run_early(endpoint):
    endpoint.reply = lambda body: 500 if len(endpoint.requests) > 5 else GOOD
    with pytest.raises(UserError, match=r"32 requests in a row have no answer \(status 500.*dvc repro"):
        complete([request(n) for n in range(500)], max_retries=0)
    assert len(endpoint.requests) < 60
    assert stored(0) == (GOOD, "")


def test_nothing_is_asked_for_more_than_once_even_when_the_stream_repeats_it(endpoint):
    endpoint.reply = lambda body: GOOD
    assert complete([request(n % 3) for n in range(30)]).answered == 3
    assert len(endpoint.requests) == 3


def test_the_stream_is_read_only_as_far_as_it_is_asked(endpoint):
    drawn = 0
    ahead = []

    def stream() -> Iterator[Request]:
        nonlocal drawn
        for number in range(60):
            drawn += 1
            yield request(number)

    def reply(body: dict) -> str:
        ahead.append(drawn - len(endpoint.requests))
        return GOOD

    endpoint.reply = reply
    complete(stream(), concurrency=3)
    assert max(ahead) <= 3


def test_calls_tokens_latencies_and_the_series_of_answers_are_counted(endpoint):
    endpoint.reply = in_turn(503)
    outcome = complete([request(n) for n in range(5)])
    assert (outcome.calls, outcome.retries, outcome.prompt_tokens, outcome.answer_tokens) == (6, 1, 35, 15)
    assert dict(outcome.faults) == {"status 503": 1}
    assert sum(point["answers"] for point in outcome.series()) == 5
    assert 0 < outcome.latency()["p50"] <= outcome.latency()["p90"] <= outcome.latency()["p99"]
    assert outcome.seconds > 0
    twice = outcome + outcome
    assert (twice.calls, len(twice.latencies), twice.faults["status 503"]) == (12, 10, 2)
    assert sum(point["answers"] for point in twice.series()) == 10


def test_an_entry_carries_what_all_its_tries_cost(endpoint):
    endpoint.reply = in_turn("no JSON")
    complete([request(0)])
    with Store(Path("responses.sqlite")) as store:
        usage = store.usage("teacher")
    assert (usage.answers, usage.prompt_tokens, usage.answer_tokens) == (1, 14, 6)


def test_an_overloaded_server_halves_what_is_in_flight_once_for_each_round_trip_and_answers_let_it_grow():
    async def play() -> list[float]:
        throttle, limits = Throttle(64), []
        starts = [await throttle.start() for _ in range(64)]
        for started in starts:  # one round trip, all of it refused
            throttle.end(started, overloaded=True, answered=False)
        limits.append(throttle.limit)
        for _ in range(20):
            started = await throttle.start()
            await asyncio.sleep(0.001)
            throttle.end(started, overloaded=True, answered=False)
        limits.append(throttle.limit)
        for _ in range(2000):
            throttle.end(await throttle.start(), overloaded=False, answered=True)
        return [*limits, throttle.limit]

    assert asyncio.run(play()) == [32, 1, 64]


def test_no_more_are_in_flight_than_the_limit_and_a_cancelled_wait_loses_no_place():
    async def play() -> int:
        throttle, flights = Throttle(8), []
        throttle.limit = 2.0

        async def one() -> None:
            started = await throttle.start()
            flights.append(throttle.flight)
            await asyncio.sleep(0.01)
            throttle.end(started, overloaded=False, answered=False)

        tasks = [asyncio.create_task(one()) for _ in range(20)]
        await asyncio.sleep(0.005)
        for task in tasks[2:10]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(flights) == 12
        return max(flights)

    assert asyncio.run(play()) == 2


def test_a_place_offered_to_a_wait_that_is_cancelled_goes_to_the_next():
    async def play() -> None:
        throttle = Throttle(1)
        started = await throttle.start()
        first, second = (asyncio.create_task(throttle.start()) for _ in range(2))
        await asyncio.sleep(0)
        throttle.end(started, overloaded=False, answered=True)  # offers the place to the first
        first.cancel()
        await asyncio.wait_for(second, 1)

    asyncio.run(play())


def test_rates_spread_requests_and_tokens_over_the_minute():
    async def play(**limits: int) -> list[float]:
        rate = Rate(connection(**limits))
        waits = [rate.reserve(100.0) for _ in range(3)]
        rate.correct(100.0, 400.0)
        return [round(wait, 1) for wait in [*waits, rate.reserve(1.0)]]

    assert asyncio.run(play(requests_per_minute=60)) == [0.0, 1.0, 2.0, 3.0]
    assert asyncio.run(play(tokens_per_minute=6000)) == [0.0, 1.0, 2.0, 6.0]
    assert asyncio.run(play()) == [0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_what_is_in_flight_arrive_and_asks_nothing_more(endpoint, number, code):
    inside, go = threading.Semaphore(0), threading.Event()

    def reply(body: dict) -> str:
        inside.release()
        go.wait(20)
        return GOOD

    endpoint.reply = reply
    run = start(50)
    for _ in range(4):
        assert inside.acquire(timeout=30)
    run.send_signal(number)
    assert "storing what is in flight" in read_until(run, "storing")
    go.set()
    _, errors = run.communicate(timeout=30)
    assert run.returncode == code
    assert "Traceback" not in errors
    assert len(endpoint.requests) == 4
    assert [stored(n) for n in range(5)] == [(GOOD, "")] * 4 + [None]


def test_a_second_signal_ends_at_once(endpoint):
    inside, go = threading.Event(), threading.Event()

    def reply(body: dict) -> str:
        inside.set()
        go.wait(120)
        return GOOD

    endpoint.reply = reply
    run = start(8, drain_seconds=600)
    assert inside.wait(30)
    run.send_signal(signal.SIGINT)
    read_until(run, "storing")
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=100)  # the server is still silent
    go.set()
    assert run.returncode == 130
    assert "interrupted" in errors and "Traceback" not in errors


def test_two_processes_at_once_pay_for_each_answer_once(endpoint):
    def reply(body: dict) -> str:
        time.sleep(0.02)
        return GOOD

    endpoint.reply = reply
    runs = [start(60) for _ in range(2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    reports = [json.loads(run.stdout.read()) for run in runs]
    assert max(Counter(asked(endpoint)).values()) == 1
    assert sum(report["answered"] for report in reports) == 60
    assert [report["answered"] + report["hits"] for report in reports] == [60, 60]
    assert all(stored(n) == (GOOD, "") for n in range(60))


def test_what_a_killed_process_was_asking_is_free_at_once(endpoint, monkeypatch):
    inside, go = threading.Event(), threading.Event()

    def reply(body: dict) -> str:
        inside.set()
        go.wait(20)
        return GOOD

    endpoint.reply = reply
    run = start(1)
    assert inside.wait(30)
    run.kill()
    run.wait()
    go.set()
    assert complete([request(0)]).answered == 1


@pytest.mark.slow
def test_kills_at_any_moment_lose_no_stored_answer_and_repeat_no_more_than_was_in_flight(endpoint):
    draw, kills, total = random.Random(1), 0, 400

    def reply(body: dict) -> str:
        time.sleep(0.05)
        number = body["messages"][1]["content"].partition("(")[2].partition(")")[0]
        return json.dumps({"names": [{"a": number}]})

    endpoint.reply = reply
    known: list[object] = [None] * total
    while kills < 12:
        run, enough = start(total), len(endpoint.requests) + draw.randint(1, 25)
        while len(endpoint.requests) < enough:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.06))
        run.kill()
        run.communicate()
        kills += 1
        now = [stored(n) for n in range(total)]
        assert all(before in (None, after) for before, after in zip(known, now, strict=True))
        known = now
    assert 0 < sum(entry is not None for entry in known) < total  # it was killed at work
    assert start(total).wait(60) == 0
    assert [stored(n)[0] for n in range(total)] == [f'{{"names":[{{"a":"{n}"}}]}}' for n in range(total)]
    assert len(endpoint.requests) - total <= kills * 4


def test_an_answer_that_another_process_stored_just_before_the_claim_is_not_asked_for(endpoint, monkeypatch):
    class Late(Claims):
        """The other process stores its answer and gives its claim back between our look-up and our claim."""

        def take(self, key: str) -> bool:
            with Store(Path("responses.sqlite")) as other:
                other.put(key, GOOD)
            return super().take(key)

    monkeypatch.setattr(client, "Claims", Late)
    assert complete([request(0)]).hits == 1
    assert endpoint.requests == []


def test_no_claim_is_held_longer_than_its_request_takes(endpoint, monkeypatch):
    held: set[str] = set()
    most = 0

    class Counted(Claims):
        def take(self, key: str) -> bool:
            nonlocal most
            held.add(key)
            most = max(most, len(held))
            return super().take(key)

        def give_back(self, key: str) -> None:
            held.discard(key)
            super().give_back(key)

    monkeypatch.setattr(client, "Claims", Counted)
    endpoint.reply = lambda body: 500 if "(3)" in str(body) else GOOD
    complete([request(n) for n in range(12)], concurrency=2, max_retries=0)
    assert held == set() and most <= 3


def test_a_request_that_another_process_gives_up_is_asked_by_this_one(endpoint, monkeypatch):
    monkeypatch.setattr(pending, "POLL_SECONDS", 0.02)
    code = (
        "import sys, time; from pathlib import Path; from stages.common.llm.claims import Claims; "
        "c = Claims(Path('responses.claims')); print(c.take(sys.argv[1]), flush=True); sys.stdin.readline()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, request(0).key()],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "True\n"
    endpoint.reply = lambda body: GOOD
    released = threading.Timer(0.3, lambda: other.communicate("\n"))
    released.start()
    outcome = complete([request(0), request(1)])
    released.join()
    assert outcome.answered == 2
    assert asked(endpoint) == ["Question (1)", "Question (0)"]


def test_the_key_stands_in_no_reason_no_error_and_no_file_even_when_the_server_repeats_it(
    endpoint, monkeypatch, tmp_path
):
    marker = "sk-marker-7261"
    monkeypatch.setenv("OPENAI_API_KEY", marker)
    told = f"rejected: Authorization Bearer {marker}"
    endpoint.reply = lambda body: GOOD if "(0)" in str(body) else {"status": 400, "error": told}
    outcome = complete([request(n) for n in range(3)], concurrency=1)
    assert stored(1)[1] == "status 400: rejected: Authorization Bearer ***"
    lines = [outcome.reasons(), json.dumps(outcome.report())]
    for status in (402, 404, 500):
        endpoint.reply = lambda body, status=status: {"status": status, "error": told}
        try:
            lines.append(complete([request(9)], max_retries=0).reasons())
        except UserError as error:
            lines.append(str(error))
    endpoint.models = [marker]
    endpoint.reply = lambda body: {"status": 404, "error": told}
    with pytest.raises(UserError, match=r"the endpoint serves \*\*\*") as caught:
        complete([request(9)])
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{marker}@127.0.0.1:9/v1")
    with pytest.raises(UserError, match="export it without") as in_address:
        complete([request(9)])
    texts = [*lines, str(caught.value), str(in_address.value)]
    assert len(lines) == 5 and not any(marker in text for text in texts)
    assert not any(marker.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.slow
def test_the_key_stands_in_nothing_that_dvc_writes_or_prints(endpoint, make_clone):
    marker = "sk-marker-9154"
    clone = make_clone()
    clone.environment |= {"OPENAI_API_KEY": marker, "OPENAI_BASE_URL": endpoint.url}
    asking_pairs = {"generate.backend": "llm", "generate.model": "teacher"}
    asking_pairs |= {"generate.paraphrases": 0, "generate.held_out": 0.0}
    change_params(clone.directory / "params.yaml", asking_pairs)
    pair = {"instruction": "Why?", "input": "", "output": "Because.", "evidence": "x"}
    endpoint.key, endpoint.reply = marker, lambda body: json.dumps({"pairs": [pair]})
    texts = [clone.run("dvc", "repro", "--verbose", "generate")]
    endpoint.reply = lambda body: {"status": 400, "error": f"wrong: {marker}"}
    change_params(clone.directory / "params.yaml", {"generate.temperature": 0.1})
    texts.append(clone.run("dvc", "repro", "generate", code=None))
    texts.append(clone.run("dvc", "exp", "run", "--set-param", "generate.temperature=0.2", "generate", code=None))
    assert "no answer" in texts[2] and "wrong: ***" in texts[2]
    endpoint.key = "another"
    change_params(clone.directory / "params.yaml", {"generate.temperature": 0.3})
    texts.append(clone.run("dvc", "repro", "--verbose", "generate", code=None))
    assert "refuses the key" in texts[3]
    assert not any(marker in text for text in texts)
    files = [file for file in clone.directory.rglob("*") if file.is_file()]
    assert {"dvc.lock", "responses.sqlite", "pairs.jsonl"} <= {file.name for file in files}
    assert [file for file in files if marker.encode() in file.read_bytes()] == []


def test_the_keys_of_a_request_never_change_or_what_users_paid_for_is_lost():
    assert request(0).key() == "328af4997f28db07a32d00a04eafa114264a20747145e64ed97eb39a382ba4cb"
    first = "b756fd4666b29a80e2acaa2e92732b420dc93530b3c112a9d74f29c26d3966e9"  # of doclore 0.1
    assert next(request(0).keys_before(())) == first
    assert first in request(0, sampling={"max_tokens": 900}).keys_before((50, 100))


def test_the_key_depends_on_all_that_is_asked_and_on_nothing_else():
    sampling = {"max_tokens": 50, "top_p": 0.5}
    other = {"model": "m", "schema": {}, "sampling": sampling, "sample": 1, "extra": {"min_p": 0.1}, "thinking": "off"}
    keys = {request(0).key(), request(1).key(), *(request(0, **{name: value}).key() for name, value in other.items())}
    assert len(keys) == 8
    assert request(0, sampling={"max_tokens": 51}).key() == request(0).key()
    texts = [request(0, schema={}, sampling={"max_tokens": room}).key() for room in (50, 51)]
    assert texts[0] != texts[1]  # a text is measured as the room left it
    messages = tuple({name: turn[name] for name in ("content", "role")} for turn in request(0).messages)
    assert request(0, messages=messages).key() == request(0).key()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"messages": ()},
        {"messages": [{"role": "user", "content": 'half \ud800, "quoted"\n'}]},
        {"messages": [{"role": role, "content": role} for role in ("system", "user", "assistant", "user")]},
        {"schema": {}, "sampling": {"max_tokens": 7, "temperature": 1}},
        {"sampling": {"temperature": 1.0, "b": 1e-7, "a": 1e22, "seed": True}},
        {"sample": 3, "weights": "w", "extra": {"b": [1], "a": None}, "thinking": "on"},
    ],
)
def test_the_key_is_the_digest_of_the_request_in_canonical_form(changes):
    asked = request(0, **changes)
    sampling = {name: value for name, value in asked.sampling.items() if name != "max_tokens" or not asked.schema}
    more = [asked.weights] if asked.weights else []
    more += [{"extra_body": asked.extra, "thinking": asked.thinking}] if asked.thinking else []
    parts = asked.model, asked.messages, asked.schema, sampling, asked.sample
    assert asked.key() == digest(*parts, *more, length=64)
