"""Secrets and personal data: each is masked whole, and what documentation shows as an example stays."""

import re

import pytest

from stages.common.records.masking import intervals, masked, masked_values, masks
from stages.common.records.patterns import (
    PASSWORD,
    Match,
    has_context,
    is_example,
    is_inside_word,
    secret_patterns,
    secrets,
)
from support.secrets import PLANTED

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJsYW1wLWh1YiJ9"


@pytest.mark.parametrize(("kind", "secret"), PLANTED.items())
def test_a_secret_of_each_kind_is_masked_whole_wherever_it_stands(kind, secret):
    for text in (
        f"Use the token {secret} here.",
        f"密钥{secret}，勿外传。",
        f"token:\n\n{secret}\n\nEnd.",
        f'"key": "{secret}"',
    ):
        new, kinds = masked(text)
        assert kinds == (kind,), text
        assert not any(part in new for part in re.findall(r"[A-Za-z0-9]{12,}", secret)), new


def test_every_kind_that_is_looked_for_is_planted():
    named = {kind for kind, _ in secret_patterns()}
    assert named - PLANTED.keys() == {"IBM COS HMAC Credentials"}  # its pattern is a part of another's


def test_matches_that_overlap_are_masked_as_one():
    assert masked("postgres://keeper:Gr4nite%41brook@db.lamps.cn/x")[0] == (
        "postgres://keeper:[Basic Auth Credentials]@db.lamps.cn/x"
    )
    new, kinds = masked("amqp://keeper:Gr4nite@brook@mq.lamps.cn:5672")
    assert "brook" not in new and "Gr4nite" not in new and len(kinds) == 1


def test_matches_that_overlap_reach_to_the_end_of_the_last_and_those_that_touch_stay_apart():
    matches = [Match(15, 20, "c"), Match(0, 10, "a"), Match(5, 15, "b"), Match(0, 4, "d"), Match(16, 18, "e")]
    assert list(intervals(matches)) == [Match(0, 15, "a"), Match(15, 20, "c")]
    assert list(intervals([])) == []


def test_a_token_is_masked_to_its_end():
    assert masked(f"Send {JWT}.c2lnbmVk-YWdhaW4_x.")[0] == "Send [JSON Web Token]."
    assert masked("ghp_" + "a1B2" * 12)[0] == "[GitHub Token]"  # longer than the format says


@pytest.mark.parametrize(
    "text",
    [
        "1122334455:AAkkLLmmNNooPPqqRRssTTuuVVwwXXyyZZ1 frames",  # no word says that it is a token
        "sha256 AC" + "0f" * 20,
        "aaSK" + "9a" * 16,
        "postgres://postgres:postgres@localhost/db",
        "https://user:${PASSWORD}@host/x and https://me:***@host",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "A file that begins with -----BEGIN RSA PRIVATE KEY----- is one.",
        "git@github.com:lamps/docs.git, user@example.com, someone@lamps.test",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "Authorization: Bearer <token>, Bearer YOUR_ACCESS_TOKEN_2_GOES_HERE",
        "order 13800138000, call 555-0123",
        "| " + "-" * 40 + " | " + "=" * 40,
    ],
)
def test_what_documentation_shows_as_an_example_stays(text):
    assert masked(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("请联系li.ming@lamps.cn获取", "e-mail"),
        ("Write to jane.poe@lamps.cn: she knows.", "e-mail"),
        ("[mail](mailto:jane.poe@lamps.cn)", "e-mail"),
        ("电话13912340978。", "phone"),
        ("身份证号11010519491231002X，", "ID number"),
    ],
)
def test_personal_data_is_found_beside_letters_of_any_script(text, kind):
    assert masked(text)[1] == (kind,)


def test_lines_stay_where_they_are():
    text = f"before\n{PLANTED['Private Key']}\nafter"
    new, _ = masked(text)
    assert new.split("\n")[0] == "before" and new.split("\n")[-1] == "after"
    assert new.count("\n") == text.count("\n")


def test_masking_twice_changes_nothing():
    once = masked("\n".join(f"token {secret}" for secret in PLANTED.values()))[0]
    assert masked(once) == (once, ())


def test_every_text_of_a_row_is_masked_however_deep_it_stands():
    secret = PLANTED["GitHub Token"]
    row = {
        "output": secret,
        "messages": [{"role": "user", "content": f"my {secret}"}],
        "line_start": 3,
        "found": [secret],
    }
    new, kinds = masked_values(row)
    assert secret not in str(new) and new["line_start"] == 3
    assert kinds == {"GitHub Token": 3}


@pytest.mark.parametrize(
    "piece",
    ["sk-", "eyJ-", "xoxb-1-", "glpat-", "://a:", "a@a.", "-", "//", "-----BEGIN PRIVATE KEY-----a", "Bearer a", "key=",
     "Private-Lines: 1\n", "+86 1", "aws_secret_key ", "https://hooks.slack.com/services/T"],
)  # fmt: skip
def test_no_text_takes_more_steps_than_its_length_allows(piece):
    """Twice the text, at most about twice the work: counted in matches tried, not in seconds."""
    counts = []
    for size in (2_000, 4_000):
        counts.append(sum(1 for _ in secrets((piece * size)[: size * 4])))
    assert counts[1] <= 2 * counts[0] + 2


def test_a_match_that_begins_amid_letters_is_a_part_of_something_else():
    assert is_inside_word("xAB", 1) and is_inside_word("-xA", 2)
    assert not any(is_inside_word(text, start) for text, start in [("AB", 0), (" AB", 1), ("xy-", 2), ("x AB", 2)])


def test_a_password_that_is_the_users_own_name_is_an_example():
    assert is_example(PASSWORD, "keeper", "://keeper:keeper@host")
    assert not is_example(PASSWORD, "keeper:a", "://keeper:a:b@host")


def test_only_a_word_before_a_token_says_what_it_is_unless_it_stands_alone():
    run = "T" * 30
    assert (
        has_context(run, 0, 30) and has_context(f"- {run}.", 2, 32) and has_context(f"The token is {run} here", 13, 43)
    )
    assert not has_context(f"a {run}", 2, 32) and not has_context(f"{run} is a token", 0, 30)


def test_masks_are_told_from_links_and_a_row_without_anything_private_stays_the_same():
    assert masks("Ask [e-mail] or [phone](tel), [other]") == ["e-mail"] and masks("no mask") == []
    row = {"text": ["nothing"]}
    assert masked_values(row)[0] is row
