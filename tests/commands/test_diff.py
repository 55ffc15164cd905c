"""doclore diff: each row of two versions is accounted for once, and what changed in it is said."""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stages.commands import diff
from stages.commands.tracing.changes import ComparedRow, Version, changes, per_page
from stages.commands.tracing.revisions import dataset_files
from stages.commands.tracing.rows import FILES
from stages.common.base.errors import UserError


def row(number: int, question: str = "", answer: str = "", part: str = "train", path: str = "a.md") -> ComparedRow:
    return ComparedRow(
        f"{number:016}", part, path, question or f"How heavy is part {number}?", answer or f"{number} kg", ""
    )


def compared(before: list[ComparedRow], after: list[ComparedRow], **rejected: str) -> list[tuple]:
    found = changes(
        Version(before, {}), Version(after, {f"{int(key[1:]):016}": check for key, check in rejected.items()})
    )
    assert len(before) - sum(c.before is not None for c in found) == len(after) - sum(
        c.after is not None for c in found
    )
    return [(one.kind, one.path, one.reason) for one in found]


ROWS = [row(n) for n in range(9)]


def test_nothing_differs_when_nothing_did_whatever_the_order():
    assert compared(ROWS, ROWS[::-1]) == []


def test_a_row_that_is_new_or_gone_is_added_or_removed():
    assert compared(ROWS, [*ROWS[1:], row(77)]) == [("removed", "a.md", "its text is gone"), ("added", "a.md", "")]


def test_a_row_that_a_check_now_rejects_says_so():
    assert compared(ROWS, ROWS[1:], p0="stands_alone") == [("removed", "a.md", "rejected by stands_alone")]


def test_pairs_of_an_edited_chunk_get_new_ids_but_count_as_the_same():
    assert compared(ROWS, [one._replace(pair_id=one.pair_id[::-1] + "x") for one in ROWS]) == []


def test_another_answer_to_the_same_question_is_a_change():
    after = [row(99, ROWS[0].question.upper() + " ", "7 t"), *ROWS[1:]]
    assert compared(ROWS, after) == [("changed", "a.md", "another question and answer")]
    assert compared(ROWS, [row(99, ROWS[0].question, "7 t"), *ROWS[1:]]) == [("changed", "a.md", "another answer")]


def test_another_wording_with_the_same_answer_is_a_change_and_another_question_is_not():
    assert compared(ROWS, [row(99, "How heavy is the part 0?", "0 kg"), *ROWS[1:]]) == [
        ("changed", "a.md", "another question")
    ]
    assert [kind for kind, *_ in compared(ROWS, [row(99, "灯多重？", "0 kg"), *ROWS[1:]])] == ["removed", "added"]


def test_wordings_are_matched_to_the_ones_most_alike():
    before = [row(1, "What is the mass of the red lamp?", "yes"), row(2, "What is the mass of the blue pump?", "yes")]
    after = [
        row(3, "What is the mass of the blue pump now?", "yes"),
        row(4, "What is the mass of the red lamp now?", "yes"),
    ]
    found = changes(Version(before, {}), Version(after, {}))
    assert {(one.before.pair_id, one.after.pair_id) for one in found} == {
        (before[0].pair_id, after[1].pair_id),
        (before[1].pair_id, after[0].pair_id),
    }


def test_a_row_that_changes_its_part_of_the_split_has_moved():
    after = [ROWS[0]._replace(part="eval_seen"), *ROWS[1:]]
    assert compared(ROWS, after) == [("moved", "a.md", "train → eval_seen")]


def test_a_renamed_page_changes_no_row():
    assert compared(ROWS, [one._replace(path="b.md") for one in ROWS]) == []


def test_an_edit_by_a_reviewer_is_a_change():
    assert compared(ROWS, [ROWS[0]._replace(answer="0 g"), *ROWS[1:]]) == [("changed", "a.md", "another answer")]


def test_the_same_question_twice_on_a_page_is_matched_one_to_one():
    twice = [row(1, "Same?", "a"), row(2, "Same?", "b")]
    assert compared(twice, [row(3, "Same?", "a"), row(4, "Same?", "b")]) == []
    assert compared(twice, [row(3, "Same?", "b"), row(4, "Same?", "a")]) == []
    assert [kind for kind, *_ in compared(twice, twice[:1])] == ["removed"]


def test_counts_are_kept_by_page():
    before, after = [row(1), row(2, path="b.md")], [row(2, path="b.md"), row(3, path="c.md")]
    counts = per_page(changes(Version(before, {}), Version(after, {})))
    assert {path: {kind: n for kind, n in count.items() if n} for path, count in counts.items()} == {
        "a.md": {"removed": 1},
        "c.md": {"added": 1},
    }


def test_a_workspace_without_a_dataset_is_one_line():
    with pytest.raises(UserError, match=r"data/dataset/train.jsonl is missing"):
        diff.run(argparse.Namespace(old="workspace", new="workspace", page="", rows=False, all=False, json=False))


def test_conversations_are_compared_with_all_their_turns():
    from stages.commands.tracing.changes import version

    for number, file in enumerate(FILES.values()):
        file.parent.mkdir(parents=True, exist_ok=True)
        turns = [{"role": "user", "content": f"hi {number}"}, {"role": "assistant", "content": "a"}]
        talk = {"pair_id": f"p{number}", "path": "x", "instruction": "q", "input": "", "output": "a", "check": "review"}
        file.write_text(json.dumps({**talk, "messages": turns}) + "\n")
    found = version(FILES)
    assert len({one.talk for one in found.rows}) == len(found.rows) == 3
    assert found.rejected == {"p3": "review"}
    assert Path("data/rejected.jsonl").exists()


@pytest.mark.slow
def test_a_revision_s_dataset_comes_from_dvc_by_commit_and_by_the_name_of_an_experiment(monkeypatch, capfd):
    monkeypatch.delenv("DVC_ROOT")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@example.org")

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    def write(answer: str) -> None:
        for file in FILES.values():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"pair_id": file.stem, "path": "x", "instruction": "q", "input": "",
                                        "output": answer, "check": "review"}) + "\n")  # fmt: skip

    stage = {"cmd": "true", "outs": ["data/dataset", "data/rejected.jsonl"]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"curate": stage}}))
    run("git", "init", "-q")
    run("dvc", "init", "-q")
    write("old")
    run("dvc", "commit", "-fq")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "first")
    run("git", "update-ref", "refs/exps/ab/cd/trial", "HEAD")
    write("new")
    for revision in ("HEAD", "trial"):
        with dataset_files(revision) as files:
            assert '"old"' in files["train"].read_text() and set(files) == set(FILES)
    assert not files["train"].exists()
    shutil.rmtree(".dvc/cache")
    capfd.readouterr()
    with pytest.raises(UserError, match="dvc fetch --all-commits"), dataset_files("HEAD"):
        pass
    assert capfd.readouterr() == ("", ""), "the error is all that is said"
    with pytest.raises(UserError, match="nothing is not a commit"), dataset_files("nothing"):
        pass
