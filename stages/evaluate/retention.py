"""Whether the tuned model still does what its base did: general prompts that are never replayed, the base's own greedy
answers to them, how likely the tuned model finds these, and how alike its own are."""

from collections.abc import Sequence
from typing import Any

from stages.common.chat.conversations import IGNORED, general_prompts
from stages.common.chat.templates import Chat, Message
from stages.common.records.files import share
from stages.common.schema import Evaluate
from stages.evaluate import metrics, statistics
from stages.evaluate.answers import Answer, Tokenised
from stages.evaluate.figures import named, rounded
from stages.evaluate.models import Models

DESC = "general"


def prompts(section: Evaluate) -> list[str]:
    """At most `evaluate.retention_rows` of the held-out general prompts, by hash."""
    drawn = sorted(general_prompts(held_out=True), key=lambda prompt: share("sample", prompt))
    return drawn[: section.retention_rows]


def figures(asked: Models, chat: Chat, section: Evaluate) -> dict[str, Any]:
    """Loss of base and tuned model on the base's answers, where both tell theirs, and how alike their answers are."""
    chosen = prompts(section)
    turns = [conversation(prompt, chat) for prompt in chosen]
    answers = {name: asked[name].answers_to(turns, chat, section, DESC) for name in ("base", "tuned")}
    rows = [tokenised(turn, answer, chat) for turn, answer in zip(turns, answers["base"], strict=True)]
    alike = [metrics.chrf([tuned.text], [base.text]) / 100 for base, tuned in zip(*answers.values(), strict=True)]
    found: dict[str, Any] = {"rows": len(chosen), "agreement": sum(alike) / len(alike)}
    found |= named(statistics.share_interval(chosen, alike), "agreement_")
    return rounded(found | losses(chosen, rows, asked, section))


def conversation(prompt: str, chat: Chat) -> list[Message]:
    system = chat.section.system_prompt
    turn = {"role": "user", "content": prompt}
    if not system:
        return [turn]
    folded = {**turn, "content": f"{system}\n\n{prompt}"}
    return [folded] if chat.folds_system else [{"role": "system", "content": system}, turn]


def tokenised(turns: list[Message], answer: Answer, chat: Chat) -> Tokenised:
    """Prompt and answer as the base model wrote them, with its end where it came to one."""
    prompt, written = (
        chat.tokenizer(text, add_special_tokens=False).input_ids
        for text in (chat.texts([turns], prompt=True)[0], answer.text)
    )
    ids = written + [chat.tokenizer.eos_token_id] * answer.stopped
    return {"input_ids": prompt + ids, "labels": [IGNORED] * len(prompt) + ids}


def losses(chosen: Sequence[str], rows: Sequence[Tokenised], asked: Models, section: Evaluate) -> dict[str, float]:
    """Nats per token, and the change with its interval over prompts; nothing where a server tells no loss."""
    after = asked["tuned"].row_losses(rows, section, DESC)
    before = asked["base"].row_losses(rows, section, DESC)
    if before is None or after is None:
        return {}
    sums = [[total for total, _ in measured] for measured in (before, after)]
    tokens = [count for _, count in before]
    base, tuned = (sum(column) / max(sum(tokens), 1) for column in sums)
    interval = statistics.bootstrap(
        statistics.per_page(chosen, *sums, tokens), lambda column: (column[:, 1] - column[:, 0]) / column[:, 2]
    )
    return {"base_loss": base, "tuned_loss": tuned, "loss_change": tuned - base, **named(interval, "loss_change_")}
