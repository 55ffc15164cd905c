"""Which generator makes a site of the docs, by its own files, and what its configuration tells of the pages."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml

from stages.ingest.dialects import asciidoc
from stages.ingest.dialects.flavours import (
    docfx,
    docsify,
    docusaurus,
    hugo,
    liquid,
    macros,
    mdbook,
    mdc,
    mkdocs,
    myst,
    obsidian,
    plain,
    vitepress,
)
from stages.ingest.dialects.frontmatter import scalar_text
from stages.ingest.dialects.page import Flavour, Site
from stages.ingest.sources.walk import boundary

# In the order in which they are asked: those first whose files no other generator has.
FLAVOURS: dict[str, Flavour] = {
    flavour.name: flavour
    for flavour in (
        docusaurus.DOCUSAURUS, mkdocs.FLAVOUR, vitepress.FLAVOUR, mdbook.FLAVOUR, docusaurus.STARLIGHT,
        docusaurus.MINTLIFY, docusaurus.NEXTRA, docfx.FLAVOUR, mdc.FLAVOUR, hugo.FLAVOUR, myst.FLAVOUR,
        liquid.GITHUB, liquid.JEKYLL, obsidian.FLAVOUR, macros.FLAVOUR, liquid.GITBOOK, asciidoc.FLAVOUR,
        docsify.FLAVOUR, plain.FLAVOUR,
    )
}  # fmt: skip
MAX_CONFIG = 1_000_000  # bytes; larger files are not a site's configuration
# Where the configuration keeps what pages may name, and under which name they do: {{ site.x }}, {{< param x >}}.
VALUES = {
    "jekyll": ("", "site."),
    "hugo": ("params", "Site.Params."),
    "mkdocs": ("extra", ""),
    "antora": ("asciidoc", ""),
    "mintlify": ("variables", ""),
}


def detected(root: Path, name: str = "auto") -> Site:
    """The site that the docs belong to: the nearest directory, from the docs up, that holds files of a generator.

    `name` overrides what kind it is; its values are those of the nearest file of that kind all the same.
    """
    for directory in upwards(root):
        for flavour in FLAVOURS.values():
            places = (directory / beside / name for name in flavour.site_files for beside in ("", "website"))
            file = next((place for place in places if place.exists()), None)
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
    if flavour.name == "docsify":
        return b"docsify" in head_of(file)
    return True


def head_of(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return content.read(MAX_CONFIG)
    except OSError:
        return b""


def values_of(file: Path, flavour: str) -> Mapping[str, str]:
    """The scalars of a configuration that pages of this flavour name, as they name them."""
    if flavour == "sphinx":
        return python_values(file) if file.suffix == ".py" else {}
    if flavour not in VALUES:
        return {}
    key, prefix = VALUES[flavour]
    values: dict[str, str] = {}
    for part in sorted(file.glob("*.*")) if file.is_dir() else [file]:
        settings = read(part)
        chosen = settings.get(key, {}) if key and part.stem != key else settings
        chosen = chosen.get("attributes", chosen) if flavour == "antora" and isinstance(chosen, dict) else chosen
        values |= dict(scalars(chosen, prefix)) if isinstance(chosen, dict) else {}
        values |= {f"config.{name}": words for name, words in scalars(settings, "")} if flavour == "mkdocs" else {}
    return values


def read(file: Path) -> dict[str, Any]:
    """A configuration in YAML, TOML or JSON; empty when it cannot be read."""
    text = head_of(file).decode("utf-8", "replace")
    try:
        values = tomllib.loads(text) if file.suffix == ".toml" else yaml.load(text, Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def python_values(file: Path) -> dict[str, str]:
    """What conf.py sets to a plain text: `release`, `version`, text around every page, `myst_substitutions`."""
    try:
        body = ast.parse(head_of(file)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    values: dict[str, str] = {}
    for node in body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, TypeError, RecursionError, MemoryError):
            continue
        name = node.targets[0].id
        if isinstance(value, str) and name in ("release", "version", "project", "rst_prolog", "rst_epilog"):
            values[name] = value
        elif isinstance(value, dict) and name == "myst_substitutions":
            values |= {str(key): scalar_text(one) for key, one in value.items() if isinstance(one, str)}
    return values


def scalars(values: Mapping[str, Any], prefix: str, depth: int = 4) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict) and depth:
            yield from scalars(value, f"{prefix}{key}.", depth - 1)
        elif text := scalar_text(value):
            yield f"{prefix}{key}", text
