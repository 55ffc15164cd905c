"""Tokens are counted as the text that they are."""

import pytest

from stages.common.text import tokens


@pytest.mark.parametrize("name", ["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>"])
def test_what_looks_like_a_special_token_counts_as_the_letters_that_it_is(name):
    assert tokens.count(name, "cl100k_base") > 3
    assert tokens.count(f"a page about {name}.", "cl100k_base") > tokens.count("a page about it.", "cl100k_base") + 3
