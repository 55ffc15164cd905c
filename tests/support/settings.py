"""Values of params.yaml for a test."""

from pathlib import Path

from ruamel.yaml import YAML

from stages.common import schema
from stages.common.base import params
from support.repository import ROOT


def curate_section(**changes: object) -> schema.Curate:
    """The section `curate` of the repository's params.yaml with some values changed."""
    return params.load(ROOT / "params.yaml").curate.model_copy(update=changes)


def docs_section(**changes: object) -> schema.Docs:
    """The section `docs` of the repository's params.yaml with some values changed."""
    return params.load(ROOT / "params.yaml").docs.model_copy(update=changes)


def change_params(file: Path, changes: dict[str, object]) -> None:
    """Set values in a params.yaml, comments kept."""
    yaml = YAML()
    values = yaml.load(file.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = values
        for part in sections:
            section = section[part]
        section[name] = value
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
