"""Chat templates: the one text that training, evaluation and serving share.

Every `format.mode` is a Jinja template over messages. `chat` uses the tokenizer's own; the two other modes have
theirs here, written so that the template that is shipped reproduces the trained text exactly.
"""

import functools
import json
import re
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError

from stages.common.base.errors import UserError
from stages.common.schema import Format
from stages.common.schema.format import PLACEHOLDERS

Message = dict[str, str]

# OpenAI's ChatML, by hand.
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# Llama 3's template writes today's date. What is trained must not depend on the day, and a server must write the
# same: Meta's own fallback is this date.
DATE = "26 Jul 2024"


def template_for(section: Format, tokenizer: Any) -> str:
    """The chat template that is trained and shipped."""
    if section.mode == "chat":
        if not isinstance(tokenizer.chat_template, str):
            raise UserError("the model's tokenizer has no chat template; use -S format.mode=alpaca or token_level")
        return pinned(tokenizer.chat_template, section.thinking)
    if section.mode == "token_level" and tokenizer.convert_tokens_to_ids("<|im_end|>") in (
        None,
        tokenizer.unk_token_id,
    ):
        raise UserError("the model's tokenizer has no <|im_end|> token; use -S format.mode=chat or alpaca")
    if section.mode == "alpaca" and not tokenizer.eos_token:
        raise UserError("the model's tokenizer has no end-of-sequence token; use -S format.mode=chat")
    template = alpaca_template(section.alpaca) if section.mode == "alpaca" else CHATML
    return "{{ bos_token }}" + template if adds_bos(tokenizer) else template


def pinned(template: str, thinking: str) -> str:
    """A template with its free variables set to what was trained, unless a server sets them: a prompt that is built
    without further ado is then the trained one."""
    pins = ""
    if "enable_thinking" in template:
        value = "true" if thinking == "keep" else "false"
        pins += f"{{% if enable_thinking is not defined %}}{{% set enable_thinking = {value} %}}{{% endif %}}"
    if "strftime_now" in template:
        pins += f"{{% macro strftime_now(format) %}}{DATE}{{% endmacro %}}"
    # A newline right behind a block is swallowed (trim_blocks).
    return pins + ("\n" if pins and template.startswith("\n") else "") + template


def alpaca_template(text: str) -> str:
    """`format.alpaca` as Jinja. What stands before the paragraph of {instruction} is written once, the rest in each
    turn; the end-of-sequence token closes an answer: without it a model never learns to stop."""
    parts = paragraphs(text)
    first = next(i for i, part in enumerate(parts) if part[1] == "instruction")
    values = {"system": "messages[0]['content']", "instruction": "message['content']", "input": "message['input']"}
    conditions = {"system": "messages[0]['role'] == 'system'", "input": "message['input']"}

    def jinja(part: tuple[str, str, str]) -> str:
        before, name, after = part
        value = f" + {values[name]} + {json.dumps(after + chr(10) * 2)}" if name else ' + "\\n\\n"'
        written = f"{{{{ {json.dumps(before)}{value} }}}}"
        return f"{{% if {conditions[name]} %}}{written}{{% endif %}}" if name in conditions else written

    head, turn = ("".join(map(jinja, chosen)) for chosen in (parts[:first], parts[first:-1]))
    response = json.dumps(parts[-1][0])
    return (
        f"{head}{{% for message in messages %}}{{% if message['role'] == 'user' %}}{turn}"
        "{% elif message['role'] == 'assistant' %}"
        f"{{{{ {response} + message['content'] + eos_token + '\\n\\n' }}}}{{% endif %}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{{{{ {response} }}}}{{% endif %}}"
    )


def paragraphs(text: str) -> list[tuple[str, str, str]]:
    """A text of mode alpaca taken apart at its blank lines: (what stands before, placeholder or "", what follows).

    A paragraph whose placeholder has no value in a row is left out, heading and all.
    """
    parts = (re.split(r"\{(" + "|".join(PLACEHOLDERS) + r")\}", part) for part in text.split("\n\n"))
    return [(part[0], *(part[1:] or ("", ""))) for part in parts]  # type: ignore[misc]


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer starts every text with a BOS token; templates must then write it themselves."""
    ids = tokenizer("a").input_ids
    return tokenizer.bos_token_id is not None and ids[:1] == [tokenizer.bos_token_id]


@dataclass(frozen=True)
class Chat:
    """A tokenizer with the template that is trained. `folds_system`: the template has no system turn, so its text
    opens the first user turn."""

    tokenizer: Any
    template: str
    section: Format
    folds_system: bool

    def texts(self, conversations: list[list[Message]], *, prompt: bool = False) -> list[str]:
        """Each conversation as `apply_chat_template` writes it; with `prompt`, up to where the model starts to
        answer. Raises jinja2's TemplateError on a conversation that the template refuses."""
        values = self.values | {"add_generation_prompt": prompt}
        new_context, write = self.compiled.new_context, self.compiled.root_render_func
        # What Template.render does, but for one thing: `shared` spares each text another copy of all globals.
        return ["".join(write(new_context(values | {"messages": each}, shared=True))) for each in conversations]

    @functools.cached_property
    def compiled(self) -> Any:
        """The template as transformers compiles it."""
        from transformers.utils.chat_template_utils import _compile_jinja_template

        return _compile_jinja_template(self.template)

    @functools.cached_property
    def opens_thought(self) -> bool:
        """Whether a prompt ends in an open think block, so that a model closes it before it answers."""
        return self.texts([[{"role": "user", "content": "user-turn"}]], prompt=True)[0].rstrip().endswith("<think>")

    @functools.cached_property
    def values(self) -> dict[str, Any]:
        """What apply_chat_template tells a template beside the messages."""
        return {**self.compiled.globals, **self.tokenizer.special_tokens_map, "tools": None, "documents": None}


def chat_for(tokenizer: Any, section: Format, template: str | None = None) -> Chat:
    """What renders the dataset's rows; `template` when it is known already, as it is behind the stage format."""
    template = template_for(section, tokenizer) if template is None else template
    probe = [{"role": role, "content": f"{role}-turn"} for role in ("system", "user", "assistant")]
    chat = Chat(tokenizer, template, section, folds_system=False)
    try:
        takes_system = "system-turn" in chat.texts([probe])[0]
    except TemplateError:
        takes_system = False
    return Chat(tokenizer, template, section, folds_system=not takes_system)
