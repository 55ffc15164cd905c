"""Let the base model answer general prompts, to replay them in training against forgetting.

Uses the prompts in stages/common/chat/general.txt, except a quarter that is reserved for evaluate. The base model
answers on this machine, or at the endpoint that serves evaluate.base_model: once with the most likely answer,
otherwise sampled. Complete answers in the prompt's language are written to data/replay/self.jsonl, which you can read
and edit; `format.replay.source: self` trains on them.

Examples:
  doclore rehearse
  dvc exp run -S format.replay.source=self -S format.replay.share=0.1
"""

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from stages.common.base.errors import UserError
from stages.common.base.printable import say

if TYPE_CHECKING:
    from stages.common.schema import Params
    from stages.evaluate.answers import Answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--answers",
        type=int,
        default=3,
        metavar="N",
        help="answers per prompt, all but one sampled (default: %(default)s)",
    )
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        default=192,
        metavar="N",
        help="longer answers are left out (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    from stages.common.base import params
    from stages.common.chat.conversations import general_prompts
    from stages.common.records.files import write_jsonl
    from stages.format.mixing.replay import SELF

    for option, value in (("--max-new-tokens", arguments.max_new_tokens), ("--answers", arguments.answers)):
        if value < 1:
            raise UserError(f"{option} {value}: accepted is a number, at least 1")
    settings = params.load()
    prompts = general_prompts(held_out=False)
    written = answered(prompts, settings, arguments.answers, arguments.max_new_tokens)
    faults = [fault(prompt, answer) for prompt, answer in written]
    rows = [
        {"instruction": prompt, "output": answer.text, "base": settings.model.name}
        for (prompt, answer), wrong in zip(written, faults, strict=True)
        if not wrong
    ]
    left_out = Counter(filter(None, faults))
    told = f"; left out: {', '.join(f'{count} {name}' for name, count in left_out.most_common())}" if left_out else ""
    if not rows:
        raise UserError(f"the base model gave no answer to keep{told}; try a larger --max-new-tokens")
    write_jsonl(SELF, rows)
    say(f"rehearse: {len(rows)} answers of {len(written)} to {len(prompts)} prompts in {SELF}{told}")


def answered(prompts: list[str], settings: "Params", answers: int, max_new_tokens: int) -> "list[tuple[str, Answer]]":
    """Prompts with the base model's answers, kept like those that evaluate gets: the greedy ones first, then drawn ones
    that differ from the others to the same prompt."""
    from stages.common.chat.conversations import without_thought
    from stages.common.chat.templates import chat_for
    from stages.common.models.base import hub, pretrained
    from stages.evaluate import models
    from stages.evaluate.answers import Answer
    from stages.evaluate.retention import conversation

    settings = settings.model_copy(update={"model": hub.pinned(settings.model)})
    tokenizer = pretrained.tokenizer(settings.model)
    chat = chat_for(tokenizer, settings.format)
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    base = models.endpoint_base(settings, chat) or models.base(settings.model, dtype, tokenizer)
    section = settings.evaluate.model_copy(update={"max_new_tokens": max_new_tokens})
    conversations = [conversation(prompt, chat) for prompt in prompts]
    written = {
        (prompt, answer.text): answer
        for number in range(answers)
        for prompt, answer in zip(
            prompts, base.answers_to(conversations, chat, section, f"general {number + 1}", number), strict=True
        )
    }
    return [
        (prompt, Answer(without_thought(text, chat.opens_thought), answer.stopped))
        for (prompt, text), answer in written.items()
    ]


def fault(prompt: str, answer: "Answer") -> str:
    """Why an answer is not fit to be trained; empty when it is."""
    from stages.common.text.wording import language
    from stages.curate.checks.form import no_repetition
    from stages.evaluate.metrics import refused

    pair: Any = {"output": answer.text}
    if not answer.text:
        return "empty"
    if not answer.stopped:
        return "without an end"
    if language(answer.text) != language(prompt) and "翻译" not in prompt and "ranslate" not in prompt:
        return "in another language"
    if refused(answer.text):
        return "refused"
    return "repeating itself" if no_repetition(pair, None, None) else ""  # type: ignore[arg-type]
