"""The ordered map: what comes out depends on no process and on nothing that was kept, and what was kept is not made
again."""

import functools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from stages.common.base import mapped as module
from stages.common.base.errors import UserError
from stages.common.base.kept import RUNS
from stages.common.base.mapped import mapped
from support.repository import ROOT

WORDS = [f"word {number}" for number in range(100)]
calls: list[str] = []


def shout(mark: str, word: str) -> dict[str, str]:
    calls.append(word)
    return {"said": word.upper() + mark}


def refuse(word: str) -> str:
    if word == "word 40":
        raise UserError("word 40: no such word")
    return word


def run(mark: str = "!", words: list[str] = WORDS, processes: int = 1) -> list[dict[str, str]]:
    calls.clear()
    return list(mapped(functools.partial(shout, mark), words, lambda word: f"{mark} {word}".encode(), processes))


@pytest.fixture(autouse=True)
def of_a_stage(monkeypatch):
    monkeypatch.setattr(module, "stage_of", lambda function: "chunk")


def test_results_stand_in_order_and_equal_items_have_equal_results():
    words = [*WORDS, *reversed(WORDS)]
    assert run(words=words) == [{"said": word.upper() + "!"} for word in words]


def test_only_what_is_new_is_computed_again():
    first = run()
    assert calls == WORDS
    assert run() == first and calls == []
    words = ["a new one", *WORDS[:50], *WORDS[51:]]
    assert run(words=words) == [{"said": "A NEW ONE!"}, *first[:50], *first[51:]]
    assert calls == ["a new one"]


def test_other_params_and_other_code_have_results_of_their_own(monkeypatch):
    run()
    assert run("?")[0] == {"said": "WORD 0?"} and calls == WORDS
    monkeypatch.setattr(module, "code_digest", lambda stage: b"other code")
    run()
    assert calls == WORDS


def test_what_is_kept_may_be_damaged_or_removed(tmp_path):
    first = run()
    kept = next((tmp_path / ".cache/kept").glob("*.sqlite"))
    for damage in (lambda: kept.write_bytes(b"no database" * 500), kept.unlink, lambda: spoil(kept)):
        damage()
        assert run() == first and calls
        assert run() == first and not calls


def spoil(kept: Path) -> None:
    with sqlite3.connect(kept) as database:
        database.execute("UPDATE kept SET value = x'00' || value")


def test_what_no_run_uses_any_more_is_dropped(tmp_path):
    run()
    for _ in range(RUNS + 1):
        run(words=WORDS[:10])
    with sqlite3.connect(next((tmp_path / ".cache/kept").glob("*.sqlite"))) as database:
        assert database.execute("SELECT count(*) FROM kept").fetchone() == (10,)


def test_an_error_for_the_user_comes_as_it_was_raised():
    with pytest.raises(UserError, match="word 40: no such word"):
        list(mapped(refuse, WORDS, str.encode, 1))


def test_the_digest_covers_the_stage_the_common_rooms_and_no_other_stage(monkeypatch, tmp_path):
    stages = tmp_path / "stages"
    for file in ("chunk/a.py", "train/b.py", "common/base/mapped.py"):
        (stages / file).parent.mkdir(parents=True, exist_ok=True)
        (stages / file).write_text("x = 1\n")
    monkeypatch.setattr(module, "__file__", str(stages / "common/base/mapped.py"))

    def digest() -> bytes:
        module.code_digest.cache_clear()
        return module.code_digest("chunk")

    before = digest()
    (stages / "train/b.py").write_text("x = 2\n")
    assert digest() == before
    (stages / "chunk/a.py").write_text("x = 2\n")
    assert digest() != before
    module.code_digest.cache_clear()


def killed(word: str) -> str:
    if word == "word 40":
        os.kill(os.getpid(), signal.SIGKILL)
    return word


def test_a_process_that_is_killed_is_told_in_a_line():
    with pytest.raises(UserError, match="most likely because memory ran out"):
        list(mapped(killed, ["word 0"] * 100 + WORDS, str.encode, 2))


def looked_up(word: str) -> dict[str, object]:
    """The word and what the first file that it names says, which may name the next."""
    calls.append(word)
    asked = {}
    while word and word not in asked:
        asked[word] = word = answer(word)
    return {"asked": asked}


def answer(name: str) -> str:
    file = Path(name.replace(" ", "-"))
    return file.read_text() if file.is_file() else ""


def test_a_result_lasts_as_long_as_what_was_asked_is_answered_alike():
    def asked_again() -> list[str]:
        calls.clear()
        questions = module.Questions(lambda result: result["asked"], answer)
        results = list(mapped(looked_up, WORDS, str.encode, 1, questions=questions))
        assert [result["asked"] for result in results] == [looked_up(word)["asked"] for word in WORDS]
        return calls[: -len(WORDS)]

    assert asked_again() == WORDS
    assert asked_again() == []
    Path("word-7").write_text("word 90")
    assert asked_again() == ["word 7"]
    Path("word-90").write_text("the end")
    assert asked_again() == ["word 7", "word 90"]
    Path("word-7").unlink()
    assert asked_again() == ["word 7"]


RUN = """
import runpy, sys
from stages.common.base import engines, mapped

mapped.SECONDS, engines.most = float(sys.argv[2]), lambda name: 2
if __name__ == "__main__":
    runpy.run_module(f"stages.{sys.argv[1]}", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow  # eight runs of stages
def test_stages_that_are_run_write_the_same_in_two_processes(write_params, tmp_path):
    """As modules: what stands in a stage's `__main__` has another name in the processes that it starts."""
    for number in range(40):
        name = f"docs/kiln-{number}.md"
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(
            f"# Kiln {number}\n\n| Key | Default |\n|---|---|\n| `heat_{number}` | {number + 3} °C |\n"
        )
    write_params({"docs.path": "docs"})
    written = []
    for seconds in ("1e9", "0"):
        for stage in ("ingest", "chunk", "generate", "curate"):
            done = subprocess.run(
                [sys.executable, "-c", RUN, stage, seconds],
                env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
        written.append({file: file.read_bytes() for file in sorted(Path("data").rglob("*.jsonl"))})
        shutil.rmtree(".cache")
    assert written[0] == written[1]
