"""Section `evaluate` of params.yaml: how much is measured."""

from stages.shared.params.section import Count, Limit, Section


class Evaluate(Section):
    max_rows: Limit
    max_new_tokens: Count
    batch_size: Count
