"""In which language a chunk is asked about: the chunk's own where there are prompts in it, else the page's by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from stages.common.base import paths
from stages.common.llm.requests import Message
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.common.text.wording import language

PROMPTS = ("zh", "en")  # languages that have prompts of their own
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nb": "Norwegian", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


class Languages:
    """The language to ask in, by `generate.language` and the languages of the pages (ISO 639-1, by path)."""

    def __init__(self, section: Generate, pages: Mapping[str, str] | None = None) -> None:
        self.fixed = "" if section.language == "auto" else section.language
        self.foreign = {path: code for path, code in (pages or {}).items() if code and code not in PROMPTS}

    def prompts(self) -> tuple[str, ...]:
        """The languages of the prompts that may be needed."""
        return (self.fixed,) if self.fixed else PROMPTS

    def of_chunk(self, chunk: Chunk) -> str:
        return self.fixed or self.foreign.get(chunk["path"]) or language(chunk["text"])

    def of_question(self, text: str, chunk: Chunk | None) -> str:
        return self.fixed or (self.foreign.get(chunk["path"], "") if chunk else "") or language(text)


def of_pages(file: Path = paths.DOCS) -> dict[str, str]:
    """The language of each page, where ingest could tell it."""
    return {row["path"]: row.get("language", "") for row in read_jsonl(file)} if file.exists() else {}


def prompt_language(code: str) -> str:
    return code if code in PROMPTS else "en"


def name(code: str) -> str:
    """The English name of a language."""
    return NAMES.get(code, f"the language with the code {code}")


def named(messages: tuple[Message, Message], code: str, says_so: Callable[[str], bool]) -> tuple[Message, Message]:
    """The messages with the language named where the prompt does not do it by `$language`."""
    if code in PROMPTS or says_so("language"):
        return messages
    system, user = messages
    return system, {"role": "user", "content": f"{user['content']}\n\nWrite in {name(code)}, the language of the page."}
