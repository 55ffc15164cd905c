"""Merged model and its base in, figures out: does it know the documentation now?

Both answer held-out questions closed-book and with the gold chunk before them, and the base with what a search finds.
Reads models/merged/ or models/adapter/, the base model, data/chunks.jsonl, data/dataset/eval_*.jsonl and
data/formatted/eval_*.parquet; writes reports/evaluate.json, predictions.jsonl and cells.json, and data/asked.jsonl,
what endpoints answered.
Run: python -m stages.evaluate
"""

from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import UserError, run_stage
from stages.common.chat.templates import Chat, chat_for
from stages.common.llm.store import Store
from stages.common.records.files import digest, read_json, read_jsonl, write_json, write_jsonl
from stages.common.records.rows import DatasetRow
from stages.evaluate import cells, figures, forgetting, gate, judge, refusals, subject
from stages.evaluate.answers import Answer, Tokenised
from stages.evaluate.cells import Cells, Question
from stages.evaluate.served import Served

EVAL_SPLITS = ("eval_seen", "eval_unseen")


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
    tokenizer = AutoTokenizer.from_pretrained(directory)
    if digest(tokenizer.chat_template) != read_json(paths.REPORTS / "format.json")["template_hash"]:
        raise UserError(
            f"{directory} does not carry the chat template that data/formatted was made with; run `dvc repro`"
        )
    return chat_for(tokenizer, settings.format, tokenizer.chat_template)


def answered(
    questions: dict[str, list[Question]], chat: Chat, section: schema.Evaluate, asked: subject.Subjects
) -> dict[str, Cells]:
    """The answers of every cell, by set."""
    found: dict[str, Cells] = {split: {} for split in questions}
    for cell, name in cells.MODELS.items():
        for split, rows in questions.items():
            turns = [cells.messages(cell, question, chat, section) for question in rows]
            rooms = [cells.room(question, chat, section) for question in rows]
            answers: dict[int, Answer] = {}
            for room in sorted(set(rooms)):
                conversations = {place: turn for place, turn in enumerate(turns) if turn and rooms[place] == room}
                roomy = section.model_copy(update={"max_new_tokens": room})
                given = asked[name].answers_to(list(conversations.values()), chat, roomy, f"{split} {cell}")
                answers |= zip(conversations, given, strict=True)
            found[split][cell] = [answers.get(place) for place in range(len(rows))]
    return found


def write_asked(asked: subject.Subjects, verdicts: dict[str, judge.Verdicts]) -> None:
    """What endpoints were paid for, so that `doclore store` keeps it and can move it to another machine."""
    keys = [key for model in asked.values() if isinstance(model, Served) for key in model.keys]
    keys += [key for found in verdicts.values() for key in found.keys]
    if not keys:
        write_jsonl(paths.ASKED, [])
        return
    with Store.of_repository() as store:
        write_jsonl(paths.ASKED, store.rows(keys))


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    section = settings.evaluate
    chat = trained_chat(settings)
    asked = subject.subjects(settings, chat)
    benchmarks = forgetting.Benchmarks(section)
    chunks = list(read_jsonl(paths.CHUNKS))
    held_out = {
        split: cells.sample(read_jsonl(paths.DATASET / f"{split}.jsonl"), section.max_rows) for split in EVAL_SPLITS
    }
    questions = {split: cells.questions(rows, chunks, section) for split, rows in held_out.items()}
    found = answered(questions, chat, section, asked)
    verdicts = judge.verdicts(questions, found, section.judge)

    results: dict[str, Any] = {"headline": {}}
    for split, rows in held_out.items():
        losses = {
            f"{name}_closed": model.loss(tokenised(split, rows), section, f"{split} loss")
            for name, model in asked.items()
        }
        results[split], headline = figures.set_figures(questions[split], found[split], losses, verdicts[split])
        results["headline"] = results["headline"] or headline  # eval_seen's, the first
    if section.lm_eval:
        results["forgetting"] = benchmarks.figures(asked)
    results |= {"gate": gate.verdict(results, section), "template_hash": digest(chat.template)}
    results["model_hash"] = subject.fingerprint(tuned_directory(section))
    rows_by_set = (figures.predictions(split, questions[split], found[split], verdicts[split]) for split in EVAL_SPLITS)
    write_jsonl(paths.REPORTS / "predictions.jsonl", chain.from_iterable(rows_by_set))
    write_asked(asked, verdicts)
    write_json(paths.REPORTS / "evaluate.json", results)
    write_json(paths.REPORTS / "cells.json", figures.bars(results))
    show(results)


def show(results: dict[str, Any]) -> None:
    """The share of right answers in each cell, and the gate, in a line each."""
    for split in EVAL_SPLITS:
        shares = [f"{cell} {results[split][cell]['key_values']:.0%}" for cell in cells.MODELS if cell in results[split]]
        print(f"evaluate: {split}: {results[split]['rows']} rows; key values right: {', '.join(shares) or 'none'}")
    verdict = results["gate"]
    print("evaluate: gate passed" if verdict["passed"] else f"evaluate: gate failed: {'; '.join(verdict['reasons'])}")


if __name__ == "__main__":
    run_stage("evaluate", main)
