"""The parts of reading a reply, each at its limits: what is taken, what is not, and what is said of it."""

import json

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from stages.common.llm import acceptance, json_text, parts, replies
from stages.common.llm.json_text import UNUSABLE, NoJsonError
from stages.common.llm.thinking import StillThinkingError


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class Items(BaseModel):
    """A list of items, which may also come without its object."""

    model_config = ConfigDict(extra="forbid")
    items: list[Item]

    @model_validator(mode="before")
    @classmethod
    def listed(cls, value: object) -> object:
        return {"items": value} if isinstance(value, list) else value


def said(*names: str) -> str:
    return json.dumps({"items": [{"name": name} for name in names]})


def read(reply: str) -> list[str]:
    return [item.name for item in replies.read(reply, Items).items]


KEYS = acceptance.names(Items)
ONE = said("one")
EXAMPLE = Items.model_validate_json(said("shown"))


def wrapped(layers: int, text: str = ONE) -> str:
    return '{"a": ' * layers + text + "}" * layers


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("nothing in brackets", "no JSON in it"),
        (f"As shown: {said('shown')}", "the reply repeats the prompt's example; write an answer of your own"),
        ('A value: {"other": 3}', "the JSON in the reply is not of the form that was asked for"),
        (f'First {said("shown")}, then {{"items": [{{"label": 1}}]}}', "items.0.name: Field required"),
    ],
)
def test_a_reply_without_an_answer_is_told_what_it_has_instead(reply, problem):
    with pytest.raises(UNUSABLE) as raised:
        replies.read(reply, Items, examples=[EXAMPLE])
    assert replies.problem(raised.value).split("; items.0.label")[0] == problem


def test_at_most_five_problems_are_told_each_with_its_place():
    broken = {"items": [{"name": []}] * 7}
    with pytest.raises(ValidationError) as caught:
        Items.model_validate(broken)
    told = replies.problem(caught.value).split("; ")
    assert [place.partition(": ")[0] for place in told] == [f"items.{number}.name" for number in range(5)]
    with pytest.raises(ValidationError) as caught:
        Items.model_validate("text")
    assert replies.problem(caught.value).startswith("the answer: ")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (ONE, 0),
        (f"  \n{ONE}", 3),
        (f"```json\n{ONE}", 8),
        (f"```\n{ONE}", 4),
        (f"``` {ONE}", 4),
        (f"Sure: {ONE}", 0),
        (f"<think>hm</think>```json {ONE}", 25),
        (f"<think>hm</think>\n\n{ONE}", 19),
        (f"hm</think>{ONE}", 10),
    ],
)
def test_the_first_word_stands_behind_thinking_and_fence(text, place):
    assert parts.first(text, parts.split(text, KEYS)) == place


ALONE = [ONE, f"```json\n{ONE}\n```", f" {ONE} ", f"<think>{said('draft')}</think>\n{ONE}\n", f"```{ONE}```\t\r\n"]
NOT_ALONE = [
    f"Here: {ONE}",
    f"{ONE} there",
    f"{ONE}.",
    f"{ONE}\n{ONE}",
    f"{ONE}\n{ONE[:9]}",
    ONE[:-1],
    f"<think>hm</think>So: {ONE}",
    "",
]


@pytest.mark.parametrize("text", ALONE)
def test_an_answer_alone_may_have_a_fence_and_white_space_around_it(text):
    assert replies.read_thoughts(text, Items).items[0].name == "one"
    assert replies.read(text, Items, complete=False).items[0].name == "one"


@pytest.mark.parametrize("text", NOT_ALONE)
def test_an_answer_beside_any_word_is_not_alone(text):
    for reader in (replies.read_thoughts, lambda *of: replies.read(*of, complete=False)):
        with pytest.raises(ValueError, match="the answer is not complete"):
            reader(text, Items)


def test_a_line_end_within_a_string_is_no_fault_of_an_answer_alone():
    assert replies.read_thoughts(ONE.replace("one", "o\ne"), Items).items[0].name == "o\ne"


def test_whole_items_are_saved_only_where_the_reply_begins_with_its_answer():
    two = said("one", "two")
    for head in ("", "```json\n", "<think>hm</think>", f"<think>{said('draft')}</think>```\n"):
        saved = replies.read_whole_items(head + two[:-4], Items)
        assert [item.name for item in saved.items] == ["one"]
        assert len(replies.read_whole_items(f"{head}{two} and more", Items).items) == 2
    for reply in (f"Here: {two[:-4]}", f"{{x}} {two[:-4]}", "nothing", '{"note": 1'):
        with pytest.raises(NoJsonError, match="broke off before its answer"):
            replies.read_whole_items(reply, Items)


def test_whole_items_that_are_the_example_are_no_answer():
    cut = said("shown", "two")[:-4]
    assert len(replies.read_whole_items(cut, Items).items) == 1
    with pytest.raises(acceptance.ExampleError, match="repeats the prompt's example"):
        replies.read_whole_items(cut, Items, [EXAMPLE])


def test_a_tag_within_a_value_is_part_of_it_and_one_between_a_drafts_brackets_is_not():
    tagged = said("ends with </think>")
    assert read(tagged) == ["ends with </think>"]
    assert read(tagged.replace("}]", ",}]")) == ["ends with </think>"]  # a slip, but it begins the reply
    assert read(f'Perhaps {{"items": [{{"name": "draft" </think>{ONE}') == ["one"]
    assert read(f'{{"items": [</think>{ONE}') == ["one"]


def test_an_answer_is_found_in_so_many_layers_and_no_more():
    assert read(wrapped(acceptance.LAYERS)) == ["one"]
    with pytest.raises(UNUSABLE):
        read(wrapped(acceptance.LAYERS + 1))


def test_of_several_values_in_a_wrapper_the_last_that_says_something_is_the_answer():
    assert read(f'{{"first": {said("draft")}, "second": {ONE}}}') == ["one"]
    assert read(f'{{"first": {ONE}, "second": {said()}}}') == ["one"]
    assert read(f'{{"first": {ONE}, "note": "hm", "n": 3}}') == ["one"]
    assert read(f"[[{ONE}]]") == read(f'{{"items": {ONE}}}') == ["one"]
    with pytest.raises(UNUSABLE):
        read(f"[{ONE}, {said('two')}]")  # which of them?
    assert read(json.dumps({"a": f"```json\n{ONE}\n```"})) == ["one"]
    with pytest.raises(UNUSABLE):
        read(f'{{"a": {said()}}}')  # a wrapped empty list says nothing


def test_an_empty_answer_is_one_where_no_other_stands():
    assert read(f"Nothing to ask: {said()}") == read(f"{said()}\n{said()} indeed") == []
    assert read(f"{said()}\n{ONE}") == read(f"{ONE}\n{said()}") == ["one"]


def test_what_only_looks_like_a_wrapper_is_none():
    for text in ('{"a": {"b": "c"}}', '{"a": 1}', '{"a": "text"}', '{"a": "{text"}', "{'a' 'b'}"):
        assert not acceptance.wraps(text, Items), text
        assert read(f"{ONE}\n{text}") == ["one"]
    assert acceptance.wraps('{"a": [{"name": "x\ny"}]}', Items)


LINES = [json.dumps({"name": name}) for name in ("one", "two")]


@pytest.mark.parametrize(
    "between", ["\n", ", ", "\n2. ", "\n```\n### Item 2\n```json\n", "\n第 2 条：\n", "\n\n---\n\nQuestion 2:\n"]
)
def test_items_with_nothing_but_numbers_between_them_are_one_answer(between):
    assert read(between.join(LINES)) == ["one", "two"]


def test_a_word_or_another_value_between_items_parts_them():
    for between in (" or rather ", '\n{"note": 1}\n', f"\n{said('three')}\n"):
        reply = f"{between.join(LINES)}\n{LINES[0]}"
        assert read(reply) == ["two", "one"]
    with pytest.raises(UNUSABLE):
        read(f"{LINES[0]} or rather {LINES[1]}")


def test_keys_of_parts_are_keys_of_an_answer():
    assert {"items", "name"} == KEYS
    assert acceptance.resembles("{'name' : 1}", Items) and acceptance.resembles("[]", Items)
    assert acceptance.resembles('{\\"name\\": 1}', Items)
    assert not acceptance.resembles('{"title": "name"}', Items) and not acceptance.resembles("[ ]", Items)


@pytest.mark.parametrize(
    ("text", "means_to_be"),
    [
        ('{"items": []}', True),
        ('{"items": {}}', True),
        ('{"a": {"items" : [1]}}', True),
        ('{\\"items\\": [', True),
        ("['items'", True),
        ('{"items": 3}', False),
        ('{"items": "x"}', False),
        ('{"name": []}', False),
        ('{"my items": []}', False),
        ("items", False),
    ],
)
def test_what_means_to_be_an_answer_has_its_key_with_a_value_of_its_kind(text, means_to_be):
    assert acceptance.attempts(text, Items) is means_to_be


def test_so_many_beginnings_that_lead_nowhere_are_passed_over_and_no_more():
    broken = '{"x '
    assert read(broken * parts.MOST_BROKEN + ONE) == ["one"]
    with pytest.raises(NoJsonError, match="no JSON in the reply"):
        read(broken * (parts.MOST_BROKEN + 1) + ONE)


def test_an_unfinished_object_of_another_kind_is_prose():
    assert read(f'{{"note": [{ONE}') == ["one"]
    assert parts.split('{"note": "x', KEYS).unfinished is None
    assert parts.split('ab {"name": "x', KEYS).unfinished == 3
    assert parts.split('[{"items": "x', KEYS).unfinished == 0
    with pytest.raises(StillThinkingError):
        parts.split("<think>hm", KEYS)


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ('{"name": "..."}', True),
        ('{"name": "<name>", "text": "[text]"}', True),
        ('{"name": "{name}"}', True),
        ('{"name": "...", "text": "words"}', False),
        ('{"name": ""}', False),
        ('{"name": 1}', False),
        ('{"properties": {"name": {"type": "string"}}}', True),
        ('{"name": "has \\"properties\\": {"}', False),
    ],
)
def test_a_form_shows_nothing_but_places_for_values(text, shows):
    assert json_text.is_form(text) is shows


def test_a_string_of_json_is_read_with_or_without_its_quotes():
    assert json_text.string_in(json.dumps(ONE)) == json_text.string_in(f" {json.dumps(ONE)[1:-1]}\n") == ONE
    for text in (ONE, "plain", '"open', '["a"]', '"a" and "b"'):
        assert json_text.string_in(text) == ""
