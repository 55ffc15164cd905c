"""What the sections of params.yaml have in common."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Limit = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """One section of params.yaml: no unknown keys, no silent conversions, read-only."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


SectionType = TypeVar("SectionType", bound=Section)


def ordered(section: SectionType, low: str, high: str) -> SectionType:
    """The section itself, when its value `low` is not above `high`."""
    if getattr(section, low) > getattr(section, high):
        raise ValueError(f"{low} = {getattr(section, low)} is above {high} = {getattr(section, high)}")
    return section
