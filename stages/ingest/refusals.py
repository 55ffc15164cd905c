"""What ingest refuses by its settings alone; `doclore check` asks before anything runs."""

from importlib.util import find_spec

from stages.common.base.errors import ParamsError
from stages.common.schema import Params
from stages.ingest.sources.converters import missing
from stages.ingest.sources.walk import find, root_directory

PACKAGES = {".rst": "docutils", ".html": "markdownify", ".htm": "markdownify"}  # what reads a file with this suffix


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for documentation that is not there or that no installed package can read."""
    section = settings.docs
    pages = [file.path for file in find(root_directory(section.path), section.include, section.exclude)]
    if section.include and not pages:
        raise ParamsError(
            f"params.yaml: docs.path = {section.path!r}: no page matches docs.include = {section.include}"
        )
    for suffix, package in PACKAGES.items():
        if find_spec(package) is None and any(page.lower().endswith(suffix) for page in pages):
            raise missing(package, suffix)
