"""The response store: what is in it stays, whoever writes at the same time."""

import argparse
import asyncio
import contextlib
import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from stages.commands import main as doclore
from stages.commands import store as store_command
from stages.commands.storing import upkeep
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.llm.entries import Response
from stages.common.llm.forms import Form
from stages.common.llm.store import Store
from stages.common.llm.writer import Writer
from stages.common.records.files import read_jsonl, write_jsonl
from support.asking import GOOD, complete, request
from support.repository import ROOT


def test_the_first_answer_for_a_key_stays():
    with Store(Path("store.sqlite")) as store:
        store.put("key", "first")
        store.put("key", "second")
        assert store.get("key") == "first"
        assert store.get("other") is None


def test_several_threads_may_write_one_store():
    Store(Path("store.sqlite")).connection.close()

    def fill(name: str) -> None:
        with Store(Path("store.sqlite")) as store:
            for n in range(50):
                store.put(f"{name}{n}", name)
                store.put(f"shared{n}", name)

    threads = [threading.Thread(target=fill, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store(Path("store.sqlite")) as store:
        assert all(store.get(f"{name}{n}") == name for name in "abcd" for n in range(50))
        assert all(store.get(f"shared{n}") in "abcd" for n in range(50))


def test_a_fresh_store_may_be_made_by_several_at_the_same_moment():
    problems: list[Exception] = []

    def make(file: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            with Store(file) as store:
                store.put("key", "answer")
        except sqlite3.Error as error:
            problems.append(error)

    for turn in range(120):  # each turn fails about once in thirty when nobody waits for the other
        start = threading.Barrier(4)
        makers = [threading.Thread(target=make, args=(Path(f"store{turn}.sqlite"), start)) for _ in range(4)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
    assert problems == []


WRITER = """
import sys
from pathlib import Path
from stages.common.base.errors import UserError
from stages.common.llm.entries import Response
from stages.common.llm.store import Store
from stages.common.llm.writer import Writer
from stages.common.records.files import write_jsonl
name = sys.argv[1]
with Store(Path("store.sqlite")) as store:
    for n in range(50):
        store.put(f"{name}{n}", name)
"""


def test_two_processes_may_write_one_store():
    Store(Path("store.sqlite")).connection.close()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name], env=environment) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    with Store(Path("store.sqlite")) as store:
        assert all(store.get(f"{name}{n}") == name for name in "ab" for n in range(50))


def test_an_answer_is_on_the_disk_before_its_writer_closes_the_store():
    with Store(Path("store.sqlite")) as writer, Store(Path("store.sqlite")) as reader:
        writer.put("key", "answer")
        assert reader.get("key") == "answer"


DAY = 86400.0
ENTRIES = [
    Response("old", '{"pairs": []}', model="small", answer_tokens=10, at=time.time() - 40 * DAY),
    Response("new", '{"pairs": []}', model="large", prompt_tokens=1000, answer_tokens=20, at=time.time()),
    Response("used", '{"pairs": []}', model="large", answer_tokens=30, at=time.time() - 50 * DAY),
    Response("no", "", "content filter: withheld", model="large", at=time.time()),
]


@pytest.fixture
def command(monkeypatch, capsys, write_params) -> Callable[..., str]:
    """Fill the repository's store and run `doclore store …` on it; what it printed."""
    write_params()
    with Store.of_repository() as store:
        store.put_all(ENTRIES)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["doclore", "store", *words])
        doclore.main()
        return capsys.readouterr().out

    return run


def kept() -> set[str]:
    with Store.of_repository() as store:
        return {entry.key for entry in ENTRIES if store.find(entry.key)}


def test_info_tells_answers_refusals_and_tokens_by_model(command):
    printed = command("info")
    (large,) = (line for line in printed.splitlines() if "large" in line)
    assert [word for word in large.split() if word.replace(",", "").isdigit()] == ["2", "1", "1,000", "50"]
    assert "refused 1 ×: content filter: withheld" in printed


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["--older-than", "30"], {"old", "used"}),
        (["--older-than", "30", "--unused"], {"old"}),
        (["--unused"], {"old", "new", "no"}),
        (["--model", "small"], {"old"}),
        (["--refusals"], {"no"}),
        (["--refusals", "--model", "small"], set()),
    ],
)
def test_gc_deletes_what_fits_all_conditions_and_only_with_yes(command, words, gone):
    write_jsonl(paths.RESPONSES, [{"key": "used", "answer": '{"pairs": []}', "refused": ""}])
    everything = kept()
    assert "would be deleted" in command("gc", *words)
    assert kept() == everything
    command("gc", *words, "--yes")
    assert everything - kept() == gone


def test_gc_keeps_what_evaluate_was_answered(command):
    write_jsonl(paths.ASKED, [{"key": "new", "answer": "{}", "refused": ""}])
    command("gc", "--unused", "--yes")
    assert "new" in kept() and "old" not in kept()


def test_gc_without_a_condition_deletes_nothing(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        command("gc", "--yes")
    assert stopped.value.code == 1
    assert len(kept()) == len(ENTRIES)


def test_an_exported_store_gives_the_same_entries_with_their_cost_elsewhere(command, monkeypatch, tmp_path):
    command("export", "answers.jsonl")
    assert {row["key"] for row in read_jsonl(Path("answers.jsonl"))} == {entry.key for entry in ENTRIES}
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    assert "4 entries read, 4 of them new" in command("import", "answers.jsonl")
    with Store.of_repository() as store:
        assert store.usage("large").answer_tokens == 25
        assert store.find("no") == ("", "content filter: withheld")


def test_importing_something_else_is_one_line_and_changes_nothing(command, capsys):
    Path("other.jsonl").write_text('{"key": "k"}\n', encoding="utf-8")
    with pytest.raises(SystemExit):
        command("import", "other.jsonl")
    assert "other.jsonl contains a row that is not a stored answer" in capsys.readouterr().err
    assert len(kept()) == len(ENTRIES)


OLDEST = "CREATE TABLE responses (key TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT NULL)"


def test_a_store_of_the_first_version_keeps_its_answers_and_can_hold_refusals_now():
    with sqlite3.connect("store.sqlite") as older:
        older.execute(OLDEST)
        older.execute("INSERT INTO responses VALUES ('key', 'paid', 12.5)")
    older.close()
    for _ in range(2):
        with Store(Path("store.sqlite")) as store:
            assert store.get("key") == "paid"
            assert store.connection.execute("SELECT at FROM responses WHERE key = 'key'").fetchone() == (12.5,)
            store.refuse("other", "content filter: no")
            assert (store.get("other"), store.find("other")) == (None, ("", "content filter: no"))


def test_several_processes_may_bring_a_store_up_to_date_at_once():
    with sqlite3.connect("store.sqlite") as older:
        older.execute(OLDEST)
        older.executemany("INSERT INTO responses VALUES (?, 'paid', 1)", [(str(n),) for n in range(2000)])
    older.close()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name], env=environment) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    with Store(Path("store.sqlite")) as store:
        assert store.get("1999") == "paid" and store.get("a49") == "a" and store.get("b49") == "b"


def foreign(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def newer(file: Path) -> None:
    with Store(file) as store:
        store.connection.execute("PRAGMA user_version = 99")


def torn(file: Path) -> None:
    with Store(file) as store:
        store.put_all(Response(str(n), "answer " * 50) for n in range(500))
    data = bytearray(file.read_bytes())
    data[4096 : len(data) // 2] = os.urandom(len(data) // 2 - 4096)
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (foreign, "another program's database"),
        (newer, "written by a newer doclore"),
        (torn, "damaged"),
        (lambda file: file.write_bytes(b"no database at all " * 100), "damaged"),
    ],
    ids=["foreign", "newer", "torn", "no database"],
)
def test_a_file_that_is_no_store_is_one_line_and_stays_as_it_is(spoil, line):
    file = Path("store.sqlite")
    spoil(file)
    before = file.read_bytes()
    with pytest.raises(UserError) as caught, Store(file) as store:
        [store.find(str(n)) for n in range(500)]
    assert line in str(caught.value) and "store.sqlite" in str(caught.value) and "\n" not in str(caught.value)
    assert file.read_bytes() == before


def test_a_full_disk_is_one_line_and_what_was_stored_before_is_safe():
    with Store(Path("store.sqlite")) as store:
        store.put("before", "safe")
        pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
        store.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(UserError, match="full; the answers stored so far are safe"):
            store.put_all(Response(str(n), "answer " * 1000) for n in range(50))
        assert store.get("before") == "safe" and store.get("0") is None


def test_a_store_that_may_not_be_written_is_one_line_that_says_what_to_do():
    with Store(Path("store.sqlite")) as store:
        store.put("before", "safe")
        store.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(
            UserError, match=r"readonly database; the answers stored so far are safe; make it and .* writable"
        ):
            store.put("after", "lost")
        assert store.get("before") == "safe"


def test_rows_of_one_store_seed_another_refusals_included_and_each_once():
    with Store(Path("first.sqlite")) as first:
        first.put("a", "answer")
        first.refuse("r", "status 400: no")
        rows = list(first.rows(["r", "a", "missing", "a"]))
    assert rows == [
        {"key": "r", "answer": "", "refused": "status 400: no", "room": 0},
        {"key": "a", "answer": "answer", "refused": "", "room": 0},
    ]
    write_jsonl(Path("responses.jsonl"), rows)
    with Store(Path("second.sqlite")) as second:
        second.put("a", "own")
        second.seed(Path("responses.jsonl"))
        second.seed(Path("not there.jsonl"))
        assert (second.get("a"), second.find("r")) == ("own", ("", "status 400: no"))


@pytest.mark.parametrize(
    "row",
    [
        {"key": "k"},
        {"answer": "a"},
        {"key": "k", "answer": "", "refused": ""},
        {"key": "k", "answer": 3},
        {"odd": 1},
        {"key": "k", "answer": "a", "prompt_tokens": None},
        {"key": "k", "answer": "a", "room": "wide"},
    ],
)
def test_a_seed_that_holds_something_else_is_one_line_and_changes_nothing(row):
    write_jsonl(Path("responses.jsonl"), [{"key": "good", "answer": "x", "refused": ""}, row])
    with Store(Path("store.sqlite")) as store:
        with pytest.raises(UserError, match="not a stored answer"):
            store.seed(Path("responses.jsonl"))
        assert store.get("good") is None


def test_answers_that_arrive_together_are_committed_together_and_known_only_when_they_are_on_the_disk():
    commits = []

    async def write(store: Store) -> None:
        with Writer(store) as writer:
            original = writer.store.put_all

            def slow(responses: Iterable[Response]) -> None:
                batch = list(responses)
                time.sleep(0.02)
                original(batch)
                commits.append(len(batch))

            writer.store.put_all = slow

            async def one(number: int) -> None:
                await writer.put(Response(str(number), "answer"))
                assert store.get(str(number)) == "answer"

            await asyncio.gather(*(one(n) for n in range(100)))

    with Store(Path("store.sqlite")) as store:
        asyncio.run(write(store))
    assert sum(commits) == 100 and len(commits) <= 4


def test_a_commit_that_fails_reaches_whoever_waits_for_it():
    async def write(store: Store) -> None:
        with Writer(store) as writer:
            writer.store.connection.execute("PRAGMA max_page_count = 1")
            with pytest.raises(UserError, match="full"):
                await writer.put(Response("k", "answer " * 5000))

    with Store(Path("store.sqlite")) as store:
        asyncio.run(write(store))


def test_answers_on_their_way_to_the_disk_are_stored_even_when_nobody_waits_any_more():
    async def write(store: Store) -> None:
        with Writer(store) as writer:
            tasks = [asyncio.create_task(writer.put(Response(str(n), "answer"))) for n in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()

    with Store(Path("store.sqlite")) as store:
        asyncio.run(write(store))
        assert all(store.get(str(n)) == "answer" for n in range(20))


def test_the_form_an_endpoint_accepts_is_remembered_for_a_while():
    with Store(Path("store.sqlite")) as store:
        assert store.form("place") == Form()
        found = Form("json_object", "max_tokens", most=900, left_out=("seed",), system="user")
        store.put_form("place", found)
        assert store.form("place") == found
        store.connection.execute("UPDATE forms SET at = at - 8 * 86400")
        assert store.form("place") == Form()


VERSION_1 = """
CREATE TABLE responses (key TEXT PRIMARY KEY, answer TEXT NOT NULL, refused TEXT NOT NULL, model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, answer_tokens INTEGER NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL);
CREATE TABLE forms (endpoint TEXT PRIMARY KEY, answer TEXT NOT NULL, room TEXT NOT NULL, at REAL NOT NULL);
PRAGMA application_id = 1685021548;
PRAGMA user_version = 1;
"""
KEY_0_1 = "b756fd4666b29a80e2acaa2e92732b420dc93530b3c112a9d74f29c26d3966e9"  # of request(0), with max_tokens: 50


def store_of_0_1(rows: list[tuple[str, str, str]]) -> None:
    with contextlib.closing(sqlite3.connect("responses.sqlite")) as connection, connection:
        connection.executescript(VERSION_1)
        connection.executemany("INSERT INTO responses VALUES (?, ?, ?, 'teacher', 9, 3, 1.5, 7.0)", rows)


@pytest.mark.parametrize("room", [50, 2048, 3000])
def test_an_answer_of_doclore_0_1_is_found_with_any_room(room):
    Path("dvc.lock").write_text("      generate.max_tokens: 50\n", encoding="utf-8")
    store_of_0_1([(KEY_0_1, GOOD, "")])
    asked = request(0, sampling={"max_tokens": room})
    with Store(Path("responses.sqlite")) as store:
        assert store.look_up(asked) == (GOOD, "")
        assert store.get(asked.key()) == GOOD
        assert [row["key"] for row in store.rows([asked.key()])] == [asked.key()]
    with Store(Path("responses.sqlite")) as store:
        assert not store.older  # it has its new key, with all that is known of it
        assert store.usage("teacher") == (1, 9, 3, 1.5)


def test_rows_that_doclore_0_1_wrote_seed_a_store(tmp_path):
    write_jsonl(Path("responses.jsonl"), [{"key": KEY_0_1, "answer": GOOD, "refused": ""}])
    with Store(Path("responses.sqlite")) as store:
        store.seed(Path("responses.jsonl"))
        assert store.look_up(request(0)) == (GOOD, "")


def test_what_did_not_fit_in_doclore_0_1_is_asked_again():
    store_of_0_1([(KEY_0_1, "", "truncated: the answer does not fit into max_tokens")])
    with Store(Path("responses.sqlite")) as store:
        assert store.look_up(request(0)) is None


def test_an_answer_that_did_not_fit_gives_way_to_one_with_more_room_and_no_other():
    key = request(0).key()
    with Store(Path("responses.sqlite")) as store:
        for room, answer, stays in ((50, "a", "a"), (40, "b", "a"), (100, "c", "c"), (0, "d", "d"), (900, "e", "d")):
            store.put_all([Response(key, answer, room=room)])
            assert store.get(key) == stays
    with Store(Path("responses.sqlite")) as store:
        store.put_all([Response(request(1).key(), "x", room=100)])
        assert store.look_up(request(1, sampling={"max_tokens": 100}))
        assert not store.look_up(request(1, sampling={"max_tokens": 101}))
        assert not store.look_up(request(1, sampling={}))  # the server's own room may be larger


def test_a_row_that_is_not_what_was_written_is_never_an_answer():
    with Store(Path("responses.sqlite")) as store:
        store.put("k", GOOD)
        store.connection.execute("UPDATE responses SET answer = replace(answer, 'b', 'c')")
        with pytest.raises(UserError, match=r"damaged .*doclore store repair"):
            store.find("k")


@pytest.fixture
def say(monkeypatch) -> Callable[..., None]:
    """Run `doclore store …`; an error is raised, not printed."""

    def run(*words: str) -> None:
        parser = argparse.ArgumentParser()
        store_command.add_arguments(parser)
        store_command.run(parser.parse_args(words))

    return run


def filled(count: int, size: int = 3000) -> dict[str, str]:
    """A store with answers of some length; what is in it."""
    answers = {request(n).key(): json.dumps({"names": [{"a": f"{n} " * (size // 4)}]}) for n in range(count)}
    with Store(paths.cache_dir() / "responses.sqlite") as store:
        store.put_all(Response(key, answer, model="teacher", prompt_tokens=5) for key, answer in answers.items())
        store.put_all([Response("refused-" + "0" * 56, "", "status 400: no")])
    return answers


def readable() -> dict[str, str]:
    with Store(paths.cache_dir() / "responses.sqlite") as store:
        return dict(store.connection.execute("SELECT key, answer FROM responses WHERE refused = ''"))


DAMAGE = ["one byte", "an inner page", "cut", "header", "end", "types"]


def break_store(file: Path, damage: str) -> bytes:
    """Damage a store; its bytes afterwards."""
    data, size = bytearray(file.read_bytes()), 4096
    if damage == "one byte":
        data[data.index(b"200 200 200")] ^= 0x15
    elif damage == "an inner page":
        inner = next(n for n in range(1, len(data) // size) if data[n * size] == 5)
        data[inner * size : (inner + 1) * size] = b"\x7f" * size
    elif damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "end":
        del data[len(data) - size // 2 :]
    elif damage == "types":  # of the columns of a row, so that they read as NULL
        key = data.rindex(b'{"names"', 0, data.index(b"200 200 200")) - 64
        data[key - 12 : key] = bytes(12)
    else:
        data[24:100] = b"\xff" * 76
    file.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("damage", DAMAGE)
def test_repair_brings_back_every_readable_answer_and_nothing_else(say, damage, capsys):
    answers, file = filled(400), paths.cache_dir() / "responses.sqlite"
    data = break_store(file, damage)
    say("repair")
    found = readable()
    assert all(answers[key] == answer for key, answer in found.items())
    assert len(found) >= {"one byte": 399, "cut": 150, "end": 390, "types": 398}.get(damage, 400)
    assert "entries could be read" in capsys.readouterr().out
    assert (paths.cache_dir() / "responses.sqlite.damaged-1").read_bytes() == data


@pytest.mark.parametrize("damage", DAMAGE)
def test_words_for_a_damaged_store_name_the_repair_and_pass_nothing_on_that_was_not_written(say, damage):
    answers = filled(400)
    break_store(paths.cache_dir() / "responses.sqlite", damage)
    told = 0
    for words in (["info"], ["export", "out.jsonl"], ["backup", "copy.sqlite"], ["gc", "--older-than", "0"]):
        try:
            say(*words)
        except UserError as error:
            told += "doclore store repair" in str(error)
    assert told >= 2
    rows = read_jsonl(Path("out.jsonl")) if Path("out.jsonl").exists() else ()
    assert all(answers[row["key"]] == row["answer"] for row in rows)


@pytest.mark.parametrize(("answers", "copied"), [(1, 0), (240, 200)])
def test_a_plain_copy_of_a_store_in_use_is_a_store_and_nearly_whole(answers, copied):
    file = paths.cache_dir() / "responses.sqlite"
    with Store(file) as store:
        for n in range(answers):
            store.put(str(n), GOOD)
        shutil.copyfile(file, "copy.sqlite")
        with Store(Path("copy.sqlite")) as copy:
            assert copied <= upkeep.count(copy) <= answers


def test_repair_reads_what_lies_in_the_log_alone(say):
    store = Store(paths.cache_dir() / "responses.sqlite")
    store.put_all(Response(request(n).key(), GOOD) for n in range(50))
    file = paths.cache_dir() / "responses.sqlite"
    files = {name: name.read_bytes() for name in paths.cache_dir().iterdir()}
    store.connection.close()
    for name, data in files.items():
        name.write_bytes(data)  # as a plain copy of a store in use has them
    file.write_bytes(b"\xff" * 8192)
    say("repair")
    assert len(readable()) == 50


def test_repair_of_what_holds_nothing_leaves_it_as_it_is(say):
    file = paths.cache_dir() / "responses.sqlite"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="no readable answer"):
        say("repair")
    assert file.read_bytes() == b"no database" * 1000
    assert [name.name for name in paths.cache_dir().iterdir()] == ["responses.sqlite"]


def test_a_backup_is_whole_while_others_write(say, capsys):
    filled(20)
    with Store(paths.cache_dir() / "responses.sqlite") as other:
        other.put("late", GOOD)
        say("backup", "copy.sqlite")
    with Store(Path("copy.sqlite")) as copy:
        assert copy.get("late") == GOOD
    assert "22 entries in copy.sqlite" in capsys.readouterr().out
    with pytest.raises(UserError, match="another file"):
        say("backup", str(paths.cache_dir() / "responses.sqlite"))


def test_a_file_system_without_locks_is_told(endpoint, monkeypatch, capsys):
    def refuse(*given: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("stages.common.llm.claims.fcntl.lockf", refuse)
    endpoint.reply = lambda body: GOOD
    assert complete([request(0)]).answered == 1
    assert "no locks on the file system" in capsys.readouterr().err


def test_a_file_that_was_taken_over_is_read_again_once_entries_were_deleted_or_it_has_changed(monkeypatch):
    write_jsonl(Path("responses.jsonl"), [{"key": "a", "answer": "1", "refused": "", "room": 0}])
    with Store(Path("store.sqlite")) as store:
        store.seed(Path("responses.jsonl"))
        assert store.get("a") == "1"
        with monkeypatch.context() as patch:
            patch.setattr("stages.common.llm.store.read_jsonl", None)
            store.seed(Path("responses.jsonl"))
        upkeep.delete(store, ["a"])
        assert store.get("a") is None
        store.seed(Path("responses.jsonl"))
        assert store.get("a") == "1"
        write_jsonl(Path("responses.jsonl"), [{"key": "b", "answer": "2", "refused": "", "room": 0}])
        store.seed(Path("responses.jsonl"))
        assert (store.get("a"), store.get("b")) == ("1", "2")


def test_bytes_that_are_no_text_are_told_as_damage_and_not_repeated():
    with Store(Path("store.sqlite")) as store:
        store.put("a", "1")
        store.connection.execute("UPDATE responses SET answer = CAST(x'7bff1b7d' AS TEXT)")
        for read in (lambda: store.get("a"), lambda: list(store.rows(["a"]))):
            with pytest.raises(
                UserError, match=r"is damaged \(a row is not what was written\); .*store repair"
            ) as caught:
                read()
            assert str(caught.value).isprintable()
