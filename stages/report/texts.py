"""What the page says, in English and Chinese: texts.yaml and how values are put into it. Both languages stand in the
page; the switch shows one."""

import math
import re
from pathlib import Path
from typing import Any

from markupsafe import Markup
from ruamel.yaml import YAML

Text = tuple[str, str]  # English, Chinese


SHARES = (
    "min_stopped",
    "min_reading",
    "min_refused",
    "max_refused_answerable",
    "max_confident_wrong",
)  # no differences


def read() -> dict[str, dict[str, Text]]:
    """The sections of texts.yaml, with their texts by name."""
    sections = YAML(typ="safe").load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return {name: {key: (text["en"], text["zh"]) for key, text in texts.items()} for name, texts in sections.items()}


TEXTS, RESTS_ON, GATE, COUNTED = read().values()


def both(key: str, **values: Any) -> Markup:
    """A text in both languages, with values put in."""
    return twice(TEXTS[key], values)


def failed(failure: dict[str, Any]) -> Markup:
    """Why the gate failed, from what evaluate/gate.py writes: shares as points, but that of answers as a share."""
    values: dict[str, Any] = {key: failure[key] for key in ("task", "limit") if key in failure}
    values["set"] = TEXTS[failure.get("set", "eval_seen")]
    if "value" in failure:
        if failure["check"] == "max_retention_loss":
            return twice(GATE[failure["check"]], values | {"value": f"{failure['value']:.2f}"})
        points = f"{100 * failure['value']:+.1f}".removesuffix(".0")
        values["value"] = share(failure["value"]) if failure["check"] in SHARES else points
    return twice(GATE[failure["check"]], values)


def named(key: str) -> Markup:
    """What a stage counts, in both languages; a name that is none of these says nothing more."""
    return twice(COUNTED[key], {}) if key in COUNTED else Markup("")


def twice(text: Text, values: dict[str, Any]) -> Markup:
    """The text in both languages; a value that is a pair is put in by language, too."""
    english, chinese = filled((Markup(coded(text[0])), Markup(coded(text[1]))), values)
    spans = Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh-CN">{}</span>')
    return spans.format(english, chinese)


def filled(text: Text, values: dict[str, Any]) -> Text:
    """The text with values put in, by language where a value is a pair."""
    english, chinese = (
        part.format(**{key: value[n] if isinstance(value, tuple) else value for key, value in values.items()})
        for n, part in enumerate(text)
    )
    return english, chinese


def plain(key: str, values: dict[str, Any], language: str) -> str:
    """A text for the terminal in one language, `en` or `zh`, without mark-up."""
    return re.sub(r"<[^>]+>", "", filled(TEXTS[key], values)[language == "zh"])


def coded(text: str) -> str:
    """Back-ticks as code elements."""
    parts = text.split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


def share(value: float) -> str:
    """A share from 0 to 1 as a percentage; what is not quite none or all does not look like it."""
    percent = round(100 * value)
    if percent == 0 < value:
        return "<1%"
    if percent == 100 and value < 1:
        return ">99%"
    return f"{percent}%"


def number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def seconds(value: float | None) -> str:
    """Seconds as h, min and s, the two largest."""
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def value(figure: Any) -> str:
    """A figure of a stage: numbers in groups of three digits, names as they are."""
    return f"{figure:,}" if isinstance(figure, int | float) and math.isfinite(figure) else str(figure)
