"""doclore params shows every key of params.yaml, and leads from a wrong one to the right one."""

import subprocess
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from stages.commands import params as word
from stages.commands.check import flat
from stages.common.base.errors import UserError
from support.repository import ROOT


def show(text: str = "") -> None:
    word.run(SimpleNamespace(word=text))


def test_every_key_that_has_a_value_is_listed_once_in_the_file_s_order():
    text = (ROOT / "params.yaml").read_text("utf-8")
    values = dict(flat(YAML(typ="safe").load(text)))
    listed = {key.name: key for key in word.keys(text)}
    assert [name for name in listed if name in values] == list(values)
    assert all(name in values or key.value == "{}" for name, key in listed.items())
    assert listed["lora.r"].value == str(values["lora.r"]) and listed["generate.model"].value == '""'
    assert sum(not key.about for key in listed.values()) < len(listed) / 2, "comments are shown"


def test_a_value_that_is_not_the_last_commit_s_is_marked(write_params, capsys):
    write_params()
    for command in (["init", "-q"], ["add", "params.yaml"],
                    ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"]):  # fmt: skip
        subprocess.run(["git", *command], check=True)
    write_params({"lora.r": 99})
    show()
    marked = [line for line in capsys.readouterr().out.splitlines() if line.startswith("*")]
    assert marked == ["* lora.r = 99"]


def test_a_word_picks_keys_and_a_wrong_key_gets_the_closest(write_params, capsys):
    write_params()
    show("lora.")
    assert {line.split(".")[0] for line in capsys.readouterr().out.splitlines() if "=" in line} == {"  lora"}
    with pytest.raises(UserError, match=r"did you mean `lora\.r`\?"):
        show("lora.rank")
