"""Chat templates that close an answer in their own way are trained as they are served, and not refused."""

import pytest
from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerFast

from stages.common.base.errors import UserError
from stages.common.base.params import load
from stages.common.chat.conversations import IGNORED, without_thought
from stages.common.chat.templates import chat_for
from stages.evaluate.answers import Answer
from stages.format.audit import Figures
from stages.format.encoding import Encoder
from stages.format.examples import Example, examples, kept
from support.families import tokenizer_of
from support.formatting import row
from support.repository import ROOT

# Nothing closes a turn; what opens the next one ends it (GLM-4).
NEXT_ROLE = (
    "{{ '[gMASK]' }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
# The prompt opens a thought that finished answers do not show (DeepSeek-R1).
OPENS_THOUGHT = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}"
    "{{ '<|assistant|>' + m['content'].split('</think>')[-1].strip() + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|><think>\n' }}{% endif %}"
)
SPECIALS = ["[gMASK]", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
TALK = [{"role": role, "content": text} for role, text in
        (("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))]  # fmt: skip
THOUGHT = row("Why?", "<think>\nIt is late.\n</think>\n\nBecause.")


def encoder_of(template: str, thinking: str = "empty") -> Encoder:
    tokenizer: PreTrainedTokenizerFast = tokenizer_of("qwen3")
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIALS})
    tokenizer.chat_template = template
    section = load(ROOT / "params.yaml").format.model_copy(update={"thinking": thinking})
    return Encoder(chat_for(tokenizer, section))


def trained(encoder: Encoder, example: Example) -> str:
    labels = [label for label in example.labelled.labels if label != IGNORED]
    return encoder.chat.tokenizer.decode(labels)


def served(encoder: Encoder, question: str) -> list[int]:
    prompt = encoder.chat.texts([[{"role": "user", "content": question}]], prompt=True)[0]
    return encoder.chat.tokenizer(prompt, add_special_tokens=False).input_ids


def formatted(encoder: Encoder, *rows: dict) -> tuple[list[Example], Figures]:
    found, figures = list(examples(encoder, list(rows))), Figures()
    for example in found:
        figures.add(encoder, example, kept(example, encoder))
    return found, figures


def test_an_answer_that_nothing_closes_ends_in_what_opens_the_next_turn():
    encoder = encoder_of(NEXT_ROLE)
    plain = row("What is it?", "A lamp, not <|user|> or <|end|>.")
    (one, talk), figures = formatted(encoder, plain, row("c", "d", messages=TALK))
    assert trained(encoder, one) == "A lamp, not <|user|> or <|end|>.\n<|user|>"
    prompt = served(encoder, "What is it?")
    assert one.labelled.input_ids[: len(prompt)] == prompt and one.labelled.labels[len(prompt)] != IGNORED
    assert trained(encoder, talk) == "b\n<|user|>d\n<|user|>"
    stop = encoder.chat.tokenizer.convert_tokens_to_ids("<|user|>")
    assert dict(figures.ends) == {stop: 3} and figures.counts["ended"] == 2
    assert one.labelled.input_ids.count(stop) == 2, "the question's and the one that ends; that of the text is text"


def test_a_template_that_closes_its_turns_gets_nothing_more():
    assert encoder_of(OPENS_THOUGHT).opener == "" and encoder_of(NEXT_ROLE).opener == "<|user|>"


@pytest.mark.parametrize(("thinking", "closed"), [("empty", "\n</think>\n\n"), ("keep", "It is late.\n</think>\n\n")])
def test_an_open_thought_is_closed_by_the_model_as_thinking_says(thinking, closed):
    encoder = encoder_of(OPENS_THOUGHT, thinking)
    (one,), figures = formatted(encoder, THOUGHT)
    prompt = served(encoder, "Why?")
    assert one.labelled.input_ids[: len(prompt)] == prompt
    assert trained(encoder, one) == f"{closed}Because.<|end|>"
    assert figures.counts["think_leaks"] == 0 and figures.counts["ended"] == 1


def test_behind_an_open_thought_every_answer_of_a_conversation_is_trained_behind_its_own_prompt():
    encoder = encoder_of(OPENS_THOUGHT)
    found, figures = formatted(encoder, row("c", "d", messages=TALK), row("Why?", "No <|end|> in <|user|> sight."))
    closed = "\n</think>\n\n"
    assert [trained(encoder, one) for one in found] == [
        f"{closed}b<|end|>", f"{closed}d<|end|>", f"{closed}No <|end|> in <|user|> sight.<|end|>",
    ]  # fmt: skip
    assert "<|assistant|>b<|end|>" in found[1].rendered.text, "earlier answers stand as the template shows them"
    _, figures = formatted(encoder, row("Why?", ""))
    assert figures.counts["empty_answers"] == 1, "a closed thought alone is no answer"


def test_what_is_measured_of_an_answer_is_what_stands_behind_its_thought():
    assert without_thought("\n</think>\n\nSeven.", opened=True) == "Seven."
    assert without_thought("It is\nlate.\n</think>\n\nSeven.", opened=True) == "Seven."
    assert without_thought("<think>x</think>Seven.", opened=False) == "Seven."
    assert without_thought("It is </think>, which ends it.", opened=False) == "It is </think>, which ends it."
    assert without_thought("never done", opened=True) == "never done"
    assert Answer.of(" 7 ", True).text == "7"


@pytest.mark.parametrize(
    "code",
    [
        "''.__class__.__mro__[1].__subclasses__()",
        "cycler.__init__.__globals__.os.system('touch ran')",
        "messages.append('more')",
        "messages.__class__.__init__.__globals__",
    ],
)
def test_a_template_of_a_hub_is_rendered_in_a_sandbox(code, tmp_path):
    template = "{{ " + code + " }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises((TemplateError, UserError)):
        encoder_of(template).chat.texts([TALK])
    assert not (tmp_path / "ran").exists()
