"""What merge refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.models import pretrained
from stages.common.schema import Params
from stages.merge import weights
from stages.merge.exports import exports


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for a base whose own weights are quantised, and for packages that are missing."""
    if settings.model.name != pretrained.EMBEDDED:  # which is unpacked to 16 bits
        weights.refuse_quantised(settings)
    weights.refuse_missing(settings.merge)
    exports.require(settings)
