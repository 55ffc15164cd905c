"""Outputs in parts: the same rows for whoever reads them, and a change rewrites one part."""

from operator import itemgetter

import pytest

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.llm.store import Store
from stages.common.records.files import digest, file_sha256, line_at, lines, parts, read_jsonl, write_jsonl, write_rows
from stages.generate.labelling.focus import dvc_md5

FILE = paths.PAIRS
ROWS = [{"path": f"page{n // 3:02}.md", "text": f"第 {n} 行"} for n in range(90)]


def write(rows: list[dict], most: int = 10) -> None:
    write_rows(FILE, iter(rows), lambda row: row["path"], most)


def test_rows_are_read_as_they_were_written_in_parts_or_in_one_file():
    write(ROWS)
    assert FILE.is_dir() and len(parts(FILE)) > 5 and list(read_jsonl(FILE)) == ROWS
    write(ROWS, len(ROWS))
    assert FILE.is_file() and list(read_jsonl(FILE)) == ROWS
    write(ROWS)
    write(ROWS[:10])
    assert FILE.is_file() and list(read_jsonl(FILE)) == ROWS[:10]
    write(ROWS)
    write_jsonl(FILE, [])
    assert FILE.is_file() and list(read_jsonl(FILE)) == []
    assert {file.name for file in FILE.parent.iterdir()} == {FILE.name}, "nothing temporary stays"


def test_one_more_row_changes_one_part():
    write(ROWS)
    before = {part.name: part.read_bytes() for part in parts(FILE)}
    known = file_sha256(FILE)
    write([*ROWS[:30], {"path": "page09.md", "text": "new"}, *ROWS[30:]])
    after = {part.name: part.read_bytes() for part in parts(FILE)}
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in after) == 1
    assert file_sha256(FILE) != known


def test_a_row_of_a_part_is_found_again_by_its_place():
    write(ROWS)
    places = [(line.file, line.offset) for line in lines(FILE)]
    assert sorted((line_at(*place).row() for place in places), key=ROWS.index) == ROWS


def test_parts_are_read_and_rewritten_while_they_are_replaced():
    write(ROWS)
    write_rows(FILE, read_jsonl(FILE), lambda row: row["path"], 10)
    assert list(read_jsonl(FILE)) == ROWS
    write_rows(FILE, (row for row in read_jsonl(FILE)), lambda row: row["path"], 1000)
    assert list(read_jsonl(FILE)) == ROWS


def test_a_failure_leaves_what_was_there():
    write(ROWS)

    def broken():
        yield ROWS[0]
        raise KeyError

    with pytest.raises(KeyError):
        write_rows(FILE, broken(), lambda row: row["path"], 10)
    assert list(read_jsonl(FILE)) == ROWS


def test_a_directory_of_somebody_elses_stays():
    FILE.mkdir(parents=True)
    (FILE / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="move it away"):
        write(ROWS)
    assert (FILE / "notes.txt").read_text() == "mine"


def test_the_digest_of_parts_is_the_one_in_dvc_lock():
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    write(ROWS)
    tree = Tree.from_list([{"md5": dvc_md5(part), "relpath": part.name} for part in parts(FILE)])
    tree.digest()
    assert isinstance(tree.hash_info, HashInfo) and tree.hash_info.value == dvc_md5(FILE)


def test_a_store_takes_the_answers_of_parts_over_and_a_new_one_rewrites_one_part(tmp_path):
    rows = [{"key": digest(n, length=64), "answer": "{}", "refused": "", "room": 0} for n in range(200)]
    write_rows(paths.RESPONSES, rows[1:], itemgetter("key"), 10)
    before = {part.name: part.read_bytes() for part in parts(paths.RESPONSES)}
    with Store(tmp_path / "responses.sqlite") as store:
        store.seed(paths.RESPONSES)
        assert [store.get(row["key"]) for row in rows] == [None, *["{}"] * 199]
        write_rows(paths.RESPONSES, rows, itemgetter("key"), 10)
        after = {part.name: part.read_bytes() for part in parts(paths.RESPONSES)}
        assert sum(before.get(name) != after[name] for name in after) == 1
        store.seed(paths.RESPONSES)
        assert store.get(rows[0]["key"]) == "{}"
