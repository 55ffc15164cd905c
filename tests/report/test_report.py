"""The report: the figures of the run on one page that loads nothing, shows any text as text, and stands on any part."""

import copy
import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.commands import summary
from stages.common.base import params, paths
from stages.common.records.files import read_jsonl, write_json, write_jsonl
from stages.evaluate import figures as figures_of_evaluate
from stages.evaluate.judge import VERDICTS
from stages.report import curves, measures, pipeline, texts, treemap
from stages.report import page as report
from stages.report.cards import SHOWN, chosen
from stages.report.differences import pieces
from stages.report.inputs import read
from support.reporting import CELLS, CHINESE, ENGLISH, HOSTILE, evaluation, prediction, prepare, rendered, text_of
from support.repository import ROOT


def test_the_page_says_what_the_files_say(write_params):
    prepare()
    said = text_of(rendered(write_params))
    for figure in ("88%", "61% to 118%", "+50", "p &lt; 0.001", "65%", "41.2", "51.5", "2.125", "8.38", "4 min 36 s",
                   "12,345", "61 of 70", "40", "500", "450", "380", "too few", "ab12", "Failed", "未通过"):  # fmt: skip
        assert figure in said, figure


def test_the_page_is_the_same_on_every_run(write_params):
    prepare()
    assert rendered(write_params) == rendered(write_params)


FILES = [f"reports/{name}.json" for name in
         ("ingest", "chunk", "curate", "coverage", "format", "train", "merge", "train_log")]  # fmt: skip
FILES += ["reports/predictions.jsonl", "data/chunks.jsonl", "data/uncovered.jsonl", "data/dataset/eval_seen.jsonl",
          ".cache/timings.jsonl"]  # fmt: skip


@pytest.mark.parametrize("missing", [*([file] for file in FILES), FILES, [*FILES, "reports/evaluate.json"]])
def test_the_page_stands_without_any_of_the_files(write_params, missing):
    prepare()
    for file in missing:
        Path(file).unlink()
    assert "</html>" in rendered(write_params)


def keys_of(value: dict, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, inner in value.items():
        found.append((*before, key))
        if isinstance(inner, dict):
            found += keys_of(inner, (*before, key))
    return found


@pytest.mark.slow
def test_the_page_stands_without_any_key_of_the_evaluation(write_params):
    rows = [prediction(1, tuned_closed=True), prediction(2, "eval_unseen")]
    whole = evaluation(prepare(rows=rows), forgetting={"mmlu": {"base": 0.4, "tuned": 0.39}})
    needed = {"passed", "reasons"}  # a gate without a verdict is none
    file, settings = paths.REPORTS / "index.html", params.load(write_params())
    for *parents, last in keys_of(whole):
        if last in needed:
            continue
        figures = copy.deepcopy(whole)
        holder = figures
        for key in parents:
            holder = holder[key]
        del holder[last]
        write_json(paths.REPORTS / "evaluate.json", figures)
        report.write(file, settings)
        assert "</html>" in file.read_text("utf-8")


@pytest.mark.parametrize("headline", [{"gap_recovery": None, "metric": "key_values"}, {"gap_recovery": -0.2}])
def test_a_gap_that_cannot_be_told_is_not_shown_as_a_number(write_params, headline):
    rows = prepare()
    write_json(paths.REPORTS / "evaluate.json", evaluation(rows, headline=headline))
    said = text_of(rendered(write_params))
    assert ("undefined: the passage" in said) == (headline["gap_recovery"] is None) == ("-20%" not in said)


def test_an_empty_set_and_a_cell_that_was_not_measured_are_left_out(write_params):
    rows = [prediction(n, tuned_closed=True) for n in range(3)]
    for row in rows:
        row["retrieved"] = []
        del row["answers"]["base_retrieved"], row["answers"]["base_gold"]
    prepare(rows=rows)
    figures = evaluation([prediction(n) for n in range(3)], gate={"passed": True, "reasons": []})
    del figures["eval_seen"]["base_retrieved"]
    write_json(paths.REPORTS / "evaluate.json", figures)
    said = text_of(rendered(write_params))
    assert "Passed" in said and "Base, with search" not in said and "search found" not in said
    assert "Untrained pages eval_unseen" not in said


def test_a_row_of_the_user_s_own_has_its_file_and_no_chunk(write_params):
    row = prediction(1) | {"chunk_id": "", "path": "data/extra/mine.jsonl"}
    prepare(rows=[row])
    page = rendered(write_params)
    assert 'href="../data/extra/mine.jsonl"' in page and '<pre class="chunk">' not in page


def test_links_lead_from_the_report_to_the_page(write_params, tmp_path):
    prepare()
    page = rendered(write_params, {"docs.path": "../corpus/site docs"})
    assert 'href="../../corpus/site%20docs/lamps/%E7%81%AF%200.md"' in page


def test_hostile_text_is_escaped_everywhere(write_params):
    rows = [prediction(n) for n in range(20)]
    for row in rows:
        row["answers"]["tuned_closed"]["text"] = row["reference"] = f"{HOSTILE} \x1b[2J\x9b2J\x07"
    prepare(rows=rows)
    page = rendered(write_params, {"format.system_prompt": HOSTILE, "docs.path": "d</script><img src=x>"})
    assert "<img" not in page and page.count("</script>") == page.count("<script>") == 1
    assert "{{ 7*7 }} {% raw %} **bold**" in text_of(page)
    assert "[2J" in page and not set(page) & set("\x1b\x9b\x07")


def test_the_page_stays_small_however_long_the_texts_are(write_params):
    rows = [prediction(n, split) for n in range(30) for split in measures.SETS]
    for row in rows:
        row |= {"reference": "参考答案" * 2_000, "instruction": "问题" * 2_000, "input": "问题" * 2_000}
        row["key_values"] = ["参考答案" * 100] * 20
        for n, answer in enumerate(row["answers"].values()):
            answer["text"] = "回答一参考二三四" * 1_000 if n % 2 else "参考答案" * 1_000 + "完"
    prepare(rows=rows)
    long = [{**chunk, "text": "正文" * 5_000} for chunk in read_jsonl(paths.CHUNKS)]
    page = {**long[0], "text": ""}
    many = [{**page, "chunk_id": f"d{n}", "path": f"s{n % 40}/t{n % 400}/page{n}.md"} for n in range(3_000)]
    write_jsonl(paths.CHUNKS, long + many)
    write_json(paths.REPORTS / "train_log.json", [{"step": n, "loss": 1.0} for n in range(10_000)])
    assert len(rendered(write_params).encode()) < 2_000_000


def test_fifty_questions_of_both_sets_are_shown_the_worst_first():
    rows = [prediction(n, "eval_seen", tuned_closed=n % 4 > 0, base_closed=n == 20) for n in range(100)]
    rows += [prediction(n, "eval_unseen") for n in range(10)]
    found = chosen(rows)
    assert len(found) == len({row["pair_id"] for row in found}) == SHOWN
    assert sum(row["split"] == "eval_unseen" for row in found) == 10
    right = [row["answers"]["tuned_closed"]["key_values"] for row in found]
    assert right == sorted(right) and 0 < sum(right) < SHOWN
    assert found[0]["pair_id"] == "eval_seen20", "what the base model knew and the tuned one lost is the worst"
    assert found == chosen(rows[::-1])


def test_fewer_questions_are_all_shown():
    rows = [prediction(n) for n in range(7)]
    assert {row["pair_id"] for row in chosen(rows)} == {row["pair_id"] for row in rows}


def marked(text: str, other: str) -> list[str]:
    return [piece.text for piece in pieces(text, other) if piece.differs]


def test_differences_are_marked_by_character_in_chinese_and_by_word_in_english():
    assert marked("额定电压为 220 千伏", "额定电流为 110 千伏") == ["压", "220"]
    assert marked("the default is 32 rows", "the default is 64 rows") == ["32"]
    assert marked("默认使用 batch_size 参数", "默认使用 batch 参数") == ["_size"]
    assert marked("same", "same") == []


def test_texts_without_anything_in_common_are_not_marked():
    assert marked("completely different words here", "灯的亮度") == []
    assert pieces("", "x") == []


@given(st.text("ab 灯亮\n.", max_size=30), st.text("ab 灯亮\n.", max_size=30))
def test_pieces_joined_are_the_text(text, other):
    assert "".join(piece.text for piece in pieces(text, other)) == text


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(50, 1200), st.integers(50, 600))
def test_boxes_are_as_large_as_they_should_be_and_do_not_overlap(sizes, width, height):
    sizes = sorted(sizes, reverse=True)
    boxes = treemap.squarified(sizes, treemap.Box(0, 0, width, height))
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(width * height * size / sum(sizes), rel=1e-6)
        assert box.x >= -1e-6 and box.y >= -1e-6
        assert box.x + box.width <= width + 1e-6 and box.y + box.height <= height + 1e-6
    for n, one in enumerate(boxes):
        for two in boxes[n + 1 :]:
            across = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
            down = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
            assert across < 1e-6 or down < 1e-6


def test_boxes_of_equal_sizes_are_nearly_square():
    boxes = treemap.squarified([1] * 12, treemap.Box(0, 0, 400, 300))
    assert max(max(box.width / box.height, box.height / box.width) for box in boxes) < 1.5


def test_the_treemap_holds_every_chunk_once_and_counts_what_is_covered():
    prepare()
    inputs = read()
    groups = treemap.treemap(inputs.chunks, inputs.uncovered, inputs.coverage, 1000, 400)
    tiles = [tile for group in groups for tile in group.tiles]
    assert [group.name for group in groups] == ["lamps", "motors"]
    assert sum(tile.chunks for tile in tiles) == 70 and sum(tile.covered for tile in tiles) == 61
    assert {tile.name for tile in tiles} >= {"lamps/灯 1.md", "motors/m0.md"}
    assert next(tile for tile in tiles if tile.name == "motors/m0.md").shade == 0


def test_a_documentation_of_thousands_of_pages_is_drawn_by_directory():
    pages = [f"s{n % 12}/t{n % 60}/p{n}.md" for n in range(3000)]
    chunks = [{"chunk_id": str(n), "path": path, "also_in": []} for n, path in enumerate(pages)]
    groups = treemap.treemap(chunks, set(), [{"section": "s0"}], 1000, 400)
    assert 12 < sum(len(group.tiles) for group in groups) <= treemap.MAX_TILES


def test_a_name_is_cut_where_it_would_leave_its_tile():
    assert treemap.fits("troubleshooting.md", 400) == "troubleshooting.md"
    assert treemap.fits("troubleshooting.md", 80) == "troublesho"[:9] + "…"
    assert treemap.fits("电力电子仿真", 60) == "" and treemap.fits("x", 4) == ""


def test_outcomes_add_up_to_the_questions():
    kinds = [{"tuned_closed": True}] * 4 + [{"tuned_closed": True, "base_closed": True}] * 3
    kinds += [{"base_closed": True}] * 2 + [{"tuned_gold": True}]
    (found,) = measures.outcomes([prediction(n, **right) for n, right in enumerate(kinds)])
    assert (found.learned, found.known, found.lost, found.wrong) == (4, 3, 2, 1)
    assert (found.reads, found.misreads, found.unasked, found.endless) == (1, 2, 0, 3)


def test_curves_are_drawn_of_finite_figures_only():
    log = [{"step": n, "loss": float("nan") if n == 3 else 2.0, "grad_norm": float("inf")} for n in range(6)]
    (found,) = curves.curves(log)
    assert found.name == "loss" and "nan" not in found.points and len(found.points.split()) == 5
    assert curves.curves([]) == []


@given(st.floats(1e-9, 1e9))
def test_ticks_reach_just_above_the_top_in_round_steps(top):
    found = curves.ticks(top)
    assert found[0] == 0 and found[-2] < top <= found[-1] * (1 + 1e-6) and len(found) <= 6


def test_shares_that_are_not_quite_none_or_all_do_not_look_so():
    assert [texts.share(value) for value in (0, 0.001, 0.5, 0.999, 1)] == ["0%", "<1%", "50%", ">99%", "100%"]


def test_seconds_are_told_as_people_do():
    assert [texts.seconds(value) for value in (None, 3.14, 276.5, 7260)] == ["–", "3.1 s", "4 min 36 s", "2 h 01 min"]


def test_every_text_has_both_languages_with_the_same_places():
    for english, chinese in (*texts.TEXTS.values(), *texts.COUNTED.values(), *texts.GATE.values()):
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese))
        assert english.strip() and chinese.strip()


def test_every_text_is_used_and_every_used_text_is_there():
    """Names that the template puts together (a cell, a set and its note) are looked for by their parts."""
    template = (ROOT / "stages/report/report.html.jinja").read_text("utf-8")
    direct = set(re.findall(r'\bt\("(\w+)"', template))
    assert direct <= texts.TEXTS.keys()
    computed = {*CELLS, *measures.SETS, *curves.CURVES, *(f"{name}_note" for name in measures.SETS), "base", "tuned",
                *measures.Outcome._fields, *(f"{verdict.lower()}_judged" for verdict in VERDICTS),
                "pages", "chunks", "pairs", "kept", "trained"}  # fmt: skip
    quoted = set(re.findall(r'"(\w+)"', template))
    decided = {key for key in texts.TEXTS if key.startswith(("lead_", "next_"))}  # tests/report/test_decision.py
    assert texts.TEXTS.keys() <= direct | computed | quoted | decided


def test_figures_of_the_plot_are_those_of_the_evaluation():
    figures = evaluation(prepare())
    found = {row["cell"]: row["key_values"] for row in figures_of_evaluate.bars(figures)}
    measured = [(split, cell) for split in measures.SETS for cell in CELLS if cell in figures[split]]
    assert found == {f"{split} {cell}": figures[split][cell]["key_values"] for split, cell in measured}
    assert len(found) == 2 * len(CELLS)


def test_the_funnel_ends_where_training_begins():
    prepare()
    found = [(one.name, one.size) for one in pipeline.funnel(read())]
    assert found == [("pages", 40), ("chunks", 70), ("pairs", 500), ("kept", 450), ("trained", 380)]


@pytest.fixture(params=[(1280, 800, "light"), (390, 844, "dark")], ids=["1280", "390"])
def open_page(browser, request, write_params):
    """Opens the report as a file; whatever it asks for, logs or fails at is a problem."""
    width, height, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab, problems, asked = context.new_page(), [], []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda message: problems.append(message.text))

    def answer(route):
        asked.append(route.request.url)
        route.continue_() if route.request.url.startswith("file:") else route.abort()

    context.route("**/*", answer)

    def opened(wording=ENGLISH):
        prepare(wording)
        rendered(write_params, {"model.name": "someone/" + "long-name-" * 12})
        tab.goto((paths.REPORTS / "index.html").absolute().as_uri())
        return tab

    yield opened
    assert problems == []
    assert [url for url in asked if not url.startswith("data:")] == [tab.url.split("#")[0]]
    assert tab.evaluate("window.hacked") is None and tab.locator("img").count() == 0
    context.close()


@pytest.mark.slow
def test_the_page_opens_without_an_error_or_a_request_and_fits_the_screen(open_page):
    tab = open_page()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.locator(".map:visible").count() == 1 and tab.locator(".chart").count() == 4
    levels = tab.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert levels.count(1) == 1 and all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.slow
def test_the_language_is_switched_without_a_reload_and_begins_as_the_documentation_s(open_page):
    tab = open_page(CHINESE)
    assert tab.evaluate("document.documentElement.lang") == "zh-CN"
    assert tab.is_visible("h2:has-text('错在哪里')") and not tab.is_visible("h2 .en")
    tab.evaluate("window.kept = true")
    tab.focus("#languages button[value=en]")
    tab.keyboard.press("Enter")
    assert tab.inner_text("#fails-title") == "Where it fails" and tab.title().startswith("What ")
    assert tab.evaluate("document.documentElement.lang") == "en" and tab.evaluate("window.kept")
    assert tab.get_attribute("#languages button[value=en]", "aria-pressed") == "true"


@pytest.mark.slow
def test_filters_show_the_answers_that_they_name(open_page):
    tab = open_page()
    assert tab.locator(".card:visible").count() == SHOWN == int(tab.inner_text("#shown .en b"))
    for name, value, expected in (
        ("set", "eval_seen", lambda card: card["set"] == "eval_seen"),
        ("result", "right", lambda card: card["set"] == "eval_seen" and card["result"] == "right"),
    ):
        tab.check(f"[name={name}][value={value}]", force=True)
        cards = tab.evaluate("cards.map((one) => ({...one.dataset, hidden: one.hidden}))")
        assert all(card["hidden"] != expected(card) for card in cards)
        assert int(tab.inner_text("#shown .en b")) == sum(map(expected, cards)) > 0
    tab.check("[name=set][value=eval_unseen]", force=True)
    assert tab.is_visible("#none") and tab.locator(".card:visible").count() == 0


@pytest.mark.slow
def test_a_source_opens_with_its_evidence_marked_and_hostile_text_as_text(open_page):
    tab = open_page()
    card = tab.locator(".card").first
    card.locator(".source summary").focus()
    tab.keyboard.press("Enter")
    assert card.locator(".chunk").is_visible()
    number = re.search(r"lamp (\d+)", card.locator("h3").inner_text())[1]
    assert card.locator(".chunk mark").inner_text() == f"The default of lamp {number} is {number} lux."
    assert HOSTILE in card.locator(".chunk").inner_text() and card.locator("> pre").inner_text() == HOSTILE


CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 4).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0);
  const behind = (node) => { for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor); if (colour.length < 4 || colour[3]) return colour; } };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own || !node.checkVisibility() || node.closest("svg")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) found.push([node.outerHTML.slice(0, 80), (a + .05) / (b + .05)]);
  }
  return found;
}"""


@pytest.mark.slow
def test_text_stands_out_from_what_is_behind_it(open_page):
    """WCAG 2.2 AA: a contrast of 4.5, in the light scheme and in the dark one."""
    tab = open_page()
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.evaluate(CONTRAST) == []


@pytest.mark.slow
def test_dvc_shows_the_same_numbers(write_params):
    """`dvc plots show`, `dvc metrics show` and `diff`, real ones, over what evaluate's entry in dvc.yaml declares."""
    figures = evaluation(prepare())
    write_json(paths.REPORTS / "cells.json", figures_of_evaluate.bars(figures))
    entry = re.search(r"(?s)- reports/cells.json:.*?(?=\n\n|\n\S)", (ROOT / "dvc.yaml").read_text("utf-8"))[0]
    template, x, y = (re.search(rf"{key}: (\S+)", entry)[1] for key in ("template", "x", "y"))
    plot = {"reports/cells.json": {"template": template, "x": x, "y": y}}
    Path("dvc.yaml").write_text(json.dumps({"metrics": ["reports/evaluate.json"], "plots": [plot]}), "utf-8")

    def run(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["git", "add", "reports/evaluate.json", "dvc.yaml"]):
        run(*command)
    run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    run("dvc", "plots", "show", "--out", "plots")
    shown = Path("plots/index.html").read_text("utf-8")
    assert all(row["cell"] in shown and str(row["key_values"]) in shown for row in figures_of_evaluate.bars(figures))
    metrics = json.loads(run("dvc", "metrics", "show", "--json"))[""]["data"]["reports/evaluate.json"]["data"]
    assert metrics["eval_seen"]["tuned_closed"]["key_values"] == figures["eval_seen"]["tuned_closed"]["key_values"]
    better = copy.deepcopy(figures)
    better["eval_seen"]["tuned_closed"]["key_values"] = 1.0
    write_json(paths.REPORTS / "evaluate.json", better)
    change = json.loads(run("dvc", "metrics", "diff", "--json"))["reports/evaluate.json"]
    assert change["eval_seen.tuned_closed.key_values"]["new"] == 1.0
    assert change["eval_seen.tuned_closed.key_values"]["old"] == figures["eval_seen"]["tuned_closed"]["key_values"]
    shutil.rmtree("plots")


def test_the_summary_shows_the_exam_s_questions_right_and_wrong_in_turn():
    rows = [prediction(n, "exam", tuned_closed=n < 4) for n in range(12)]
    shown = summary.examples([prediction(99), *rows])
    assert [row["split"] for row in shown] == ["exam"] * 3
    assert [row["answers"]["tuned_closed"]["key_values"] for row in shown] == [True, False, True]
    assert summary.examples(list(reversed([prediction(99), *rows]))) == shown, "by hash, not by place"
    assert [row["split"] for row in summary.examples([prediction(99)])] == ["eval_seen"], "without an exam the next set"
    assert len(list(summary.answer_tables(rows))) == 3 and summary.examples([]) == []
