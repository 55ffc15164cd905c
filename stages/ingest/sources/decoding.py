"""Bytes to text: UTF-8 when it is, else the encoding that reads like language, else a reason why not.

charset-normalizer judges by what characters are plausible, and on a short page takes GB 18030 for Korean. The encodings
in which most bytes of a text are not ASCII are therefore told apart first, by the most frequent characters of their
languages: more than half of any text consists of them, and a wrong decoding hits them by chance only.
"""

import codecs
import functools
import re
from typing import NamedTuple

from charset_normalizer import from_bytes

MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
SIMPLIFIED = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形"
    "相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题程展五"
    "果料象员位入常文总次品式活设及管特件长求基资边流路级少图统接知较将组见计别手角期根论运指几区强放决西被干做必先回则任取据处给色"
    "光门即保规热领口导器压世金增极交受联认六共权收证改清再转更单风切打白教速花带安场例真务具万每目至达示报完类离名确科信节话整空元"
    "况集温传步广记需段研界观装影算低持音书布复容须际商非验连断深难近周技备办列响约支般感便历除消构称准精值号率维划选标写存候快效查"
    "型按格易置层片始专状识适属包调满局照参细引听该价严默认配置文件说明页面参数，。、：；（）“”？！"
)
TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學"
    "如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩"
    "高間由問很最重並物手應向頭文體政美相見利二等產或新己制身果加月話合回特代內信表化給世位次度門任常先通教原聲提立及比員解水名真論處走"
    "義各入幾口認條平系氣題活更別打變總何電數安少報結反受目量再建務做接必場件計管期市直資命指統區保至形便空決展科基書非則聽界達光放強即"
    "難權完設式色路記品住告類求據程邊該交規萬取格術領共確傳觀清今切識帶導運預值檔專案請連線無法變更圖參數，。、：；（）「」？！"
)
KOREAN = (
    "이다는을가에의하고지도로한사를기서아어리나은대자시정인수있일해과스제라그보부으상장전주만여비성트구조원소용공화설유선안세"
    "관신생당들연개방업우동프계면경적합니터오내파실식모치"
)
KANA = "".join(map(chr, (*range(0x3041, 0x3097), *range(0x30A1, 0x30FD)))) + "、。「」・"
FREQUENT = {
    "gb18030": frozenset(SIMPLIFIED),
    "big5": frozenset(TRADITIONAL),
    "shift_jis": frozenset(KANA),
    "euc_jp": frozenset(KANA),
    "euc_kr": frozenset(KOREAN),
}
CYRILLIC = ("cp1251", "koi8_r")
LEAST_SHARE = 0.4  # of frequent characters; wrong decodings score 0.2, or 0.3 in Chinese with its second list
OTHERS = ["cp1252", "cp1250", "cp1253", "cp1254"]  # a text is ASCII for the most part, or Greek
SAMPLE = 16_384  # bytes of lines that are not ASCII: enough to judge, whatever the file's length
UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
NOT_ASCII = re.compile(r"[^\x00-\x7f]")
CYRILLIC_WORD = re.compile(r"[А-Яа-яё][а-яё]+")
HIGH_BYTE = re.compile(rb"[\x80-\xff]")
NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


class Text(NamedTuple):
    """A decoded file with LF line ends, and the encoding it was in."""

    text: str
    encoding: str


class DecodingError(Exception):
    """A file that is no text that we can read; the message is the reason as counted in the report."""


def decode(data: bytes) -> Text:
    """The text of a file. Raises DecodingError."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return Text(with_line_feeds(strictly(data, encoding)), encoding)
    if b"\0" in data:
        raise DecodingError("binary")
    try:
        return Text(with_line_feeds(data.decode("utf-8")), "utf-8")
    except UnicodeDecodeError:
        encoding = detect(data)
    return Text(with_line_feeds(strictly(data, encoding)), encoding)


def with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise DecodingError("undecodable") from None


def detect(data: bytes) -> str:
    """The encoding of a file that is not UTF-8. Raises DecodingError when none reads like language."""
    sample = telling_lines(data)
    scores = {encoding: likeness(sample, encoding) for encoding in (*FREQUENT, *CYRILLIC)}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] >= LEAST_SHARE:
        return best
    if sum(map(len, UTF8_SEQUENCE.findall(sample))) > len(HIGH_BYTE.findall(sample)) / 2:
        raise DecodingError("undecodable")  # UTF-8 with broken places: any other reading would be garbage
    encoding = by_plausibility(sample)
    if not encoding or NOT_TEXT.search(strictly(sample, encoding)):
        raise DecodingError("undecodable")
    return encoding


def by_plausibility(sample: bytes) -> str:
    """What charset-normalizer takes a text for, cp1252 where that is as likely; empty when it finds nothing."""
    matches = from_bytes(sample, cp_isolation=OTHERS)
    best = matches.best()
    if best is None:
        return ""
    western = next((match for match in matches if "cp1252" in match.could_be_from_charset), None)
    if western and western.chaos <= best.chaos and western.coherence >= best.coherence - 0.1:
        return "cp1252"
    return best.encoding


def telling_lines(data: bytes) -> bytes:
    """Some lines that are not ASCII, whole ones where they are short."""
    lines: list[bytes] = []
    size = 0
    for line in data.splitlines(keepends=True):
        if HIGH_BYTE.search(line):
            lines.append(line[: SAMPLE - size])
            size += len(lines[-1])
            if size >= SAMPLE:
                break
    return b"".join(lines)


@functools.cache
def common_hanzi() -> frozenset[str]:
    """Level 1 of GB 2312, its 3,755 common characters, less the most frequent ones."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return frozenset("".join(code.decode("gb2312", "ignore") for code in codes)) - FREQUENT["gb18030"]


def likeness(sample: bytes, encoding: str) -> float:
    """The share of a language's frequent characters among those that are not ASCII; 0 when the sample is not decodable.

    Chinese has a second list, at half the weight, since a short page may be a name and nothing more. Cyrillic letters
    count in words only: French, taken for Russian, has single ones.
    """
    try:
        # The sample may end inside a character; the whole file is decoded strictly later.
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return 0.0
    others = NOT_ASCII.findall(text)
    if encoding in CYRILLIC:
        return 0.8 * sum(map(len, CYRILLIC_WORD.findall(text))) / max(len(others), 1)
    frequent = FREQUENT[encoding]
    score = sum(character in frequent for character in others) * 1.0
    if encoding == "gb18030":
        score += sum(character in common_hanzi() for character in others) / 2
    return score / max(len(others), 1)
