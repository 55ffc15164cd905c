"""Questions that a reader may well ask and the documentation does not answer (`generate.unanswerable`): a model that is
never asked any learns to guess. curate looks whether what they ask about is really on no page."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stages.common.llm import prompts
from stages.common.llm.requests import Request
from stages.common.records.files import share
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.generate.labelling.languages import Languages, name, named, prompt_language

NAMES = ("title", "headings", "text", "count", "language")  # what prompts/unanswerable.*.md may use
COUNT = 4  # questions of one request


class AbsentQuestion(BaseModel):
    """A question, and the name or term in it that the documentation lacks."""

    model_config = ConfigDict(extra="ignore")

    question: str = Field(min_length=1)
    missing: str = Field(min_length=1)


class AbsentQuestions(BaseModel):
    """The reply to a request."""

    model_config = ConfigDict(extra="forbid")

    questions: list[AbsentQuestion] = Field(min_length=1)


SCHEMA = AbsentQuestions.model_json_schema()


class Absence:
    """The requests of `generate.unanswerable`: one about each chunk that a hash chooses; a larger share asks about all
    those of a smaller one."""

    def __init__(self, section: Generate, languages: Languages) -> None:
        self.section, self.languages = section, languages
        self.prompts = {
            lang: prompts.load(Path(section.prompts) / f"unanswerable.{lang}.md", NAMES)
            for lang in (languages.prompts() if section.unanswerable else ())
        }

    def requests(self, chunk: Chunk) -> Iterator[Request]:
        if share("unanswerable", chunk["chunk_id"]) >= self.section.unanswerable:
            return
        language = self.languages.of_chunk(chunk)
        prompt = self.prompts[prompt_language(language)]
        values: dict[str, object] = {
            "title": chunk["headings"][0],
            "headings": " > ".join(chunk["headings"]),
            "text": chunk["text"],
            "count": COUNT,
            "language": name(language),
        }
        yield Request.of(self.section, named(prompt.messages(values), language, prompt.uses), SCHEMA)
