"""The documentation as ingest reads it: text files, as the manifest knows them, none above the size limit."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from os.path import relpath
from pathlib import Path, PurePosixPath

from stages.common.base.errors import UserError
from stages.ingest.sources import characters, titles
from stages.ingest.sources.decoding import DecodingError, Text, decode

READ, FIND, NOTE, TITLE, LABEL = "<", "?", "@", "=", "#"  # kinds of questions
MOST_TEXTS, LONGEST_TEXT = 4_000, 10_000  # files and characters of each that are kept


class RefusedError(Exception):
    """A file that is not read; the message is the reason as counted in the report."""


@dataclass(frozen=True)
class Tree:
    """`root` is resolved, so that no link leads out of it unseen.

    What pages include may lie beside the docs, below `reach` (the checkout), but in no hidden directory or file there.
    `hashes` are those of the manifest, by path; `unlisted` gets those of what is read without standing there.
    `asked` gets what is looked up, each question with its answer: what a page's row depends on besides the page.
    """

    root: Path
    max_bytes: int
    reach: Path | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    characters: dict[str, Counter[str]] = field(default_factory=dict)  # taken out of files, by kind
    texts: dict[str, Text] = field(default_factory=dict)  # of the first files, which are read more than once
    resolved: dict[tuple[str, str], str | RefusedError] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # paths by names
    labels: dict[str, str] = field(default_factory=dict)  # titles of sections by their labels; "" stands for "read"

    def read(self, path: str) -> Text:
        """The text of a file found by `walk.find` or `resolve`, which let no link out. Raises RefusedError, and
        UserError for a file that is no longer what the manifest says."""
        text = self.texts.get(path)
        try:
            text = text or self.read_now(path)
        except RefusedError as refused:
            self.asked[f"{READ}{path}"] = str(refused)
            raise
        self.asked[f"{READ}{path}"] = self.hashes.get(path) or self.unlisted[path]
        if len(self.texts) < MOST_TEXTS and len(text.text) < LONGEST_TEXT:
            self.texts[path] = text
        return text

    def read_now(self, path: str) -> Text:
        try:
            with open(os.path.join(self.root, path), "rb") as file:  # noqa: PTH118, PTH123 - for every page
                data = file.read(self.max_bytes + 1)
            if len(data) > self.max_bytes:
                raise RefusedError("over_max_bytes")
            self.check(path, data)
            return self.cleaned(path, decode(data))
        except DecodingError as error:
            raise RefusedError(str(error)) from None
        except FileNotFoundError:
            raise RefusedError("missing") from None
        except (OSError, RuntimeError, ValueError):  # loops of links; names that no file can have
            raise RefusedError("unreadable") from None

    def check(self, path: str, data: bytes) -> None:
        known, found = self.hashes.get(path), hashlib.sha256(data).hexdigest()
        if known is None:
            self.unlisted[path] = found
        elif known != found:
            raise UserError(f"{self.root / path} changed while ingest was running; run `dvc repro` to read it again")

    def cleaned(self, path: str, decoded: Text) -> Text:
        text, counts = characters.cleaned(decoded.text)
        if counts:
            self.characters[path] = counts
        return Text(text, decoded.encoding)

    def resolve(self, module: str, page: str) -> str:
        """The path below the root that an import or a link names: relative to its page, or from the site's root.

        The root may be the site or its docs directory: `@site/docs/x.md` is `docs/x.md` or `x.md`, whichever is there.
        Raises RefusedError when it is neither.
        """
        key = (module, page.rpartition("/")[0])
        if key not in self.resolved:
            try:
                self.resolved[key] = self.resolve_now(module, page)
            except RefusedError as refused:
                self.resolved[key] = refused
        target = self.resolved[key]
        self.asked[f"{FIND}{key[1]}\0{module}"] = str(target)
        if isinstance(target, RefusedError):
            raise RefusedError(str(target))
        return target

    def note(self, name: str) -> str | None:
        """The shortest path of a Markdown file of this name, in small letters and without its suffix."""
        if not self.notes:
            files = [path.relative_to(self.root).as_posix() for path in self.root.rglob("*.md")]
            visible = [path for path in files if "/." not in f"/{path}"]
            for path in sorted(visible, key=lambda path: (-path.count("/"), path)):
                self.notes[PurePosixPath(path).stem.lower()] = path
        found = self.notes.get(name)
        self.asked[f"{NOTE}{name}"] = found or ""
        return found

    def title(self, path: str) -> str:
        """The first heading of a file, as `resolve` names it; empty when there is none."""
        found = titles.title(self.raw(path))
        self.asked[f"{TITLE}{path}"] = found
        return found

    def label(self, name: str) -> str:
        """The title of the section with a label, wherever it is; empty when there is none."""
        if not self.labels:
            paths = sorted(path for path in self.hashes if path.lower().endswith(titles.SUFFIXES))
            self.labels.update({"": "", **titles.labelled(map(self.raw, paths))})
        found = self.labels.get(titles.normal(name), "")
        self.asked[f"{LABEL}{name}"] = found
        return found

    def raw(self, path: str) -> str:
        """The text of a file that is only looked into; empty when it cannot be read."""
        try:
            with open(os.path.join(self.root, path), "rb") as file:  # noqa: PTH118, PTH123 - for every page
                return decode(file.read(self.max_bytes)).text
        except (OSError, ValueError, DecodingError):
            return ""

    def answer(self, question: str) -> str:
        """What is answered now to what was asked once."""
        kind, rest = question[:1], question[1:]
        if kind == READ and rest in self.hashes:
            return self.hashes[rest]
        with suppress(RefusedError):
            if kind == READ:
                self.read(rest)
            elif kind == FIND:
                directory, _, module = rest.partition("\0")
                self.resolve(module, f"{directory}/page" if directory else "page")
            elif kind == TITLE:
                self.title(rest)
            elif kind == LABEL:
                self.label(rest)
            else:
                self.note(rest)
        return self.asked.pop(question)

    def resolve_now(self, module: str, page: str) -> str:
        if module.startswith(("@site/", "/")):
            below = PurePosixPath(module.removeprefix("@site").lstrip("/"))
            candidates = [below, PurePosixPath(*below.parts[1:])] if len(below.parts) > 1 else [below]
        else:
            candidates = [PurePosixPath(page).parent / module]
        return self.first(candidates)

    def within_reach(self, file: Path) -> bool:
        """Whether a resolved path may be read: below the docs, or not hidden below the checkout."""
        if file.is_relative_to(self.root):
            return True
        beside = self.reach is not None and file.is_relative_to(self.reach)
        return beside and not any(part.startswith(".") for part in file.relative_to(self.reach or self.root).parts)

    def first(self, candidates: list[PurePosixPath]) -> str:
        """The first path that is a file of the tree, without links and dots. Raises RefusedError."""
        problem = "missing"
        for candidate in candidates:
            try:
                file = (self.root / candidate).resolve()
                if not self.within_reach(file):
                    problem = "leaves_docs"
                elif file.is_file():
                    return PurePosixPath(relpath(file, self.root)).as_posix()
            except (OSError, RuntimeError, ValueError):
                problem = "unreadable"
        raise RefusedError(problem)
