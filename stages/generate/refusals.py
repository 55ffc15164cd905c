"""What generate refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.llm import address
from stages.common.schema import Params
from stages.generate.labelling.absence import Absence
from stages.generate.labelling.languages import Languages
from stages.generate.labelling.recipe import Recipe
from stages.generate.labelling.rewording import Rewording
from stages.generate.labelling.rewriting import Rewriting


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for prompts that are not there or do not describe what is asked for, and for a missing model."""
    section = settings.generate
    if section.backend == "extractive":
        return
    address.require_model(section, "generate")
    languages = Languages(section)
    for reader in (Recipe, Rewriting, Rewording, Absence):
        reader(section, languages)
