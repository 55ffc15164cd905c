"""What is trained beside the pairs: general rows drawn by hash, and pages that give nothing of eval_unseen away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.base.params import load
from stages.common.records.files import write_jsonl
from stages.format import __main__ as format_stage
from stages.format.mixing.replay import replay_rows
from support.formatting import row
from support.generation import chunk
from support.repository import ROOT

# What a hub answers about the data set own/rows, its files included.
HUB = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
COMMIT, OTHER = "a" * 40, "b" * 40
def rows(word):
    said = [{"instruction": f"{word} {i}?", "output": f"It is {i}."} for i in range(8)]
    return "".join(json.dumps(one) + "\\n" for one in said).encode()
FILES = {COMMIT: rows("Newest"), OTHER: rows("Pinned")}
class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        path, revision = self.path.partition("?")[0], OTHER if "/v1" in self.path or OTHER in self.path else COMMIT
        entry = {"type": "file", "path": "train.jsonl", "size": len(FILES[revision]), "oid": "c" * 40}
        if not path.startswith(("/api/datasets/own/rows", "/datasets/own/rows/")):
            return self.send(b'{"error": "Repository not found"}', 404, {"X-Error-Code": "RepoNotFound"})
        if "/tree/" in path:
            return self.send(json.dumps([entry] if path.endswith(revision) else []).encode())
        if path.startswith("/api/"):
            about = {"id": "own/rows", "sha": revision, "siblings": [{"rfilename": "train.jsonl"}]}
            return self.send(json.dumps(about).encode())
        if path.endswith(("/train.jsonl", "/README.md")):
            headers = {"ETag": "c" * 40, "X-Repo-Commit": revision}
            return self.send(FILES[revision] if "train" in path else b"", 200, headers)
        self.send(b"{}", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": revision})
    def send(self, body, status=200, headers=()):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **dict(headers)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
    do_HEAD = do_GET
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(server.server_port, flush=True)
server.serve_forever()
"""
SECRET = "The vault of the cedar opens at dawn with key seven."


@pytest.fixture
def run_mix(tiny_model, write_params):
    """Format twenty pairs with a mix; the rows of train.parquet."""

    def run(**changes):
        wordings = {"generate.backend": "llm", "generate.rewrites": 1}
        mix = {f"format.{key}": value for key, value in changes.items()}
        write_params({"model.name": str(tiny_model), **wordings, **mix})
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
        ("nowhere", ParamsError, "accepted is self, a directory or a file that exists"),
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


@pytest.fixture
def from_hub(tmp_path):
    """The questions that a replay from a hub brings, or the line that it says; asked of a process of its own, since the
    hub's address is read once."""
    with subprocess.Popen([sys.executable, "-c", HUB], stdout=subprocess.PIPE, text=True) as hub:
        address = f"http://127.0.0.1:{hub.stdout.readline().strip()}"
        offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "0")
        environment = {
            **os.environ,
            **offline,
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path / "hub"),
            "PYTHONPATH": str(ROOT),
        }

        def run(source: str) -> list[str]:
            code = (
                "from stages.format.mixing.replay import replay_rows; from stages.common.schema import Replay\n"
                f"section = Replay(source={source!r}, share=0.5)\n"
                "try: print(*[row['instruction'] for row in replay_rows(section, 10)], sep='\\n')\n"
                "except Exception as error: print(error)"
            )
            done = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            return done.stdout.strip().splitlines()

        yield run
        hub.kill()


@pytest.mark.slow
def test_replay_downloads_a_data_set_of_the_hub_at_the_revision_that_is_asked_for(from_hub):
    newest, pinned = from_hub("own/rows"), from_hub("own/rows@v1")
    assert len(newest) == len(pinned) == 5
    assert all(question.startswith("Newest") for question in newest)
    assert all(question.startswith("Pinned") for question in pinned)
    (line,) = from_hub("own/nothing")
    assert "format.replay.source = 'own/nothing' cannot be read from the hub" in line


def test_rewritten_passages_are_trained_where_their_page_is_and_say_nothing_new(run_mix, capsys):
    chunks = [chunk(f"The lamp of hall {i} takes {i * 7} watts.", path=f"part{i}.md") for i in range(4)]
    chunks.append(chunk("The held lamp takes 99 watts.", path="held.md"))
    texts = ["Hall 0 has a lamp of 0 watts.", "In hall 1 a lamp takes 9,999 watts.", "A lamp of 14 watts is in hall 2.",
             "Hall 3 is lit by 21 watts; see `--bright`.", "99 watts are what the held lamp takes."]  # fmt: skip
    write_jsonl(paths.CHUNKS, chunks)
    write_jsonl(paths.REWRITTEN, [
        {"chunk_id": one["chunk_id"], "path": one["path"], "text": text, "request_key": text}
        for one, text in zip(chunks, texts, strict=True)
    ])  # fmt: skip
    found = [one["text"] for one in run_mix(documents=1.0, documents_source="rewritten")[20:]]
    # part1.md holds the secret, part2.md stands in the held page as well.
    assert found == [texts[0]]
    assert "1 of 2 rewritten passages state what their chunk does not" in capsys.readouterr().out


def test_rewritten_documents_without_any_are_one_line(run_mix):
    write_jsonl(paths.CHUNKS, [])
    write_jsonl(paths.REWRITTEN, [])
    with pytest.raises(UserError, match=r"no passages have been rewritten; .*generate\.rewrites=1"):
        run_mix(documents=1.0, documents_source="rewritten")


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
