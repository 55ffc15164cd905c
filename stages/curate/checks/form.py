"""Checks of a pair's form: fields, lengths and what a model or a converter left behind."""

import functools
import re
from collections import Counter

from stages.common.records.rows import Pair
from stages.common.rows.rows import Verdict, all_text
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.common.text.wording import normalised
from stages.common.values import names

NO_WORDS = re.compile(r"[\s.…。·?？!！]*")
LEFTOVER = re.compile(
    r"</?think>|</thinking>|\ufffd|<\|[A-Za-z_]+\|>|<｜[^｜]+｜>|\[/?INST\]|<</?SYS>>|</?s>(?=\s|\Z)"
    r"|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|/?tool_call|/?tool_response|/?reasoning|/?answer)>"
)
FENCED = re.compile(r"\A\s*(`{3,}|~{3,})[^\n]*\n(.*?)\n?\s*\1\s*\Z", re.DOTALL)
LABEL = re.compile(
    r"\A[*#\s\"']*+(?:(?:answer|output|response|assistant|instruction|question|user)\s*+[*\"']*+\s*+[:：]|"
    r"(?:答案?|回答|输出|问题?|问句|助手|用户)\s*+[*\"']*+\s*+[:：])"
    r"|\A\s*\{\s*\"(?:answer|output|instruction|question|pairs)\"\s*:",
    re.IGNORECASE,
)
TAGS = """a abbr article aside b blockquote body br button center code col colgroup dd details div dl dt em embed
figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input label li link main mark
meta nav ol option p pre s script section select small span strong style summary svg table tbody td textarea tfoot th
thead tr u ul video"""
CIRCLE = re.compile(r"(?=[^\w\s]*+\w)(\S[^|\n]{5,80}?)(?:\s*\1){2,}")
MARKUP = re.compile(
    rf"</?(?:{'|'.join(TAGS.split())})(?:\s[^<>\n]*)?/?>"
    r"|(?<![\w<])<[A-Z]\w*(?:\.\w+)*(?:\s+\w+=[^<>\n]*|\s*/)\s*/?>|</[A-Z]\w*>"  # MDX components
    r"|<!--|-->|\{/\*|\*/\}|&(?:nbsp|lt|gt|amp|quot|ensp|emsp|#\d{2,5});"
    r"|(?m:^:::\w*\s*|^import\s[^\n]+\sfrom\s+['\"]|^export\s+(?:const|default|function)\s|^---\n\w+:)",
)


def schema(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    """All fields are text; question and answer have words or signs in them."""
    fields = ("pair_id", "instruction", "input", "output", "evidence")
    wrong = [name for name in fields if not isinstance(pair.get(name), str)]
    blank = [name for name in ("instruction", "output") if name not in wrong and NO_WORDS.fullmatch(pair[name])]  # type: ignore[literal-required]
    return Verdict(wrong + blank, "text") if wrong + blank else None


def question_length(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    size = len(pair["instruction"])
    low, high = limits.min_question_chars, limits.max_question_chars
    return None if low <= size <= high else Verdict(size, [low, high])


def answer_length(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    size = len(pair["output"])
    low, high = limits.min_answer_chars, limits.max_answer_chars
    return None if low <= size <= high else Verdict(size, [low, high])


def no_leftovers(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    """No think tag, special token, replacement character, field label or fence around everything."""
    match = LEFTOVER.search(all_text(pair))
    if match and source and match[0] != "\ufffd" and match[0] in source.text:
        match = None  # documentation about such tokens
    if source is None:
        return Verdict(match[0], "plain text") if match else None
    match = match or LABEL.match(pair["output"]) or LABEL.match(pair["instruction"])
    match = match or FENCED.match(pair["instruction"]) or needless_fence(pair["output"], source)
    return Verdict(match[0][:80], "plain text") if match else None


def needless_fence(answer: str, source: Source) -> re.Match[str] | None:
    """A fence around the whole answer, unless the chunk has that code in a fence or span of its own."""
    fenced = FENCED.match(answer)
    if fenced is None:
        return None
    code = {"".join(line.split()) for line in names.code_spans(source.text)}
    lines = ["".join(names.code(line).split()) for line in fenced[2].split("\n") if line.strip()]
    return None if lines and all(line in code for line in lines) else fenced


def no_markup(pair: Pair, source: Source, limits: Curate) -> Verdict | None:
    """Neither HTML nor MDX outside of code. `<sub>`, `<sup>` and `<kbd>` are Markdown's own way to write these."""
    for text in (pair["instruction"], pair["output"]):
        if "<" in text or "&" in text or "{" in text or ":::" in text or "\n" in text or text.startswith("import"):
            match = MARKUP.search(names.without_code(text))
            if match:
                return Verdict(match[0][:80], "no HTML or MDX")
    return None


def input_adds_something(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    """The input does not merely repeat the question or the answer."""
    text = normalised(pair["input"])
    repeats = text and text in (normalised(pair["instruction"]), normalised(pair["output"]))
    return Verdict(pair["input"][:80], "not the question or the answer again") if repeats else None


def no_repetition(pair: Pair, source: Source | None, limits: Curate) -> Verdict | None:
    """The answer does not run in circles: the same six or more characters three times in a row."""
    answer = pair["output"]
    match = next(filter(None, (CIRCLE.match(answer, start) for start in starts_of_thrice(answer, 6))), None)
    if match and re.search(r"(\w)(?!\1)\w", match[1]) and not (source and match[0] in source.text):
        return Verdict(match[1], "said once")
    return None


@functools.lru_cache(1 << 12)  # the wordings of a fact share their answer
def starts_of_thrice(text: str, size: int) -> list[int]:
    """Where any `size` characters begin that stand three times in a text: what runs in circles begins at one of them.
    It is looked for nowhere else, so that a long answer costs as its length does."""
    grams = [text[start : start + size] for start in range(len(text) - size + 1)]
    counts = Counter(grams)
    return [start for start, gram in enumerate(grams) if counts[gram] >= 3] if len(counts) < len(grams) - 1 else []
