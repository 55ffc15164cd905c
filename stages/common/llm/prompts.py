"""Prompt files: what a language model is told, in a form that users edit.

A file has the parts `# system` and `# user`, and for each kind of question or asker a part `# style NAME` or
`# persona NAME`, and for each kind of question perhaps an `# example NAME`. `$style`, `$persona` and `$example` in the
user part stand for one of these. Only text that reaches the model is
part of a request's key, so an edit to one style asks nothing of the others.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template

from stages.common.base.errors import ParamsError, UserError
from stages.common.llm.requests import Message

PART = re.compile(r"^# (system|user|style \S+|persona \S+|example \S+)[ \t]*$", re.MULTILINE)

MOST_SYSTEMS = 64


@dataclass(frozen=True)
class Prompt:
    """A prompt file. `variants` are its parts `style NAME`, `persona NAME` and `example NAME`."""

    file: Path
    system: Template
    user: Template
    variants: dict[str, str]

    @cached_property
    def used(self) -> frozenset[str]:
        return frozenset((*self.system.get_identifiers(), *self.user.get_identifiers()))

    @cached_property
    def system_names(self) -> list[str]:
        return self.system.get_identifiers()

    def uses(self, name: str) -> bool:
        return name in self.used

    def names(self, kind: str) -> list[str]:
        """The styles, personas or examples that the file describes."""
        return [part.partition(" ")[2] for part in self.variants if part.startswith(f"{kind} ")]

    def messages(self, values: dict[str, object], **chosen: str) -> tuple[Message, Message]:
        """The conversation with the model; `chosen` names the style and the persona, empty for none."""
        parts = {kind: self.variants[f"{kind} {name}"] for kind, name in chosen.items() if self.uses(kind) and name}
        if "example" in parts:
            parts["example"] = f"\n\n{parts['example']}"  # it stands behind the style, where there is one
        known = {**dict.fromkeys(chosen, ""), **values, **parts}
        return (
            {"role": "system", "content": self.system_part(known)},
            {"role": "user", "content": self.user.substitute(known).strip()},
        )

    @cached_property
    def systems(self) -> dict[tuple[object, ...], str]:
        """System parts by the values in them: one stands before thousands of requests."""
        return {}

    def system_part(self, known: dict[str, object]) -> str:
        values = tuple(known[name] for name in self.system_names if name in known)
        if values not in self.systems:
            if len(self.systems) >= MOST_SYSTEMS:
                self.systems.clear()
            self.systems[values] = self.system.substitute(known)
        return self.systems[values]

    def require(self, kind: str, names: Collection[str], key: str) -> None:
        """Raise ParamsError when params.yaml names, under `key`, a style or persona that the file does not describe."""
        described = self.names(kind)
        unknown = sorted(set(names) - set(described))
        if self.uses(kind) and unknown:
            raise ParamsError(
                f"params.yaml: {key}: {self.file} has no part `# {kind} {unknown[0]}`; it has "
                f"{', '.join(described) or 'none'}"
            )


def load(file: Path, names: Collection[str], key: str = "generate.prompts") -> Prompt:
    """The prompt in `file`, which may use the given `$names`. Raises a UserError that names the file; `key` is the key
    of params.yaml that names its directory."""
    _, *pieces = PART.split(read(file, key))
    parts = {name: text.strip() for name, text in zip(pieces[::2], pieces[1::2], strict=True)}
    system, user = (Template(parts.pop(name, "")) for name in ("system", "user"))
    used = {name for part in (system, user) if part.is_valid() for name in part.get_identifiers()}
    unknown = sorted(used - set(names))
    if not (user.template and system.is_valid() and user.is_valid()) or unknown:
        raise UserError(
            f"{file}: a prompt has the parts `# system` and `# user` and may use ${', $'.join(names)} (a dollar sign "
            f"is written $$){f': not ${unknown[0]}' if unknown else ''}"
        )
    return Prompt(file, system, user, parts)


def read(file: Path, key: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ParamsError(f"params.yaml: {key}: {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8; save it as UTF-8") from None
