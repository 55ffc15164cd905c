"""doclore update in a real repository: the promoted adapter and the facts that changed since then."""

import pytest

from stages.commands.main import parser
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_jsonl, write_jsonl
from support.formatting import row
from support.repository import typed

FILES = {"train": range(8), "eval_seen": range(3), "eval_unseen": range(0)}


def dataset(changed: str = "") -> None:
    """Eight facts; the first one is answered otherwise when `changed`, and the second one is gone."""
    for part, numbers in FILES.items():
        kept = [n for n in numbers if not changed or n != 1]
        answers = {n: changed if changed and n == 0 else f"{n} kg" for n in kept}
        rows = [row(f"How heavy is part {n} ({part})?", answers[n]) | {"path": f"{n}.md"} for n in kept]
        write_jsonl(paths.DATASET / f"{part}.jsonl", rows)
    write_jsonl(paths.REJECTED, [])


def update(*arguments: str) -> None:
    found = parser().parse_args(["update", *arguments])
    found.run(found)


@pytest.mark.slow
def test_the_promoted_adapter_comes_back_and_changed_and_gone_facts_are_named(write_params, capsys):
    write_params()
    typed("git", "init", "--quiet")
    typed("git", "config", "user.email", "a@b.example")
    typed("git", "config", "user.name", "A")
    typed("dvc", "init", "--quiet")
    dataset()
    paths.ADAPTER.mkdir(parents=True)
    (paths.ADAPTER / "adapter_model.safetensors").write_bytes(b"promoted")
    typed("dvc", "add", "--quiet", str(paths.DATASET), str(paths.REJECTED), str(paths.ADAPTER))
    typed("git", "add", ".")
    typed("git", "commit", "--quiet", "-m", "One")
    with pytest.raises(UserError, match="no model was promoted yet"):
        update()
    typed("git", "tag", "-a", "model@v0.1.0", "-m", "promoted")
    typed("git", "tag", "-a", "model@v0.10.0", "-m", "promoted again")
    (paths.ADAPTER / "adapter_model.safetensors").write_bytes(b"trained since")
    dataset(changed="7 t")
    update("--keep", "0.5")
    out = capsys.readouterr().out
    assert "since model@v0.10.0" in out, "the newest version, not the last in the alphabet"
    facts = {(fact["path"], fact["old"], fact["new"]) for fact in read_jsonl(paths.PREVIOUS / "facts.jsonl")}
    assert facts == {("0.md", "0 kg", "7 t"), ("1.md", "1 kg", "")}
    assert len(list(read_jsonl(paths.PREVIOUS / "known.jsonl"))) == 8
    (adapter,) = paths.PREVIOUS_ADAPTERS.iterdir()
    assert (adapter / "adapter_model.safetensors").read_bytes() == b"promoted"
    assert out.rstrip().endswith(f"-S train.start_from={adapter} -S format.known_rows=0.5")
    update("HEAD")
    assert [one.name for one in paths.PREVIOUS_ADAPTERS.iterdir()] == [adapter.name], "named by its weights"


def test_a_share_out_of_range_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"--keep 1\.5"):
        update("--keep", "1.5")
