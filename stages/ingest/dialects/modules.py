"""Statements of MDX modules, `import` and `export`: what they bring in, and which lines are only they."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from stages.ingest.dialects.attributes import LITERAL

CLAUSE = re.compile(r"[\w*{},\s$]+")
DEFAULT = re.compile(r"(?:type\s+)?(\w+)")
EXPORT = re.compile(r"export[ \t]+(?:default[ \t]+)?(?:const|let|var|function|class|default|async)\b")
CONSTANT = re.compile(r"export[ \t]+(?:const|let|var)[ \t]+(\w+)[ \t]*=")
BRACED = re.compile(r"import[ \t]*(?:type[ \t]+)?(?:\w+[ \t]*,[ \t]*)?\{")
OVER_LINES = re.compile(r"import[ \t]+(\w+)[ \t]*,")
FROM = re.compile(r"""from[ \t]+['"]([^'"]+)['"];?$""")
END = re.compile(r"[)}\]]")
RAW = re.compile(r"^!!raw-loader!|\?raw$")
MARKDOWN = (".md", ".mdx")


class Import(NamedTuple):
    """A file that a page imports, as written, the line of the statement, counted from 1, and whether as plain text."""

    module: str
    line: int
    raw: bool = False


@dataclass
class Modules:
    """What the statements of a page give: files by name, values of constants, and the other names."""

    files: dict[str, Import] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def add(self, statement: "Statement", line: int) -> None:
        clause, module = statement
        name = DEFAULT.match(clause)
        path = module.replace("\\", "")
        if name and RAW.search(path):
            self.files[name[1]] = Import(RAW.sub("", path), line, raw=True)
        elif name and path.endswith(MARKDOWN):
            self.files[name[1]] = Import(path, line)
        else:
            self.others |= set(re.findall(r"\w+", clause))


class Statement(NamedTuple):
    clause: str
    module: str


def imports(line: str) -> list[Statement]:
    """The import statements that a line consists of; none when it holds anything else."""
    if not line.startswith("import"):
        return []
    found = [statement(part) for part in line.rstrip().rstrip(";").split(";")]
    return [one for one in found if one] if all(found) else []


def statement(part: str) -> Statement | None:
    """One import statement on one line: `import X, {Y} from 'module'`, `import 'module'`."""
    part = part.strip()
    quote = part[-1:]
    start = part.rfind(quote, 0, -1) if quote in ("'", '"') else -1
    rest = part[6:start]
    if start < 0 or not part.startswith("import") or (rest[:1] or " ") not in " \t{*" or not part[start + 1 : -1]:
        return None
    clause = rest.strip()
    if not clause:
        return Statement("", part[start + 1 : -1])
    names = clause.removesuffix("from").strip()
    return Statement(names, part[start + 1 : -1]) if names != clause and CLAUSE.fullmatch(names) else None


def markdown_imports(line: str) -> list[str]:
    """The Markdown files that a line imports."""
    return [module.replace("\\", "") for clause, module in imports(line) if clause and module.endswith(MARKDOWN)]


def without_statements(lines: list[tuple[int, str]], modules: Modules) -> Iterator[str]:
    """The lines with import and export statements left empty; `modules` collects what they give."""
    inside, pending = False, ""  # the default name of an import that goes on over lines
    for number, line in lines:
        if inside:
            inside = bool(line.strip()) and not END.match(line)
            closing = None if inside or not pending else FROM.search(line[:400].rstrip())
            if closing:
                modules.add(Statement(pending, closing[1]), number + 1)
            yield ""
            continue
        found = imports(line)
        for one in found:
            modules.add(one, number + 1)
        name = OVER_LINES.match(line)
        pending = name[1] if name else ""
        inside = opens(line)
        yield "" if found or inside or is_export(line, modules) else line


def opens(line: str) -> bool:
    """Whether a statement begins here that goes on until a line that closes it."""
    if BRACED.match(line):
        return "}" not in line
    return bool(EXPORT.match(line)) and line.rstrip()[-1:] in ("(", "{", "[")


def is_export(line: str, modules: Modules) -> bool:
    """Whether the line is an export statement; a constant's value is kept."""
    if not EXPORT.match(line):
        return False
    constant = CONSTANT.match(line)
    if constant:
        literal = LITERAL.fullmatch(line[constant.end() :].rstrip().rstrip(";"))
        if literal:
            modules.constants[constant[1]] = next((group for group in literal.groups() if group is not None), "")
    return True
