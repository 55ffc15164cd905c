"""What the sections of params.yaml have in common."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Limit = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """One section of params.yaml: no unknown keys, no silent conversions, read-only."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def no_nul(cls, value: Any) -> Any:
        """The system takes no such text, be it a path, a pattern or a name."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError("accepted is text without NUL")
        return value


SectionType = TypeVar("SectionType", bound=Section)


def ordered(section: SectionType, low: str, high: str) -> SectionType:
    """The section itself, when its value `low` is not above `high`."""
    if getattr(section, low) > getattr(section, high):
        raise ValueError(f"{low} = {getattr(section, low)} is above {high} = {getattr(section, high)}")
    return section
