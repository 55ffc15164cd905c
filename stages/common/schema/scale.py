"""Section `scale` of params.yaml: what is done otherwise for large documentation, with the same results."""

from stages.common.schema.section import Count, Section


class Scale(Section):
    rows_per_shard: Count
