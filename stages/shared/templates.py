"""Chat templates: the one text that training, evaluation and serving share.

Every `format.mode` is a Jinja template over messages. `chat` uses the tokenizer's own; the two other modes have
theirs here, written so that the template that is shipped reproduces the trained text exactly.
"""

from typing import Any

from jinja2.exceptions import TemplateError

from stages.shared.errors import UserError

Message = dict[str, str]


# Stanford Alpaca's blocks, closed by the end-of-sequence token: without it a model never learns to stop.
ALPACA = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'user' %}{{ '### Instruction:\n' + message['content'] + '\n\n' }}"
    "{% if message['input'] %}{{ '### Input:\n' + message['input'] + '\n\n' }}{% endif %}"
    "{% else %}{{ '### Response:\n' + message['content'] + eos_token + '\n\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}"
)

# OpenAI's ChatML, by hand.
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def template_for(mode: str, tokenizer: Any) -> str:
    """The chat template of a `format.mode` for this tokenizer."""
    if mode == "chat":
        if not tokenizer.chat_template:
            raise UserError("the model's tokenizer has no chat template; use -S format.mode=alpaca or token_level")
        return str(tokenizer.chat_template)
    if mode == "token_level" and tokenizer.convert_tokens_to_ids("<|im_end|>") in (None, tokenizer.unk_token_id):
        raise UserError("the model's tokenizer has no <|im_end|> token; use -S format.mode=chat or alpaca")
    template = ALPACA if mode == "alpaca" else CHATML
    return "{{ bos_token }}" + template if adds_bos(tokenizer) else template


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer starts every text with a BOS token; templates must then write it themselves."""
    ids = tokenizer("a").input_ids
    return tokenizer.bos_token_id is not None and ids[:1] == [tokenizer.bos_token_id]


def conversation(row: Any, mode: str, system_prompt: str) -> list[Message]:
    """A pair as messages. A non-blank input joins the instruction behind one newline; alpaca has a block for it."""
    question: Message = {"role": "user", "content": row["instruction"]}
    if row["input"].strip():
        if mode == "alpaca":
            question["input"] = row["input"]
        else:
            question["content"] += "\n" + row["input"]
    system: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, question, {"role": "assistant", "content": row["output"]}]


def render(tokenizer: Any, template: str, messages: list[Message], *, prompt: bool = False) -> str:
    """The messages as text; with `prompt`, up to where the model starts to answer."""
    # Llama 3's template writes today's date unless it is given one; the data must not depend on the day.
    options = {"enable_thinking": False, "date_string": "26 Jul 2024"}
    try:
        text = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=prompt, **options
        )
    except TemplateError as error:
        raise UserError(f"the chat template refuses a conversation ({error}); try an empty format.system_prompt "
                        "or -S format.mode=alpaca") from None  # fmt: skip
    return str(text)
