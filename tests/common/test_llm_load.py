"""The client as the server sees it: how many at once, how far apart, through faults, stops and kills."""

import argparse
import asyncio
import itertools
import json
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import generation
from stages.common.llm import asking
from stages.common.llm.client import DRAIN_SECONDS
from stages.common.llm.writer import Writer
from support.asking import GOOD, asked, complete, in_turn, read_until, refuses, request, start, stored


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    """Waits of the back-off are a hundredth of the real ones."""
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.005)


# Seconds within which a stopped run ends that has nothing to wait for: well below those it waits at most.
PATIENCE = 0.6 * DRAIN_SECONDS


def question(body: dict) -> str:
    return body["messages"][1]["content"]


def test_a_request_that_was_told_to_wait_is_not_asked_before_and_holds_up_no_other(endpoint):
    times = defaultdict(list)

    def reply(body: dict) -> object:
        times[question(body)].append(time.monotonic())
        told = question(body) in ("Question (0)", "Question (1)") and len(times[question(body)]) == 1
        return {"status": 429, "headers": {"Retry-After": "1"}} if told else GOOD

    endpoint.reply = reply
    assert complete([request(n) for n in range(12)]).answered == 12
    again = [times[f"Question ({n})"] for n in range(2)]
    assert all(len(pair) == 2 and pair[1] - pair[0] >= 1 for pair in again)
    others = [moments[0] for moments in times.values() if len(moments) == 1]
    assert max(others) < min(pair[1] for pair in again)


class Crowd:
    """A server whose first `size` requests, all in flight at once, meet `fault`. For each later one it notes how many
    of the later ones it holds, and how many it had answered when that one came."""

    def __init__(self, size: int, fault: Callable[[], object]) -> None:
        self.together, self.size, self.fault = threading.Barrier(size), size, fault
        self.lock, self.arrived, self.flight, self.answered = threading.Lock(), 0, 0, 0
        self.seen: list[tuple[int, int]] = []

    def reply(self, body: dict) -> object:
        with self.lock:
            self.arrived += 1
            early = self.arrived <= self.size
            if not early:
                self.flight += 1
                self.seen.append((self.flight, self.answered))
        if early:
            self.together.wait(20)
            return self.fault()
        time.sleep(0.03)
        with self.lock:
            self.flight -= 1
            self.answered += 1
        return GOOD


def too_late() -> str:
    time.sleep(2.0)
    return GOOD


@pytest.mark.parametrize("fault", [lambda: 429, lambda: 503, too_late], ids=["429", "503", "timeout"])
def test_an_overloaded_server_gets_half_at_once_and_more_with_each_round_trip(endpoint, fault):
    crowd = Crowd(16, fault)
    endpoint.reply = crowd.reply
    timeout = 1.5 if fault is too_late else 20.0
    assert complete([request(n) for n in range(80)], concurrency=16, timeout=timeout).answered == 80
    assert all(flight <= 8 + answered / 8 for flight, answered in crowd.seen)
    assert max(flight for flight, _ in crowd.seen) > 8  # how far beyond depends on how busy this machine is


def test_an_error_of_the_server_is_no_overload(endpoint):
    together = threading.Barrier(8)

    def reply(body: dict) -> object:
        first = len(endpoint.requests) <= 8
        together.wait(20)  # only eight at once get through, after the errors too
        return 500 if first else GOOD

    endpoint.reply = reply
    assert complete([request(n) for n in range(8)], concurrency=8).answered == 8


def test_requests_per_minute_hold_after_the_server_held_requests_up(endpoint):
    times, spacing, slack = [], 0.04, 0.6

    def reply(body: dict) -> object:
        times.append(time.monotonic())
        if len(times) <= 6:
            return 503
        if len(times) <= 8:
            time.sleep(1.2)  # long enough for everyone's turn to come while there is no place
        return GOOD

    endpoint.reply = reply
    outcome = complete([request(n) for n in range(34)], concurrency=32, requests_per_minute=1500)
    assert outcome.answered == 34 and len(times) == outcome.calls
    pairs = itertools.combinations(range(len(times)), 2)
    assert all(times[b] - times[a] >= (b - a) * spacing - slack for a, b in pairs)


FAULTS = {
    "429": {"status": 429, "headers": {"Retry-After": "0.1"}},
    "500": 500,
    "503": 503,
    "reset": None,
    "slow": too_late,
    "malformed": "There are three facts.",
    "truncated": {"content": '{"names": [{"a": "b"}, {"a": "', "finish_reason": "length"},
    "fenced": lambda: f"<think>Well.</think>Sure:\n```json\n{GOOD}\n```\nMore?",
    "empty": "",
    "refusal": {"content": None, "refusal": "I cannot."},
}


def test_faults_of_all_kinds_at_once_lose_nothing_and_cost_a_call_each(endpoint):
    kinds, met = list(FAULTS), Counter()

    def reply(body: dict) -> object:
        number = int(question(body).partition("(")[2].partition(")")[0])
        met[number] += 1
        if met[number] > 1 or number >= 20:
            return json.dumps({"names": [{"a": str(number)}]})
        fault = FAULTS[kinds[number % 10]]
        return fault() if callable(fault) else fault

    endpoint.reply = reply
    outcome = complete([request(n) for n in range(40)], concurrency=20, timeout=1.5)
    assert (outcome.answered, outcome.unanswered(), outcome.retries) == (40, 0, 18)
    expected = [GOOD if n in (7, 17) else f'{{"names":[{{"a":"{n}"}}]}}' for n in range(40)]
    assert [stored(n) for n in range(40)] == [(text, "") for text in expected]
    assert max(met.values()) == 2


@pytest.mark.parametrize("status", [408, 409, 425, 502, 504, 529])
def test_a_status_that_may_pass_is_asked_again_and_never_stored(endpoint, status):
    endpoint.reply = lambda body: status if "(0)" in question(body) else GOOD
    outcome = complete([request(0), request(1)], max_retries=1)
    assert dict(outcome.failures) == {f"status {status}": 1}
    assert (stored(0), asked(endpoint).count("Question (0)") > 1) == (None, True)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_status_that_will_not_pass_is_asked_once_and_stored_with_what_the_server_says(endpoint, status):
    endpoint.reply = lambda body: {"status": status, "error": "too long"} if "(1)" in question(body) else GOOD
    complete([request(0), request(1)], concurrency=1)
    assert stored(1) == ("", f"status {status}: too long")
    complete([request(0), request(1)])
    assert asked(endpoint) == ["Question (0)", "Question (1)"]


def test_a_refusal_that_comes_while_the_first_answer_goes_to_the_disk_is_stored(endpoint, monkeypatch):
    put, committing, refused = Writer.put, threading.Event(), threading.Event()

    async def slow(writer: Writer, response: object) -> None:
        committing.set()
        await asyncio.to_thread(refused.wait, 20)
        await asyncio.sleep(0.3)  # the refusal is on its way
        await put(writer, response)

    def reply(body: dict) -> object:
        if "(0)" in question(body):
            return GOOD
        committing.wait(20)
        refused.set()
        return 400

    monkeypatch.setattr(Writer, "put", slow)
    endpoint.reply = reply
    assert dict(complete([request(0), request(1)]).refusals) == {"status 400": 1}
    assert stored(1) == ("", "status 400: planned failure")


@pytest.mark.parametrize("value", ["soon", "", "-3", "nan", "Wed, 99 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 0000"])
def test_a_senseless_retry_after_is_no_wait_and_no_crash(endpoint, value):
    endpoint.reply = in_turn({"status": 429, "headers": {"Retry-After": value}})
    assert complete([request(0)]).answered == 1


def test_a_refused_form_is_asked_no_oftener_than_fits_in_flight_and_a_new_process_remembers(endpoint):
    endpoint.reply = refuses("json_schema")
    complete([request(n) for n in range(30)], concurrency=3)
    forms = Counter(body["response_format"]["type"] for body in endpoint.requests)
    assert forms["json_object"] == 30 and 1 <= forms["json_schema"] <= 3
    endpoint.requests.clear()
    assert start(34).wait(60) == 0
    assert [body["response_format"]["type"] for body in endpoint.requests] == ["json_object"] * 4


@pytest.mark.parametrize("when", ["before the signal", "after the signal"])
def test_a_stop_waits_for_answers_and_not_for_a_server_that_asks_to_wait(endpoint, when):
    inside, go = threading.Semaphore(0), threading.Event()

    def reply(body: dict) -> object:
        overloaded = question(body) != "Question (0)"
        inside.release()
        if not overloaded or when == "after the signal":
            go.wait(30)
        return {"status": 503, "headers": {"Retry-After": "200"}} if overloaded else GOOD

    endpoint.reply = reply
    run = start(4)
    for _ in range(4):
        assert inside.acquire(timeout=30)
    run.send_signal(signal.SIGTERM)
    read_until(run, "storing")
    go.set()
    run.communicate(timeout=PATIENCE)
    assert run.returncode == 143
    assert [stored(n) for n in range(4)] == [(GOOD, ""), None, None, None]
    assert len(endpoint.requests) == 4


def test_an_unusable_answer_that_arrives_after_a_stop_is_neither_stored_nor_asked_about(endpoint):
    inside, go = threading.Semaphore(0), threading.Event()

    def reply(body: dict) -> object:
        inside.release()
        go.wait(30)
        return GOOD if "(0)" in question(body) else "no JSON"

    endpoint.reply = reply
    run = start(20)
    for _ in range(4):
        assert inside.acquire(timeout=30)
    run.send_signal(signal.SIGINT)
    read_until(run, "storing")
    go.set()
    run.communicate(timeout=30)
    assert (run.returncode, len(endpoint.requests)) == (130, 4)
    assert [stored(n) for n in range(4)] == [(GOOD, ""), None, None, None]


def test_a_second_sigterm_ends_at_once(endpoint):
    inside, go = threading.Event(), threading.Event()

    def reply(body: dict) -> str:
        inside.set()
        go.wait(30)
        return GOOD

    endpoint.reply = reply
    run = start(4)
    assert inside.wait(30)
    run.send_signal(signal.SIGTERM)
    read_until(run, "storing")
    run.send_signal(signal.SIGTERM)
    assert run.wait(PATIENCE) in (143, -signal.SIGTERM)
    go.set()
    assert stored(0) is None


@pytest.mark.slow
def test_the_key_is_in_no_output_and_no_file_when_the_server_fails_or_repeats_it(endpoint, monkeypatch, tmp_path):
    marker = "sk-MARKER8151"
    monkeypatch.setenv("OPENAI_API_KEY", marker)
    told = f"Incorrect API key provided: {marker}; Authorization: Bearer {marker}"
    replies = {name: {"status": int(name), "error": told} for name in ("401", "500")}
    ends = {"401": 1, "500": 0, "nobody there": 1}
    for name, code in ends.items():
        directory = tmp_path / name
        directory.mkdir()
        endpoint.reply = lambda body, name=name: replies[name]
        address = "http://127.0.0.1:9/v1" if name == "nobody there" else endpoint.url
        monkeypatch.chdir(directory)
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        run = start(2)
        output, errors = run.communicate(timeout=60)
        assert run.returncode == code, errors
        assert "Traceback" not in errors
        assert marker not in output + errors
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert sum(file.name == "responses.sqlite" for file in files) == len(ends)
    assert [file for file in files if marker.encode() in file.read_bytes()] == []


def test_what_is_stored_needs_neither_key_nor_network(endpoint, monkeypatch):
    endpoint.reply = lambda body: GOOD
    complete([request(n) for n in range(3)])
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    outcome = complete([request(n) for n in range(3)])
    assert (outcome.hits, outcome.calls, outcome.unanswered()) == (3, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("measure", "rows"), [(generation.kill, 3), (generation.two, 2)], ids=["kills", "two"])
def test_the_stage_killed_or_run_twice_at_once_loses_and_repeats_nothing(measure, rows, capsys):
    measure(argparse.Namespace(kills=4))
    verdicts = [line.split("|")[4].strip() for line in capsys.readouterr().out.splitlines()]
    assert verdicts == ["yes"] * rows
    assert not Path("data").exists()
