"""The review page: it answers its owner only, shows whatever a document says as text, and loses no verdict."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from stages.commands.main import parser
from stages.commands.review import export, listening
from stages.commands.reviewing.queue import Filters, Queue
from stages.commands.reviewing.server import application
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_jsonl
from stages.curate.review import Review, read_reviews
from support.curation import chunk, corpus, pair, run
from support.repository import ROOT, typed

TOKEN = "a-token"
HOSTILE = "<img src=x onerror='window.hacked=1'></p></div><script>window.hacked=1</script>"
TEXT = f"# Lamp 🙂🙂\n\n{HOSTILE}\n\n灯的默认亮度为   7 lux，即 {{{{7*7}}}}。\n" + "more text\n" * 200


class Page:
    """A running review page over a small dataset."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.listener = listening("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        config = uvicorn.Config(application(queue, TOKEN, hosts), log_level="warning", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict, http.client.HTTPMessage]:
        """One request with the token, unless other headers are given; status, JSON body, headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        given = {"x-token": TOKEN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = body if isinstance(body, str | None) else json.dumps(body)
        connection.request(method, path, body=data, headers={key: value for key, value in given.items() if value})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, json.loads(text) if text.startswith(("{", "[")) else {"text": text}, response.headers

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.listener.close()


@pytest.fixture
def dataset(write_params) -> dict:
    """Pairs of twenty pages; on one more page a hostile one, one with a loosely quoted line, and a rejected one."""
    pairs, chunks = corpus(range(20))
    lamp = chunk(TEXT, "lamps/灯.md")
    special = {
        "hostile": pair(lamp, f"What is {HOSTILE} here?", f"It is {HOSTILE}.", evidence=HOSTILE),
        "loose": pair(lamp, "灯的默认亮度是多少？", "7 勒克斯", evidence="默认亮度为 7 lux"),
        "rejected": pair(lamp, "What does the text above say?", "It says nothing", evidence="7 lux"),
    }
    run([*pairs, *special.values()], [*chunks, lamp], write_params, max_question_chars=400, max_answer_chars=400)
    return {"pairs": pairs, **special}


@pytest.fixture
def page(dataset) -> Iterator[Page]:
    running = Page(Queue())
    yield running
    running.stop()


def verdicts() -> dict[str, str]:
    return {pair_id: review.verdict for pair_id, review in read_reviews(paths.REVIEW).items()}


def test_nobody_without_the_token_learns_or_changes_anything(page, dataset):
    given = {"pair_id": dataset["loose"]["pair_id"], "verdict": "reject"}
    for path in ("rows", "overview", "orphans", f"row?pair_id={given['pair_id']}"):
        for token in ("", "a-toke", "ä"):
            assert page.ask("GET", f"/api/{path}", x_token=token.encode("utf-8").decode("latin-1"))[0] == 401
    for path in ("judge", "withdraw", "undo", "adopt"):
        assert page.ask("POST", f"/api/{path}", given, x_token="")[0] == 401
    assert not paths.REVIEW.exists()


def test_another_host_name_or_a_foreign_origin_is_refused_even_with_the_token(page, dataset):
    given = {"pair_id": dataset["loose"]["pair_id"], "verdict": "reject"}
    for headers in (
        {"host": "evil.example"},
        {"host": f"evil.example:{page.port}"},
        {"host": "127.0.0.1:1"},
        {"origin": "https://evil.example"},
        {"origin": f"http://127.0.0.1:{page.port + 1}"},
        {"origin": "null"},
    ):
        assert page.ask("POST", "/api/judge", given, **headers)[0] == 403
        assert page.ask("GET", "/", **headers)[0] == 403
    assert not paths.REVIEW.exists()
    assert page.ask("POST", "/api/judge", given, origin=f"http://localhost:{page.port}")[0] == 200


def test_the_page_listens_on_this_machine_only_and_runs_no_foreign_script(page):
    assert page.listener.getsockname()[0] == "127.0.0.1"
    for path in ("/", "/page.js", "/page.css"):
        status, body, headers = page.ask("GET", path, x_token="")
        assert status == 200 and "http" not in body["text"].replace("http-equiv", "")
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert not headers.get("access-control-allow-origin")


@pytest.mark.parametrize(
    "path", ["/../params.yaml", "/%2e%2e/params.yaml", "/server.py", "/queue.py", "/api/", "/docs"]
)
def test_nothing_but_the_page_is_served(page, path):
    assert page.ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"pair_id": "0" * 16, "verdict": "accept"}, 404, "no pair"),
        ({"pair_id": "LOOSE", "verdict": "maybe"}, 400, "Input should be 'accept', 'reject' or 'edit'"),
        ({"pair_id": "LOOSE", "verdict": "edit"}, 400, "an edit needs one"),
        ({"pair_id": "LOOSE", "verdict": "edit", "text": {"output": " "}}, 400, "must not be blank"),
        ("{", 400, "Expecting"),
        ([], 400, "valid dictionary"),
        ("x" * (1 << 21), 413, "too long"),
    ],
)
def test_a_verdict_that_is_none_changes_nothing(page, dataset, body, status, problem):
    if isinstance(body, dict) and body["pair_id"] == "LOOSE":
        body["pair_id"] = dataset["loose"]["pair_id"]
    answer = page.ask("POST", "/api/judge", body)
    assert answer[0] == status and problem in answer[1]["error"]
    assert not paths.REVIEW.exists()


def test_filters_admit_what_they_say(page, dataset):
    queue = page.queue
    queue.judge(Review(pair_id=dataset["loose"]["pair_id"], verdict="accept"))

    def found(**filters) -> set[str]:
        return {item.pair_id for item in queue.found(Filters(**filters))}

    ids = {name: dataset[name]["pair_id"] for name in ("hostile", "loose", "rejected")}
    assert found(path="灯.md") == set(ids.values())
    assert found(check="stands_alone") == {ids["rejected"]}
    assert found(check="rejected") == {row["pair_id"] for row in read_jsonl(paths.REJECTED)}
    assert found(verdict="any") == found(verdict="accept") == {ids["loose"]}
    assert ids["loose"] not in found(verdict="none") and ids["hostile"] in found(verdict="none")
    assert found(text="默认亮度") == {ids["loose"]}
    assert found(path="LAMPS", verdict="none") == {ids["hostile"], ids["rejected"]}
    assert len(found()) == len(dataset["pairs"]) + 3
    assert found(min_score=0.0) == set()


def test_scores_of_kept_and_rejected_rows_are_filtered_where_a_judge_gave_them(dataset):
    lines = (paths.DATASET / "train.jsonl").read_text("utf-8").splitlines()
    scored = [json.dumps({**json.loads(line), "score": n}, ensure_ascii=False) for n, line in enumerate(lines)]
    (paths.DATASET / "train.jsonl").write_text("\n".join(scored) + "\n", "utf-8")
    verdict = {"check": "judge", "value": {"faithful": "no", "score": 5.5}, "threshold": 6}
    paths.REJECTED.write_text(json.dumps({**json.loads(lines[0]), "pair_id": "f" * 16, **verdict}) + "\n", "utf-8")
    found = Queue().found(Filters(min_score=3, max_score=7.5))
    assert sorted(item.score for item in found) == [3, 4, 5, 5.5, 6, 7]


def wordings(questions: list[str], answer: str, number: int = 0) -> tuple[list[dict], dict]:
    """Pairs that ask for one fact in several wordings, and their chunk."""
    place = chunk(f"# Pump {number}\n\n{answer}\n", f"pumps/{number}.md")
    return [pair(place, question, answer, evidence=answer) for question in questions], place


@pytest.fixture
def facts(write_params) -> list[dict]:
    """Six facts of six pages in four wordings each."""
    asked = (
        "How fast does pump {} turn?",
        "The speed of pump {}?",
        "Tell me what pump {} turns at.",
        "Pump {}: its speed is?",
    )
    made = [wordings([one.format(n) for one in asked], f"Pump {n} turns at {n * 70 + 900} rpm.", n) for n in range(6)]
    run([one for pairs, _ in made for one in pairs], [place for _, place in made], write_params)
    return [one for pairs, _ in made for one in pairs]


def test_one_verdict_counts_for_all_wordings_of_a_fact_and_undo_takes_it_back_whole(facts):
    queue = Queue()
    listed = queue.found(Filters(group="facts"))
    assert len(listed) == len(queue.wordings) < len(queue.items)
    first = next(item for item in listed if len(queue.wordings[item.fact]) > 2)
    alike = [item.pair_id for item in queue.wordings[first.fact]]
    one, *others = alike
    queue.judge(Review(pair_id=others[0], verdict="reject", note="unclear"))
    queue.judge(Review(pair_id=one, verdict="accept"), whole=True)
    assert verdicts() == {**dict.fromkeys(alike, "accept"), others[0]: "reject"}, "what was said before stays"
    assert len(queue.row(one)["wordings"]) == len(others)
    queue.judge(Review(pair_id=one, verdict="edit", text={"output": "900 rpm", "instruction": "How fast?"}), whole=True)
    texts = {pair_id: review.text for pair_id, review in read_reviews(paths.REVIEW).items()}
    assert texts[one].instruction == "How fast?" and texts[others[1]].model_dump(exclude_none=True) == {
        "output": "900 rpm"
    }
    assert queue.undo()[0] == one and verdicts() == {**dict.fromkeys(alike, "accept"), others[0]: "reject"}
    assert set(queue.undo()) == {one, *others[1:]} and verdicts() == {others[0]: "reject"}


def test_what_is_most_in_doubt_comes_first(facts):
    train = paths.DATASET / "train.jsonl"
    rows = [json.loads(line) for line in train.read_text("utf-8").splitlines()]
    unsure = rows[-1]["pair_id"]
    train.write_text(
        "".join(json.dumps({**row, "score": 6 if row["pair_id"] == unsure else 9}) + "\n" for row in rows), "utf-8"
    )
    near = {**rows[0], "pair_id": "a" * 16, "fact_id": "a", "check": "length", "value": 41, "threshold": 40}
    far = {**rows[0], "pair_id": "b" * 16, "fact_id": "b", "check": "length", "value": 400, "threshold": 40}
    paths.REJECTED.write_text("".join(json.dumps(row) + "\n" for row in (far, near)), "utf-8")
    answers = {cell: {"text": "", "key_values": False} for cell in ("base_gold", "tuned_gold")}
    other = next(row for row in rows if row["fact_id"] not in (rows[-1]["fact_id"], rows[0]["fact_id"]))
    paths.REPORTS.mkdir(exist_ok=True)
    (paths.REPORTS / "predictions.jsonl").write_text(
        json.dumps({**other, "split": "eval_seen", "answers": answers}) + "\n"
    )
    ordered = Queue().found(Filters(group="facts", order="doubt"))
    facts_first = [item.fact.split()[0] for item in ordered]
    assert facts_first[:3] == [other["fact_id"], "a", rows[-1]["fact_id"]]
    assert facts_first.index("b") > facts_first.index(rows[0]["fact_id"])
    by_page = Queue().found(Filters(group="facts", order="page"))
    assert [item.path for item in by_page] == sorted(item.path for item in by_page)


def test_the_verdicts_are_exported_as_text_in_which_nothing_is_mark_up(facts, capsys):
    queue = Queue()
    alike = next(group for group in queue.wordings.values() if len(group) > 2)
    queue.judge(
        Review(pair_id=alike[0].pair_id, verdict="reject", note="<b>no</b> #1 @all, ask li.ming@lamps.cn"), whole=True
    )
    edited = next(item for item in queue.items if item.fact != alike[0].fact)
    queue.judge(Review(pair_id=edited.pair_id, verdict="edit", text={"output": "*900*\nrpm"}))
    queue.change({"0" * 16: Review(pair_id="0" * 16, verdict="accept", question="Gone?")})
    arguments = parser().parse_args(["review", "--export"])
    arguments.run(arguments)
    text = capsys.readouterr().out
    assert text.startswith(f"## Review of {len(alike) + 2} pairs: 1 accepted, 1 edited, {len(alike)} rejected\n")
    more = f" and {len(alike) - 1} more wordings"
    assert any(f"- **rejected**: {item.question}{more}" in text for item in alike)
    assert "note: \\<b\\>no\\</b\\> \\#1 \\@all, ask \\[e-mail\\]" in text and "→ \\*900\\* rpm" in text
    assert text.rstrip().endswith("### no pair has these ids any more\n\n- **accepted**: Gone?")


def test_only_what_was_judged_since_a_revision_is_exported_where_one_is_named(facts, capsys, monkeypatch):
    one, two, *_ = (row["pair_id"] for row in facts)
    typed("git", "init", "--quiet")
    Queue().judge(Review(pair_id=one, verdict="accept"))
    typed("git", "add", "data/review.jsonl")
    typed("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "one")
    Queue().judge(Review(pair_id=two, verdict="reject"))
    for since, count in ((None, 2), ("HEAD", 1)):
        export(since)
        assert f"## Review of {count} pairs" in capsys.readouterr().out
    with pytest.raises(UserError, match="nowhere is not a commit"):
        export("nowhere")


def test_undo_takes_back_one_change_after_the_other(page, dataset):
    one, two = dataset["loose"]["pair_id"], dataset["hostile"]["pair_id"]
    for pair_id, verdict in ((one, "accept"), (two, "reject"), (one, "reject")):
        assert page.ask("POST", "/api/judge", {"pair_id": pair_id, "verdict": verdict})[0] == 200
    expected = [({one: "accept", two: "reject"}, one), ({one: "accept"}, two), ({}, one), ({}, None)]
    for after, pair_id in expected:
        assert page.ask("POST", "/api/undo", {})[1]["pair_id"] == pair_id
        assert verdicts() == after


def test_verdicts_that_git_brought_meanwhile_are_kept(page, dataset):
    one, two = dataset["loose"]["pair_id"], dataset["hostile"]["pair_id"]
    page.queue.judge(Review(pair_id=one, verdict="accept"))
    line = json.dumps({"pair_id": "f" * 16, "verdict": "reject", "note": "from a colleague"})
    paths.REVIEW.write_text(paths.REVIEW.read_text("utf-8") + line + "\n", "utf-8")
    page.queue.judge(Review(pair_id=two, verdict="accept"))
    assert verdicts() == {one: "accept", two: "accept", "f" * 16: "reject"}
    ids = [json.loads(line)["pair_id"] for line in paths.REVIEW.read_text("utf-8").splitlines()]
    assert ids == sorted(ids)


def test_a_malformed_review_file_is_told_and_left_alone(page, dataset):
    paths.REVIEW.write_text("<<<<<<< HEAD\n", "utf-8")
    status, answer, _ = page.ask("POST", "/api/judge", {"pair_id": dataset["loose"]["pair_id"], "verdict": "accept"})
    assert status == 400 and "data/review.jsonl:1: a merge conflict" in answer["error"]
    assert paths.REVIEW.read_text("utf-8") == "<<<<<<< HEAD\n"


def test_a_run_of_curate_meanwhile_is_told_and_no_wrong_pair_is_shown(page, dataset):
    train = paths.DATASET / "train.jsonl"
    lines = train.read_text("utf-8").splitlines()
    train.write_text("\n".join(lines[1:] + lines[:1]) + "\n", "utf-8")
    status, answer, _ = page.ask("GET", f"/api/row?pair_id={json.loads(lines[0])['pair_id']}")
    assert status == 404 and "start `doclore review` again" in answer["error"]


def test_many_verdicts_at_once_are_all_kept(page, dataset):
    ids = [row["pair_id"] for row in dataset["pairs"][:40]]
    threads = [threading.Thread(target=page.ask, args=("POST", "/api/judge", {"pair_id": one, "verdict": "accept"}))
               for one in ids]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts() == dict.fromkeys(ids, "accept")


def test_two_pages_at_once_lose_no_verdict(page, dataset):
    """Two servers, as two people or two browsers have them: each has its own view of the file."""
    other = Page(Queue())
    ids = [row["pair_id"] for row in dataset["pairs"][:60]]
    answers: list[int] = []

    def judge(server: Page, mine: list[str]) -> None:
        answers.extend(server.ask("POST", "/api/judge", {"pair_id": one, "verdict": "accept"})[0] for one in mine)

    threads = [threading.Thread(target=judge, args=(server, ids[start::4]))
               for start, server in enumerate((page, page, other, other))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.stop()
    assert answers == [200] * len(ids) and verdicts() == dict.fromkeys(ids, "accept")


def test_undo_leaves_alone_what_another_page_said_since(page, dataset):
    one = dataset["loose"]["pair_id"]
    page.queue.judge(Review(pair_id=one, verdict="accept"))
    Queue().judge(Review(pair_id=one, verdict="reject"))
    status, answer, _ = page.ask("POST", "/api/undo", {})
    assert status == 400 and "judged again meanwhile" in answer["error"]
    assert verdicts() == {one: "reject"}


@pytest.mark.parametrize(("piece", "status"), [("[1," * 1000, 413), ("[" * 1000, 413), ("[", 400)])
def test_a_body_in_pieces_obeys_the_limit_as_well(page, piece, status):
    """It names no length; 1,100 pieces are more than a verdict may be, and never read to their end."""

    def pieces() -> Iterator[bytes]:
        for _ in range(1_100):
            yield piece.encode()

    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.request("POST", "/api/judge", body=pieces(), headers={"x-token": TOKEN}, encode_chunked=True)
    assert connection.getresponse().status == status
    connection.close()
    assert verdicts() == {}


def test_a_verdict_without_a_pair_moves_to_the_closest_one_or_is_dropped(page, dataset):
    asked = "灯的默认亮度为多少？"
    gone = [{"pair_id": "0" * 16, "verdict": "edit", "text": {"output": "七勒克斯"}, "question": asked},
            {"pair_id": "1" * 16, "verdict": "reject"}]  # fmt: skip
    paths.REVIEW.write_text("".join(json.dumps(row) + "\n" for row in gone), "utf-8")
    first, second = page.ask("GET", "/api/orphans")[1]
    assert (first["pair_id"], second["pair_id"]) == (dataset["loose"]["pair_id"], "")
    page.ask("POST", "/api/adopt", {"orphan": "0" * 16, "pair_id": first["pair_id"]})
    page.ask("POST", "/api/withdraw", {"pair_id": "1" * 16})
    (moved,) = read_reviews(paths.REVIEW).values()
    assert (moved.pair_id, moved.text.output, moved.question) == (first["pair_id"], "七勒克斯", "灯的默认亮度是多少？")


def test_the_command_prints_a_link_that_works_and_ends_on_interrupt(dataset):
    command = [sys.executable, "-m", "stages.commands.main", "review", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        found = re.search(r"(\d+) pairs at http://127\.0\.0\.1:(\d+)/#(\S+)", process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", int(found[2]), timeout=10)
        connection.request("GET", "/api/overview", headers={"x-token": found[3]})
        assert json.loads(connection.getresponse().read())["rows"] == int(found[1]) == len(dataset["pairs"]) + 3
    finally:
        process.send_signal(2)
        _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors


def test_a_port_in_use_and_a_run_before_curate_are_one_line(page):
    with pytest.raises(UserError, match="--port 0 picks a free one"):
        listening("127.0.0.1", page.port)
    shutil.rmtree(paths.DATASET)
    with pytest.raises(UserError, match="run `dvc repro curate`"):
        Queue()


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["1280", "390"])
def tab(page, browser, request):
    """The page in a browser tab, at the width of a desk and of a phone; nothing may be logged as an error."""
    width, height = request.param
    opened = browser.new_page(viewport={"width": width, "height": height})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on(
        "request",
        lambda sent: problems.append(sent.url) if not sent.url.startswith(("http://127.0.0.1", "data:")) else None,
    )
    opened.goto(f"http://127.0.0.1:{page.port}/#{TOKEN}")
    until(opened, "row !== null")
    yield opened
    assert problems == []
    opened.close()


def until(tab, condition: str) -> None:
    """Wait for a condition of the page's script. Playwright's own wait_for_function would need eval, which the page's
    policy forbids."""
    for _ in range(500):
        if tab.evaluate(condition):
            return
        time.sleep(0.01)
    raise AssertionError(f"never came true: {condition}")


def show(tab, row: dict) -> None:
    """Bring a pair into sight by its question."""
    tab.select_option("[name=verdict]", "")
    tab.fill("[name=text]", row["instruction"][:60])
    until(tab, f"row?.pair_id === '{row['pair_id']}'")
    tab.evaluate("document.activeElement.blur()")


def wait_for(expected: dict[str, str]) -> None:
    for _ in range(500):
        if paths.REVIEW.exists() and verdicts() == expected:
            return
        time.sleep(0.01)
    assert verdicts() == expected


@pytest.mark.slow
def test_keys_accept_reject_and_undo_and_progress_counts(tab):
    total = tab.evaluate("count")
    one, two = tab.evaluate("rows.slice(0, 2).map((one) => one.pair_id)")
    tab.keyboard.press("a")
    until(tab, f"row?.pair_id === '{two}'")
    assert tab.inner_text("#count") == f"1 / {total}"
    tab.keyboard.press("r")
    wait_for({one: "accept", two: "reject"})
    until(tab, "!busy && at === 2")
    tab.keyboard.press("k")
    until(tab, "at === 1")
    assert tab.inner_text("#verdict") == "Reject"
    tab.keyboard.press("u")
    wait_for({one: "accept"})
    until(tab, "judged === 1")
    tab.reload()
    until(tab, "row !== null")
    assert tab.evaluate("count") == total - 1 and tab.evaluate("row.pair_id") == two


@pytest.mark.slow
def test_buttons_do_what_the_keys_do_and_nothing_is_wider_than_the_screen(tab):
    one = tab.evaluate("rows[0].pair_id")
    tab.click("#accept")
    until(tab, "at === 1 && !busy")
    tab.click("#reject")
    until(tab, "at === 2 && !busy")
    tab.click("#undo")
    wait_for({one: "accept"})
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    edges = tab.evaluate(
        "[...document.querySelectorAll('footer button')].map((one) => one.getBoundingClientRect().right)"
    )
    assert max(edges) <= tab.viewport_size["width"]


@pytest.mark.slow
def test_what_a_hostile_document_says_is_shown_as_text_and_runs_nothing(tab, dataset):
    show(tab, dataset["hostile"])
    assert tab.inner_text("#instruction") == dataset["hostile"]["instruction"]
    assert tab.inner_text("#output") == dataset["hostile"]["output"]
    assert tab.text_content("#chunk") == TEXT
    assert tab.inner_text("mark") == HOSTILE
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("main img, main script").count() == 0


@pytest.mark.slow
def test_evidence_is_marked_in_the_source_and_in_sight(tab, dataset):
    show(tab, dataset["loose"])
    assert tab.text_content("mark") == "默认亮度为   7 lux"
    if tab.viewport_size["width"] > 800:
        assert tab.evaluate("document.querySelector('mark').getBoundingClientRect().top < innerHeight")


@pytest.mark.slow
def test_an_edit_is_typed_without_judging_and_saved_with_its_note(tab, dataset):
    show(tab, dataset["loose"])
    tab.keyboard.press("e")
    tab.fill("#editor [name=output]", "7 勒克斯，area 1")
    tab.press("#editor [name=output]", "End")
    tab.keyboard.type(" are")
    tab.fill("#note", "单位写全")
    tab.press("#editor [name=output]", "Control+Enter")
    wait_for({dataset["loose"]["pair_id"]: "edit"})
    (review,) = read_reviews(paths.REVIEW).values()
    assert (review.text.model_dump(exclude_none=True), review.note) == ({"output": "7 勒克斯，area 1 are"}, "单位写全")
    assert review.question == dataset["loose"]["instruction"]
    until(tab, "document.getElementById('output').textContent === '7 勒克斯，area 1 are'")
    assert tab.inner_text("#verdict") == "Edit"


@pytest.mark.slow
def test_filters_by_page_check_and_verdict_lead_to_the_rows(tab, dataset):
    tab.fill("[name=path]", "灯.md")
    until(tab, "count === 3")
    tab.select_option("[name=check]", "stands_alone")
    until(tab, "count === 1 && row !== null")
    assert tab.inner_text("#fate") == "stands_alone"
    assert "understood without the source" in tab.inner_text("#reason")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("a")
    wait_for({dataset["rejected"]["pair_id"]: "accept"})
    tab.select_option("[name=verdict]", "accept")
    until(tab, "count === 1 && judged === 1")
    tab.fill("[name=path]", "nowhere")
    until(tab, "count === 0")
    assert tab.is_visible("#empty") and tab.is_disabled("#accept")


@pytest.mark.slow
def test_a_key_judges_all_wordings_of_a_fact_and_another_shows_each_by_itself(facts, browser):
    running = Page(Queue())
    tab = browser.new_page()
    tab.goto(f"http://127.0.0.1:{running.port}/#{TOKEN}")
    until(tab, "row !== null")
    groups, wordings = tab.evaluate("count"), tab.evaluate("row.wordings.length") + 1
    assert groups == len(running.queue.wordings) and tab.locator("#also-asked li").count() == wordings - 1 > 0
    tab.keyboard.press("r")
    until(tab, "at === 1 && !busy")
    assert len(verdicts()) == wordings and set(verdicts().values()) == {"reject"}
    tab.keyboard.press("u")
    wait_for({})
    until(tab, "at === 0 && !busy && row !== null")
    tab.keyboard.press("w")
    until(tab, f"count === {len(running.queue.items)} && row !== null")
    tab.keyboard.press("a")
    until(tab, "at === 1 && !busy")
    assert list(verdicts().values()) == ["accept"]
    tab.close()
    running.stop()


@pytest.mark.slow
def test_a_verdict_without_a_pair_is_offered_to_the_closest_pair(page, browser, dataset):
    lost = {"pair_id": "0" * 16, "verdict": "reject", "question": "灯的默认亮度为多少？"}
    paths.REVIEW.write_text(json.dumps(lost) + "\n", "utf-8")
    tab = browser.new_page()
    tab.goto(f"http://127.0.0.1:{page.port}/#{TOKEN}")
    tab.click("#orphans")
    tab.click("dialog button:has-text('Move')")
    wait_for({dataset["loose"]["pair_id"]: "reject"})
    tab.wait_for_selector("#orphans", state="hidden")
    tab.close()


@pytest.mark.slow
def test_a_wrong_link_says_what_to_do(page, browser):
    tab = browser.new_page()
    tab.goto(f"http://127.0.0.1:{page.port}/#wrong")
    tab.wait_for_selector("#error:has-text('open the link that `doclore review` printed')")
    tab.close()


@pytest.mark.slow
def test_the_page_speaks_the_browser_s_language(page, browser):
    tab = browser.new_page(locale="zh-CN")
    tab.goto(f"http://127.0.0.1:{page.port}/#{TOKEN}")
    tab.wait_for_selector("#accept:has-text('采纳')")
    assert tab.evaluate("Object.keys(WORDS.en).join() === Object.keys(WORDS.zh).join()")
    tab.close()
