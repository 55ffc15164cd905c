"""Which generator makes a site of the docs, by its own files, and what its configuration tells of the pages."""

import tomllib
from collections.abc import Iterator, Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml

from stages.ingest.dialects.flavours import (
    docusaurus,
    hugo,
    liquid,
    macros,
    mdbook,
    mkdocs,
    myst,
    obsidian,
    plain,
    vitepress,
)
from stages.ingest.dialects.frontmatter import words
from stages.ingest.dialects.page import Flavour, Site
from stages.ingest.sources.walk import boundary

# In the order in which they are asked: those first whose files no other generator has.
FLAVOURS: dict[str, Flavour] = {
    flavour.name: flavour
    for flavour in (
        docusaurus.DOCUSAURUS, mkdocs.FLAVOUR, vitepress.FLAVOUR, mdbook.FLAVOUR, docusaurus.STARLIGHT,
        docusaurus.MINTLIFY, docusaurus.NEXTRA, hugo.FLAVOUR, myst.FLAVOUR, liquid.JEKYLL, obsidian.FLAVOUR,
        macros.FLAVOUR, liquid.GITBOOK, plain.FLAVOUR,
    )
}  # fmt: skip
MAX_CONFIG = 1_000_000  # bytes; larger files are not a site's configuration
# Where the configuration keeps what pages may name, and under which name they do: {{ site.x }}, {{< param x >}}.
VALUES = {
    "jekyll": ("", "site."),
    "hugo": ("params", "Site.Params."),
    "mkdocs": ("extra", ""),
    "mintlify": ("variables", ""),
}


def detected(root: Path, name: str = "auto") -> Site:
    """The site that the docs belong to: the nearest directory, from the docs up, that holds files of a generator.

    `name` overrides what kind it is; its values are those of the nearest file of that kind all the same.
    """
    for directory in upwards(root):
        for flavour in FLAVOURS.values():
            file = next((directory / f for f in flavour.site_files if (directory / f).exists()), None)
            if file and name in ("auto", flavour.name) and is_configuration(file, flavour):
                return Site(flavour, values_of(file, flavour.name), relpath(directory, root).replace("\\", "/"))
    return Site(FLAVOURS["plain" if name == "auto" else name])


def upwards(root: Path) -> Iterator[Path]:
    top = boundary(root)
    yield from (directory for directory in (root, *root.parents) if directory.is_relative_to(top))


def is_configuration(file: Path, flavour: Flavour) -> bool:
    """Whether a file with a name that others use too is that generator's."""
    if flavour.name == "hugo" and file.name.startswith("config."):
        return (file.parent / "content").is_dir() or b"baseURL" in head_of(file)
    return True


def head_of(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return content.read(MAX_CONFIG)
    except OSError:
        return b""


def values_of(file: Path, flavour: str) -> Mapping[str, str]:
    """The scalars of a configuration that pages of this flavour name, as they name them."""
    if flavour not in VALUES:
        return {}
    key, prefix = VALUES[flavour]
    settings = read(file)
    chosen = settings.get(key, {}) if key else settings
    return dict(scalars(chosen, prefix)) if isinstance(chosen, dict) else {}


def read(file: Path) -> dict[str, Any]:
    """A configuration in YAML, TOML or JSON; empty when it cannot be read."""
    text = head_of(file).decode("utf-8", "replace")
    try:
        values = tomllib.loads(text) if file.suffix == ".toml" else yaml.load(text, Loader=Scalars)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


class Scalars(yaml.CBaseLoader):
    """Every scalar a string; tags of other languages, which mkdocs.yml holds, are none of our business."""


Scalars.add_multi_constructor("", lambda loader, suffix, node: str(getattr(node, "value", "")))  # type: ignore[no-untyped-call]


def scalars(values: Mapping[str, Any], prefix: str, depth: int = 4) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict) and depth:
            yield from scalars(value, f"{prefix}{key}.", depth - 1)
        elif text := words(value):
            yield f"{prefix}{key}", text
