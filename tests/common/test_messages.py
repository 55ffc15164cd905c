"""Messages in Chinese: the table, and how the language is chosen."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from stages.commands.main import command_modules
from stages.common.base import messages
from support.repository import ROOT

MODULES = (
    "examining/machine.py",
    "trying/account.py",
    "init.py",
    "main.py",
    "summary.py",
)  # what a newcomer sees first


def texts(module: str = "**/*.py") -> Iterator[str]:
    """The texts of our code but for docstrings, with {} for each value."""
    for file in sorted((ROOT / "stages").glob(module)):
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        parts |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield node.value


@cache
def heads() -> list[str]:
    """The first lines of the commands' help."""
    return [str(module.__doc__).partition("\n")[0] for _, module in command_modules()]


def paragraphs() -> list[str]:
    """The rest of the commands' help, each paragraph on one line."""
    parts = [part for _, module in command_modules() for part in str(module.__doc__).strip().split("\n\n")[1:]]
    return [" ".join(part.split()) for part in parts if not part.startswith("Examples:")]


@cache
def entries() -> dict[str, str]:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((ROOT / "stages/common/base/messages.zh.yaml").read_text("utf-8"))


def test_every_message_of_the_table_is_worded_so_in_the_code():
    assert sorted(entries().keys() - {*texts(), *heads(), *paragraphs()}) == []


def test_every_value_of_a_message_is_in_its_chinese_and_no_other():
    for key, text in entries().items():
        marked = [number or str(place) for place, number in enumerate(re.findall(r"\{(\d*)\}", text))]
        assert sorted(marked) == [str(n) for n in range(key.count("{}"))], key


def test_every_command_has_its_help_in_chinese():
    assert [text for text in (*heads(), *paragraphs()) if text not in entries()] == []


@pytest.mark.parametrize("module", MODULES)
def test_what_a_newcomer_reads_is_in_the_table(module):
    read = {text for text in texts(f"commands/{module}") if re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", text)}
    assert sorted(read - entries().keys()) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
     ({"LANG": "de_DE.UTF-8", "DOCLORE_LANG": "zh"}, "zh"), ({"LC_MESSAGES": "zh_TW", "DOCLORE_LANG": "en"}, "en")],
)  # fmt: skip
def test_doclore_s_own_variable_goes_before_those_of_the_locale(monkeypatch, variables, expected):
    for name in messages.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert messages.language() == expected


def test_values_stay_and_messages_within_messages_are_translated(monkeypatch):
    monkeypatch.setenv("DOCLORE_LANG", "zh")
    assert (
        messages.said("unknown command 'pln'; did you mean `doclore plan`?")
        == "没有命令 'pln'；是否想输入 `doclore plan`？"
    )
    assert messages.said("3 GB of disk space free\nno such message") == "磁盘剩余 3 GB\nno such message"
    assert messages.said("12 pages from 14 files (12 zh)") == "14 个文件中有 12 个页面（12 zh）"
    monkeypatch.setenv("DOCLORE_LANG", "en")
    assert messages.said("3 GB of disk space free") == "3 GB of disk space free"
