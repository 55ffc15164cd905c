"""Private means private: one secret of each kind in every source, and nothing that is written or sent holds any."""

import argparse
import json
import re
import shutil
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import pytest

from stages.chunk import __main__ as chunk_stage
from stages.commands import diff, preview, why
from stages.commands.reviewing.queue import Queue
from stages.commands.tracing import revisions
from stages.common.base import params, paths
from stages.common.chat.templates import chat_for
from stages.common.exam.questions import questions
from stages.common.models.base import pretrained
from stages.common.records.files import read_json, read_jsonl
from stages.common.records.masking import masked_values, masks
from stages.curate import __main__ as curate_stage
from stages.evaluate import __main__ as evaluate_stage
from stages.evaluate.answers import Answer
from stages.evaluate.asking import Asking
from stages.format import __main__ as format_stage
from stages.generate import __main__ as generate_stage
from stages.ingest import __main__ as ingest_stage
from stages.report import page as report_page
from stages.report.cards import MAX_TEXT
from stages.train.card import docs_licence
from support.reporting import prediction, prepare
from support.repository import ROOT
from support.secrets import PLANTED

PERSONAL = {"e-mail": "li.ming@lamps.cn", "phone": "13912340978", "ID number": "11010519491231002X"}
ALL = {**PLANTED, **PERSONAL}
NEEDLES = {name: max(value.replace("==", "").split("\n")[-2:][0].split(), key=len)[-14:] for name, value in ALL.items()}
NEEDLES |= {"Basic Auth Credentials": PLANTED["Basic Auth Credentials"].split(":")[2].partition("@")[0]}
NEEDLES["NPM tokens"], NEEDLES["Private Key"] = PLANTED["NPM tokens"][-14:], PLANTED["Private Key"].split("\n")[1][:30]

LLM = {"generate.backend": "llm", "generate.model": "teacher", "generate.prompts": str(ROOT / "prompts"),
       "generate.paraphrases": 0}  # fmt: skip


def page(name: str) -> str:
    """A page with a section, a table row and a code block for each secret, one in its title and one in a partial."""
    parts = [f"---\ntitle: Keys of {PERSONAL['e-mail']}\ndescription: Call {PERSONAL['phone']} first.\n---\n\n"]
    parts.append("import More from './_more.md'\n\n<More />\n\n")
    for number, (kind, secret) in enumerate(ALL.items()):
        parts.append(f"## The {kind} of {name}\n\nThe default token of {kind} is `{secret}`, which opens the hub.\n\n")
        parts.append(f"To open hub {number}, log in with the token:\n\n```sh\nlogin --token {secret}\n```\n\n")
        parts.append("| Setting | Default | Meaning |\n| --- | --- | --- |\n")
        parts.append(
            f"| `hub{number}.wait` | {number + 5} s | how long the token {secret.splitlines()[0]} is tried |\n\n"
        )
    return "".join(parts)


@pytest.fixture
def project(tmp_path, write_params) -> Path:
    """Pages, own rows, an exam, replayed rows and a reviewer's edit, each with every secret."""
    docs = tmp_path / "pages"
    docs.mkdir()
    (docs / "alpha.md").write_text(page("alpha"), "utf-8")
    (docs / "_more.md").write_text(f"The token of the partial is `{PLANTED['GitHub Token']}`, for all hubs.\n", "utf-8")
    rows = [
        {
            "instruction": f"Which {kind} opens hub {n}?",
            "output": f"The token {secret} does.",
            "system": f"key {secret}",
        }
        for n, (kind, secret) in enumerate(ALL.items())
    ]
    for directory in (paths.EXTRA, Path("data/replay")):
        directory.mkdir(parents=True)
        lines = [json.dumps({**row, "instruction": f"{directory.name}: {row['instruction']}"}) for row in rows]
        (directory / "rows.jsonl").write_text("\n".join([*lines, '{"x": "token ' + NEEDLES["phone"] + '"}']), "utf-8")
    paths.EXAM.mkdir(parents=True)
    exam = [{"question": f"What is the {row['instruction']}", "reference": row["output"]} for row in rows]
    (paths.EXAM / "asked.jsonl").write_text("\n".join(map(json.dumps, exam)), "utf-8")
    write_params({"docs.path": str(docs), "generate.max_facts_per_chunk": 0})
    ingest_stage.main()
    chunk_stage.main()
    return tmp_path


def written() -> dict[str, str]:
    """Everything that stages wrote, by file."""
    own = {"extra", "replay", "exam"}
    files = [file for root in ("data", "reports") for file in Path(root).rglob("*") if file.is_file()]
    return {str(file): file.read_bytes().decode("utf-8", "replace") for file in files if file.parent.name not in own}


def leaks(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, file) for file, text in texts.items() for name, needle in NEEDLES.items() if needle in text]


def test_the_secrets_are_there_to_be_found(project):
    assert len(set(NEEDLES.values())) == len(ALL)
    assert {name for name, _ in leaks({"pages": (project / "pages/alpha.md").read_text("utf-8")})} == set(ALL)


def test_nothing_that_is_written_holds_a_secret_of_any_source(project):
    generate_stage.main()
    target = next(read_jsonl(paths.PAIRS))["pair_id"]
    edit = {"pair_id": target, "verdict": "edit", "text": {"output": f"The token is {PLANTED['Google key']}."}}
    paths.REVIEW.write_text(json.dumps(edit) + "\n", "utf-8")
    curate_stage.main()
    assert leaks({file: text for file, text in written().items() if not file.endswith("review.jsonl")}) == []
    rows = list(read_jsonl(paths.DATASET / "train.jsonl"))
    assert {kind for row in rows for kind in masks(row["output"])} >= {"GitHub Token", "e-mail", "Google key"}
    ingest, curate = read_json(paths.REPORTS / "ingest.json"), read_json(paths.REPORTS / "curate.json")
    assert set(ingest["private"]) == set(ALL) and ingest["pages_with_private_data"] == 1
    assert curate["private"]["GitHub Token"] > 0


@pytest.mark.slow
def test_pages_whose_private_data_is_kept_are_masked_in_all_rows_still(project, write_params):
    write_params({"docs.path": str(project / "pages"), "generate.max_facts_per_chunk": 0, "docs.private": "keep"})
    ingest_stage.main()
    chunk_stage.main()
    generate_stage.main()
    curate_stage.main()
    assert leaks({"chunks": paths.CHUNKS.read_text("utf-8")})
    assert leaks({file: text for file, text in written().items() if "dataset" in file or "rejected" in file}) == []


@pytest.mark.parametrize(
    ("pages", "private"), [("mask", "mask"), ("keep", "mask"), ("mask", "refuse"), ("keep", "refuse")]
)
def test_what_is_sent_holds_no_secret_and_refused_chunks_are_not_sent(project, write_params, endpoint, pages, private):
    (project / "pages/clean.md").write_text("# Clean\n\nThe clean lamp draws 40 W and has no key at all.\n", "utf-8")
    write_params({"docs.path": str(project / "pages"), "docs.private": pages,
                  **LLM, "generate.private": private})  # fmt: skip
    ingest_stage.main()
    chunk_stage.main()
    generate_stage.main()
    sent = json.dumps(endpoint.requests, ensure_ascii=False)
    assert "clean lamp" in sent and leaks({"requests": sent}) == []
    assert ("The GitLab Token of alpha" in sent) == (private == "mask")
    figures = read_json(paths.REPORTS / "generate.json")
    assert figures["private_chunks_masked" if private == "mask" else "private_chunks_refused"] > 6


def test_what_is_kept_is_sent_as_it_stands(project, write_params, endpoint):
    write_params({"docs.path": str(project / "pages"), "docs.private": "keep",
                  **LLM, "generate.private": "keep"})  # fmt: skip
    ingest_stage.main()
    chunk_stage.main()
    generate_stage.main()
    assert leaks({"requests": json.dumps(endpoint.requests)})


def test_the_exam_is_masked_before_it_is_asked(project):
    asked, kinds = masked_values(questions())
    assert leaks({"exam": json.dumps(asked)}) == [] and set(kinds) == set(ALL)


@pytest.mark.slow
def test_nothing_that_is_trained_holds_a_secret(project, write_params, tiny_model):
    """Pairs, replayed rows and pages as plain text."""
    write_params({"docs.path": str(project / "pages"), "generate.max_facts_per_chunk": 0, "docs.private": "keep",
                  "model.name": str(tiny_model), "format.documents": 1.0, "format.replay.share": 0.2,
                  "format.max_length": 2048})  # fmt: skip
    for stage in (ingest_stage, chunk_stage, generate_stage, curate_stage, format_stage):
        stage.main()
    import pyarrow.parquet as pq

    tables = {split: pq.read_table(paths.FORMATTED / f"{split}.parquet") for split in paths.SPLITS}
    assert leaks({split: "\n".join(table.column("text").to_pylist()) for split, table in tables.items()}) == []
    assert read_json(paths.REPORTS / "format.json")["private"]


def said(run, arguments: dict, capsys) -> str:
    capsys.readouterr()
    run(argparse.Namespace(**arguments))
    return capsys.readouterr().out


@pytest.mark.parametrize("pages", ["mask", "keep"])
def test_nothing_that_a_word_shows_holds_a_secret(project, write_params, tiny_model, capsys, pages):
    """`why`, `preview` and the review page, of pages that are kept as they are, too."""
    write_params({"docs.path": str(project / "pages"), "generate.max_facts_per_chunk": 0,
                  "model.name": str(tiny_model), "docs.private": pages})  # fmt: skip
    for stage in (ingest_stage, chunk_stage) if pages == "keep" else ():
        stage.main()
    generate_stage.main()
    curate_stage.main()
    rows = [row for split in paths.SPLITS for row in read_jsonl(paths.DATASET / f"{split}.jsonl")]
    shown = {f"why {what}": said(why.run, {"what": [what], "all": True, "json": as_json}, capsys)
             for what in ("alpha.md", str(paths.EXTRA / "rows.jsonl"), *(row["pair_id"] for row in rows[::60]))
             for as_json in (False, True)}  # fmt: skip
    html = Path("rows.html")
    shown["preview"] = said(preview.run, {"n": 30, "pair": "", "html": None}, capsys)
    preview.run(argparse.Namespace(n=30, pair="", html=html))
    shown["page"] = html.read_text("utf-8")
    queue = Queue()
    shown["review"] = json.dumps([queue.row(item.pair_id) for item in queue.items], ensure_ascii=False)
    assert len(shown["preview"]) > 1_000 and "token" in shown["why alpha.md"] and len(queue.items) > 30
    assert leaks(shown) == []


@pytest.mark.parametrize("as_json", [True, False])
def test_no_difference_to_a_dataset_that_was_not_masked_yet_shows_a_secret(
    project, write_params, capsys, tmp_path, monkeypatch, as_json
):
    write_params({"docs.path": str(project / "pages"), "generate.max_facts_per_chunk": 0})
    generate_stage.main()
    curate_stage.main()
    older = {fate: Path(shutil.copy(file, tmp_path)) for fate, file in revisions.FILES.items()}
    rows = list(read_jsonl(older["train"]))
    unmasked = [{**row, "output": f"The token is {secret}.", "pair_id": f"{n:016}"} for n, (row, secret) in
                enumerate(zip(rows, cycle(ALL.values()), strict=False))]  # fmt: skip
    unmasked += [{**row, "instruction": f"{row['output']} Is it?"} for row in unmasked]
    older["train"].write_text("\n".join(map(json.dumps, unmasked)), "utf-8")

    @contextmanager
    def files(revision):
        yield older if revision == "old" else revisions.FILES

    monkeypatch.setattr(revisions, "dataset_files", files)
    asked = {"old": "old", "new": "workspace", "page": "", "rows": True, "all": True, "json": as_json}
    text = said(diff.run, asked, capsys)
    assert "[GitHub Token]" in text and leaks({"diff": text}) == []


def test_the_card_of_a_model_names_a_licence_without_its_holder_s_address(project):
    (project / "pages/LICENSE").write_text(f"Copyright 2024 Li Ming <{PERSONAL['e-mail']}>\n", "utf-8")
    assert docs_licence(project / "pages") == "`LICENSE`: Copyright 2024 Li Ming <[e-mail]>"


@pytest.mark.slow
def test_passages_in_other_words_are_trained_without_the_secrets_that_a_teacher_repeats(
    project, write_params, endpoint, tiny_model
):
    def repeated(body: dict) -> str:
        if "pairs" in json.dumps(body["response_format"]):
            return json.dumps({"pairs": []})
        lines = body["messages"][-1]["content"].splitlines()
        said = [line for line in lines if {name for name, _ in leaks({"": line})} - {"Private Key"}]  # whole in a line
        return json.dumps({"text": "\n".join(said) or "It opens the hub."})

    endpoint.reply = repeated
    kept = {"docs.path": str(project / "pages"), "docs.private": "keep", "generate.max_facts_per_chunk": 0}
    write_params(kept)
    for stage in (ingest_stage, chunk_stage, generate_stage):
        stage.main()
    pairs = paths.PAIRS.read_text("utf-8")  # only pages that pairs ask about are trained as text
    write_params({**kept, **LLM, "generate.private": "keep", "generate.rewrites": 1, "model.name": str(tiny_model),
                  "format.documents": 1.0, "format.documents_source": "rewritten"})  # fmt: skip
    generate_stage.main()
    paths.PAIRS.write_text(pairs, "utf-8")
    curate_stage.main()
    format_stage.main()
    import pyarrow.parquet as pq

    text = "\n".join(pq.read_table(paths.FORMATTED / "train.parquet").column("text").to_pylist())
    assert len(leaks({"passages": paths.REWRITTEN.read_text("utf-8")})) > 20
    assert "[GitHub Token]" in text and leaks({"trained": text}) == []


def test_no_model_is_shown_and_none_says_a_secret_when_it_is_measured(project, write_params, tiny_model):
    write_params({"docs.path": str(project / "pages"), "docs.private": "keep", "model.name": str(tiny_model)})
    for stage in (ingest_stage, chunk_stage, generate_stage, curate_stage):
        stage.main()
    settings = params.load()
    questions = evaluate_stage.question_sets(settings)
    seen: list = []

    class Indiscreet:
        def answers_to(self, turns, *_):
            seen.extend(turns)
            return [
                Answer(f"The token is {secret}.", True) for _, secret in zip(turns, cycle(ALL.values()), strict=False)
            ]

    models = {"base": Indiscreet(), "tuned": Indiscreet()}
    chat = chat_for(pretrained.tokenizer(settings.model), settings.format)
    answers, _ = Asking(chat, settings.evaluate).all_cells(questions, models)
    assert len(seen) > 30 and leaks({"shown": json.dumps(seen, ensure_ascii=False)}) == []
    assert leaks({"said": str(answers)}) == [] and "[GitHub Token]" in str(answers)


def test_the_report_shows_no_secret_whole_or_half_whatever_the_models_said(write_params):
    """Texts are cut to a length, and what differs from the reference is marked amid words."""
    write_params({})
    long = "token " * (MAX_TEXT // 6 - 2)
    rows = [prediction(n, tuned_closed=n % 2 == 0) for n in range(len(ALL))]
    for row, secret in zip(rows, ALL.values(), strict=True):
        row["answers"]["base_closed"]["text"] = f"{long}{secret}"
        row["answers"]["tuned_closed"]["text"] = f"The token is {secret} here"
        row["reference"] = f"The token is {secret[:-9]} {secret[-9:]} there"
        row["evidence"] = row["instruction"] = f"Use the token {secret} now?"
    prepare(rows=rows)
    report_page.write(paths.REPORTS / "index.html", params.load())
    text = re.sub(r"<[^>]+>", "", (paths.REPORTS / "index.html").read_text("utf-8"))
    assert leaks({"page": text}) == []
    halves = {name: PLANTED[name][4:18] for name in ("GitHub Token", "Hugging Face token", "Google key")}
    assert [name for name, half in halves.items() if half in text.partition("there")[0]] == []
