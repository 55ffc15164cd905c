"""Whether question and answer are in the language that they should be in."""

import functools
import re

from stages.common.records.rows import OWN_FAMILY, Pair
from stages.common.rows.rows import Verdict
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.common.text.wording import CJK, squeezed
from stages.common.values import names

# Words that sentences are built with: names and terms of another language do not change a sentence's language.
ENGLISH = re.compile(
    r"\b(?:the|a|an|is|are|was|of|to|in|on|for|and|or|with|by|from|that|this|it|what|which|how|why|when|where|who|does|do|"
    r"can|please|give|tell|me|should|you|your|be|has|have|not|if|its|as|at|into|used|using|list|explain|describe|show)\b",
    re.IGNORECASE,
)
CHINESE = re.compile(r"[的是在了和与或中为有用于请问什么如何怎样哪些吗呢可以能将把被从到对及其时则即并会应需这该它不]")
NAMES_AMID = 4  # Chinese characters for each English word
OTHER_SCRIPT = re.compile(r"[\u3040-\u30ff\uac00-\ud7af\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f]{2,}")


def language_agrees(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Question and answer are in `curate.language`, or for `auto` in a language of the page. An answer that quotes the
    chunk is in the page's language, whatever it is, and a question in the user's own words in the one they chose."""
    if limits.language == "any":
        return None
    auto = limits.language == "auto"
    accepted = source.languages | source.scripts if auto else frozenset({limits.language})
    quoted = auto and squeezed(pair["output"]) in source.squeezed
    own = pair.get("family") == OWN_FAMILY
    for text in [pair["instruction"]] * (not own) + [pair["output"]] * (not quoted):
        foreign = OTHER_SCRIPT.search(text)
        if foreign and foreign[0] not in source.text:
            return Verdict(foreign[0], sorted(accepted))
        spoken = language_of_sentences(text)
        if spoken and spoken not in accepted:
            return Verdict(spoken, sorted(accepted))
    return None


@functools.lru_cache(1 << 12)
def language_of_sentences(text: str) -> str:
    """zh or en by the words that hold sentences together; empty where there are none, such as in a name or a number.
    A few English words amid many Chinese characters are names: the `To Bus` of a table."""
    text = names.without_code(text)
    chinese, english = len(CHINESE.findall(text)), len(ENGLISH.findall(text))
    if english and len(CJK.findall(text)) >= NAMES_AMID * english:
        return "zh"
    if chinese == english:
        return ""
    return "zh" if chinese > english else "en"
