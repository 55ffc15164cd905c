"""Made-up figures, and the page that the report makes of them."""

import re
from pathlib import Path

from stages.common.base import params, paths
from stages.common.records.files import write_json, write_jsonl
from stages.report import measures
from stages.report import page as report

CELLS = measures.CELLS


HOSTILE = "</script><img src=x onerror='window.hacked=1'><script>window.hacked=1</script> {{ 7*7 }} {% raw %} **bold**"


ENGLISH = ("lamp {n}: which brightness", "{n} lux", "The default of lamp {n} is {n} lux.")


CHINESE = ("灯 {n} 的默认亮度是多少？", "{n} 勒克斯", "灯 {n} 的默认亮度为 {n} 勒克斯。")


def prediction(n: int, split: str = "eval_seen", wording: tuple[str, ...] = ENGLISH, **right: bool) -> dict:
    """A question with answers in all cells; `right` says by cell whether they are, as none is otherwise."""
    question, reference, fact = (text.format(n=n) for text in wording)
    answers = {
        cell: {
            "text": reference if right.get(cell) else f"{HOSTILE} {n}",
            "stopped": bool(right.get(cell)),
            "key_values": bool(right.get(cell)),
            "exact_match": bool(right.get(cell)),
            "chrf": float(n % 90),
        }
        for cell in CELLS
    }
    place = {"path": f"lamps/灯 {n % 4}.md", "line_start": 3, "line_end": 9}
    row = {"pair_id": f"{split}{n}", "chunk_id": f"c{n}", "instruction": question, "input": HOSTILE, **place}
    return {"split": split, **row, "reference": reference, "key_values": [reference], "retrieved": [f"c{n}", "c0"],
            "evidence": fact, "tags": ["May"] if split == "exam" else [], "answers": answers}  # fmt: skip


def evaluation(rows: list[dict], **others: object) -> dict:
    found: dict = {"headline": {"gap_recovery": 0.875, "low": 0.61, "high": 1.18, "metric": "key_values"}}
    for split in measures.SETS:
        part = [row for row in rows if row["split"] == split]
        found[split] = {"rows": len(part)}
        for cell in CELLS if part else ():
            right = sum(measures.right(row, cell) for row in part) / len(part)
            found[split][cell] = {"rows": len(part), "key_values": right, "key_values_low": 0.0, "key_values_high": 1.0,
                                  "exact_match": right, "chrf": 41.25, "rouge_l": 51.5, "length_ratio": 1.31,
                                  "stopped": 0.9, "refused": 0.03, "loss": 2.125, "perplexity": 8.375}  # fmt: skip
        if part:
            found[split]["tuned_minus_base"] = {"key_values": 0.5, "low": 0.25, "high": 0.75, "p": 0.0004}
    return found | {"gate": {"passed": False, "reasons": [f"too few {HOSTILE}"]}, "template_hash": "ab12"} | others


def prepare(wording: tuple[str, ...] = ENGLISH, rows: list[dict] | None = None) -> list[dict]:
    """All files that the report reads, as the stages write them, of forty small pages."""
    if rows is None:
        rows = [prediction(n, "eval_seen", wording, base_gold=n % 2 == 0, tuned_closed=n % 3 > 0) for n in range(40)]
        rows += [prediction(n, "eval_unseen", wording, tuned_gold=True) for n in range(40, 70)]
    fact, place = wording[2], {"line_start": 3, "line_end": 9}
    common = {"headings": ["Lamps", HOSTILE], **place, "tokens": 30, "also_in": []}
    common["partials"] = [{"path": "lamps/_table.md", **place}]
    chunks = [
        {**common, "chunk_id": f"c{n}", "path": f"lamps/灯 {n % 4}.md" if n % 2 else f"motors/m{n}.md",
         "text": f"{HOSTILE}\n\n{fact.format(n=n)}\n"}
        for n in range(70)
    ]  # fmt: skip
    write_jsonl(paths.CHUNKS, chunks)
    write_jsonl(paths.UNCOVERED, [{"chunk_id": f"c{n}"} for n in range(9)])
    for split in paths.SPLITS:
        held_out = [row for row in rows if row["split"] == split]
        dataset = [{**row, "evidence": fact.format(n=row["chunk_id"][1:])} for row in held_out]
        write_jsonl(paths.DATASET / f"{split}.jsonl", dataset)
    reports = {
        "ingest": {"pages": 40, "duplicates": 2},
        "chunk": {"chunks": 70, "tokens": 2100},
        "curate": {"pairs": 500, "kept": 450, "rejected": 50, "rejected_by": {"evidence": 50}, "eval_seen": 40},
        "coverage": [{"section": "lamps", "pages": 4, "covered": 1.0},
                     {"section": "motors", "pages": 35, "covered": 0.8}],
        "format": {"train": {"rows": 380, "languages": {"zh" if wording == CHINESE else "en": 1.0}}},
        "train": {"steps": 100, "backend": "trl", "trainable_parameters": 12345},
        "merge": {"parameters": 999},
        "train_log": [{"step": n, "loss": 4 / (n + 1), "learning_rate": 0.001, "grad_norm": 1.5,
                       "tokens_per_second": 250} for n in range(1, 50)],
        "evaluate": evaluation(rows),
    }  # fmt: skip
    for name, value in reports.items():
        write_json(paths.REPORTS / f"{name}.json", value)
    write_jsonl(paths.REPORTS / "predictions.jsonl", rows)
    Path(".cache").mkdir(exist_ok=True)
    Path(".cache/timings.jsonl").write_text('{"stage": "train", "seconds": 276.5}\n', "utf-8")
    return rows


def rendered(write_params, changes: dict[str, object] | None = None) -> str:
    file = paths.REPORTS / "index.html"
    report.write(file, params.load(write_params(changes)))
    return file.read_text("utf-8")


def text_of(page: str) -> str:
    """What of the page is not mark-up, style or script."""
    return re.sub(r"<[^>]*>", "", re.sub(r"(?s)<(style|script)>.*?</\1>", "", page))
