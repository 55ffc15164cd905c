"""What the names in one file of MDX mean: its values, its imports and its components."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stages.ingest.dialects import literals, marks
from stages.ingest.dialects.components import Components
from stages.ingest.dialects.modules import Modules, without_exports

SUFFIXES = ("", ".js", ".ts", ".mjs", ".jsx", ".tsx")
DEFAULT = re.compile(r"^(?:module\.exports[ \t]*=|export[ \t]+default)\s*(?=[{\[])", re.MULTILINE)
ROOT = re.compile(r"[`\s${]*([A-Za-z_$][\w$]*)")


def no_file(module: str) -> str | None:
    return None


@dataclass
class Source:
    """What the tags and expressions of one file mean. `uses` are the attributes of the imported components, in order:
    the payload of their marks is their name and place in it. `local` are the names of a loop.
    """

    values: Mapping[str, str]
    braces: bool  # whether braces hold expressions
    unread: Callable[[int, str, str], None]  # line from 0, kind, text
    load: Callable[[str], str | None] = no_file  # the text of a file that an import names
    modules: Modules = field(default_factory=Modules)
    uses: list[dict[str, str]] = field(default_factory=list)
    components: Components = field(default_factory=lambda: Components(frozenset()))
    local: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, str]:
        return {**self.values, **self.modules.constants, **self.local}

    def value(self, expression: str) -> str | None:
        """What an expression shows, on one line; nothing when that is not known."""
        expression = expression.replace("frontmatter.", "frontMatter.")
        root = ROOT.match(expression)
        if root and root[1] in self.modules.sources:
            self.import_values(root[1])
        shown = literals.evaluated(expression, self.known)
        return " ".join(shown.split()) if shown and "\n" in shown else shown

    def import_values(self, name: str) -> None:
        """Read what an import gives: a file of JSON, or constants of a module."""
        module, exported = self.modules.sources.pop(name)
        for suffix in SUFFIXES:
            text = self.load(module + suffix)
            if text is None:
                continue
            if module.endswith(".json"):
                self.modules.constants |= literals.of_json(name, text)
            elif exported:
                found = Modules()
                without_exports(text, found)
                self.modules.constants |= literals.renamed(exported, name, found.constants)
            elif default := DEFAULT.search(text):
                self.modules.constants |= literals.constants(name, text[default.end() :])
            return

    def use(self, name: str, attributes: dict[str, str]) -> str:
        """The mark of an imported component, whose expressions are known here and not where it is read."""
        passed: dict[str, str] = {}
        for key, value in attributes.items():
            if value.startswith("{"):
                self.value(value[1:-1])  # reads what is imported
                passed |= literals.given(key, value[1:-1], self.known)
            else:
                passed[key] = value
        self.uses.append(passed)
        return marks.mark(marks.COMPONENT, f"{name} {len(self.uses) - 1}")
