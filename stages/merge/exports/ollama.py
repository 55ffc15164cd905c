"""A Modelfile for Ollama (https://docs.ollama.com/modelfile), whose templates are Go's, not Jinja's."""

import json
from typing import NamedTuple

from stages.common.base.errors import UserError
from stages.common.chat.conversations import conversation
from stages.common.chat.templates import Chat, adds_bos

SYSTEM, ASKED, ANSWERED, AGAIN = "system-turn 一", "first-question 二", "first-answer 三", "second-question 四"


class Pieces(NamedTuple):
    """What a chat template writes around the turns of a conversation."""

    opening: str  # before the first question, when there is no system turn
    system_opening: str  # before a system turn
    system_closing: str  # between it and the first question
    answer: str  # between a question and an answer that is known already
    question: str  # between an answer and the next question
    prompt: str  # behind the last question: the model answers from here


def pieces(chat: Chat) -> Pieces:
    """Found by rendering conversations. Raises UserError for a template that writes something else for them."""
    bare = chat.section.model_copy(update={"system_prompt": ""})
    chat = Chat(chat.tokenizer, chat.template, bare, chat.folds_system)
    # Where texts begin with a BOS token, the file says so, and Ollama writes it.
    bos = chat.tokenizer.bos_token if adds_bos(chat.tokenizer) else ""

    def rendered(*turns: tuple[str, str]) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        row = {"messages": [*messages, {"role": "assistant", "content": ""}]}
        text = chat.texts([conversation(row, chat)[:-1]], prompt=True)[0]
        return text.removeprefix(bos)

    try:
        first, last = rendered(("user", ASKED)).split(ASKED)
        longer = rendered(("user", ASKED), ("assistant", ANSWERED), ("user", AGAIN))
        opening, rest = longer.split(ASKED)
        answer, rest = rest.split(ANSWERED)
        question, closing = rest.split(AGAIN)
        third = rendered(
            ("user", ASKED), ("assistant", ANSWERED), ("user", AGAIN), ("assistant", ANSWERED), ("user", SYSTEM)
        )
        before, rest = rendered(("system", SYSTEM), ("user", ASKED)).split(SYSTEM)
        after, end = rest.split(ASKED)
    except ValueError:
        raise refused() from None
    known = first + ASKED + answer + ANSWERED + question + AGAIN + answer + ANSWERED + question + SYSTEM + last
    if (opening, closing, end, third) != (first, last, last, known):
        raise refused()
    return Pieces(first, before, after, answer, question, last)


def refused() -> UserError:
    return UserError(
        "merge.export: this model's chat template writes turns in more ways than an Ollama template can follow; "
        "leave ollama out of merge.export"
    )


def go_template(pieces: Pieces) -> str:
    """The pieces as a template of Go's text/template over Ollama's .System and .Messages."""

    def text(piece: str) -> str:
        return f"{{{{ {json.dumps(piece, ensure_ascii=False)} }}}}" if piece else ""

    return (
        f"{{{{ if .System }}}}{text(pieces.system_opening)}{{{{ .System }}}}{text(pieces.system_closing)}"
        f"{{{{ else }}}}{text(pieces.opening)}{{{{ end }}}}"
        "{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}"
        '{{ if eq .Role "user" }}{{ .Content }}'
        f"{{{{ if $last }}}}{text(pieces.prompt)}{{{{ else }}}}{text(pieces.answer)}{{{{ end }}}}"
        '{{ else if eq .Role "assistant" }}{{ .Content }}'
        f"{{{{ if not $last }}}}{text(pieces.question)}{{{{ end }}}}"
        "{{ end }}{{ end }}"
    )


def refuse_prompt(system: str) -> None:
    if '"""' in system:
        raise UserError('merge.export: format.system_prompt holds """, which no Modelfile can; leave ollama out')


def modelfile(chat: Chat, gguf: str, room: int) -> str:
    """The Modelfile for the file `gguf` beside it; `room` is for prompt and answer together, in tokens."""
    stop, system = chat.tokenizer.eos_token, chat.section.system_prompt
    refuse_prompt(system)
    lines = [
        "# ollama create my-docs -f Modelfile && ollama run my-docs",
        f"FROM ./{gguf}",
        f'TEMPLATE """{go_template(pieces(chat))}"""',
        *([f'SYSTEM """{system}"""'] if system else []),
        f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}",
        "PARAMETER temperature 0",
        f"PARAMETER num_ctx {room}",
    ]
    return "\n".join(lines) + "\n"
