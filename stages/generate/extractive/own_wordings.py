"""How people asked what an FAQ answers: wordings of the user's own, from data/wordings/.

Frames vary what stands around a question, but never its words: only people know that "the card is full" asks for what
the page calls memory. Each file is YAML: the question as the page has it, and a list of other wordings.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.rows import OWN_FAMILY
from stages.common.text.wording import gives_away, normalised
from stages.generate.extractive.fact import Fact

FILE = TypeAdapter(dict[str, list[str]])


class OwnWordings:
    """The wordings of all files, by question; `used` holds the questions that a page has."""

    def __init__(self, directory: Path = paths.WORDINGS) -> None:
        self.files = {file.as_posix(): read(file) for file in sorted(directory.rglob("*.y*ml"))}
        self.by_question: dict[str, list[str]] = {}
        self.used: set[str] = set()
        for entries in self.files.values():
            for question, wordings in entries.items():
                self.by_question.setdefault(named(question), []).extend(wordings)

    def of(self, fact: Fact) -> Iterator[tuple[str, str]]:
        """The family and wordings of an FAQ's question that do not tell the answer."""
        key = named(fact.subject)
        if fact.kind == "faq" and key in self.by_question:
            self.used.add(key)
            yield from (
                (OWN_FAMILY, wording) for wording in self.by_question[key] if not gives_away(wording, fact.answer)
            )

    def unused(self) -> list[str]:
        """File and question of each entry that no page asks. A file of which no page asks anything belongs to another
        documentation, as that of doclore's own manual does in a clone that reads others."""
        open_questions = []
        for file, entries in self.files.items():
            missing = [question for question in entries if named(question) not in self.used]
            open_questions += [f"{file}: {question}" for question in missing if len(missing) < len(entries)]
        return open_questions


def named(question: str) -> str:
    """What one question is known by, however its end is marked."""
    return normalised(question.rstrip("?？ "))


def read(file: Path) -> dict[str, list[str]]:
    """A file's questions and their wordings. Raises UserError with the file and what is wrong in it."""
    try:
        return FILE.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")) or {}, strict=True)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{' '.join(map(str, first['loc'])) or 'the file'}: {first['msg'].lower()}"
    raise UserError(f"{file.as_posix()}: {problem}; each entry is a question of a page and a list of other wordings")
