"""What merge refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.models.base import quantised
from stages.common.models.base.embedded import EMBEDDED
from stages.common.schema import Params
from stages.merge import weights
from stages.merge.exports import exports


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for a quantised base that nothing can be merged into, and for packages that are missing."""
    if settings.model.name != EMBEDDED and settings.merge.method != "adapter_only":  # which is unpacked to 16 bits
        quantised.merge_base(settings.model)
    weights.refuse_missing(settings.merge)
    exports.require(settings)
