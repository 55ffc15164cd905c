"""Pages of no known generator: all syntax is read that cannot be anything else."""

from stages.ingest.dialects import definitions
from stages.ingest.dialects.flavours import (
    hugo,
    liquid,
    macros,
    mdbook,
    mkdocs,
    myst,
    obsidian,
    quarto,
    snippets,
    variables,
    vitepress,
)
from stages.ingest.dialects.page import Flavour

FLAVOUR = Flavour(
    "plain",
    (),
    before=(
        mdbook.included,
        mdbook.admonished,
        vitepress.included,
        obsidian.without_comments,
        obsidian.embedded,
        hugo.shortcodes,
        liquid.code,
        liquid.loops,
        liquid.tags,
        macros.named,
        variables.in_braces,
        *quarto.STEPS,
        *myst.BEFORE,
        snippets.included,
        mkdocs.autodoc,
        mkdocs.blocks,
        mkdocs.containers,
        definitions.as_items,
    ),
    after=(*mkdocs.FLAVOUR.after, obsidian.links),
)
