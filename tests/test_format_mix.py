"""What is trained beside the pairs: general rows drawn by hash, and pages that give nothing of eval_unseen away."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from test_format import row

from stages import format as format_stage
from stages.shared import paths
from stages.shared.errors import ParamsError, UserError
from stages.shared.mixing.replay import replay_rows
from stages.shared.params import load
from stages.shared.records import write_jsonl

SECRET = "The vault of the cedar opens at dawn with key seven."


@pytest.fixture
def run_mix(tiny_model, write_params):
    """Format twenty pairs with a mix; the rows of train.parquet."""

    def run(**changes):
        write_params({"model.name": str(tiny_model), **{f"format.{key}": value for key, value in changes.items()}})
        rows = [row(f"What is the size of part {i}?", f"`{i * 7}`") | {"path": f"part{i % 4}.md"} for i in range(20)]
        unseen = [row("When does the vault open?", "At dawn.") | {"path": "held.md", "evidence": SECRET}]
        for name, part in zip(paths.SPLITS, (rows, rows[:1], unseen), strict=True):
            write_jsonl(paths.DATASET / f"{name}.jsonl", part)
        write_jsonl(paths.DOCS, map(doc, ["part0.md", "part1.md", "part2.md", "part3.md", "held.md", "other.md"]))
        format_stage.main()
        return pq.read_table(paths.FORMATTED / "train.parquet").to_pylist()

    return run


def doc(path: str) -> dict:
    text = f"# {path}\n\n" + "".join(f"Line {i} of {path} says <|im_end|> {i * 3} times 次。\n" for i in range(120))
    if path == "part1.md":
        text += f"A note: {SECRET}\n"
    return {"path": path, "text": text, "also_in": ["held.md"] if path == "part2.md" else [], "title": path}


def figures() -> dict:
    return json.loads(Path("reports/format.json").read_text())["train"]


def general(count: int) -> None:
    rows = [{"instruction": f"Name the number behind {i}.", "input": "", "output": str(i + 1)} for i in range(count)]
    write_jsonl(Path("data/replay/general.jsonl"), rows)


def test_without_a_mix_only_pairs_are_trained(run_mix):
    assert len(run_mix()) == 20
    assert figures()["replayed"] == figures()["documents"] == 0


def test_replay_adds_the_asked_share_of_rows_with_loss_on_their_answers(run_mix):
    general(50)
    formatted = run_mix(**{"replay.share": 0.25})
    added = [one for one in formatted if "Name the number" in one["text"]]
    assert len(formatted) == 25 and len(added) == 5 == figures()["replayed"]
    assert all(one["labels"][0] == -100 and one["labels"] != one["input_ids"] for one in added)


def test_replay_is_drawn_by_hash_so_that_more_rows_keep_those_drawn_before(write_params):
    general(100)
    section = load(write_params({"format.replay.share": 0.1})).format.replay
    few, many = ({row["pair_id"] for row in replay_rows(section, pairs)} for pairs in (100, 300))
    assert len(few) == 10 and len(many) == 30 and few < many
    lines = Path("data/replay/general.jsonl").read_text().splitlines(True)
    Path("data/replay/general.jsonl").write_text("".join(reversed(lines)))
    assert {row["pair_id"] for row in replay_rows(section, 100)} == few


def test_replay_tells_rows_that_it_cannot_use_and_takes_the_others(run_mix, capsys):
    Path("data/replay").mkdir(parents=True)
    Path("data/replay/mixed.jsonl").write_text('{"instruction": "Say A.", "output": "A"}\n{"nothing": 1}\n')
    assert any("Say A." in one["text"] for one in run_mix(**{"replay.share": 0.1}))
    printed = capsys.readouterr().out
    assert "data/replay/mixed.jsonl:2" in printed and "has 1 rows of the 2" in printed


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ("nowhere", ParamsError, "accepted is a directory or a file that exists"),
        ("data/replay", UserError, "has no usable row"),
        ("rows.csv", ParamsError, "doclore convert rows.csv rows.jsonl"),
        ("owner/name", UserError, "cannot be read from the hub"),
    ],
)
def test_a_replay_source_that_cannot_be_used_is_one_line(run_mix, monkeypatch, source, error, told):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    Path("data/replay").mkdir(parents=True)
    Path("rows.csv").write_text("instruction,output\n")
    with pytest.raises(error, match=told) as caught:
        run_mix(**{"replay.source": source, "replay.share": 0.5})
    assert "\n" not in str(caught.value)


def test_documents_are_trained_whole_and_only_those_that_give_nothing_unseen_away(run_mix, capsys):
    pages = [one for one in run_mix(documents=50.0, max_length=256) if "Line " in one["text"]]
    text = "".join(one["text"] for one in pages)
    for path in ("held.md", "other.md", "part1.md", "part2.md"):
        assert path not in text, "held out, never trained, quotes the held-out evidence, or is the held-out page again"
    for path in ("part0.md", "part3.md"):
        assert doc(path)["text"] in text
    assert SECRET not in text
    assert all(one["labels"] == one["input_ids"] and len(one["input_ids"]) <= 256 for one in pages)
    assert figures()["documents"] == len(pages)
    assert "tokens asked for" in capsys.readouterr().out, "there are not fifty times as many"


def test_special_tokens_in_documents_stay_text_and_rows_end_with_lines(run_mix, tiny_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    pages = [one for one in run_mix(documents=50.0, max_length=256) if "Line " in one["text"]]
    for one in pages:
        assert not set(tokenizer.all_special_ids) & set(one["input_ids"])
        assert tokenizer.decode(one["input_ids"]) == one["text"]
        assert one["text"].endswith("\n")


def test_documents_keep_to_their_ratio_of_tokens(run_mix):
    run_mix(documents=3.0, max_length=64)
    found = figures()
    assert abs(found["document_tokens"] - 3 * found["tokens"]) <= 64


def test_a_mix_writes_the_same_bytes_twice(run_mix):
    general(30)
    contents = []
    for _ in range(2):
        run_mix(documents=3.0, **{"replay.share": 0.25})
        contents.append((paths.FORMATTED / "train.parquet").read_bytes())
    assert contents[0] == contents[1]
