"""Section `docs` of params.yaml: where the documentation is and what of it is read."""

from typing import Annotated, Literal

from pydantic import Field

from stages.common.schema.section import Count, Section

Kind = Literal[
    "manual",
    "tutorial",
    "reference",
    "faq",
    "changelog",
    "licence",
    "conduct",
    "contributing",
    "agents",
    "demo",
    "index",
]


Flavour = Literal[
    "auto",
    "plain",
    "docusaurus",
    "mkdocs",
    "vitepress",
    "hugo",
    "jekyll",
    "gitbook",
    "mdbook",
    "sphinx",
    "starlight",
    "mintlify",
    "nextra",
    "obsidian",
    "mdn",
    "antora",
    "docfx",
    "docsify",
    "nuxt",
    "github",
]


class Docs(Section):
    path: Annotated[str, Field(min_length=1)]
    include: list[str]
    exclude: list[str]
    flavour: Flavour
    page_kinds: list[Kind]
    unpublished: bool
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2}$")]]
    versions: list[Annotated[str, Field(min_length=1)]]
    max_unread: Annotated[float, Field(ge=0, le=1)]
    private: Literal["mask", "keep"]
    max_bytes: Count
