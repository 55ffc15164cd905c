"""Short answers as sentences: a value alone teaches a value, a sentence also what it is the value of.

The frames stand in answers.<lang>.yaml. A hash of the fact chooses one: all wordings of its question have one answer.
"""

import functools
import re
from pathlib import Path

import yaml

from stages.common.base.errors import UserError
from stages.common.records.files import share
from stages.generate.extractive.fact import KINDS, Fact

LONGEST = 60  # characters of an answer that is put into a sentence
SENTENCE = re.compile(r"[.。!！?？:：;；]\s*$")  # such an answer is one already

Frames = dict[str, list[str]]


@functools.cache
def frames(lang: str) -> Frames:
    """`answers.<lang>.yaml`; an error of who edited it is told in one line."""
    path = Path(__file__).with_name(f"answers.{lang}.yaml")
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}: {' '.join(str(error).split())[:200]}") from None
    for kind, choices in read.items():
        if kind not in KINDS or not choices or any("{v}" not in frame or "{s}" not in frame for frame in choices):
            raise UserError(f"{path.name}: {kind}: accepted is a kind of fact with frames that have {{s}} and {{v}}")
    return dict(read)


def framed(fact: Fact, lang: str) -> str:
    """The answer in a sentence, if its kind has frames and it is a short part of one; else as it is."""
    choices = frames(lang).get(fact.kind)
    answer = fact.answer.strip()
    if not choices or not fact.subject or "\n" in answer or len(answer) > LONGEST or SENTENCE.search(answer):
        return fact.answer
    frame = choices[int(share("frame", fact.subject, fact.answer) * len(choices))]
    return frame.replace("{s}", fact.subject).replace("{v}", answer)
