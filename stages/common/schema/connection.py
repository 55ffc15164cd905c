"""Keys of every section that asks an endpoint."""

from typing import Annotated, Any, Literal

from pydantic import Field

from stages.common.schema.section import Count, Limit, Section


class Connection(Section):
    """How an OpenAI-compatible endpoint is asked. Address and key come from the environment, never from params.yaml."""

    model: str
    concurrency: Count
    timeout: Annotated[float, Field(gt=0)]
    max_retries: Limit
    requests_per_minute: Limit
    tokens_per_minute: Limit
    max_outage: Annotated[float, Field(ge=0)]
    extra_body: dict[str, Any]
    thinking: Literal["auto", "off", "on"]

    def key_of_model(self, section: str) -> str:
        """The key of params.yaml that names the model; `section` is the part of it that this is."""
        return f"{section}.model"
