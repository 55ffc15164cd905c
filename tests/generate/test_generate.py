"""generate: the llm backend pays for each answer once and leaks nothing."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from stages.commands import main as doclore
from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.llm import prompts, replies
from stages.common.records.files import digest, read_json, read_jsonl, write_jsonl
from stages.common.records.rows import Chunk, Pair
from stages.generate import __main__ as generate
from stages.generate.labelling import recipe
from stages.generate.labelling.answer import Answer
from support.generation import chunk
from support.repository import ROOT


def numbered(size: int) -> list[Chunk]:
    return [chunk(f"The level of lamp number {n} is {n * 7} lux.") for n in range(size)]


def answer(*outputs: str) -> str:
    """A reply with one pair for each output."""
    pair = {"instruction": "What does {} stand for?", "input": "", "evidence": "The level"}
    rows = [{**pair, "instruction": pair["instruction"].format(output), "output": output} for output in outputs]
    return json.dumps({"pairs": rows})


@pytest.fixture
def ask(write_params) -> Callable[..., list[Pair]]:
    """Run the stage with the llm backend on chunks, in this process; the pairs it wrote."""

    def run(chunks: list[Chunk], **settings: object) -> list[Pair]:
        prepare(write_params, chunks, **settings)
        generate.main()
        return list(read_jsonl(paths.PAIRS))

    return run


def prepare(write_params: Callable[..., Path], chunks: list[Chunk], **settings: object) -> None:
    plain = {"styles": {"fact": 1}, "personas": [], "paraphrases": 0, "held_out": 0.0}  # one request for each chunk
    fixed = {"backend": "llm", "model": "teacher", "prompts": str(ROOT / "prompts"), "max_retries": 0, **plain}
    write_params({f"generate.{name}": value for name, value in {**fixed, **settings}.items()})
    write_jsonl(paths.CHUNKS, chunks)


def run_stage(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the stage as DVC does."""
    inherited = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
    return subprocess.run(
        [sys.executable, "-m", "stages.generate"],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def report() -> dict:
    return read_json(paths.REPORTS / "generate.json")


def questions(endpoint) -> list[str]:
    """What the endpoint was asked, as the user part of each request."""
    return [request["messages"][1]["content"] for request in endpoint.requests]


def write_prompts(text: str, directory: str = "own") -> str:
    Path(directory).mkdir(exist_ok=True)
    for lang in ("zh", "en"):
        Path(directory, f"generate.{lang}.md").write_text(text.replace("LANG", lang), encoding="utf-8")
    return directory


def test_llm_pairs_are_instruction_input_output_with_chunk_and_request_key(endpoint, ask):
    endpoint.reply = lambda body: json.dumps(
        {"pairs": [{"instruction": " Why? ", "input": "trace", "output": "Because.\n", "evidence": "The level"}]}
    )
    (row,) = ask(numbered(1))
    assert (row["instruction"], row["input"], row["output"]) == ("Why?", "trace", "Because.")
    assert row["evidence"] == "The level"
    assert row["chunk_id"] == numbered(1)[0]["chunk_id"]
    assert row["pair_id"] == digest(row["chunk_id"], "Why?", "trace", "Because.")
    assert len(row["request_key"]) == 64
    assert set(row) == Pair.__required_keys__


def test_a_request_carries_model_sampling_and_the_schema_of_the_answer(endpoint, ask):
    ask(numbered(1), temperature=0.25, max_tokens=99, pairs_per_chunk=2)
    (request,) = endpoint.requests
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("teacher", 0.25, 99)
    assert request["response_format"]["type"] == "json_schema"
    schema = request["response_format"]["json_schema"]["schema"]
    assert schema["$defs"]["AnswerPair"]["required"] == ["instruction", "input", "output", "evidence"]
    assert schema["properties"]["pairs"]["maxItems"] == 2
    assert [message["role"] for message in request["messages"]] == ["system", "user"]


def test_pairs_keep_the_order_of_the_chunks_whatever_the_order_of_the_answers(endpoint, ask):
    chunks = numbered(8)

    def late_first(body: dict) -> str:
        place = next(n for n, row in enumerate(chunks) if row["text"] in body["messages"][1]["content"])
        time.sleep(0.02 * (8 - place))
        return answer(str(place))

    endpoint.reply = late_first
    assert [pair["output"] for pair in ask(chunks, concurrency=8)] == [str(n) for n in range(8)]


def test_no_chunk_yields_more_than_pairs_per_chunk(endpoint, ask):
    endpoint.reply = lambda body: answer("a", "b", "c", "d", "e")
    assert [pair["output"] for pair in ask(numbered(1), pairs_per_chunk=2)] == ["a", "b"]


def test_a_pair_that_a_reply_repeats_is_written_once(endpoint, ask):
    endpoint.reply = lambda body: answer("a", "a", "b")
    assert [pair["output"] for pair in ask(numbered(1))] == ["a", "b"]


@pytest.mark.parametrize(("setting", "expected"), [("auto", ["en", "zh"]), ("zh", ["zh", "zh"]), ("en", ["en", "en"])])
def test_the_prompt_is_chosen_by_the_language_of_the_chunk(endpoint, ask, setting, expected):
    own = write_prompts("# system\nspeak LANG\n\n# user\n$text\n")
    ask(
        [chunk("The lamp stands on the table."), chunk("台灯放在桌子上。")],
        prompts=own,
        language=setting,
        concurrency=1,
    )
    assert [request["messages"][0]["content"] for request in endpoint.requests] == [f"speak {x}" for x in expected]


def test_a_prompt_gets_title_headings_text_and_number_of_pairs(endpoint, ask):
    own = write_prompts("# system\nprice $$5\n\n# user\n$title|$headings|$text|$pairs\n")
    ask([chunk("costs $9 or ${x}", ("Manual", "Lamp", "Price"))], prompts=own, pairs_per_chunk=2)
    assert endpoint.requests[0]["messages"][0]["content"] == "price $5"
    assert questions(endpoint) == ["Manual|Manual > Lamp > Price|costs $9 or ${x}|2"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_prompts_of_the_repository_are_valid(lang):
    prompt = prompts.load(ROOT / "prompts" / f"generate.{lang}.md", recipe.NAMES)
    assert {"title", "headings", "before", "text", "pairs", "style", "example", "persona"} == set(
        prompt.user.get_identifiers()
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("# system\nx\n\n# user\n$text $page\n", "not $page"),
        ("# system\n$who\n\n# user\n$text\n", "not $who"),
        ("# system\nx\n\n# user\n$text costs $ 5\n", "$$"),
        ("$text\n", "# user"),
    ],
)
def test_a_prompt_file_with_an_unknown_name_or_no_parts_is_one_line(endpoint, ask, text, named):
    with pytest.raises(UserError) as caught:
        ask(numbered(1), prompts=write_prompts(text))
    assert "\n" not in str(caught.value)
    assert named in str(caught.value)
    assert "generate.zh.md" in str(caught.value)
    assert endpoint.requests == []


def test_a_missing_prompt_directory_is_one_line_that_names_the_key(endpoint, ask):
    with pytest.raises(ParamsError, match=r"params.yaml: generate.prompts: nowhere/generate.zh.md: No such file"):
        ask(numbered(1), prompts="nowhere")


def test_a_prompt_file_that_is_not_utf8_is_one_line(endpoint, ask):
    own = write_prompts("# system\nx\n\n# user\n$text\n")
    Path(own, "generate.zh.md").write_bytes("# system\n标注员\n\n# user\n$text\n".encode("gbk"))
    with pytest.raises(UserError, match=r"generate.zh.md"):
        ask(numbered(1), prompts=own)


PAIR = '{"instruction": "Why?", "input": "", "output": "Because.", "evidence": "x"}'
REPLIES = {
    "as asked": f'{{"pairs": [{PAIR}]}}',
    "fenced": f'```json\n{{"pairs": [{PAIR}]}}\n```',
    "prose around": f'Sure! Here it is:\n{{"pairs": [{PAIR}]}}\nAnything else?',
    "prose with brackets before": f'As asked [in JSON], from the "text":\n{{"pairs": [{PAIR}]}}',
    "a list": f"[{PAIR}]",
    "a single object": PAIR,
    "without optional fields": '{"pairs": [{"instruction": "Why?", "output": "Because."}]}',
    "behind a think block": f'<think>\nmaybe {{"pairs": []}} or [1]?\n</think>\n{{"pairs": [{PAIR}]}}',
    "behind a think block that the template opened": f'maybe {{"pairs": []}}?\n</think>\n{{"pairs": [{PAIR}]}}',
}


@pytest.mark.parametrize("name", REPLIES)
def test_the_pairs_of_a_reply_are_found_in_whatever_is_around_them(name):
    assert [(pair.instruction, pair.output) for pair in replies.read(REPLIES[name], Answer).pairs] == [
        ("Why?", "Because.")
    ]


NONSENSE = ["", "I cannot help.", "{", "[1, 2]", '{"pairs": 3}', '{"pairs": [{"instruction": "Why?"}]}', "null", '"x"']
BLANK = ['{"pairs": [{"instruction": "", "output": "x"}]}', '{"pairs": [{"instruction": "Why?", "output": ""}]}']


def test_nonsense_is_asked_about_once_more_and_then_counted_as_failed(endpoint, ask):
    replies = NONSENSE + BLANK
    chunks = [chunk(f"Chunk ({n})") for n in range(len(replies))]
    endpoint.reply = lambda body: replies[int(re.search(r"Chunk \((\d+)\)", str(body))[1])]
    assert ask(chunks, max_retries=1, max_failed=1.0) == []
    assert set(Counter(questions(endpoint)).values()) == {2}
    failed = len(replies)
    assert (report()["calls"], report()["retries"], report()["failed"]) == (2 * failed, failed, failed)


def test_a_second_try_that_succeeds_is_no_failure(endpoint, ask):
    endpoint.reply = lambda body: answer("late") if len(endpoint.requests) > 1 else "nonsense"
    assert [pair["output"] for pair in ask(numbered(1), max_retries=1)] == ["late"]
    assert (report()["calls"], report()["retries"], report()["failed"]) == (2, 1, 0)


def test_an_empty_list_is_an_answer_and_is_not_asked_for_again(endpoint, ask):
    endpoint.reply = lambda body: '{"pairs": []}'
    assert ask(numbered(2)) == []
    ask(numbered(2))
    assert len(endpoint.requests) == 2
    assert report()["chunks_without_pair"] == 2


def test_tokens_and_calls_are_counted(endpoint, ask):
    endpoint.reply = lambda body: answer("x")
    ask(numbered(3))
    figures = report()
    assert (figures["calls"], figures["prompt_tokens"], figures["answer_tokens"]) == (3, 21, 9)


def test_too_many_failures_stop_the_stage_after_everything_answered_was_stored(endpoint, ask):
    chunks = numbered(6)
    broken = {chunks[1]["text"], chunks[4]["text"]}
    endpoint.reply = lambda body: 500 if any(text in str(body) for text in broken) else answer("fine")
    with pytest.raises(
        UserError,
        match=r"2 of 6 requests have no answer \(2 × status 500; the first: .*planned failure\).*dvc repro",
    ):
        ask(chunks)
    assert not paths.PAIRS.exists()
    endpoint.requests.clear()
    endpoint.reply = lambda body: answer("fine")
    assert len(ask(chunks)) == 6
    assert len(endpoint.requests) == 2
    assert all(any(text in question for text in broken) for question in questions(endpoint))


def test_failures_within_the_limit_are_counted_told_and_cost_their_own_pairs_only(endpoint, ask, capsys):
    chunks = numbered(4)
    endpoint.reply = lambda body: 400 if chunks[2]["text"] in str(body) else answer("fine")
    pairs = ask(chunks, max_failed=0.25)
    assert [pair["chunk_id"] for pair in pairs] == [row["chunk_id"] for n, row in enumerate(chunks) if n != 2]
    assert report()["failed"] == 1
    assert "1 of 4 requests have no answer (1 × " in capsys.readouterr().out


def test_a_failed_run_leaves_the_previous_pairs_alone(endpoint, ask):
    endpoint.reply = lambda body: answer("fine")
    ask(numbered(2))
    before = paths.PAIRS.read_bytes()
    endpoint.reply = lambda body: 400
    with pytest.raises(UserError):
        ask(numbered(4))
    assert paths.PAIRS.read_bytes() == before


def test_nothing_answered_is_asked_again(endpoint, ask):
    endpoint.reply = lambda body: answer("a", "b")
    first = ask(numbered(5))
    bytes_of_first = paths.PAIRS.read_bytes()
    assert len(endpoint.requests) == 5
    assert ask(numbered(5)) == first
    assert len(endpoint.requests) == 5
    assert paths.PAIRS.read_bytes() == bytes_of_first
    assert report()["calls"] == 0


def test_nothing_answered_is_asked_again_when_only_the_pairs_were_pulled(endpoint, ask, tmp_path):
    endpoint.reply = lambda body: answer("a", "b")
    ask(numbered(5))
    before = paths.PAIRS.read_bytes()
    delete_store(tmp_path)
    ask(numbered(5))
    assert len(endpoint.requests) == 5
    assert paths.PAIRS.read_bytes() == before


def test_a_chunk_without_facts_is_not_asked_for_again_when_only_the_pairs_were_pulled(endpoint, ask, tmp_path):
    chunks = numbered(3)
    endpoint.reply = lambda body: '{"pairs": []}' if chunks[1]["text"] in str(body) else answer("a")
    ask(chunks)
    delete_store(tmp_path)
    ask(chunks)
    assert len(endpoint.requests) == 3


def delete_store(directory: Path) -> None:
    files = list((directory / ".cache").glob("responses.sqlite*"))
    assert files
    for file in files:
        file.unlink()


def test_an_answer_of_blanks_never_stops_a_later_run(endpoint, ask):
    endpoint.reply = lambda body: answer("fine").replace('"fine"', '"  "')
    assert [ask(numbered(1), max_failed=1.0) for _ in range(2)] == [[], []]


def test_a_broken_character_in_a_reply_costs_that_reply_only(endpoint, ask):
    chunks = numbered(3)
    endpoint.reply = lambda body: answer("\ud83d") if chunks[0]["text"] in str(body) else answer("fine")
    assert len(ask(chunks, max_failed=0.5)) == 2


def test_changing_only_the_address_asks_nothing(endpoint, ask, monkeypatch):
    endpoint.reply = lambda body: answer("a")
    ask(numbered(2))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    ask(numbered(2))
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"temperature": 0.1},
        {"extra_body": {"top_p": 0.5}},
        {"thinking": "off"},
        {"pairs_per_chunk": 1},
        {"language": "zh"},
    ],
)
def test_a_setting_that_changes_the_request_asks_anew_and_going_back_asks_nothing(endpoint, ask, change):
    endpoint.models = ["teacher", "other"]
    endpoint.reply = lambda body: answer("a")
    ask(numbered(2))
    ask(numbered(2), **change)
    assert len(endpoint.requests) == 4
    ask(numbered(2))
    assert len(endpoint.requests) == 4


@pytest.mark.parametrize(
    "change", [{"max_tokens": 4096}, {"max_tokens": 512}, {"timeout": 7}, {"max_retries": 1}, {"max_outage": 1}]
)
def test_a_setting_that_cannot_change_a_whole_answer_asks_nothing_and_leaves_the_pairs_as_they_are(
    endpoint, ask, change
):
    endpoint.reply = lambda body: answer("a")
    before = ask(numbered(2))
    assert ask(numbered(2), **change) == before
    assert len(endpoint.requests) == 2


def test_only_what_did_not_fit_is_asked_again_with_more_room(endpoint, ask):
    endpoint.reply = lambda body: (
        {"content": '{"pairs": [{"instr', "finish_reason": "length"}
        if "Section 1 " in str(body) and body["max_tokens"] < 5000
        else answer("a")
    )
    ask([chunk("Section 1 has words."), chunk("Section 2 has words.")], max_failed=1.0)
    endpoint.requests.clear()
    assert len(ask([chunk("Section 1 has words."), chunk("Section 2 has words.")], max_tokens=6000)) == 2
    assert [body["max_tokens"] for body in endpoint.requests] == [6000]


def test_editing_one_chunk_asks_only_for_that_one(endpoint, ask):
    endpoint.reply = lambda body: answer("a")
    chunks = numbered(10)
    ask(chunks)
    endpoint.requests.clear()
    chunks[3] = chunk("An edited section.")
    ask(chunks)
    (question,) = questions(endpoint)
    assert "An edited section." in question


def test_moving_a_chunk_to_another_page_asks_nothing(endpoint, ask):
    endpoint.reply = lambda body: answer("a")
    ask(numbered(3))
    ask([{**row, "path": "moved.md", "line_start": 9} for row in reversed(numbered(3))])
    assert len(endpoint.requests) == 3


def test_two_chunks_that_make_the_same_request_pay_for_one(endpoint, ask):
    endpoint.reply = lambda body: answer("a")
    own = write_prompts("# system\nx\n\n# user\n$text\n")
    pairs = ask([chunk("Same words.", ("A", "B")), chunk("Same words.", ("A", "C"))], prompts=own)
    assert len(endpoint.requests) == 1
    assert len(pairs) == 2


def test_a_full_hit_needs_neither_key_nor_network(endpoint, ask, monkeypatch):
    endpoint.reply = lambda body: answer("a")
    before = ask(numbered(3))
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert ask(numbered(3)) == before


def test_a_killed_run_pays_for_no_answer_twice(endpoint, write_params):
    chunks = numbered(6)
    prepare(write_params, chunks, concurrency=1)
    reached, resume = threading.Event(), threading.Event()

    def stall_at_the_fourth(body: dict) -> str:
        if len(endpoint.requests) == 4:
            reached.set()
            resume.wait(30)
        return answer("fine")

    endpoint.reply = stall_at_the_fourth
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"} | {"PYTHONPATH": str(ROOT)}
    stage = subprocess.Popen(
        [sys.executable, "-m", "stages.generate"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert reached.wait(60)
    stage.kill()
    stage.wait()
    resume.set()
    answered = questions(endpoint)[:3]
    endpoint.requests.clear()
    generate.main()
    assert len(endpoint.requests) == 3
    assert not set(answered) & set(questions(endpoint))


def test_requests_are_in_flight_together_and_never_more_than_concurrency(endpoint, ask):
    together, lock, flight, peak = threading.Barrier(4), threading.Lock(), 0, 0

    def reply(body: dict) -> str:
        nonlocal flight, peak
        with lock:
            flight += 1
            peak = max(peak, flight)
        together.wait(10)  # only four at once get through
        time.sleep(0.05)  # room for a fifth to show
        with lock:
            flight -= 1
        return answer("a")

    endpoint.reply = reply
    assert len(ask(numbered(12), concurrency=4)) == 12
    assert peak == 4


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("unreachable", "cannot be reached"),
        ("no scheme", "accepted is an address such as http://"),
        ("wrong key", "refuses the key in OPENAI_API_KEY"),
        ("query in the address", "a key goes into OPENAI_API_KEY"),
        ("no model", "generate.model = ''"),
        ("no key", "OPENAI_API_KEY is not set"),
        ("empty key", "OPENAI_API_KEY is not set"),
    ],
)
def test_an_unusable_endpoint_is_one_line_before_any_request(endpoint, ask, monkeypatch, case, line):
    settings = {"model": ""} if case == "no model" else {}
    if case == "unreachable":
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    elif case == "no scheme":
        monkeypatch.setenv("OPENAI_BASE_URL", "localhost:9/v1")
    elif case == "wrong key":
        endpoint.key = "another-key"
    elif case == "query in the address":
        monkeypatch.setenv("OPENAI_BASE_URL", f"{endpoint.url}?api-key=s3cr3t")
    elif case == "no key":
        monkeypatch.delenv("OPENAI_API_KEY")
    elif case == "empty key":
        monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(UserError) as caught:
        ask(numbered(2), **settings)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value) and "s3cr3t" not in str(caught.value)
    assert endpoint.requests == []


def test_a_model_that_the_endpoint_does_not_list_is_asked_all_the_same_and_told(endpoint, ask, capsys):
    endpoint.models = ["other-model"]
    endpoint.reply = lambda body: answer("fine")
    assert len(ask(numbered(2))) == 2
    assert "generate.model = 'teacher': the endpoint serves other-model; trying it anyway" in capsys.readouterr().err


def test_a_model_that_the_endpoint_does_not_know_is_one_line_that_names_those_it_serves(endpoint, ask):
    endpoint.models = ["teacher-2", "other-model"]
    endpoint.reply = lambda body: 404
    with pytest.raises(ParamsError, match=r"generate\.model = 'teacher': the endpoint serves teacher-2$"):
        ask(numbered(2))


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_too_busy_to_list_its_models_is_asked(endpoint, ask, status):
    endpoint.models_status = status
    endpoint.reply = lambda body: answer("fine")
    assert len(ask(numbered(2))) == 2


def test_a_stored_answer_of_another_form_is_one_line_that_says_how_to_be_rid_of_it(endpoint, ask, monkeypatch, capsys):
    endpoint.reply = lambda body: answer("fine")
    ask(numbered(1))
    row = next(read_jsonl(paths.RESPONSES))
    for wrong in ('{"pairs": 7}', '"text"', "{", "[[]]"):
        write_jsonl(paths.RESPONSES, [{**row, "answer": wrong}])
        (paths.cache_dir() / "responses.sqlite").unlink()
        with pytest.raises(UserError, match=row["key"]) as caught:
            ask(numbered(1))
        assert "\n" not in str(caught.value)
    paths.RESPONSES.unlink()
    monkeypatch.setattr(sys, "argv", ["doclore", "store", "gc", "--key", row["key"], "--yes"])
    doclore.main()
    assert "1 answers" in capsys.readouterr().out
    assert len(ask(numbered(1))) == 1 and len(endpoint.requests) == 2


def test_a_key_that_is_refused_while_asking_is_one_line_and_no_traceback(endpoint, write_params):
    prepare(write_params, numbered(6), concurrency=2)
    endpoint.reply = lambda body: answer("fine") if len(endpoint.requests) < 3 else 401
    done = run_stage()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("generate: the endpoint refuses the key")
    assert "Traceback" not in done.stderr


def test_the_key_is_written_nowhere(endpoint, write_params, tmp_path):
    marker = "sk-marker-7261"
    chunks = numbered(4)
    prepare(write_params, chunks, max_failed=0.25, max_retries=1)
    endpoint.key = marker
    endpoint.reply = lambda body: 400 if chunks[0]["text"] in str(body) else answer("a")
    runs = [run_stage(OPENAI_API_KEY=marker)]
    endpoint.key = "changed"
    write_jsonl(paths.CHUNKS, [*chunks, chunk("One more.")])
    runs.append(run_stage(OPENAI_API_KEY=marker))
    assert [done.returncode for done in runs] == [0, 1]
    assert paths.PAIRS in (file.relative_to(tmp_path) for file in tmp_path.rglob("*"))
    assert (tmp_path / ".cache" / "responses.sqlite").is_file()
    texts = [done.stdout + done.stderr for done in runs]
    contents = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(marker in text for text in texts)
    assert not any(marker.encode() in content for content in contents)


def test_the_same_chunks_give_the_same_bytes_with_either_backend(endpoint, ask, write_params):
    endpoint.reply = lambda body: answer("a", "b")
    outputs = []
    for _ in range(2):
        ask(numbered(3))
        outputs.append(paths.PAIRS.read_bytes())
        write_params({"generate.backend": "extractive"})
        write_jsonl(paths.DOCS, [])
        write_jsonl(paths.CHUNKS, [chunk("The lamp stands on the table."), chunk("台灯放在桌子上。")])
        generate.main()
        outputs.append(paths.PAIRS.read_bytes())
    assert outputs[:2] == outputs[2:]
    assert all(first != second for first, second in pairwise(outputs[:2]))
    assert len(endpoint.requests) == 3


def test_each_chunk_is_written_anew_as_often_as_asked_and_paid_for_once(endpoint, ask):
    def reply(body: dict) -> str:
        if "Rewrite the passage" not in body["messages"][1]["content"]:
            return answer("lux")
        return json.dumps({"text": f"In other words {len(endpoint.requests)}."})

    endpoint.reply = reply
    ask(numbered(3), rewrites=2)
    rows = list(read_jsonl(paths.REWRITTEN))
    assert len(rows) == len({row["text"] for row in rows}) == 6 and len(endpoint.requests) == 3 + 6
    assert Counter(row["chunk_id"] for row in rows) == dict.fromkeys((one["chunk_id"] for one in numbered(3)), 2)
    assert len(list(read_jsonl(paths.RESPONSES))) == 9, "a colleague who pulls asks nothing"
    ask(numbered(4), rewrites=2)
    assert len(endpoint.requests) == 9 + 3, "only the new chunk is asked about"
    ask(numbered(4), rewrites=0)
    assert not list(read_jsonl(paths.REWRITTEN)) and len(endpoint.requests) == 12
