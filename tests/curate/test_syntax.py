"""Syntax that no reader took is told apart from text that only looks like it."""

import pytest

from stages.curate.checks.syntax import unread

UNREAD = [
    "{{< lamp >}}lit",
    "lit {% if dark %} now",
    "see {{ site.keeper }}",
    "[[Lamp|the lamp]]",
    "![[Lamp]]",
    ":::tip\nLight it.",
    '!!! note "Oil"',
    "!!! warning",
    "??? note",
    '???+ tip "Oil"',
    '=== "Tower"',
    "{* ../lamp.py *}",
    "See :ref:`lamp`.",
    "{ref}`lamp`",
    "{{ lit(lamp) }}",
    "\n.. note:: Oil",
]
TEXT = [
    "lamps[[1]] is the first lamp",
    "Write \\[[Lamp]\\].",
    "Write \\{{ keeper }}.",
    "where \\(h_{{lamp}}\\) is the height",
    "and \\[x_{{T_p}}\\]",
    "`{{ keeper }}` is his name",
    "```\n{{< lamp >}}\n```",
    "!!! Attention, it burns",
    "??? Who knows",
    "a $x_{{b}}$ c",
    "at 10:30: `lit`",
    "Use \\:::tip",
]


@pytest.mark.parametrize("text", UNREAD)
def test_syntax_outside_code_is_unread(text):
    assert unread(text)


@pytest.mark.parametrize("text", TEXT)
def test_code_formulas_escapes_and_plain_text_are_not(text):
    assert not unread(text)
