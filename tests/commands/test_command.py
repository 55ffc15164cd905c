"""The `doclore` command as a newcomer types it: a mistake is one line that says what to type, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.commands import main as doclore
from stages.common.base import paths
from stages.common.llm.store import Store
from stages.common.records.files import write_jsonl
from support.repository import ROOT


@pytest.fixture
def typed(monkeypatch, capsys):
    """Run `doclore …` in this process; its exit code, what it printed, and its complaint."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["doclore", *words])
        code = 0
        try:
            doclore.main()
        except SystemExit as exit:
            code = int(exit.code or 0)
        out, complaint = capsys.readouterr()
        return code, out, complaint

    return run


def test_below_the_root_a_word_works_as_in_the_root_and_named_files_stay_where_they_were_named(
    typed, write_params, monkeypatch, tmp_path
):
    write_params({"docs.path": "."})
    below = tmp_path / "docs" / "howto"
    below.mkdir(parents=True)
    Store.of_repository().connection.close()
    monkeypatch.chdir(below)
    assert typed("store", "export", "out.jsonl")[0] == 0
    assert [file.name for file in below.iterdir()] == ["out.jsonl"]
    assert Path.cwd() == tmp_path


def test_outside_a_project_a_word_about_one_says_that_there_is_none(typed, monkeypatch, tmp_path):
    for words in (("check",), ("summary",), ("why", "page.md"), ("store", "info"), ("preset",), ("serve",)):
        code, _, complaint = typed(*words)
        assert code == 1 and complaint.count("\n") == 1 and "no project here or in a directory above" in complaint
    assert list(tmp_path.iterdir()) == []


def test_commands_about_files_run_anywhere(typed):
    write_jsonl(Path("rows.jsonl"), [{"a": "b"}])
    assert typed("convert", "rows.jsonl", "rows.json")[0] == 0
    assert "name a GGUF file" in typed("teacher", "no.gguf")[2]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("store", "export", "."), "a directory"),
        (("store", "import", "binary"), "binary:1: not JSON"),
        (("store", "import", "text.jsonl"), "text.jsonl:1: not JSON"),
        (("store", "gc", "--older-than", "-1"), "-1 is not a number of days"),
        (("store", "gc", "--older-than", "nan"), "nan is not a number of days"),
        (("convert", ".", "rows.json"), ". is a directory"),
        (("preset",), "presets/ is missing or empty"),
        (("check",), "params.yaml is empty"),
        (("summary",), "reports/ingest.json is not JSON"),
        (("why", "0123456789abcdef"), "a line of data/dataset/train.jsonl is not JSON"),
        (("chat", "--compare", "--model", "base"), "not allowed with"),
    ],
)
def test_a_mistake_ends_in_one_line_without_a_traceback(typed, words, line):
    Store.of_repository().connection.close()
    Path("binary").write_bytes(b"a\xff\x00\xfe")
    Path("text.jsonl").write_text("key: value\n")
    Path("params.yaml").touch()
    Path("dvc.yaml").touch()
    for file in ("reports/ingest.json", "reports/evaluate.json", "data/dataset/train.jsonl"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text('{"pair_id": "0123456789abcdef", cut')
    code, _, complaint = typed(*words)
    assert code in (1, 2)
    assert line in complaint.splitlines()[-1]
    assert "Traceback" not in complaint


def test_a_store_is_not_made_by_looking_at_it(typed, write_params):
    write_params()
    for words in (("info",), ("export", "out.jsonl"), ("gc", "--refusals")):
        code, _, complaint = typed("store", *words)
        assert code == 1 and "nothing has been asked yet" in complaint
    assert not (paths.cache_dir() / "responses.sqlite").exists() and not Path("out.jsonl").exists()


def shell(line: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCLORE": f"{sys.executable} -m stages.commands.main"}
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)


def test_a_reader_that_leaves_and_a_full_disk_are_no_traceback():
    rows = [
        {"key": str(n), "pair_id": "", "chunk_id": "", "line_start": n, "path": "data/extra/own.jsonl"}
        for n in range(9000)
    ]
    for name in (*paths.SPLITS,):
        write_jsonl(paths.DATASET / f"{name}.jsonl", rows if name == "train" else [])
    write_jsonl(paths.REJECTED, [])
    write_jsonl(paths.CHUNKS, [])
    write_jsonl(paths.DOCS, [])
    for file in ("params.yaml", "dvc.yaml"):
        Path(file).write_bytes((ROOT / file).read_bytes())
    left = shell("$DOCLORE why data/extra/own.jsonl --json | head -1; exit ${PIPESTATUS[0]}")
    assert left.stdout.count("\n") == 1 and left.stderr == "" and left.returncode == 141
    full = shell("$DOCLORE why data/extra/own.jsonl --json > /dev/full")
    assert full.returncode == 1 and full.stderr == "doclore: No space left on device\n"


def test_without_a_word_the_help_lists_them_and_a_misspelt_one_gets_the_right_one(typed):
    code, out, _ = typed()
    assert code == 0 and all(f"\n    {name} " in out for name in ("check", "preview", "try", "why"))
    code, _, complaint = typed("prewiev")
    assert code == 1 and complaint == "doclore: unknown command 'prewiev'; did you mean `doclore preview`?\n"


def test_every_word_s_help_has_examples(typed):
    for name, _ in doclore.command_modules():
        code, out, _ = typed(name, "--help")
        assert code == 0 and f"doclore {name}" in out.partition("Examples:")[2].partition("options:")[0], name


@pytest.mark.parametrize("shell_name", ["bash", "zsh"])
def test_a_completion_knows_words_and_options(typed, shell_name):
    code, out, _ = typed("completion", shell_name)
    assert code == 0 and "preview" in out and "--compare" in out
