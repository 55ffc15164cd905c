"""Questions that the documentation does not answer: really absent, refused, apart from what is trained."""

import json
import re

import pytest

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_json, read_jsonl, write_jsonl
from stages.common.text.wording import language
from stages.curate import absent as absence
from stages.evaluate.metrics import refused
from support.curation import chunk, pair, run
from support.repository import ROOT

KEYS = [f"{section}.{key}" for section in ("pump", "fan") for key in ("max_rows", "min_rows", "start_step", "end_step")]


def settings() -> tuple[list, list]:
    """Two pages of settings and four that only some properties are stated on, in English and Chinese."""
    pairs, chunks = [], []
    for section in ("pump", "fan"):
        lines = [f"`{key}` is {n + 3} rows." for n, key in enumerate(KEYS) if key.startswith(section)]
        chunks.append({**chunk("\n".join(lines), f"{section}.md"), "headings": [f"{section} settings"]})
        for way in ("What does {} default to?", "Default of {}?", "Value of {}?"):
            pairs += [pair(chunks[-1], way.format(line.split(" ")[0]), line.split(" is ")[1], line) for line in lines]
    for name in ("变压器", "电动机", "发电机", "电抗器"):
        line = "“漏电抗”为 7 欧。" if name == "电抗器" else "“额定电压”为 220 kV。"
        chunks.append({**chunk(line, f"{name}.md"), "headings": [name]})
        for way in ("请问", "想知道", "我问一下"):
            pairs.append(pair(chunks[-1], f"{way}{name}的{line[:6]}是多少？", line.split("为 ")[1], line))
    return pairs, chunks


@pytest.fixture
def made(write_params):
    def written(**forms: object) -> tuple[list[dict], list[dict], dict[str, list[dict]]]:
        pairs, chunks = settings()
        shares = {"unanswerable": 1.0, "unanswerable_exam": 30, **forms}
        changes = {f"forms.{name}": value for name, value in shares.items()}
        parts = run(pairs, chunks, write_params, min_answer_chars=1, holdout_pages=0.0, **changes)
        exam = list(read_jsonl(paths.DATASET / "unanswerable.jsonl"))
        return [row for row in parts["train"] if row.get("form") == "unanswerable"], exam, parts

    return written


def text_of(chunks: list[dict]) -> str:
    return "\n".join(f"{' '.join(one['headings'])}\n{one['text']}" for one in chunks).casefold()


def test_what_is_asked_about_occurs_nowhere_or_not_together(made):
    trained, exam, _ = made()
    _, chunks = settings()
    assert {row["family"] for row in trained + exam} == {"name", "subject", "thing"}
    for row in trained + exam:
        if row["family"] == "name":
            assert any(name not in text_of(chunks) for name in absence.identifiers(row["instruction"])), row
        if row["family"] == "subject":
            page = next(one for one in chunks if one["headings"][0] in row["instruction"])
            assert absence.properties(row["instruction"])[0] not in page["text"], row


def test_a_thing_that_a_page_names_is_not_asked_about(made):
    thing = absence.wordings("en").things[0].split("*")[1]
    assert any(thing in row["instruction"] for part in made()[:2] for row in part)
    rows = [{"instruction": "What is the size of it?", "path": "a.md"}]
    known = absence.Documentation([chunk(f"It works with {thing.upper()}-based servers.")])
    assert not any(thing in one.question for one in absence.things(rows, known))


def test_the_answer_refuses_in_the_questions_language_and_names_the_nearest_page(made):
    trained, exam, _ = made()
    titles = {one["headings"][0] for one in settings()[1]}
    for row in trained + exam:
        assert refused(row["output"]), row["output"]
        said = row["output"].replace(next(title for title in titles if title in row["output"]), "")
        assert language(said) == language(row["instruction"])
    assert {language(row["instruction"]) for row in trained} == {"en", "zh"}
    assert len({row["output"] for row in trained}) > 6, "varied"


def test_every_wording_of_the_data_files_is_read_as_a_refusal():
    for lang in absence.LANGUAGES:
        for answer in absence.wordings(lang).answers:
            assert refused(answer.replace("{page}", "Pumps")), answer
            assert "{page}" in answer


def test_no_invention_is_both_trained_and_asked_and_each_is_asked_twice_at_most(made):
    trained, exam, _ = made()
    facts = [row["fact_id"] for row in exam]
    assert exam and trained and not set(facts) & {row["fact_id"] for row in trained}
    assert max(map(facts.count, facts)) <= 2


def test_refusals_change_neither_the_other_rows_nor_the_coverage(made):
    _, _, without = made(unanswerable=0.0)
    before = read_json(paths.REPORTS / "curate.json"), paths.UNCOVERED.read_text()
    trained, _, parts = made()
    after = read_json(paths.REPORTS / "curate.json"), paths.UNCOVERED.read_text()
    assert [row for row in parts["train"] if row not in trained] == without["train"]
    assert len(trained) == len(without["train"]) == after[0]["forms"]["unanswerable"]
    assert after[1] == before[1] and after[0]["coverage"] == before[0]["coverage"]
    assert made(unanswerable=0.0)[0] == []


def test_as_many_refusals_as_other_rows_stand_behind_passages(made):
    trained, exam, _ = made(gold=0.5)
    behind = [row for row in trained if "passages" in row]
    assert 0.2 < len(behind) / len(trained) < 0.8
    assert not any("passages" in row for row in exam), "evaluate decides what lies before its questions"


def test_a_mistake_in_a_data_file_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(absence, "__file__", str(tmp_path / "absent.py"))
    (tmp_path / "unanswerable.en.yaml").write_text("answers: []\nframes: [a]\nthings: []\n")
    with pytest.raises(UserError, match=r"unanswerable\.en\.yaml: .*answers"):
        absence.wordings.__wrapped__("en")


LAMPS = [
    chunk("The garden lamp draws 40 W.\nIts level is 7 lux.", "lamp.md"),
    chunk("The remote control dims every lamp by infrared.", "remote.md"),
    chunk("语音助手可以打开台灯，亮度为 5 lux。", "voice.md"),
]


def written(*questions: tuple[str, str]) -> list[dict[str, str]]:
    return [{"question": question, "missing": missing} for question, missing in questions]


@pytest.mark.parametrize(
    ("question", "missing", "asked"),
    [
        ("Can the garden lamp be dimmed with Zigbee?", "Zigbee", True),
        ("Can the garden lamp be dimmed by infrared?", "infrared", False),  # a page has it
        ("Can the garden lamp be dimmed?", "Zigbee", False),  # it is not what the question asks about
        ("Is there a remote infrared control for the lamp?", "remote infrared control", False),  # said the other way
        ("台灯能用蓝牙打开吗？", "蓝牙", True),
        ("台灯能用语音打开吗？", "语音", False),
        ("What about it?", "?", False),
    ],
)
def test_a_question_of_a_model_is_taken_when_what_it_asks_about_is_in_it_and_on_no_page(
    write_params, question, missing, asked
):
    write_jsonl(paths.ABSENT, written((question, missing)))
    pairs = [pair(LAMPS[0], f"{way} draw?", "40 W", LAMPS[0]["text"].split("\n")[0]) for way in ("Its", "What does it")]
    changes = {"forms.unanswerable": 1.0, "forms.unanswerable_exam": 30, "disabled_checks": ["stands_alone"]}
    parts = run(pairs, LAMPS, write_params, holdout_pages=0.0, **changes)
    made = [*parts["train"], *read_jsonl(paths.DATASET / "unanswerable.jsonl")]
    found = [row for row in made if row.get("family") == "prompt"]
    assert [row["instruction"] for row in found] == ([question] if asked else [])
    assert all(refused(row["output"]) and row["form"] == "unanswerable" for row in found)


def test_the_judge_takes_out_what_a_search_shows_to_be_answered_and_is_asked_once(endpoint, write_params):
    def reply(body: dict) -> str:
        text = body["messages"][1]["content"]
        if "pair_id" in text:
            ids = re.findall(r"pair_id: (\w{16})", text)
            good = {"faithful": "yes", "answers": "yes", "clear": "yes"}
            return json.dumps({"verdicts": [{"pair_id": one, **good} for one in ids]})
        assert "dims every lamp" in text or "语音助手" in text or "40 W" in text, "with what a search finds"
        return json.dumps({"answered": "partly" if "Zigbee" in text else "no"})

    endpoint.reply = reply
    write_jsonl(
        paths.ABSENT, written(("Can a lamp be dimmed with Zigbee?", "Zigbee"), ("Is it a Tizen lamp?", "Tizen"))
    )
    pairs = [pair(LAMPS[0], f"{way} draw?", "40 W", LAMPS[0]["text"].split("\n")[0]) for way in ("Its", "What does it")]
    changes = {"forms.unanswerable": 1.0, "forms.unanswerable_exam": 5, "disabled_checks": ["stands_alone"]}
    changes |= {"judge.enabled": True, "judge.model": "teacher", "judge.prompts": str(ROOT / "prompts")}

    def made() -> list[dict]:
        parts = run(pairs, LAMPS, write_params, holdout_pages=0.0, **changes)
        return [*parts["train"], *read_jsonl(paths.DATASET / "unanswerable.jsonl")]

    first = made()
    asked = [row["instruction"] for row in first if row.get("form") == "unanswerable"]
    assert "Is it a Tizen lamp?" in asked and not any("Zigbee" in one for one in asked)
    figures = read_json(paths.REPORTS / "curate.json")
    assert figures["absence_judged"] == {"no": len(asked), "partly": 1}
    sent = len(endpoint.requests)
    assert sent > len(asked) and made() == first and len(endpoint.requests) == sent
    for file in paths.cache_dir().glob("responses.*"):
        file.unlink()
    assert made() == first and len(endpoint.requests) == sent, "data/verdicts.jsonl brings what was paid for"


def test_a_name_that_any_page_has_is_not_absent_even_where_no_trained_page_is_near():
    asked = written(("Can it be dimmed by Infrared?", "Infrared"), ("Can it be dimmed by Zigbee?", "`Zigbee`"))
    (one,) = absence.prompted(asked, absence.Documentation(LAMPS))
    assert one == absence.Absent("prompt", ("zigbee",), "Can it be dimmed by Zigbee?")
