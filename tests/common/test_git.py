"""What is said where Git cannot be asked."""

import pytest

from stages.commands.reviewing.export import changed_since
from stages.commands.tracing.revisions import commit
from stages.commands.update import last_promoted
from stages.common.base.errors import UserError
from stages.common.base.git import git


@pytest.mark.parametrize("ask", [lambda: commit("v1"), lambda: changed_since("v1"), last_promoted])
@pytest.mark.parametrize(("missing", "said"), [("Git", "Git cannot be run"), ("repository", "not a git repository")])
def test_a_word_that_asks_git_says_what_is_missing_and_blames_no_revision(monkeypatch, ask, missing, said):
    if missing == "Git":
        monkeypatch.setenv("PATH", "nowhere")
    with pytest.raises(UserError, match=said) as caught:
        ask()
    assert "\n" not in str(caught.value)
    assert git("status") is None
