"""reports/index.html: one self-contained page in Chinese and English, nothing loaded from elsewhere.

A function of the files that the stages wrote, of params.yaml and of `.cache/timings.jsonl`; what is missing stays out.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.common.base.printable import printable
from stages.common.records.files import atomic
from stages.common.records.masking import masked
from stages.common.schema import Params
from stages.report import curves, decision, inputs, markdown, measures, pipeline, texts
from stages.report.cards import cards, link
from stages.report.inputs import Inputs
from stages.report.treemap import Group, treemap

HERE = Path(__file__).parent
MAPS = (("wide", 1040, 420), ("narrow", 350, 520))  # the treemap for a desk and for a phone, in user units


def write(file: Path, settings: Params) -> None:
    """Render the page from what lies in reports/ and data/."""
    page = printable(environment().get_template("report.html.jinja").render(context(inputs.read(), settings)))
    with atomic(file) as stream:
        stream.write(masked(page)[0] if settings.curate.private != "keep" else page)


@functools.cache
def environment() -> Environment:
    """Everything is escaped: pages and answers hold mark-up."""
    jinja = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters |= {"share": texts.share, "number": texts.number, "seconds": texts.seconds, "p": texts.p_value}
    jinja.filters["value"] = texts.value
    jinja.globals |= {"t": texts.both, "name": texts.named, "failed": texts.failed, "marked": markdown.marked}
    return jinja


def context(inputs: Inputs, settings: Params) -> dict[str, Any]:
    evaluate = inputs.stages["evaluate"]
    style, script = ((HERE / name).read_text("utf-8") for name in ("report.css", "report.js"))
    return {
        "language": main_language(inputs),
        "model": Path(settings.model.name.split(":")[-1]).name,
        "docs": Path(settings.docs.path).name or settings.docs.path,
        "evaluate": evaluate,
        "sets": measures.sets(evaluate),
        "outcomes": measures.outcomes(inputs.predictions),
        "lead": decision.sentences(evaluate, inputs.predictions),
        "pages": [(page, link(page.path, settings.docs.path)) for page in measures.pages(inputs.predictions)],
        "search": measures.search(inputs.predictions),
        "cards": cards(inputs, settings.docs.path, settings.curate.private != "keep"),
        "questions": len(inputs.predictions),
        "steps": pipeline.steps(inputs),
        "funnel": pipeline.funnel(inputs),
        "losses": list(pipeline.losses(inputs)),
        "maps": list(maps(inputs)),
        "coverage": inputs.coverage,
        "covered": (len({chunk["chunk_id"] for chunk in inputs.chunks} - inputs.uncovered), len(inputs.chunks)),
        "curves": curves.curves(inputs.curve),
        "chart": curves,
        "settings": parameters(settings),
        "hashes": inputs.hashes
        | {"model": evaluate.get("model_hash", ""), "template": evaluate.get("template_hash", "")},
        "style": Markup(style),
        "script": Markup(script),
        "policy": policy(style, script),
    }


def maps(inputs: Inputs) -> Iterator[tuple[str, int, int, list[Group]]]:
    """The treemap in each shape, with its name and size."""
    for name, width, height in MAPS if inputs.chunks else ():
        yield name, width, height, treemap(inputs.chunks, inputs.uncovered, inputs.coverage, width, height)


def policy(style: str, script: str) -> str:
    """A Content Security Policy under which our style and script run, and nothing is loaded or run beside them."""
    allowed = f"style-src '{source_hash(style)}'; script-src '{source_hash(script)}'; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def source_hash(text: str) -> str:
    """How a Content Security Policy names a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def main_language(inputs: Inputs) -> str:
    """The language of most trained rows."""
    shares = inputs.stages["format"].get("train", {}).get("languages", {})
    return "zh" if shares.get("zh", 0) > shares.get("en", 0) else "en"


def parameters(settings: Params) -> dict[str, dict[str, str]]:
    """Sections of params.yaml with their keys, nested ones joined by a point."""
    return {name: dict(flat(section)) for name, section in settings.model_dump(mode="json").items()}


def written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flat(section: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    settings = []
    for key, value in section.items():
        if isinstance(value, dict):
            settings += flat(value, f"{prefix}{key}.")
        else:
            settings.append((prefix + key, written(value)))
    return settings
