"""Section `scale` of params.yaml: what is done otherwise for large documentation, with the same results."""

from typing import Literal

from stages.common.schema.section import Count, Section


class Scale(Section):
    engine: Literal["local", "ray"]
    rows_per_shard: Count
