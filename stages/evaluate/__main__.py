"""Merged model and its base in, figures out: does it know the documentation now?

Both answer the user's exam and held-out questions closed-book and with the gold chunk before them, and the base with
what a search finds. Reads models/merged/ or models/adapter/, the base model, data/chunks.jsonl, data/exam/,
data/dataset/ and data/formatted/eval_*.parquet; writes reports/evaluate.json, predictions.jsonl and cells.json, and
data/asked.jsonl, what endpoints answered.
Run: python -m stages.evaluate
"""

from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import UserError, run_stage
from stages.common.base.printable import say
from stages.common.chat.templates import Chat, chat_for
from stages.common.exam.questions import questions as exam_questions
from stages.common.llm.store import Store
from stages.common.models.base.hub import as_trained, fingerprint
from stages.common.records.files import digest, read_json, read_jsonl, require, write_json, write_jsonl, write_report
from stages.common.records.masking import masked_values
from stages.common.records.rows import DatasetRow
from stages.evaluate import (
    abstention,
    cells,
    exam,
    figures,
    forgetting,
    freshness,
    gate,
    judge,
    models,
    predictions,
    refusals,
    retention,
    wordings,
)
from stages.evaluate.answers import Tokenised
from stages.evaluate.asking import Answers, Asking
from stages.evaluate.cells import Cells, Library, Question, question_text
from stages.evaluate.endpoint import EndpointModel
from stages.evaluate.models import Models
from stages.evaluate.wordings import Nearest

HELD_OUT = paths.SPLITS[1:]


def tokenised(split: str, rows: list[DatasetRow]) -> list[Tokenised]:
    """Ids and labels of the rows as `format` wrote them; rows it dropped as too long are missing."""
    table = pq.read_table(paths.FORMATTED / f"{split}.parquet", columns=["pair_id", "input_ids", "labels"])
    wanted = {row["pair_id"] for row in rows}
    return [row for row in table.to_pylist() if row["pair_id"] in wanted]


def tuned_directory(section: schema.Evaluate) -> Path:
    return paths.ADAPTER if section.model == "adapter" else paths.MERGED


def trained_chat(settings: schema.Params) -> Chat:
    """What builds the prompts, as the tuned model was trained. Raises UserError when that is not what format wrote."""
    from transformers import AutoTokenizer

    directory = tuned_directory(settings.evaluate)
    require(directory / "tokenizer_config.json")
    tokenizer = AutoTokenizer.from_pretrained(directory)
    if digest(tokenizer.chat_template) != read_json(paths.REPORTS / "format.json")["template_hash"]:
        raise UserError(
            f"{directory} does not carry the chat template that data/formatted was made with; run `dvc repro`"
        )
    return chat_for(tokenizer, settings.format, tokenizer.chat_template)


def question_sets(settings: schema.Params) -> dict[str, list[Question]]:
    """The questions of each set that is measured, the exam's first; what is private in it is masked as in the rows."""
    section, asked = settings.evaluate, exam_questions()
    hide = settings.curate.private != "keep"
    if hide:
        asked, _ = masked_values(asked)
    library = Library(list(read_jsonl(paths.CHUNKS)), section, hide)
    sets = {"exam": exam.questions(asked, library, read_jsonl(paths.DATASET / "train.jsonl"))}
    for split in HELD_OUT:
        rows = cells.sample(read_jsonl(paths.DATASET / f"{split}.jsonl"), section.max_rows)
        sets[split] = library.questions(rows)
    sets["eval_seen"] = library.with_near_misses(sets["eval_seen"])
    return sets | {abstention.SET: abstention.questions(section, library)}


def losses(
    questions: dict[str, list[Question]], asked: Models, section: schema.Evaluate
) -> dict[str, dict[str, float | None]]:
    """The closed-book losses by set and model; the exam has no rows that format wrote. The model that answered last
    comes first: it is still in memory."""
    found: dict[str, dict[str, float | None]] = {name: {} for name in questions}
    rows = {name: tokenised(name, [question.row for question in questions[name]]) for name in HELD_OUT}
    for key, model in reversed(asked.items()):
        for name in HELD_OUT:
            found[name][f"{key}_closed"] = model.loss(rows[name], section, f"{name} loss")
    return found


def nearest_trained(questions: dict[str, list[Question]]) -> dict[str, list[Nearest]]:
    """By set, for each question the trained one that is worded most like it; not for pages that were never trained."""
    trained = [question_text(row) for row in read_jsonl(paths.DATASET / "train.jsonl")]
    return {
        name: wordings.nearest([question_text(question.row) for question in rows], trained)
        for name, rows in questions.items()
        if name != "eval_unseen" and rows
    }


def write_asked(asked: Models, verdicts: dict[str, judge.Verdicts]) -> None:
    """What endpoints were paid for, so that `doclore store` keeps it and can move it to another machine."""
    keys = [key for model in asked.values() if isinstance(model, EndpointModel) for key in model.keys]
    keys += [key for of_set in verdicts.values() for key in of_set.keys]
    if not keys:
        write_jsonl(paths.ASKED, [])
        return
    with Store.of_repository() as store:
        write_jsonl(paths.ASKED, store.rows(keys))


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    settings = settings.model_copy(update={"model": as_trained(settings.model)})
    section = settings.evaluate
    chat = trained_chat(settings)
    asked = models.under_test(settings, chat)
    benchmarks = forgetting.Benchmarks(section)
    questions = question_sets(settings)
    asking = Asking(chat, section, hide=settings.curate.private != "keep")
    answers, samples = asking.all_cells(questions, asked)
    absent = questions.pop(abstention.SET)
    refused = answers.pop(abstention.SET)
    kept = retention.figures(asked, chat, section) if section.retention_rows else {}
    of_losses = losses(questions, asked, section)
    verdicts = judge.verdicts(questions, answers, section.judge)
    nearest = nearest_trained(questions)

    results: dict[str, Any] = {"headline": {}}
    for name, rows in questions.items():
        results[name], headline = figures.set_figures(
            rows, answers[name], of_losses[name], verdicts[name], samples[name]
        )
        if name == "eval_seen":
            results["headline"] = headline
        if name in nearest:
            results[name]["nearest_trained"] = wordings.distribution(nearest[name])
    results |= columns(questions, answers, absent, refused) | ({"retention": kept} if kept else {})
    if fresh := freshness.figures(asked, chat, section):
        results["freshness"] = fresh
    if section.lm_eval:
        results["forgetting"] = benchmarks.figures(asked)
    results |= {"gate": gate.verdict(results, section), "template_hash": digest(chat.template)}
    results["model_hash"] = fingerprint(tuned_directory(section))
    rows_of_sets = (
        predictions.predictions(name, rows, answers[name], verdicts[name], nearest.get(name, ()), samples[name])
        for name, rows in questions.items()
    )
    unanswered = predictions.predictions(abstention.SET, absent, refused)
    write_jsonl(paths.REPORTS / "predictions.jsonl", chain(*rows_of_sets, unanswered))
    write_asked(asked, verdicts)
    write_report("evaluate", results, figures.HEADLINE)
    write_json(paths.REPORTS / "cells.json", figures.bars(results))
    show(results)


def columns(
    questions: dict[str, list[Question]], answers: Answers, absent: list[Question], refused: Cells
) -> dict[str, Any]:
    """What is measured beside the sets: reading and abstention, where they are asked for."""
    reading = figures.reading(questions["eval_seen"], answers["eval_seen"])
    abstained = abstention.figures(absent, refused, questions["eval_seen"], answers["eval_seen"]) if absent else {}
    return ({"reading": reading} if reading else {}) | ({"abstention": abstained} if abstained else {})


def show(results: dict[str, Any]) -> None:
    """The share of right answers in each cell, and the gate, in a line each."""
    for name in paths.MEASURED:
        shares = [f"{cell} {results[name][cell]['key_values']:.0%}" for cell in cells.MODELS if cell in results[name]]
        say(f"evaluate: {name}: {results[name]['rows']} questions; right: {', '.join(shares) or 'none'}")
        if trained := results[name].get("trained"):
            share = f"{trained['tuned_closed']:.0%} of the {trained['rows']} questions whose answer is trained"
            say(f"evaluate: {name}: tuned_closed {share}")
    verdict = results["gate"]
    say("evaluate: gate passed" if verdict["passed"] else f"evaluate: gate failed: {'; '.join(verdict['reasons'])}")


if __name__ == "__main__":
    run_stage("evaluate", main)
