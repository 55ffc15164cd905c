"""Sites of React components, which MDX and `components` read for all: here is what differs between their generators."""

from stages.ingest.dialects.flavours import attribute_lists, variables
from stages.ingest.dialects.page import Flavour

CONFIGS = tuple(f"docusaurus.config.{suffix}" for suffix in ("js", "ts", "mjs", "cjs"))
DOCUSAURUS = Flavour("docusaurus", CONFIGS, after=(attribute_lists.removed,), mdx=True)
STARLIGHT = Flavour(
    "starlight", ("astro.config.mjs", "astro.config.ts", "astro.config.js", "starlight.config.ts"), mdx=True
)
MINTLIFY = Flavour("mintlify", ("mint.json", "docs.json"), before=(variables.in_braces,), mdx=True)
NEXTRA = Flavour(
    "nextra",
    (
        "theme.config.jsx",
        "theme.config.tsx",
        "theme.config.js",
        "nextra.config.js",
        "_meta.js",
        "_meta.json",
        "_meta.ts",
        "_meta.global.js",
        "_meta.global.tsx",
        "app/_meta.global.tsx",
    ),
    mdx=True,
)
