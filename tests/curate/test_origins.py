"""Rows say where their fact stands: its own lines, and those of the partial's file that it comes from."""

from stages.common.records.rows import Origin, to_spans
from stages.common.rows.source import sources
from stages.curate.origins import Origins
from support.curation import chunk, pages_of, pair, run

TEXT = "# Lamp\n\nThe hub weighs 7 kg.\n\n| Part | Mass |\n| --- | --- |\n| arm | 3 kg |\n\nThe end.\n"


def doc_of(of: dict, text: str, origin: list[Origin]) -> dict:
    return {**pages_of([of])[0], "text": text, "spans": to_spans(of["path"], origin)}


def located(evidence: str, text: str = TEXT, origin: list[Origin] | None = None) -> dict:
    of = {**chunk(text), "line_start": 4, "line_end": 40}
    row = {**pair(of, "What weighs it?", "3 kg", evidence), "path": of["path"], "line_start": 4, "line_end": 40}
    page = origin or [Origin(of["path"], number + 4, number + 4) for number in range(text.count("\n"))]
    return next(Origins([doc_of(of, text, page)]).located([row]))


def test_a_row_has_the_lines_of_its_fact():
    row = located("The hub weighs 7 kg.")
    assert (row["line_start"], row["line_end"]) == (6, 6) and "partial" not in row
    row = located("| Part | Mass |\n| --- | --- |\n| arm | 3 kg |")
    assert (row["line_start"], row["line_end"]) == (8, 10)


def test_white_space_and_width_do_not_hide_the_lines():
    row = located("｜ arm ｜ ３ kg ｜")
    assert (row["line_start"], row["line_end"]) == (10, 10)


def test_a_quote_that_is_not_on_the_page_leaves_the_lines_of_the_chunk():
    row = located("The hub weighs 8 kg.")
    assert (row["line_start"], row["line_end"]) == (4, 40)


def test_of_two_places_the_one_in_the_chunk_counts():
    text = "arm: 3 kg\n" * 3 + "\n" * 5 + "arm: 3 kg\n"
    row = located("arm: 3 kg", text, [Origin("page.md", number + 1, number + 1) for number in range(9)])
    assert (row["line_start"], row["line_end"]) == (4, 4) or row["line_start"] == 9


def test_a_fact_of_a_partial_has_the_lines_of_the_partials_file():
    inlined = [Origin("_mass.md", number, 8) for number in range(21, 24)]
    origin = [*(Origin("page.md", number, number) for number in range(4, 8)), *inlined, Origin("page.md", 9, 9)]
    row = located("| arm | 3 kg |", TEXT, origin)
    assert (row["line_start"], row["line_end"]) == (8, 8)
    assert row["partial"] == {"path": "_mass.md", "line_start": 23, "line_end": 23}


def test_a_fact_over_two_partials_names_both():
    own = [Origin("page.md", number, number) for number in range(4, 9)]
    parts = [Origin("_head.md", 1, 9), Origin("_rows.md", 7, 9)]
    row = located("| --- | --- |\n| arm | 3 kg |", TEXT, [*own, *parts, Origin("page.md", 10, 10)])
    assert row["partial"] == {"path": "_head.md", "line_start": 1, "line_end": 1}
    assert row["further_partials"] == [{"path": "_rows.md", "line_start": 7, "line_end": 7}]


def test_of_two_places_in_a_partial_the_one_in_the_chunk_counts():
    of = {**chunk(TEXT), "line_start": 2, "line_end": 2}
    of["partials"] = [{"path": "_mass.md", "line_start": 6, "line_end": 9}]
    text = "arm: 3 kg\n\n## Far\n\n\n\narm: 3 kg\n"
    row = {**pair(of, "What weighs it?", "3 kg", "arm: 3 kg"), "path": of["path"], "line_start": 2, "line_end": 2}
    lines = [Origin("_mass.md", number, 2) for number in range(1, 9)]
    (row,) = Origins([doc_of(of, text, lines)]).located([row], {of["chunk_id"]: of})
    assert row["partial"] == {"path": "_mass.md", "line_start": 7, "line_end": 7}


def test_rows_of_the_dataset_carry_these_lines(write_params):
    of = {**chunk(TEXT), "line_start": 1, "line_end": 9}
    page = doc_of(of, TEXT, [Origin(of["path"], number + 1, number + 1) for number in range(9)])
    rows = [pair(of, "How heavy is the hub?", "7 kg", "The hub weighs 7 kg.")]
    parts = run(rows, [of], write_params, docs=[page])
    assert [(row["line_start"], row["line_end"]) for row in parts["train"]] == [(3, 3)]


def test_a_page_of_chinese_prose_stays_chinese_however_many_english_cells_it_has():
    cells = "| Setting | Value |\n| --- | --- |\n" + "| Delay of the pump and the hub in hours | 25 |\n" * 300
    of = chunk(
        f"下表列出灯带控制器支持的全部设置及其默认值，修改之后需要重新启动控制器才能生效，否则继续使用旧值。\n\n{cells}"
    )
    assert sources([of])[of["chunk_id"]].languages == {"zh"}
    assert "zh" in sources([chunk(cells)], {"page.md": "zh"})[chunk(cells)["chunk_id"]].languages


def test_a_page_in_a_third_language_may_be_asked_about_in_english():
    of = chunk("Der Regler der Leuchte braucht vierzig Watt und kennt drei Betriebsarten.")
    assert sources([of], {"page.md": "de"})[of["chunk_id"]].languages >= {"de", "en"}
