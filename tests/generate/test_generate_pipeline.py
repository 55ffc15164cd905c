"""generate under the real DVC with a real server: what an edit costs, what a way back costs, and what is lost."""

import json
import re

import pytest

from support.clone import Clone
from support.lamps import PAIR
from support.settings import change_params

pytestmark = pytest.mark.slow

SETTINGS = {
    "generate.backend": "llm",
    "generate.model": "teacher",
    "generate.styles": {"fact": 1},
    "generate.paraphrases": 1,
    "generate.held_out": 0.0,
    "generate.max_retries": 0,
}


def reply(body: dict) -> str:
    """One pair about what the chunk defines, quoted from it; and one wording of its question."""
    text = body["messages"][1]["content"]
    if "Kind of question" not in text:
        return json.dumps({"questions": [f"Tell me: {text.splitlines()[1]}"]})
    name = re.search(r"Page: (\w+)", text)[1]
    quote = next(line for line in text.splitlines() if line.startswith(("The ", "Paragraph ")))
    pair = {**PAIR, "instruction": f"What does the manual say about {name}?", "output": quote, "evidence": quote}
    return json.dumps({"pairs": [pair]})


class Asked:
    """What the endpoint was asked since the last look."""

    def __init__(self, endpoint) -> None:
        self.endpoint = endpoint

    def pages(self) -> list[str]:
        """The pages asked about, wordings left out."""
        texts = [request["messages"][1]["content"] for request in self.endpoint.requests]
        self.endpoint.requests.clear()
        return sorted(match[1] for text in texts if (match := re.search(r"Page: (\w+)", text)))


@pytest.fixture(scope="module")
def finished(make_clone) -> Clone:
    """A clone whose pages are few and in which no stage has run."""
    clone = make_clone()
    for name in ("grove", "heath", "ivory", "jasper", "koala", "lemon", "long"):
        (clone.directory / f"docs/{name}.md").unlink()
    change_params(clone.directory / "params.yaml", SETTINGS)
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message=few pages")
    return clone


@pytest.fixture
def clone(finished, endpoint) -> Clone:
    endpoint.reply = reply
    finished.environment |= {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "test-key"}
    return finished


def pairs(clone: Clone) -> bytes:
    return (clone.directory / "data/pairs.jsonl").read_bytes()


def test_an_edit_costs_its_own_chunks_and_the_way_back_nothing(clone, endpoint):
    asked = Asked(endpoint)
    docs, prompt = clone.directory / "docs", clone.directory / "prompts/generate.en.md"
    clone.repro("generate")
    first, written = asked.pages(), pairs(clone)
    assert first == ["amber", "birch", "cedar", "delta", "ember", "flint"]
    assert clone.repro("generate") == []
    clone.run("dvc", "repro", "--force", "--single-item", "generate")
    assert (asked.pages(), pairs(clone)) == ([], written)

    before = prompt.read_text("utf-8")
    prompt.write_text(before.replace("# style fact\n", "# style fact\nBe brief. "), encoding="utf-8")
    clone.repro("generate")
    assert asked.pages() == first
    prompt.write_text(before.replace("# style how-to\n", "# style how-to\nBe brief. "), encoding="utf-8")
    clone.repro("generate")
    assert (asked.pages(), pairs(clone)) == ([], written)
    prompt.write_text(before, encoding="utf-8")

    clone.experiment("--set-param", "generate.temperature=0.1", "generate")
    assert asked.pages() == first
    clone.experiment("--set-param", "generate.temperature=0.7", "generate")
    assert (asked.pages(), pairs(clone)) == ([], written)

    (docs / "birch.md").rename(docs / "zebra.md")
    clone.repro("generate")
    assert asked.pages() == []
    assert sorted(pairs(clone).splitlines()) == sorted(written.splitlines())
    (docs / "zebra.md").rename(docs / "birch.md")
    amber = docs / "amber.md"
    amber.write_text(amber.read_text("utf-8").replace("does job 0", "does all jobs"), encoding="utf-8")
    refusal = clone.run("doclore", "plan", code=1)
    assert "doclore: data/chunks.jsonl is not up to date; type `dvc repro chunk`" in refusal
    clone.repro("chunk")
    assert "6 chunks make about 12 requests: 10 are already answered in the store" in clone.run("doclore", "plan")
    assert asked.pages() == []
    clone.repro("generate")
    assert asked.pages() == ["amber"]
    assert '"answers_per_second"' in clone.run("dvc", "plots", "show", "--show-vega", "reports/generate_log.json")


def test_uncovered_chunks_are_asked_anew_by_an_experiment_and_the_other_pairs_stay(clone, endpoint):
    asked = Asked(endpoint)
    endpoint.reply = lambda body: (
        reply(body).replace("Paragraph", "Nonsense") if "cedar" not in str(body) else '{"pairs": []}'
    )
    change_params(clone.directory / "params.yaml", {"generate.temperature": 0.2, "generate.paraphrases": 0})
    clone.repro("curate")
    assert asked.pages() == ["amber", "birch", "cedar", "delta", "ember", "flint"]
    written = pairs(clone)
    assert "cedar" in (clone.directory / "data/uncovered.jsonl").read_text("utf-8")
    endpoint.reply = reply
    clone.experiment("--set-param", "generate.focus=uncovered", "curate")
    assert asked.pages() == ["cedar"]
    assert set(written.splitlines()) < set(pairs(clone).splitlines())
    assert (clone.directory / "data/uncovered.jsonl").read_text("utf-8") == "\n"  # no rows
    clone.run("dvc", "repro", "--force", "--single-item", "generate")
    assert asked.pages() == []
    clone.experiment("--set-param", "generate.focus=all", "curate")
    assert (asked.pages(), pairs(clone)) == ([], written)


def test_a_batch_stops_the_pipeline_with_what_to_do_and_keeps_the_last_outputs(clone, endpoint):
    clone.repro("generate")
    endpoint.requests.clear()
    before = pairs(clone)
    change_params(
        clone.directory / "params.yaml",
        {"generate.backend": "batch", "generate.paraphrases": 0, "generate.temperature": 0.9},
    )
    output = clone.run("dvc", "repro", "generate", code=None)
    folder = clone.directory / ".cache/batch"
    assert "generate: 6 requests wait in" in output and "Traceback" not in output
    assert pairs(clone) == before
    rows = [json.loads(line) for line in (folder / "requests-questions-1.jsonl").read_text("utf-8").splitlines()]
    results = [
        {
            "custom_id": row["custom_id"],
            "response": {
                "status_code": 200,
                "body": {"choices": [{"message": {"content": reply(row["body"])}, "finish_reason": "stop"}]},
            },
        }
        for row in rows
    ]
    (folder / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in results), encoding="utf-8")
    clone.repro("generate")
    assert len(pairs(clone).splitlines()) == 6
    assert endpoint.requests == []
