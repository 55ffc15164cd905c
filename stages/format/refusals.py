"""What format refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.base.errors import ParamsError
from stages.common.chat.templates import chat_for
from stages.common.models.base import pretrained
from stages.common.models.base.embedded import EMBEDDED
from stages.common.schema import Params
from stages.format.mixing.replay import refuse_source


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for a tokenizer that `format.mode` cannot use, and for sources of a mix that are not there."""
    section = settings.format
    if section.replay.share:
        refuse_source(section.replay.source)
    if section.documents and section.documents_source == "rewritten" and not rewrites(settings):
        raise ParamsError(
            "params.yaml: format.documents_source = 'rewritten': accepted is 'raw' while generate writes no passages "
            "(generate.backend and generate.rewrites say so); type: -S format.documents_source=raw"
        )
    if settings.model.name != EMBEDDED:  # whose tokenizer fits every mode, and takes seconds to unpack
        chat_for(pretrained.tokenizer(settings.model), section)


def rewrites(settings: Params) -> bool:
    return settings.generate.backend != "extractive" and settings.generate.rewrites > 0
