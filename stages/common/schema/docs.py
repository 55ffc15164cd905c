"""Section `docs` of params.yaml: where the documentation is."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from stages.common.base.errors import ParamsError
from stages.common.schema.section import FILE, Count, Section


class Docs(Section):
    path: Annotated[str, Field(min_length=1)]
    include: list[str]
    exclude: list[str]
    max_bytes: Count

    def directory(self) -> Path:
        """`docs.path`, which must exist. Only ingest needs it: who pulled the data can train without the docs."""
        if not Path(self.path).is_dir():
            raise ParamsError(f"{FILE}: docs.path = {self.path!r}: accepted is an existing directory of Markdown pages")
        return Path(self.path)
