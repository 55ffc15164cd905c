"""The response store: what is in it stays, whoever writes at the same time."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from conftest import ROOT

from stages.shared.llm.store import Store


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
