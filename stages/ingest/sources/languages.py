"""The language of a page, judged by its prose: not by table cells, code, links or markup.

Chinese, Japanese and Korean are told by their script, all others by py3langid's model, which is loaded only when a page
in another script turns up.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from stages.common.text.wording import CJK

NO_PROSE = re.compile(
    r"^[ \t>]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t>]*\1[`~]*[ \t]*$|\Z)"  # fences
    r"|^[ \t>]*\|[^\n]*$"  # rows of tables
    r"|^(?: {4}|\t)[^\n]*$"  # code, or what goes on in a list: its first line is enough
    r"|`[^`\n]+`|\]\([^)\n]*\)|https?://\S+|<[^<>\n]*>|\{[^{}\n]*\}|&\w+;|\b\w*[\d_/.@-]\w[\w/.@-]*",
    re.DOTALL | re.MULTILINE,
)
KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
HANGUL = re.compile(r"[\uac00-\ud7a3]")
WORD = re.compile(r"[^\W\d_]{2,}")
SAMPLE = 6_000  # characters of prose; more do not change the answer
MIN_LETTERS = 60  # fewer say too little for the model: such a page is in the language of its neighbours
MIN_PROBABILITY = 0.5  # by py3langid; names and half sentences get less
# ISO 639-1 codes that py3langid tells apart and that documentation is written in. Its other sixty are mostly taken for
# a language on short pages that are in none of them.
CODES = """
    ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu hy id is it ka lt lv ms nl no pl pt ro ru sk sl sq sr sv
    ta te th tr uk ur vi
"""


def language(text: str) -> str:
    """The ISO 639-1 code of a text's prose; empty when there is too little of it to tell."""
    prose = NO_PROSE.sub(" ", text[: 4 * SAMPLE])[:SAMPLE]
    han, kana, hangul = (len(script.findall(prose)) for script in (CJK, KANA, HANGUL))
    words = [word for word in WORD.findall(prose) if not CJK.match(word) and not KANA.match(word)]
    if hangul > max(han + kana, sum(map(len, words)) / 5):
        return "ko"
    # A Chinese page names things in Latin letters; a Latin one seldom has more characters than words of its own.
    if han + kana > len(words):
        return "ja" if kana > (han + kana) / 10 else "zh"
    letters = " ".join(word for word in words if not HANGUL.match(word))
    return model()(letters) if len(letters) >= MIN_LETTERS else ""


@functools.cache
def model() -> Callable[[str], str]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(CODES.split())

    def sure(text: str) -> str:
        code, probability = identifier.classify(text)
        return str(code) if probability >= MIN_PROBABILITY else ""

    return sure


def above(path: str) -> Iterator[str]:
    """The directories that a file is in, the nearest first."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def neighbours(known: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """From the languages of pages by path: the language of a page whose own is not known, by most pages of the nearest
    directory that has any; empty when no page's is known."""
    counts: dict[str, Counter[str]] = {}
    for path, code in known:
        for directory in above(path) if code else ():
            counts.setdefault(directory, Counter())[code] += 1

    def of(path: str) -> str:
        nearest = next((counts[directory] for directory in above(path) if directory in counts), None)
        return min(nearest, key=lambda code: (-nearest[code], code)) if nearest else ""

    return of
