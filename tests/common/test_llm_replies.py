"""Reading replies: an answer is found whatever is around it, slips are mended, what broke off never passes as whole."""

import json

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from stages.common.llm import replies


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 0


class Items(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Item]


WANTED = [("a {b}", 1), ('say "x"', 2)]
TEXT = json.dumps({"items": [{"name": name, "size": size} for name, size in WANTED]})
AROUND = {
    "bare": "{}",
    "fenced": "```json\n{}\n```",
    "fenced without a language": "```\n{}\n```",
    "prose around": "Sure [as asked], with {{braces}}:\n{}\nAnything else?",
    "thoughts": '<think>maybe {{"items": []}}?</think>{}',
    "thoughts that the template opened": 'maybe {{"items": []}}?\n</think>\n{}',
    "a second object behind": '{} {{"items": []}}',
}
SLIPS = {
    "trailing comma": TEXT.replace("}]", "},]"),
    "single quotes": "{'items': [{'name': 'a {b}', 'size': 1}, {'name': 'say \"x\"', 'size': 2}]}",
    "no comma between items": TEXT.replace("}, {", "} {"),
    "no comma between fields": TEXT.replace('", "size"', '" "size"'),
    "last bracket missing": TEXT[:-1],
    "last brackets missing, fenced": f"```json\n{TEXT[:-2]}\n```",
    "comment": TEXT.replace("[{", "[/* two */ {"),
    "literal line end": TEXT.replace("a {b}", "a {b}").replace('"size": 1', '"size":\n1'),
}


def found(reply: str, complete: bool = True) -> list[tuple[str, int]]:
    return [(item.name, item.size) for item in replies.read(reply, Items, complete).items]


@pytest.mark.parametrize("name", AROUND)
def test_the_answer_is_found_in_whatever_is_around_it(name):
    assert found(AROUND[name].replace("{{", "{").replace("}}", "}").replace("{}", TEXT, 1)) == WANTED


@pytest.mark.parametrize("name", SLIPS)
def test_slips_of_the_pen_are_mended_without_losing_an_item(name):
    assert found(SLIPS[name]) == WANTED


def test_no_half_item_passes_for_a_whole_one():
    first = TEXT.index("}, {") + 1
    for length in range(len(TEXT) - 2):
        with pytest.raises(replies.UNUSABLE):
            found(TEXT[:length], complete=False)
        if length != first:  # where nothing but the closing brackets is missing
            with pytest.raises(replies.UNUSABLE):
                found(TEXT[:length])
    assert found(TEXT[:first]) == WANTED[:1]


def test_whole_items_are_saved_from_every_prefix_and_never_half_of_one():
    for length in range(len(TEXT)):
        try:
            saved = [(item.name, item.size) for item in replies.read_whole_items(TEXT[:length], Items).items]
        except ValueError:
            saved = []
        assert saved == WANTED[: TEXT[:length].count("}") - TEXT[:length].count("b}")]


def test_an_empty_list_is_an_answer_but_not_when_it_was_cut():
    assert found('{"items": []}') == []
    with pytest.raises(ValueError, match="first item"):
        replies.read_whole_items('{"items": [', Items)


@pytest.mark.parametrize(
    "reply", ["", "I cannot help.", "{", "[", "[1, 2]", "null", '"x"', "{}", '{"items": 3}', "<think>"]
)
def test_nonsense_is_no_answer(reply):
    with pytest.raises(replies.UNUSABLE):
        found(reply)


def test_a_deep_nest_is_no_answer_and_no_crash():
    with pytest.raises(replies.UNUSABLE):
        found("[{" * 100_000)


def test_the_problem_names_the_place_in_the_answer():
    with pytest.raises(ValidationError) as caught:
        found('{"items": [{"name": 3}, {"size": 1}], "more": 1}')
    told = replies.problem(caught.value)
    assert "items.0.name: " in told and "items.1.name: Field required" in told and "more: " in told
    assert replies.problem(ValueError("no JSON in the reply")) == "no JSON in the reply"


def test_an_answer_about_think_tags_is_no_think_block():
    text = json.dumps({"items": [{"name": "ends with </think>, begins with <think>", "size": 3}]})
    wanted = [("ends with </think>, begins with <think>", 3)]
    for reply in (text, f"```json\n{text}\n```", f"{text}\nAnything else?", text.replace("3}", "3,}")):
        assert found(reply) == wanted
    assert found(f"<think>A fence?</think>\n{TEXT}") == WANTED
    with pytest.raises(ValueError, match="still thinking"):
        found(f"<think>maybe {TEXT}")


class Listed(Items):
    """An answer that may also come as a bare list."""

    @model_validator(mode="before")
    @classmethod
    def as_items(cls, value: object) -> object:
        return {"items": value} if isinstance(value, list) else value


def test_objects_one_behind_the_other_are_the_items_of_one_answer():
    lines = "\n".join(json.dumps({"name": name, "size": size}) for name, size in WANTED)
    for reply in (lines, f"Here they are:\n{lines}", f'{{"name": "draft"}}\nNo, rather:\n{lines}'):
        assert [(item.name, item.size) for item in replies.read(reply, Listed, True).items] == WANTED
    with pytest.raises(replies.UNUSABLE):
        replies.read('{"name": "alone"}', Listed, True)
