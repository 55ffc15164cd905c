"""Own data, review and diff in a real repository: what reruns, what travels, and what Git and DVC track."""

import json
import shutil

import pytest

from stages.common.base import paths
from stages.common.records.files import read_json, read_jsonl
from support.clone import STAGES, Clone

pytestmark = pytest.mark.slow
ROLE = "你是甄嬛，大理寺少卿甄远道之女。"


def role_play(count: int = 60) -> str:
    rows = [
        {"instruction": f"第{n}个问题：今天是初{n}，做什么好？", "output": f"臣妾以为，初{n}宜读书{n}页。"}
        for n in range(count)
    ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture(scope="module")
def finished(make_clone) -> Clone:
    """A clone in which the data half has run and is committed."""
    clone = make_clone()
    assert clone.repro("curate") == STAGES[:4]
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message=first run")
    return clone


@pytest.fixture
def clone(finished, tmp_path) -> Clone:
    shutil.copytree(finished.directory, tmp_path / "clone", symlinks=True)
    return Clone(tmp_path / "clone")


def rows_of(clone: Clone) -> list[dict]:
    return [row for split in paths.SPLITS for row in read_jsonl(clone.directory / f"data/dataset/{split}.jsonl")]


def formatted(clone: Clone) -> dict[str, str]:
    """The text of every formatted row by pair_id."""
    import pyarrow.parquet as parquet

    tables = [parquet.read_table(file) for file in (clone.directory / "data/formatted").glob("*.parquet")]
    return {row["pair_id"]: row["text"] for table in tables for row in table.to_pylist()}


def test_git_tracks_own_data_and_verdicts_and_nothing_else_of_data(clone):
    tracked = clone.run("git", "ls-files", "data").splitlines()
    assert {"data/extra/.gitkeep", "data/review.jsonl"} <= set(tracked)
    ours = ("data/review.jsonl", "data/exam/manual.md", "data/wordings/faq.yaml")
    assert all(file.endswith(".gitkeep") or file in ours for file in tracked)
    (clone.directory / "data/extra/own.jsonl").write_text(role_play())
    assert clone.run("git", "status", "--porcelain").splitlines() == ["?? data/extra/own.jsonl"]


def test_own_data_and_verdicts_rerun_curate_alone_and_diff_tells_what_they_did(clone):
    (clone.directory / "data/extra/own.jsonl").write_text(role_play(20) + "{\n", encoding="utf-8")
    assert clone.repro("curate") == ["curate"]
    before = {row["pair_id"]: row for row in rows_of(clone)}
    kept = next(row for row in before.values() if row["style"] != "own" and not row.get("held_out"))
    verdict = {"pair_id": kept["pair_id"], "verdict": "edit", "text": {"output": "quite another answer"}}
    (clone.directory / "data/review.jsonl").write_text(json.dumps(verdict) + "\n")
    assert clone.repro("curate") == ["curate"]
    assert clone.repro("curate") == []
    found = [json.loads(line) for line in clone.run("doclore", "diff", "HEAD", "--json").splitlines()]
    kinds = {one["path"]: one["kind"] for one in found}
    assert kinds == {"data/extra/own.jsonl": "added", kept["path"]: "changed"}
    assert len(found) == 21
    told = clone.run("doclore", "diff")
    assert f"HEAD → workspace: {len(before) - 20} → {len(before)} rows" in told


def test_an_edited_page_shows_in_the_diff_of_two_commits(clone):
    page = clone.directory / "docs/amber.md"
    page.write_text(page.read_text("utf-8").replace("3 rows", "4 rows").replace("does job 0", "does job 99"), "utf-8")
    (clone.directory / "docs/birch.md").unlink()
    clone.repro("curate")
    clone.run("git", "commit", "--quiet", "--all", "--message=edit")
    found = [json.loads(line) for line in clone.run("doclore", "diff", "HEAD~1", "HEAD", "--json").splitlines()]
    assert {one["path"] for one in found} >= {"amber.md", "birch.md"}
    assert {one["kind"] for one in found if one["path"] == "birch.md"} == {"removed"}
    amber = [one for one in found if one["path"] == "amber.md" and one["kind"] == "changed"]
    assert any(one["before"]["answer"] == "3 rows" and one["after"]["answer"] == "4 rows" for one in amber)
    assert "amber.md" in clone.run("doclore", "diff", "HEAD~1", "HEAD", "--rows", "--page", "amber")


def test_a_revision_whose_data_is_elsewhere_says_what_to_type_and_that_helps(clone, tmp_path):
    clone.run("dvc", "remote", "add", "--default", "--force", "store", str(tmp_path / "remote"))
    clone.run("dvc", "push", "--quiet")
    shutil.rmtree(clone.directory / ".dvc/cache")
    output = clone.run("doclore", "diff", "HEAD", code=1)
    (line,) = output.splitlines()
    command = line.split("`")[1]
    assert command.startswith("dvc fetch")
    clone.run(*command.split())
    assert "No row differs" in clone.run("doclore", "diff", "HEAD")


@pytest.mark.parametrize("revision", ["nothing-like-it", "HEAD~1", "--all"])
def test_a_revision_without_data_is_one_line(clone, revision):
    output = clone.run("doclore", "diff", "--", revision, code=1)
    assert len(output.splitlines()) == 1 and revision in output


def test_an_experiment_is_a_revision(clone):
    clone.run("dvc", "exp", "run", "--quiet", "--name", "short", "-S", "curate.max_answer_chars=10", "curate")
    found = [json.loads(line) for line in clone.run("doclore", "diff", "HEAD", "short", "--json").splitlines()]
    removed = {one["reason"] for one in found if one["kind"] == "removed"}
    assert "rejected by answer_length" in removed and removed <= {
        "rejected by answer_length",
        "rejected by held_out_wording",
    }
    assert clone.run("doclore", "diff", "short").endswith("No row differs.\n")


def test_a_large_own_file_travels_by_dvc(clone, tmp_path):
    (clone.directory / "data/extra/big.jsonl").write_text(role_play(), encoding="utf-8")
    clone.run("dvc", "add", "--quiet", "data/extra/big.jsonl")
    assert clone.repro("curate") == ["curate"]
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message=big")
    assert "data/extra/big.jsonl" not in clone.run("git", "ls-files", "data").splitlines()
    clone.run("dvc", "remote", "add", "--default", "--force", "store", str(tmp_path / "remote"))
    clone.run("dvc", "push", "--quiet")
    clone.run("git", "commit", "--quiet", "--all", "--message=remote")
    clone.run("git", "clone", "--quiet", str(clone.directory), str(tmp_path / "colleague"))
    colleague = Clone(tmp_path / "colleague")
    colleague.run("dvc", "pull", "--quiet", "data/extra/big.jsonl")
    assert (colleague.directory / "data/extra/big.jsonl").read_text(encoding="utf-8") == role_play()
    colleague.repro("curate")
    assert rows_of(colleague) == rows_of(clone)


def test_a_role_play_set_alone_runs_the_whole_chain(clone):
    turns = [{"role": ("user", "assistant")[n % 2], "content": f"对话第{n}句。"} for n in range(6)]
    talk = json.dumps({"messages": turns}, ensure_ascii=False) + "\n"
    (clone.directory / "data/extra/zhenhuan.jsonl").write_text(role_play(59) + talk, encoding="utf-8")
    (clone.directory / "data/extra/zhenhuan.system.txt").write_text(ROLE, encoding="utf-8")
    assert clone.experiment("-S", "docs.include=[]") == STAGES
    rows = rows_of(clone)
    assert len(rows) == 60 and {row["system"] for row in rows} == {ROLE}
    texts = formatted(clone)
    (of_talk,) = (texts[row["pair_id"]] for row in rows if "messages" in row)
    assert [of_talk.index(text) for text in (ROLE, *(turn["content"] for turn in turns))] == sorted(
        of_talk.index(text) for text in (ROLE, *(turn["content"] for turn in turns))
    )
    assert {row["path"] for row in rows} == {"data/extra/zhenhuan.jsonl"}
    report = read_json(clone.directory / "reports/curate.json")
    assert report["own"] == report["kept"] == 60 and report["train"] > 30 and report["eval_unseen"] > 0
    assert (clone.directory / "models/merged/model.safetensors").exists()
    assert read_json(clone.directory / "reports/evaluate.json")["eval_unseen"]["rows"] > 0
    assert "data/extra/zhenhuan.jsonl" in clone.run("doclore", "why", rows[0]["instruction"])


def test_two_reviewers_on_two_branches_merge_without_a_conflict(clone):
    pairs = sorted(row["pair_id"] for row in rows_of(clone))
    file = clone.directory / "data/review.jsonl"
    clone.run("git", "checkout", "--quiet", "-b", "colleague")
    file.write_text("".join(json.dumps({"pair_id": one, "verdict": "accept"}) + "\n" for one in pairs[:4:2]))
    clone.run("git", "commit", "--quiet", "--all", "--message=theirs")
    clone.run("git", "checkout", "--quiet", "main")
    file.write_text("".join(json.dumps({"pair_id": one, "verdict": "reject"}) + "\n" for one in pairs[1:4:2]))
    clone.run("git", "commit", "--quiet", "--all", "--message=ours")
    clone.run("git", "merge", "--quiet", "--no-edit", "colleague")
    assert {row["pair_id"] for row in read_jsonl(file)} == set(pairs[:4])
    assert clone.repro("curate") == ["curate"]
