"""The preview as one HTML page that needs nothing else."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.commands.previewing.screen import FIELDS
from stages.commands.previewing.views import View
from stages.common.records.files import atomic


def write(file: Path, views: list[View], settings: dict[str, str]) -> None:
    """Everything is escaped: pages and answers hold markup."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("page.html.jinja").render(views=views, settings=settings, fields=FIELDS)
    with atomic(file) as stream:
        stream.write(page)
