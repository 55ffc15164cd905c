"""Passages in other words, for `format.documents`: a model that reads the same fact in several forms can recall it, one
that reads it in one form only recites it (Allen-Zhu and Li 2023, arXiv:2309.14316)."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stages.common.llm import prompts
from stages.common.llm.requests import Request
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.generate.labelling.languages import Languages, name, named, prompt_language

NAMES = ("title", "headings", "text", "language")  # what prompts/rewrite.*.md may use


class Rewrite(BaseModel):
    """The reply: the passage in other words."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1)


SCHEMA = Rewrite.model_json_schema()


class Rewriting:
    """The requests of `generate.rewrites`: so many versions of each chunk."""

    def __init__(self, section: Generate, languages: Languages) -> None:
        self.section, self.languages = section, languages
        self.prompts = {
            lang: prompts.load(Path(section.prompts) / f"rewrite.{lang}.md", NAMES)
            for lang in (languages.prompts() if section.rewrites else ())
        }

    def requests(self, chunk: Chunk) -> Iterator[Request]:
        """One request for each version; they differ in their sample index alone."""
        for sample in range(self.section.rewrites):
            language = self.languages.of_chunk(chunk)
            prompt = self.prompts[prompt_language(language)]
            headings = " > ".join(chunk["headings"])
            values: dict[str, object] = {"title": chunk["headings"][0], "headings": headings, "text": chunk["text"]}
            messages = named(prompt.messages({**values, "language": name(language)}), language, prompt.uses)
            yield Request.of(self.section, messages, SCHEMA, sample)
