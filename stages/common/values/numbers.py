"""Numbers of a text, whatever way they are written: 1,000 and 1000, 1.0 and 1, 1.2万 and 12000, 三个 and 3 个."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from stages.common.values.units import HAN_PATTERN, PATTERN, UNITS, Unit

Value = Decimal | str  # a version such as 1.10.0 is only equal to itself


class Number(NamedTuple):
    """A number as it is written and what it is worth; `unit` only where one follows at once, `counted` where things are
    counted rather than measured."""

    written: str
    value: Value
    unit: Unit | None
    counted: bool


DIGITS = {**{char: value for value, char in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
PLACES = {"十": 10, "百": 100, "千": 1000}
MYRIADS = {"万": 10**4, "亿": 10**8}
SCALES = {**PLACES, **MYRIADS, "k": 1000, "K": 1000}
WORDS = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty"""
VALUES_OF_WORDS = {word: Decimal(value) for value, word in enumerate(WORDS.split(), 2)}
# What is counted: 三种 is a number, 三相 and 第一 are not.
COUNTED = "个种次台条步项类级位组层阶页天倍张段行列块套路件例名份部分秒小月年周章节"
COUNTED_SET = frozenset(COUNTED)

CIRCLED = re.compile(r"[①-⑳⑴-⒇]")
LIST_MARKS = re.compile(
    r"(?m)^\s*(?:#+ )?(?:\d{1,2}[.)、](?!\d)|\(\d{1,2}\)|步骤 ?\d{1,2}\b|Step \d{1,2}\b)"
    r"|(?<=[;,:。]) ?\d{1,2}\)|(?<![\w)])\(\d\)(?=\s*\w)"
)
NUMBER = re.compile(
    r"(?a)"  # a Chinese character ends a number
    r"(?P<sign>(?<![\w.)\]%-])-(?=\.?\d))?"
    r"(?<![A-Za-z_\d.])(?<![A-Za-z]-)(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)*|\.\d+)"
    r"(?:[eE](?P<exponent>[-+]?\d+)(?!\w)|\s?[×*]\s?10\^?\{?(?P<power>[-+]?\d+)\}?)?"
    rf"(?P<scale>\s?[万亿千百](?!分)|[kK](?![A-Za-z]))?(?=\s?(?P<unit>{PATTERN})?)"
    r"(?P<tail>[A-Za-z_]\w*)?"
)
HAN = re.compile(
    r"百分之[零〇一二两三四五六七八九十百]+"
    rf"|(?<![第这那该])[零〇一二两三四五六七八九十百千万亿]+(?=\s?(?:(?P<unit>{HAN_PATTERN})|[{COUNTED}]))"
)
BELOW_ZERO = re.compile(r"(?:零下|负|\b[Mm]inus ) ?(?=\d)|−(?=\d)")
CELSIUS = re.compile(r"(?:degrees? |°)(?:Celsius|centigrade)", re.IGNORECASE)
VAGUE = re.compile(r"[一十百千万亿]|[十百千]万")  # 一个, 万一, 千万: words rather than numbers
ENGLISH = re.compile(rf"(?<!the )(?<!these )(?<!both )\b(?:{'|'.join(VALUES_OF_WORDS)})\b", re.IGNORECASE)


def one_notation(text: str) -> str:
    """NFKC without list numbers and Markdown's escapes, with one way to write a minus sign and degrees Celsius."""
    circled = CIRCLED.sub(" ", text)
    text = LIST_MARKS.sub(" ", unicodedata.normalize("NFKC", circled).replace("\\", ""))
    return CELSIUS.sub("°C", BELOW_ZERO.sub("-", text))


def numbers(text: str) -> Iterator[Number]:
    """Every number of the text, but for list numbers and those inside names such as AC1, v2.0 or 3D."""
    text = one_notation(text)
    for match in NUMBER.finditer(text):
        unit = match["unit"]
        if not match["tail"] or match["tail"] in (unit, "x", "X"):
            count = not unit and text[match.end() : match.end() + 2].strip()[:1] in COUNTED_SET
            yield Number(match[0].strip(), value(match), UNITS[unit] if unit else None, count)
    for match in HAN.finditer(text):
        if not VAGUE.fullmatch(match[0]):
            unit = UNITS["%"] if match[0].startswith("百分之") else UNITS.get(match["unit"])
            yield Number(match[0], han_value(match[0].removeprefix("百分之")), unit, unit is None)
    for match in ENGLISH.finditer(text):
        yield Number(match[0], VALUES_OF_WORDS[match[0].lower()], None, True)


def value(match: re.Match[str]) -> Value:
    """The value of a number in digits."""
    digits = match["digits"]
    if digits.count(".") > 1:
        return digits
    exponent = int(match["exponent"] or match["power"] or 0)
    plain_value = Decimal((match["sign"] or "") + digits.replace(",", ""))
    if abs(exponent) <= 30:
        plain_value = plain_value.scaleb(exponent)
    return plain_value * SCALES[match["scale"].strip()] if match["scale"] else plain_value


def han_value(written: str) -> Decimal:
    """三百二十 is 320, 十二 is 12, 两万 is 20000."""
    total = section = digit = 0
    for char in written:
        if char in DIGITS:
            digit = DIGITS[char]
        elif char in PLACES:
            section, digit = section + (digit or 1) * PLACES[char], 0
        else:
            total, section, digit = (total + section + digit) * MYRIADS[char], 0, 0
    return Decimal(total + section + digit)
