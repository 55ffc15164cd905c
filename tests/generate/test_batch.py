"""Batch files: what is written can be submitted, whatever comes back is found, and nothing is asked for twice."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.llm.store import Store
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Pair
from stages.generate import __main__ as generate
from stages.generate.batch import files as batch
from stages.generate.labelling import recipe
from stages.generate.labelling.languages import Languages
from support.lamps import PAIR, lamps, prepare, report, run, teacher

FOLDER = Path(".cache/batch")
ONE = {"styles": {"fact": 1}, "paraphrases": 0}  # one request for each chunk


@pytest.fixture
def ask(write_params) -> Callable[..., list[Pair]]:
    return partial(run, write_params, backend="batch")


def submitted(name: str = "questions", folder: Path = FOLDER) -> list[dict]:
    """The lines of the request files of a pass."""
    files = sorted(folder.glob(f"requests-{name}-*.jsonl"))
    return [row for file in files for row in read_jsonl(file)]


def result(row: dict, text: str | None = None, finish: str = "stop") -> dict:
    """The line that a batch service makes of a request line."""
    message = {"role": "assistant", "content": teacher(row["body"]) if text is None else text}
    usage = {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}
    body = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    return {"id": "b", "custom_id": row["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def failure(row: dict, status: int, message: str = "planned") -> dict:
    """A request that the service tried and could not answer, as OpenAI and vLLM write it."""
    body = {"error": {"message": message, "code": None}}
    return {"id": "b", "custom_id": row["custom_id"], "response": {"status_code": status, "body": body}, "error": None}


def write_results(rows: list[object], name: str = "results.jsonl", folder: Path = FOLDER) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    folder.joinpath(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def waits(ask: Callable[..., list[Pair]], size: int, **settings: object) -> str:
    """Run into the stop that asks for a batch to be submitted; its line."""
    with pytest.raises(UserError, match=r"submit each file as a batch") as caught:
        ask(lamps(size), **{**ONE, **settings})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_missing_is_written_as_a_batch_and_the_stage_stops_with_what_to_do(ask):
    line = waits(ask, 3)
    assert line.startswith("3 requests wait in ") and "requests-questions-1.jsonl" in line and "`dvc repro`" in line
    rows = submitted()
    assert all(set(row) == {"custom_id", "method", "url", "body"} for row in rows)
    assert {(row["method"], row["url"]) for row in rows} == {("POST", "/v1/chat/completions")}
    assert all(re.fullmatch("[0-9a-f]{64}", row["custom_id"]) for row in rows)
    assert rows[0]["body"]["model"] == "teacher" and rows[0]["body"]["max_tokens"] == 2048
    assert rows[0]["body"]["response_format"]["type"] == "json_schema"
    assert not paths.PAIRS.exists()


def test_results_in_any_order_and_number_of_files_become_the_pairs_of_the_llm_backend(endpoint, ask, write_params):
    endpoint.reply = teacher
    expected = run(write_params, lamps(5), **ONE)
    for file in Path(".cache").glob("responses.*"):
        file.unlink()
    paths.RESPONSES.unlink()
    endpoint.requests.clear()
    waits(ask, 5)
    results = [result(row) for row in reversed(submitted())]
    write_results(results[:2], "one.jsonl")
    write_results([*results[2:], ""], "two.jsonl")
    assert ask(lamps(5), **ONE) == expected
    assert endpoint.requests == []
    assert submitted() == []
    assert report()["answered"] == 5
    assert (report()["prompt_tokens"], report()["answer_tokens"]) == (350, 150)


def test_other_wordings_are_a_second_batch(ask):
    waits(ask, 2, paraphrases=2)
    write_results([result(row) for row in submitted()])
    waits(ask, 2, paraphrases=2)
    assert submitted() == []
    write_results([result(row) for row in submitted("wordings")], "more.jsonl")
    assert len(ask(lamps(2), **{**ONE, "paraphrases": 2})) == 6
    assert report()["batch"] == {"results": 4, "duplicates": 0, "unreadable": 0, "unknown_ids": 0}


def test_a_result_that_is_still_missing_is_asked_for_alone(ask):
    waits(ask, 4)
    rows = submitted()
    write_results([result(row) for row in rows if row is not rows[2]])
    assert waits(ask, 4).startswith("1 requests wait")
    assert submitted() == [rows[2]]


FAILURES = {
    "status 500": lambda row: failure(row, 500),
    "status 429": lambda row: failure(row, 429),
    "status 401": lambda row: failure(row, 401),
    "batch_expired": lambda row: {**row, "response": None, "error": {"code": "batch_expired", "message": "too late"}},
    "failed": lambda row: {"custom_id": row["custom_id"], "error": "no reason"},
    "no completion": lambda row: {**row, "response": {"status_code": 200, "body": None}},
    "schema not met": lambda row: result(row, '{"pears": []}'),
    "truncated": lambda row: result(row, '{"pairs": [{"instruction": "Wh', "length"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_request_is_counted_by_kind_and_stands_in_the_next_batch(ask, kind):
    waits(ask, 4)
    rows = submitted()
    write_results([result(rows[0]), FAILURES[kind](rows[1]), result(rows[2]), result(rows[3])])
    with pytest.raises(UserError, match=rf"1 of 4 requests have no answer \(1 × {kind}"):
        ask(lamps(4), **ONE)
    assert [row["custom_id"] for row in submitted()] == [rows[1]["custom_id"]]
    assert len(ask(lamps(4), **ONE, max_failed=0.25)) == 3
    assert report()["failures"] == {kind: 1}
    assert [row["custom_id"] for row in submitted()] == [rows[1]["custom_id"]]
    write_results([result(rows[1])], "again.jsonl")
    assert len(ask(lamps(4), **ONE)) == 4
    assert submitted() == []


def test_an_answer_that_breaks_off_gives_its_whole_pairs_or_is_asked_for_with_more_room(ask):
    waits(ask, 2)
    rows = submitted()
    text = json.dumps({"pairs": [{**PAIR, "output": "whole"}, PAIR]})
    write_results([result(rows[0], text[:-20], "length"), result(rows[1], text[:30], "length")])
    assert [pair["output"] for pair in ask(lamps(2), **ONE, max_failed=0.5)] == ["whole"]
    assert [row["body"]["max_tokens"] for row in submitted()] == [4096]


def test_a_refused_request_is_refused_for_good_once_another_was_answered(ask):
    waits(ask, 2)
    rows = submitted()
    write_results([failure(rows[0], 400, "too long"), failure(rows[1], 400, "too long")])
    with pytest.raises(UserError, match="2 × status 400"):
        ask(lamps(2), **ONE)
    assert len(submitted()) == 2
    write_results([failure(rows[0], 400, "too long"), result(rows[1])])
    assert len(ask(lamps(2), **ONE, max_failed=0.5)) == 1
    assert submitted() == []
    assert report()["refusals"] == {"status 400": 1}
    with pytest.raises(UserError, match="1 × refused in an earlier run"):
        ask(lamps(2), **ONE)


def test_a_service_without_json_schemas_gets_the_next_batch_in_another_form(ask):
    waits(ask, 2)
    rows = submitted()
    write_results([failure(row, 400, "response_format is not supported") for row in rows])
    with pytest.raises(UserError, match="2 × status 400"):
        ask(lamps(2), **ONE)
    again = submitted()
    assert [row["custom_id"] for row in again] == [row["custom_id"] for row in rows]
    assert again[0]["body"]["response_format"] == {"type": "json_object"}


def test_duplicates_unknown_ids_and_broken_lines_are_counted_and_harm_nothing(ask):
    waits(ask, 2)
    rows = submitted()
    stranger = {**result(rows[0]), "custom_id": "f" * 64}
    results = [failure(rows[0], 500), result(rows[0]), failure(rows[0], 500), result(rows[0], "late"), result(rows[1])]
    write_results([*results, stranger, "[1]", '{"id": 3}', '{"custom_id": "cut o'])
    pairs = ask(lamps(2), **ONE)
    assert [pair["output"] for pair in pairs] == ["Number 0.", "Number 1."]
    assert report()["batch"] == {"results": 3, "duplicates": 3, "unreadable": 3, "unknown_ids": 1}
    assert report()["failed"] == 0


def test_batches_lie_in_the_directory_that_params_name(ask, tmp_path):
    own = tmp_path / "elsewhere"
    waits(ask, 2, batch_dir=str(own))
    write_results([result(row) for row in submitted(folder=own)], folder=own)
    assert len(ask(lamps(2), **ONE, batch_dir=str(own))) == 2
    assert not FOLDER.exists()


@pytest.mark.parametrize("limit", [{"lines": 3}, {"bytes": 11_000}])
def test_no_file_is_above_the_limits_of_a_batch_service(ask, monkeypatch, limit):
    monkeypatch.setitem(batch.SERVICES, "openai", batch.SERVICES["openai"]._replace(**limit))
    waits(ask, 7)
    files = sorted(FOLDER.glob("requests-questions-*.jsonl"))
    assert len(files) == 3
    assert len({row["custom_id"] for row in submitted()}) == 7
    assert all(len(list(read_jsonl(file))) <= 3 and file.stat().st_size <= 11_000 for file in files)
    write_results([result(row) for row in submitted()][:5])
    waits(ask, 7)
    assert len(list(FOLDER.glob("requests-questions-*.jsonl"))) == 1


PATHS = {
    "openai": "/v1/chat/completions",
    "azure": "/chat/completions",
    "vllm": "/v1/chat/completions",
    "dashscope": "/v1/chat/completions",
}


@pytest.mark.parametrize("service", PATHS)
def test_lines_name_the_path_that_the_service_wants(ask, service):
    waits(ask, 1, batch_service=service)
    (row,) = submitted()
    assert (row["method"], row["url"], row["body"]["model"]) == ("POST", PATHS[service], "teacher")


def test_lines_for_mistral_hold_id_and_body_alone_and_its_results_are_read(ask):
    waits(ask, 2, batch_service="mistral")
    rows = submitted()
    assert all(set(row) == {"custom_id", "body"} and "model" not in row["body"] for row in rows)
    write_results([{**result(row), "error": None, "status_code": 200} for row in rows])
    assert len(ask(lamps(2), **ONE, batch_service="mistral")) == 2


@pytest.mark.parametrize(
    ("service", "field"),
    [
        ("openai", {"reasoning_effort": "none"}),
        ("azure", {"reasoning_effort": "none"}),
        ("mistral", {"reasoning_effort": "none"}),
        ("dashscope", {"enable_thinking": False}),
        ("vllm", {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
    ],
)
def test_thinking_is_switched_in_the_words_of_the_service(ask, service, field):
    waits(ask, 1, batch_service=service, thinking="off")
    (row,) = submitted()
    assert field.items() <= row["body"].items()


def test_a_result_that_is_the_completion_itself_is_read(ask):
    waits(ask, 2)
    write_results([{**result(row), "response": result(row)["response"]["body"]} for row in submitted()])
    assert len(ask(lamps(2), **ONE)) == 2


def test_results_of_a_batch_that_doclore_0_1_wrote_are_found(ask):
    waits(ask, 2)
    old = {row["custom_id"]: row for row in submitted()}
    section = params.load().generate
    made = recipe.Recipe(section, Languages(section)).requests
    results = [
        {**result(old[task.key]), "custom_id": next(request.keys_before(()))}
        for row in lamps(2)
        for task, request in made(row)
    ]
    write_results(results)
    assert len(ask(lamps(2), **ONE)) == 2


def test_what_the_llm_backend_was_answered_needs_no_batch_and_the_other_way_round(endpoint, ask, write_params):
    endpoint.reply = teacher
    before = run(write_params, lamps(2), **ONE)
    assert ask(lamps(2), **ONE) == before
    waits(ask, 3)
    write_results([result(row) for row in submitted()])
    after = ask(lamps(3), **ONE)
    endpoint.requests.clear()
    assert run(write_params, lamps(3), **ONE) == after
    assert endpoint.requests == []


def test_nothing_is_lost_when_settings_change_between_submitting_and_reading(ask):
    waits(ask, 2)
    rows = submitted()
    write_results([result(row) for row in rows])
    waits(ask, 2, temperature=0.1)
    assert len(ask(lamps(2), **ONE)) == 2


def test_a_batch_needs_a_model_but_neither_key_nor_network(write_params, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    prepare(write_params, lamps(1), backend="batch", model="")
    with pytest.raises(ParamsError, match=r"generate.model = ''"):
        generate.main()
    prepare(write_params, lamps(1), backend="batch")
    with pytest.raises(UserError, match="submit each file"):
        generate.main()


def test_answers_read_are_in_the_store_with_their_tokens(ask):
    waits(ask, 2)
    write_results([result(row) for row in submitted()])
    ask(lamps(2), **ONE)
    with Store.of_repository() as store:
        assert store.usage("teacher")[:3] == (2, 70, 30)
        assert store.usage("teacher").seconds == 0
