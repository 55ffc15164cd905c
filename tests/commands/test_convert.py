"""doclore convert: what goes through Parquet, CSV or an array comes back the same; what cannot be read is told."""

import argparse
import csv
import json
import sys
from pathlib import Path

import pytest

from stages.commands import convert
from stages.common.base.errors import UserError

ROWS = {
    "alpaca": [{"instruction": "灯多亮？\n第二行", "input": "", "output": '"7"，流明\t🙂'}] * 2,
    "formula and quotes": [{"a": "=1+1", "b": '"', "c": "a,b", "d": "\r\n", "e": "'"}],
    "signs of formulas": [{"@a": t, "b": f"'{t}"} for t in ("-2+3", "+1", "@SUM(1)", "\t=1", "'-", "''=x", "a=1", "")],
    "text that looks like something else": [{"a": "1"}, {"a": "[1, 2]"}, {"a": "null"}, {"a": "true"}, {"a": '"x"'}],
    "numbers": [{"i": 1, "f": 1.5, "b": True, "big": 2**70}, {"i": -(2**63), "f": -0.25, "b": False, "big": -1}],
    "floats beside a whole number that no float holds": [{"a": 0.5}, {"a": 2**53 + 1}, {"a": [0.5, 2**60 + 1]}],
    "truth values beside numbers": [{"a": True}, {"a": 1}, {"a": [False, 0]}],
    "structs without a field": [{"a": {}}, {"a": {}}],
    "conversation": [{"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "万福"}]}] * 2,
    "nested of one shape": [{"a": {"b": [[1], []]}}, {"a": {"b": []}}],
    "nested of other shapes": [{"a": {"b": 1}}, {"a": {"c": "2"}}, {"a": []}, {"a": {}}, {"a": "x"}],
    "keys in another order": [{"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}],
    "nulls inside": [{"a": [None, 1]}, {"a": {"b": None}}],
    "column of empty lists": [{"a": []}, {"a": []}],
    "rows with other keys": [{"a": [1]}, {"b": 2}, {"c": {"d": 3}}, {"a": [4], "c": {"d": 5}}],
    "column that is named like an encoded one": [{"a:json": "x"}, {"a:json": "{"}],
}


def write(file: str, rows: list[dict]) -> Path:
    Path(file).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return Path(file)


def read(file: str) -> list[dict]:
    return [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]


def run(source: str | Path, target: str | Path, force: bool = False) -> None:
    convert.run(argparse.Namespace(source=Path(source), target=Path(target), force=force))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", ["json", "csv", "parquet"])
def test_a_round_trip_gives_the_same_bytes(name, kind):
    source = write("a.jsonl", ROWS[name])
    run(source, f"b.{kind}")
    run(f"b.{kind}", "c.jsonl")
    assert Path("c.jsonl").read_text("utf-8") == source.read_text("utf-8")


def test_many_rows_go_through_every_kind_in_turn():
    rows = [{"n": n, "text": f"第 {n} 行", "list": [n] * (n % 3)} for n in range(25_000)]
    write("a.jsonl", rows)
    for source, target in zip(
        ["a.jsonl", "a.csv", "a.parquet", "a.json"], ["a.csv", "a.parquet", "a.json", "b.jsonl"], strict=True
    ):
        run(source, target)
    assert Path("b.jsonl").read_bytes() == Path("a.jsonl").read_bytes()


def test_parquet_columns_have_types_of_their_own():
    import pyarrow.parquet as pq

    write("a.jsonl", [*ROWS["conversation"], {"n": 1, "x": 1}, {"x": 1.5}])
    run("a.jsonl", "a.parquet")
    schema = pq.read_schema("a.parquet")
    assert str(schema.field("messages").type) == "list<element: struct<role: string, content: string>>"
    assert [str(schema.field(name).type) for name in ("n", "x")] == ["int64", "double"]


def test_csv_opens_in_excel_and_pandas_with_chinese_intact():
    import pandas

    write("a.jsonl", ROWS["alpaca"])
    run("a.jsonl", "a.csv")
    assert Path("a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    frame = pandas.read_csv("a.csv", keep_default_na=False)
    assert frame.to_dict("records") == ROWS["alpaca"]


def test_a_csv_of_someone_else_s_is_text():
    Path("a.csv").write_bytes('名,n\r\n灯,1\r\n\r\n"a\r\nb",[2]\r\n'.encode())
    run("a.csv", "a.jsonl")
    assert read("a.jsonl") == [
        {"名": "灯", "n": "1"}, {"名": "a\r\nb", "n": "[2]"},
    ]  # fmt: skip


def test_nulls_dates_and_nan_of_someone_else_s_parquet():
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    day = datetime.date(2026, 1, 2)
    pq.write_table(
        pa.table({"a": [None, 1.5, float("nan")], "d": [day, None, day], "b": [None, b"x", None]}), "a.parquet"
    )
    with pytest.raises(UserError, match=r"1 rows of a.parquet were not converted"):
        run("a.parquet", "a.jsonl")
    assert read("a.jsonl") == [{"d": "2026-01-02"}, {"d": "2026-01-02"}]


@pytest.mark.parametrize("target", ["b.json", "b.csv", "b.parquet", "b.jsonl"])
def test_bad_lines_are_told_with_their_number_and_the_others_converted(target, capsys):
    lines = ['{"a": "1"}', "", "{", '{"a": "2"}', "3", '{"a": "\\ud800"}', '{"a": "3"}']
    Path("a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError, match=r"3 rows of a.jsonl were not converted"):
        run("a.jsonl", target)
    told = capsys.readouterr().err
    assert [number for number in range(1, 9) if f"a.jsonl:{number}: " in told] == [3, 5, 6]
    if target != "b.jsonl":
        run(target, "c.jsonl")
    assert [row["a"] for row in read(target if target == "b.jsonl" else "c.jsonl")] == [
        "1",
        "2",
        "3",
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (b"a,b\n1,2\n3\n4,5\n", 3, "1 cells under 2 column names"),
        (b'a,b\n1,2\n"3" x,4\n5,6\n', 3, "not CSV"),
        ("a,b\n1,2\n灯,4\n5,6\n".encode("gbk"), 3, "is not UTF-8; if it is GBK"),
        (b"a:json,b\n1,2\n{,4\n5,6\n", 3, "column a:json is not JSON"),
    ],
)
def test_bad_rows_of_a_csv_are_told_and_the_others_converted(text, line, problem, capsys):
    Path("a.csv").write_bytes(text)
    with pytest.raises(UserError, match=r"1 rows of a.csv were not converted"):
        run("a.csv", "a.jsonl")
    told = capsys.readouterr().err
    assert f"a.csv:{line}: " in told and problem in told
    assert len(Path("a.jsonl").read_text().splitlines()) == 2


def test_nothing_is_overwritten_without_force():
    write("a.jsonl", [{"a": "1"}])
    Path("b.json").write_text("keep")
    with pytest.raises(UserError, match=r"b.json is there already; add --force"):
        run("a.jsonl", "b.json")
    assert Path("b.json").read_text() == "keep"
    run("a.jsonl", "b.json", force=True)
    assert json.loads(Path("b.json").read_text()) == [{"a": "1"}]
    with pytest.raises(UserError, match="give another name"):
        run("a.jsonl", "a.jsonl", force=True)


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("none.jsonl", "b.json", "none.jsonl is not found"),
        ("a.jsonl", "b.xlsx", r"b.xlsx: the name must end in one of .jsonl, .json, .csv, .parquet"),
        ("bad.parquet", "b.json", "bad.parquet is not Parquet"),
        ("twice.csv", "b.json", "the first line must name every column"),
    ],
)
def test_a_mistake_is_one_line(source, target, problem):
    write("a.jsonl", [])
    Path("bad.parquet").write_text("x")
    Path("twice.csv").write_text("a,a\n1,2\n")
    with pytest.raises(UserError, match=problem):
        run(source, target)
    assert not Path(target).exists()


def test_parquet_without_pyarrow_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    write("a.jsonl", [{"a": 1}])
    with pytest.raises(UserError, match="Parquet needs pyarrow"):
        run("a.jsonl", "a.parquet")


def test_no_rows_are_a_file_without_rows():
    write("a.jsonl", [])
    for target in ("b.json", "b.csv", "b.parquet"):
        run("a.jsonl", target)
        run(target, "c.jsonl", force=True)
        assert Path("c.jsonl").read_bytes() == b"\n"  # of no bytes, DVC would warn


def test_csv_is_what_the_csv_module_reads_with_utf_8_sig():
    write("a.jsonl", ROWS["formula and quotes"])
    run("a.jsonl", "a.csv")
    with Path("a.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.DictReader(stream)) == [{**ROWS["formula and quotes"][0], "a": "'=1+1", "d": "'\r\n"}]


def test_no_cell_of_a_csv_is_one_that_a_spreadsheet_computes():
    write("a.jsonl", ROWS["signs of formulas"])
    run("a.jsonl", "a.csv")
    with Path("a.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line if cell]
    assert len(cells) > 12 and not any(cell[0] in "=+-@\t\r" for cell in cells)
