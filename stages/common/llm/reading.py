"""A completion to the end of its request, or to the next question about it."""

import contextlib

from pydantic import BaseModel

from stages.common.llm import examples, replies
from stages.common.llm.completion import Reply
from stages.common.llm.faults import FaultError, RefusalError, clean
from stages.common.llm.json_text import JSON_START, UNUSABLE
from stages.common.llm.outcome import Outcome
from stages.common.llm.talk import Result, Talk
from stages.common.llm.thinking import StillThinkingError

MAX_SHOWN = 4000  # characters of its own answer that a model is shown
CORRECTION = "Your answer could not be used: {problem}\nAnswer again, with the complete and corrected JSON only."


class Reader:
    """Reads answers of one kind. `section` is the part of params.yaml that asks, `most_tries` its max_retries."""

    def __init__(self, answer: type[BaseModel], section: str, most_tries: int, outcome: Outcome) -> None:
        self.answer, self.section, self.most_tries, self.outcome = answer, section, most_tries, outcome

    def read(self, talk: Talk, reply: Reply) -> Result | None:
        """The answer in a reply; None when the request, as changed in `talk`, is to be asked again."""
        if reply.finish == "content_filter":
            raise RefusalError("content filter", "the endpoint withheld the answer", filtered=True)
        if reply.finish == "error":
            raise FaultError("broken off", "the endpoint broke the answer off")
        if self.answer is replies.Text:
            return talk.answered(replies.Text(text=reply.text, stopped=reply.finish == "stop"))
        if reply.finish == "length":
            return self.read_broken_off(talk, reply)
        if reply.refusal and not reply.text:
            return self.second_question(talk, "", "refused by the model", reply.refusal)
        shown = examples.of(talk.request.messages, self.answer)
        if not reply.text.strip():
            return self.read_thoughts(talk, reply, shown)
        try:
            return talk.answered(replies.read(reply.text, self.answer, examples=shown))
        except UNUSABLE as error:
            if reply.thoughts and not JSON_START.search(reply.text):
                with contextlib.suppress(*UNUSABLE):
                    return talk.answered(replies.read_thoughts(reply.thoughts, self.answer, shown))
            return self.second_question(talk, reply.text, "schema not met", replies.problem(error))

    def read_thoughts(self, talk: Talk, reply: Reply, shown: list[BaseModel]) -> Result:
        """The answer of a reply that has nothing but thoughts. Raises FaultError when there is none."""
        if not reply.thoughts.strip():
            raise FaultError("empty answer")
        try:
            return talk.answered(replies.read_thoughts(reply.thoughts, self.answer, shown))
        except UNUSABLE:
            raise FaultError(
                "empty answer",
                "the whole reply is in the field for thoughts, with more than an answer in it; set "
                f"{self.section}.thinking to off, or give the server another reasoning parser",
                tries=max(1.0, self.most_tries / 2),  # as the same model would do the same
            ) from None

    def second_question(self, talk: Talk, text: str, kind: str, problem: str) -> Result | None:
        """Ask once more (None), showing the model what was wrong; the second time the same is final."""
        if self.most_tries == 0:
            raise FaultError(kind, clean(problem))
        self.outcome.faults[kind] += 1
        if kind in talk.corrected:
            return talk.refused(kind, clean(problem))
        talk.corrected.add(kind)
        if text:
            talk.messages.append({"role": "assistant", "content": text[:MAX_SHOWN]})
            talk.messages.append({"role": "user", "content": CORRECTION.format(problem=problem)})
        return None

    def read_broken_off(self, talk: Talk, reply: Reply) -> Result | None:
        """A reply that ran into its limit: ask once more with twice the room (None), then save its whole items."""
        shown = examples.of(talk.request.messages, self.answer)
        try:
            return talk.answered(replies.read(reply.text, self.answer, complete=False, examples=shown))
        except UNUSABLE as error:
            talk.broken_off.append(reply.text)
            talk.tried = min(talk.room, talk.form.most or talk.room)
            talk.only_thoughts = isinstance(error, StillThinkingError) or not reply.text.strip()
            self.outcome.faults["truncated"] += 1
        room = min(2 * talk.room, talk.form.most or 2 * talk.room)
        if len(talk.broken_off) == 1 and room > talk.room and self.most_tries and not talk.shrunk:
            talk.room = room
            return None
        return self.cut(talk)

    def cut(self, talk: Talk) -> Result:
        """What a request comes to that did not fit into its room: whole items, or a refusal that more room lifts."""
        section = self.section
        message = f"the answer does not fit into max_tokens; raise {section}.max_tokens"
        if talk.only_thoughts:
            message = f"thoughts filled max_tokens; raise {section}.max_tokens, or set {section}.thinking to off"
        return self.saved(talk) or talk.refused("truncated", message, room=max(talk.room, 1))

    def saved(self, talk: Talk) -> Result | None:
        """An answer from the whole items of replies that broke off, of the longest one that has any."""
        shown = examples.of(talk.request.messages, self.answer)
        for text in sorted(talk.broken_off, key=len, reverse=True):
            with contextlib.suppress(*UNUSABLE):
                return talk.answered(replies.read_whole_items(text, self.answer, shown), max(talk.room, 1))
        return None
