"""The response store: what is in it stays, whoever writes at the same time."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

from stages.commands import main as doclore
from stages.shared import paths
from stages.shared.llm.store import Response, Store
from stages.shared.records import read_jsonl, write_jsonl


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
from stages.shared.llm.store import Store
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
def command(monkeypatch, capsys) -> Callable[..., str]:
    """Fill the repository's store and run `doclore store …` on it; what it printed."""
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
    assert "would go" in command("gc", *words)
    assert kept() == everything
    command("gc", *words, "--yes")
    assert everything - kept() == gone


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
    assert "other.jsonl holds a row that is no stored answer" in capsys.readouterr().err
    assert len(kept()) == len(ENTRIES)
