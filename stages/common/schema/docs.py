"""Section `docs` of params.yaml: where the documentation is."""

from typing import Annotated

from pydantic import Field

from stages.common.schema.section import Count, Section


class Docs(Section):
    path: Annotated[str, Field(min_length=1)]
    include: list[str]
    exclude: list[str]
    max_bytes: Count
