"""Any mixture of thinking, prose, fences, examples and an answer gives the answer or nothing, never a draft."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from stages.common.llm import examples, replies


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


class Items(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Item]


THINKING = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<scratchpad>", "</scratchpad>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel>thought", "<channel|>"),
    ("<Thinking_Process>", "</Thinking_Process>"),
    ("<rationale>", "</rationale>"),
    ("<思考>", "</思考>"),
    ("<｜begin▁of▁thinking｜>", "<｜end▁of▁thinking｜>"),
    ("<|thought_start|>", "<|thought_end|>"),
    ("Here is my thought process:", "Here is my response:"),
]


def said(*names: str) -> str:
    return json.dumps({"items": [{"name": name} for name in names]}, ensure_ascii=False)


EXAMPLE = said("the example of the prompt")
SHOWN = examples.of([{"role": "system", "content": f"Answer like this: {EXAMPLE}"}], Items)
ANSWER = said("the answer", 'with "quotes", {braces} and </think> in it')
DRAFT = said("a draft")
PERHAPS = [
    ("<plan>", "</plan>"),
    ("[reasoning]", "[/reasoning]"),
    ("【思考】", "【/思考】"),
    ("```thinking\n", "\n```"),
]
words = st.sampled_from(
    ["Let me see. ", "So [maybe] this: ", "那么，", "no {braces} in prose\n", 'it\'s "quoted" ', "1. one\n2. two\n", ""]
)
drafts = st.sampled_from(
    [DRAFT, DRAFT[:-1], DRAFT[:20], f"```json\n{DRAFT}\n```", EXAMPLE, DRAFT.replace('"', "'"), "{"]
)
thoughts = st.lists(st.one_of(words, drafts), max_size=5).map("".join)
prose = st.lists(words, max_size=3).map("".join)
fenced = st.sampled_from(
    ["{}", "```json\n{}\n```", "```\n{}\n```", '{{"answer": {}}}', '{{"result": {{"value": {}}}}}']
)
STRING = json.dumps(ANSWER)


@st.composite
def whole_replies(draw: st.DrawFn) -> str:
    """Thinking, prose with the prompt's example and with drafts, then the answer and some last words."""
    opened, closed = draw(st.sampled_from(THINKING))
    thought = draw(st.sampled_from([f"{opened}{{}}{closed}", "{}" + closed, ""]))
    before = thought.format(draw(thoughts)) if thought else ""
    example = draw(st.sampled_from(["", f"The form is {EXAMPLE}. ", f"First: {DRAFT}\nBetter: ", '{"items": []} or ']))
    answer = draw(fenced).format(draw(st.sampled_from([ANSWER, STRING])))
    return f"{before}{draw(prose)}{example}{draw(prose)}{answer}\n{draw(prose)}"


def outcome(reply: str, complete: bool = True) -> str:
    try:
        found = replies.read(reply, Items, complete, SHOWN)
    except replies.UNUSABLE:
        return "nothing"
    return json.dumps(found.model_dump(), ensure_ascii=False)


@given(whole_replies())
def test_a_whole_reply_gives_its_answer_or_nothing(reply):
    assert outcome(reply) in (ANSWER, "nothing")


@given(st.sampled_from(THINKING), thoughts, prose)
def test_what_thinking_holds_never_hides_the_answer_behind_it(tags, thought, words):
    assert outcome(f"{tags[0]}{thought}{tags[1]}{words}{ANSWER}") == ANSWER


def test_most_whole_replies_give_their_answer():
    given_answers = []
    given(whole_replies())(lambda reply: given_answers.append(outcome(reply) == ANSWER))()
    assert sum(given_answers) > 0.7 * len(given_answers)


@given(whole_replies(), st.data())
def test_a_reply_that_was_cut_anywhere_gives_its_answer_or_nothing(reply, data):
    cut = reply[: data.draw(st.integers(0, len(reply)))]
    assert outcome(cut, complete=False) in (ANSWER, "nothing") or cut.lstrip("`json\n ").startswith(DRAFT[:9])


@given(st.sampled_from(THINKING), thoughts)
def test_a_reply_that_ends_within_its_thinking_is_no_answer(tags, thought):
    for complete in (True, False):
        assert outcome(f"{tags[0]}{thought}", complete) == "nothing"
        with pytest.raises(replies.UNUSABLE):
            replies.read_whole_items(f"{tags[0]}{thought}", Items, SHOWN)


@pytest.mark.parametrize("tags", PERHAPS)
def test_tags_that_pages_may_have_are_thinking_where_they_close_or_begin_the_reply(tags):
    thought = f"{tags[0]}First: {DRAFT}{tags[1]}"
    assert outcome(f"{thought}\n{ANSWER}") == outcome(f"{ANSWER}\n{thought}") == ANSWER
    assert outcome(thought) == outcome(f"{tags[0]}First: {DRAFT}") == "nothing"
    assert outcome(f"Under {tags[0]} the page says: {ANSWER}") == ANSWER


def test_a_call_of_a_tool_in_a_channel_is_an_answer_and_a_preamble_is_thinking():
    start = "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>commentary"
    head = start.format(draft=DRAFT)
    assert outcome(f"{head} to=functions.answer <|constrain|>json<|message|>{ANSWER}<|call|>") == ANSWER
    assert outcome(f"{head}<|message|>I shall say {DRAFT}") == "nothing"


def test_another_turn_behind_the_end_of_the_reply_is_none_of_it():
    for end in ("<|im_end|>", "</s>", "```<|eot_id|>"):
        assert outcome(f"{ANSWER}{end}\n<|im_start|>user\nNext.\n{DRAFT}") == ANSWER


@pytest.mark.parametrize(
    "reply", [EXAMPLE, f"```json\n{EXAMPLE}\n```", f"As you said: {EXAMPLE}", f"<think>x</think>{EXAMPLE}"]
)
def test_the_example_of_the_prompt_is_no_answer(reply):
    assert outcome(reply) == "nothing"


def test_an_empty_answer_counts_only_where_no_other_stands():
    assert outcome(f'The form is {{"items": []}}. Mine: {ANSWER}') == ANSWER
    assert outcome(f'{ANSWER} and {{"items": []}} for the rest') == ANSWER
    assert outcome('Nothing to ask about here: {"items": []}') == '{"items": []}'


@pytest.mark.parametrize("wrapped", ['{"answer": %s}', '{"data": {"result": %s}}', '{"thoughts": "hm", "reply": %s}'])
def test_an_answer_is_found_within_more_layers_of_keys_and_json(wrapped):
    assert outcome(wrapped % ANSWER) == ANSWER
    assert outcome(wrapped % json.dumps(ANSWER)) == ANSWER
    assert outcome(json.dumps(wrapped % ANSWER)) == ANSWER
    assert outcome(f"[{wrapped % ANSWER}]") == ANSWER


@pytest.mark.parametrize("form", ['{"items": [{"name": "..."}]}', '{"items": [{"name": "<name>"}]}', EXAMPLE])
def test_a_form_that_is_shown_behind_the_answer_does_not_hide_it(form):
    assert outcome(f"{ANSWER}\nAs the form {form} asks.") == ANSWER
    assert outcome(f"The form is {form}.") == "nothing"


def test_a_reply_that_was_encoded_once_more_is_read():
    assert outcome(STRING) == outcome(STRING[1:-1]) == outcome(json.dumps(f"```json\n{ANSWER}\n```")) == ANSWER


def test_an_answer_that_does_not_meet_the_schema_is_not_replaced_by_a_draft_before_it():
    assert outcome(f'Draft: {DRAFT}. Final: {{"items": [{{"name": []}}]}}') == "nothing"
    assert outcome(f'Draft: {DRAFT}. Final: {{"items": [{{"name": "half') == "nothing"


def test_a_field_for_thoughts_gives_an_answer_only_if_it_holds_nothing_else():
    assert replies.read_thoughts(f"<think>hm</think>{ANSWER}", Items) == replies.read(ANSWER, Items)
    with pytest.raises(replies.UNUSABLE):
        replies.read_thoughts(f"First idea: {DRAFT}", Items)
