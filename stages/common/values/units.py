"""Units as a dimension and a factor, so that 1 s is 1000 ms and 40 千瓦 is 40 kW."""

import re
from decimal import Decimal

# Dimension: names of one unit each, with the factor to the dimension's base unit.
TABLE: dict[str, tuple[tuple[str, str], ...]] = {
    "time": (
        ("ns 纳秒 nanosecond nanoseconds", "1e-9"),
        ("us μs µs 微秒 microsecond microseconds", "1e-6"),
        ("ms 毫秒 millisecond milliseconds", "1e-3"),
        ("s 秒 秒钟 sec secs second seconds", "1"),
        ("min 分钟 mins minute minutes", "60"),
        ("h 小时 hr hrs hour hours", "3600"),
        ("天 日 day days", "86400"),
        ("周 星期 week weeks", "604800"),
        ("个月 月 month months", "2592000"),
        ("年 year years", "31536000"),
    ),
    "length": (
        ("nm 纳米", "1e-9"),
        ("um μm µm 微米", "1e-6"),
        ("mm 毫米 millimetre millimetres millimeter millimeters", "1e-3"),
        ("cm 厘米", "1e-2"),
        ("m 米 metre metres meter meters", "1"),
        ("km 千米 公里 kilometre kilometres kilometer kilometers", "1e3"),
    ),
    "mass": (
        ("mg 毫克", "1e-6"),
        ("g 克 gram grams", "1e-3"),
        ("kg 千克 公斤 kilogram kilograms", "1"),
        ("t 吨 ton tons tonne tonnes", "1e3"),
    ),
    "voltage": (("mV 毫伏", "1e-3"), ("V 伏 伏特 volt volts", "1"), ("kV 千伏", "1e3")),
    "current": (("μA µA uA 微安", "1e-6"), ("mA 毫安", "1e-3"), ("A 安 安培 amp amps", "1"), ("kA 千安", "1e3")),
    "power": (
        ("mW 毫瓦", "1e-3"),
        ("W 瓦 瓦特 watt watts", "1"),
        ("kW 千瓦", "1e3"),
        ("MW 兆瓦", "1e6"),
        ("GW", "1e9"),
    ),
    "apparent power": (("VA 伏安", "1"), ("kVA 千伏安", "1e3"), ("MVA 兆伏安", "1e6")),
    "reactive power": (("var Var 乏", "1"), ("kvar kVar 千乏", "1e3"), ("Mvar MVar MVAR 兆乏", "1e6")),
    "energy": (("Wh 瓦时", "1"), ("kWh 千瓦时 度电", "1e3"), ("MWh 兆瓦时", "1e6")),
    "frequency": (("Hz 赫兹 hertz", "1"), ("kHz KHz 千赫", "1e3"), ("MHz 兆赫", "1e6"), ("GHz 吉赫", "1e9")),
    "resistance": (("mΩ 毫欧", "1e-3"), ("Ω Ω 欧 欧姆 ohm ohms", "1"), ("kΩ 千欧", "1e3"), ("MΩ 兆欧", "1e6")),
    "capacitance": (("pF", "1e-12"), ("nF", "1e-9"), ("μF µF uF 微法", "1e-6"), ("mF", "1e-3"), ("F 法拉", "1")),
    "inductance": (("μH µH uH", "1e-6"), ("mH 毫亨", "1e-3"), ("H 亨", "1")),
    "pressure": (("Pa 帕", "1"), ("kPa 千帕", "1e3"), ("bar", "1e5"), ("MPa 兆帕", "1e6")),
    "temperature": (("℃ °C ℃ 摄氏度", "1"), ("K 开尔文", "1")),
    "bytes": (
        ("B 字节 byte bytes", "1"),
        ("KB kB 千字节", "1e3"),
        ("MB 兆字节 megabyte megabytes", "1e6"),
        ("GB 吉字节 gigabyte gigabytes", "1e9"),
        ("TB 太字节 terabyte terabytes", "1e12"),
        ("KiB", "1024"),
        ("MiB", "1048576"),
        ("GiB", "1073741824"),
    ),
    "bit rate": (("kbps", "1e3"), ("Mbps Mb/s", "1e6"), ("Gbps Gb/s", "1e9")),
    "speed": (("m/s 米/秒 米每秒", "1"), ("km/h 公里/小时", "0.27777777777777777778")),
    "rotation": (("rpm r/min 转/分 转每分钟", "1"),),
    "angle": (("° deg 度 degree degrees", "1"), ("rad 弧度", "57.295779513082320877")),
    "share": (("% 百分比 percent per-cent", "1"), ("‰", "0.1")),
    "per unit": (("pu p.u. p.u 标幺值 标幺", "1"),),
    "light": (("lux lx 勒克斯", "1"),),
    "screen": (("px 像素 pixel pixels", "1"),),
    "points": (("pt 磅", "1"),),
    "level": (("dB 分贝", "1"),),
}
Unit = tuple[str, Decimal]
UNITS: dict[str, Unit] = {
    name: (dimension, Decimal(factor))
    for dimension, entries in TABLE.items()
    for names, factor in entries
    for name in names.split()
}
LONGEST_FIRST = sorted(UNITS, key=lambda name: (-len(name), name))
# A Latin unit ends where its letters end: `5 m` is no unit in `5 modes`.
PATTERN = "|".join(
    re.escape(name) + (r"(?![A-Za-z])" if name[-1].isascii() and name[-1].isalpha() else "") for name in LONGEST_FIRST
)
HAN_PATTERN = "|".join(name for name in LONGEST_FIRST if not name.isascii() and name.isalpha())
# A unit on its own, such as in a table's header: `[kV]`, （毫秒）.
WORD = re.compile(rf"(?<![A-Za-z\d_])(?:{PATTERN})(?![A-Za-z_])")


def units(text: str) -> frozenset[Unit]:
    """Every unit that is named somewhere in the text, NFKC."""
    return frozenset(UNITS[name] for name in WORD.findall(text))
