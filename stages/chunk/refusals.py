"""What chunk refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.base import engines
from stages.common.schema import Params
from stages.common.text import tokens


def refuse_impossible(settings: Params) -> None:
    """Raise ParamsError for an encoding that tiktoken does not know or cannot get, and UserError for an engine that is
    not installed."""
    engines.require()
    tokens.encoding(settings.chunk.encoding)
