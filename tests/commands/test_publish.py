"""Folders for a hub: a data set with its card, a model with its own, and the push to a hub that is served here."""

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from datasets import load_dataset

from stages.commands.main import parser
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import write_jsonl
from support.formatting import row


class Hub:
    """As much of the hub as a push of small files asks: https://huggingface.co/docs/hub/api"""

    def __init__(self) -> None:
        self.created: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.tokens: set[str | None] = set()
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.tokens.add(self.headers.get("Authorization"))
                self.answer(outer.status, outer.reply(self.path, body) if outer.status == 200 else {"error": "no"})

            def do_GET(self) -> None:
                self.answer(outer.status, {})

            def answer(self, status: int, value: object) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reply(self, path: str, body: bytes) -> object:
        if path.endswith("/repos/create"):
            self.created.append(json.loads(body))
            kind = "datasets/" if self.created[-1].get("type") == "dataset" else ""
            return {"url": f"{self.address}/{kind}team/{self.created[-1]['name']}", "name": "team/x"}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            return {"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return {"commitUrl": f"{self.address}/team/x/commit/1", "commitOid": "1", "pullRequestUrl": None}
        return {}


@pytest.fixture
def hub(monkeypatch) -> Iterator[Hub]:
    served = Hub()
    monkeypatch.setenv("HF_ENDPOINT", served.address)
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield served
    served.server.shutdown()


@pytest.fixture
def curated(write_params) -> None:
    write_params({"generate.backend": "llm", "generate.model": "some-model"})
    rows = [row(f"How wide is part {i}?", f"`{i * 7}`") | {"path": f"parts/{i % 3}.md"} for i in range(9)]
    for split, part in zip(paths.SPLITS, (rows[:6], rows[6:], []), strict=True):
        write_jsonl(paths.DATASET / f"{split}.jsonl", part)
    docs = [{"path": f"parts/{i}.md", "language": ("en", "zh", "de")[i], "rev": "cafe01"} for i in range(3)]
    write_jsonl(paths.DOCS, docs)


def publish(*words: str) -> None:
    arguments = parser().parse_args(["publish", *words])
    arguments.run(arguments)


def test_a_data_set_is_one_parquet_file_a_split_that_datasets_loads_by_its_card(curated, tmp_path, monkeypatch):
    publish("dataset", "out/ours")
    card = (paths.Path("out/ours") / "README.md").read_text("utf-8")
    metadata = yaml.safe_load(card.split("---\n")[1])
    assert metadata["language"] == ["de", "en", "zh"]
    assert "cafe01" in card and "`some-model`" in card and "6 in train, 3 in eval_seen, 0 in eval_unseen" in card
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    loaded = load_dataset("out/ours", cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 6, "eval_seen": 3}
    assert loaded["train"][1]["instruction"] == "How wide is part 1?" and loaded["train"][1]["output"] == "`7`"


def test_a_push_creates_a_private_repository_with_the_same_files(curated, hub, capsys):
    publish("dataset", "out", "--push", "team/ours")
    assert [(one["name"], one["organization"], one["visibility"]) for one in hub.created] == [
        ("ours", "team", "private")
    ]
    assert hub.tokens == {"Bearer hf_ours"}
    written = {str(file.relative_to("out")): file.read_bytes() for file in paths.Path("out").rglob("*.*")}
    assert {name: data for name, data in hub.files.items() if name != ".gitattributes"} == written
    assert "hf_ours" not in capsys.readouterr().out + "".join(map(str, written.values()))


def test_what_the_hub_refuses_is_told_in_one_line_and_the_folder_is_complete(curated, hub):
    hub.status = 403
    with pytest.raises(UserError, match=r"^--push team/ours: .*hf upload team/ours out --repo-type dataset`$"):
        publish("dataset", "out", "--push", "team/ours")
    assert (paths.Path("out") / "README.md").exists()


def test_an_adapter_goes_with_its_card_and_without_what_only_merge_needs(write_params, hub):
    write_params({})
    with pytest.raises(UserError, match=r"models/adapter/README.md is missing"):
        publish("adapter", "out")
    assert not paths.Path("out").exists()
    paths.ADAPTER.mkdir(parents=True)
    for name in ("README.md", "adapter_model.safetensors", "as_trained.json"):
        (paths.ADAPTER / name).write_text(name)
    publish("adapter", "out", "--push", "team/lora", "--public")
    assert hub.created[0]["visibility"] == "public" and hub.created[0].get("type", "model") == "model"
    assert {"README.md", "adapter_model.safetensors"} == hub.files.keys() - {".gitattributes"}
    with pytest.raises(UserError, match="out already exists and is not empty"):
        publish("adapter", "out")
    shutil.rmtree("out")
