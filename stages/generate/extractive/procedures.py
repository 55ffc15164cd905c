"""Lists as procedures: steps that lead to a goal."""

import re
from collections.abc import Iterator

from stages.common.markdown.blocks import Block
from stages.common.text.wording import CJK, LETTER
from stages.generate.extractive.fact import Fact
from stages.generate.extractive.headings import CHANGES, is_common
from stages.generate.extractive.inline import plain
from stages.generate.extractive.lists import DOING, MAX_ANSWER_CHARS, PLAIN_TERM, UNFINISHED, Item, listed
from stages.generate.extractive.speech import CLOSED, imperative, points

WHAT = re.compile(r"(?:what|why|when|which|who)\b|什么|何[为时]|为什么|为何", re.IGNORECASE)  # asks for no steps
PROCEDURE = re.compile(r"步骤|流程|方法|操作|过程|如何|怎么|怎样|\bsteps?\b|\bhow to\b|^to ", re.IGNORECASE)
FINITE = re.compile(
    r"(?:\S+ ){1,2}(?:must|should|may|can|could|will|would|is|are|was|were|has|have|does)\b", re.IGNORECASE
)


def is_procedure(block: Block, entries: list[Item], path: list[str], before: str) -> bool:
    """Whether the items are things to do: in Chinese by their particles, or by the heading or the line before that says
    so; in English by the bare verbs that they begin with. Items that begin with a label are none."""
    asks = any("？" in item.text or "?" in item.text for item in entries)
    if block.kind != "steps" or len(entries) < 2 or asks or CHANGES.search(" ".join(path)):
        return False
    texts = [plain(item.text) for item in entries]
    if sum(bool(PLAIN_TERM.fullmatch(text)) for text in texts) * 2 > len(texts):
        return False
    if not CJK.search(block.text):
        bare = [bool(LETTER.match(text)) and not (CLOSED.match(text) or FINITE.match(text)) for text in texts]
        conditions = sum(text[:3] == "If " for text in texts)
        commands = len(texts) if PROCEDURE.search(path[-1]) else sum(map(imperative, texts))
        told_all = sum(bare) + conditions == len(texts) and conditions * 2 < len(texts) and commands * 3 >= len(texts)
        return block.text.lstrip()[:1] in "01" and told_all
    doing = sum(bool(DOING.match(text)) for text in texts)
    return doing * 2 > len(entries) or bool(PROCEDURE.search(path[-1] + before))


def steps(block: Block, entries: list[Item], goal: str, headings: tuple[str, ...]) -> Iterator[Fact]:
    """The whole procedure."""
    answer = listed(block)
    if (
        goal
        and not (goal.endswith(("?", "？")) or WHAT.match(goal))
        and not is_common(goal)
        and 0 < len(answer) <= 2 * MAX_ANSWER_CHARS
        and "```" not in answer
        and not points(answer)
        and not UNFINISHED.search(answer)
    ):
        yield Fact("steps", goal, answer, block.text.strip(), headings)
