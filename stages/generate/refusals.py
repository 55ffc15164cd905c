"""What generate refuses by its settings alone; `doclore check` asks before anything runs."""

from pathlib import Path

from stages.common.llm import address, prompts
from stages.common.schema import Params
from stages.generate.labelling.recipe import Recipe
from stages.generate.labelling.rewriting import Rewriting


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for prompts that are not there or do not describe what is asked for, and for a missing model."""
    section = settings.generate
    if section.backend == "extractive":
        return
    address.require_model(section, "generate")
    recipe = Recipe(section)
    Rewriting(section)
    for language in recipe.prompts if section.paraphrases else ():
        prompts.load(Path(section.prompts) / f"paraphrase.{language}.md", ("question", "count"))
