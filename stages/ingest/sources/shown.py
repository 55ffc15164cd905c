"""What a person would see of a source file, told without the readers: blanks for what no site shows, line for line.

It knows no generator: metadata, comments, addresses, the names of tags, attributes, directives and templates, and
imports are taken out; prose in quotes among them stays.
"""

import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath

FENCE = re.compile(
    r"^[ \t>]{0,60}(?:(?:[-*+]|\d{1,9}\.)[ \t]{1,9})?(`{3,20}|~{3,20})([^\n]*)\n(?:.*?)(?:^[ \t>]*\1[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
# Behind a fence's sign: a directive of MyST, whose text is prose unless it is one of these.
DIRECTIVE = re.compile(
    r"[ \t]*\{(?!(?:code|literal|source|math|mermaid|graphviz|raw|ipython|doctest|include)[\w-]*\})[\w:.-]+\}"
)
# Comments in code that only steer a site, and blocks of Documenter.jl that hold names for it.
STEERING = re.compile(
    r"^[^\n\w]*(?:(?:highlight|error)-(?:next-line|start|end)|---cut[\w-]*|prettier-ignore)\W*$|\[!code [^\]\n]*\]"
    r"|^[ \t>]*(?:#|//)\|[^\n]*$",
    re.MULTILINE,
)
NAMES = re.compile(r"[ \t]*@(?:docs|autodocs|contents|index|meta|setup|raw|eval)\b")
UNSHOWN = re.compile(r"(?:\n[ \t>]*#\|[^\n]*){0,20}?\n[ \t>]*#\|[ \t]*(?:echo|include):[ \t]*false")
OPTIONS = re.compile(r"(?:\n[ \t>]*:[\w-]+:[^\n]*)+|\n---[ \t]*\n.*?\n---[ \t]*(?=\n)", re.DOTALL)
CAPTION = re.compile(r"\n---[ \t]*\n(?:.*?\bcaption:([^\n]*))?.*?\n---[ \t]*$", re.DOTALL)
FILE = re.compile(r"[ \t]*\{(?:image|figure|include|toctree|button-\w+|contents)\}")
TREE = re.compile(r"[ \t]*\{(?:toctree|contents|tableofcontents)\}")  # names of files
CAPTIONED = re.compile(r"^[ \t>]*:caption:([^\n]*)", re.MULTILINE)
OPTION = re.compile(r"^[ \t>]*:(?!caption)[\w-]+:[^\n]*|^[ \t>]*:caption:", re.MULTILINE)
MARKINGS = re.compile(r"\[\[[^\n]{0,400}\]\]")  # words of code that are to be coloured
LABEL = re.compile(r"\[([^\[\]\n]*)\]")  # of a tab of VitePress
CODE = re.compile(r"(?<!`)(`{1,9})(?!`)[^\n]{0,2000}?(?<!`)\1(?!`)")
QUOTES = re.compile(r"(?<![\w\\])(?:\"([^\"]*)\"|'([^']*)')")
PROSE = re.compile(r"[\s\u3040-\u9fff]")  # in quotes; a single word is a name or a value
# Quoted, but not for readers.
HIDDEN = re.compile(
    r"\b(?:hl_lines|linenums|ins|del|mark|class(?:Name)?|style|href|src(?:[Ss]et)?|sizes|id|key|d|viewBox|points|transform|on[A-Z]\w*|rel|target|from|sx|css"
    r"|require|svg|data-[\w-]{1,60})\s*+[=:]\s*+(?:\{\s*+)?(?:\"[^\"]*\"|'[^']*'|`[^`]*`)"
)
# What no site shows, from a sign to the next of another kind.
COMMENTS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"<!--"), "-->"),
    (re.compile(r"\{\s{0,9}/\*"), "*/"),
    (re.compile(r"\{#\s"), "#}"),
    (re.compile(r"\{\{[<%]?\s{0,9}/\*"), "*/"),
    (re.compile(r"\{\{!"), "}}"),
    (re.compile(r"%%"), "%%"),
    (re.compile(r"<script\b", re.IGNORECASE), "</script>"),
    (re.compile(r"<style\b", re.IGNORECASE), "</style>"),
    (re.compile(r"<svg\b", re.IGNORECASE), "</svg>"),
]
FROM = r"[\w$*,{}\s/@.'\"]{1,3000}?\sfrom\s*"
MODULE = r"[\"'][^\"'\n]+[\"'](?:\s+with\s*\{[^}\n]*\})?"
IMPORTS = re.compile(rf"^(?:import\s+(?:{FROM})?{MODULE}[ \t]*;?[ \t]*)+", re.MULTILINE)
# What no site shows, by a sign without which it need not be looked for, in the order in which it is taken out.
UNSEEN: list[tuple[str, re.Pattern[str]]] = [
    ("import ", IMPORTS),
    ("export ", re.compile(r"^export\b.*?(?=\n[ \t]*\n|\Z)", re.DOTALL | re.MULTILINE)),
    (";base64,", re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")),
    ("]({{", re.compile(r"\]\(\{\{[^{}\n]{0,400}\}\}[^()\s]{0,400}\)")),
    ("](@", re.compile(r"\]\(@(?:id|ref|extref)\b[^()\n]*\)")),
    ("](", re.compile(r"\]\([^()\s]+[ \t]+['\"][^'\"\n]*:[a-z][^'\"\n]*['\"]\)")),
    ("[!", re.compile(r"(?i)\[!(?:INCLUDE|code[\w-]*)[ \t]*\[[^\[\]\n]*\]\([^()\n]*\)\]|\[!VIDEO[^\]\n]*\]")),
    (":", re.compile(r"[ \t]:id=[\w-]+[ \t]*$|\{docsify-[\w-]+\}", re.MULTILINE)),
    ("](", re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*")),
    ("]:", re.compile(r"^[ \t>]*\[[^\]\n]+\]:[ \t]*\S*", re.MULTILINE)),
    ("][", re.compile(r"\]\[[^\]\n]{0,300}\]")),
    ("://", re.compile(r"\b[a-z]+://[^\s<>)\]\"'`]+")),
    ("://", re.compile(r"(?<=` )<[^<>\n]+>`_")),
    ("[!", re.compile(r"\[![\w-]+[ \t]+class=[^\]\n]*\]")),
    ("[!", re.compile(r"\[![\w-]+(?:\|[^\]\n]*)?\][+-]?")),
    (")=", re.compile(r"^\([^()\n]{1,200}\)=[ \t]*$", re.MULTILINE)),
    ("![[", re.compile(r"!\[\[[^\]\n]{0,300}\]\]")),
    ("[[", re.compile(r"\[\[[^\]|\n]{0,300}\|")),
    ("[[", re.compile(r"#[^\[\]|\n]{0,300}(?=\]\])")),
    ("@", re.compile(r"(?<![\w.@])@(?:sec|fig|tbl|eq|lst|thm|def|exm)-(?=\w)")),
    ("% ", re.compile(r"^%[ \t][^\n]*", re.MULTILINE)),
    ("^", re.compile(r"(?<=\s)\^[A-Za-z0-9-]+[ \t]*$", re.MULTILINE)),
    ("{", re.compile(r"\{(?:props|front[mM]atter)\.[\w.]+\}")),
    (".. ", re.compile(r"(?m)^([ \t]*)\.\.(?: (?![_[|]|[\w:+.-]+::)[^\n]*)?\n(?:\1[ \t]+[^\n]*\n|\n(?=\1[ \t]))*")),
    (".. ", re.compile(r"^[ \t]*\.\.[ \t]+_[^\n]*:[^\n]*", re.MULTILINE)),
    (".. ", re.compile(r"^[ \t]*\.\. (?:code|code-block|sourcecode|\w*module|image|figure)::[^\n]*", re.MULTILINE)),
    (".. ", re.compile(r"^[ \t]*\.\. +(?:\|[^|\n]+\| +)?[\w:+.-]+::(?:[^\n]*\.\w{2,5}[ \t]*$)?", re.MULTILINE)),
    ("    :", re.compile(r"^[ \t]+:(?!caption|name)[\w-]+:(?:[ \t][^\n]*)?$", re.MULTILINE)),
    ("   :", re.compile(r"^[ \t]+:(?!caption|name)[\w-]+:(?:[ \t][^\n]*)?$", re.MULTILINE)),
    (":", re.compile(r"(?<![\w:]):[a-z][\w+-]+:(?![\w:`])")),
    ("::: ", re.compile(r"^[ \t>]*:::[ \t]*[\w-]+[ \t]*\{ .*\}[ \t]*$", re.MULTILINE)),
    ("::: ", re.compile(r"^::: \w+(?:\.\w+)+[ \t]*\n(?:[ \t]+[^\n]*\n|\n(?=[ \t]))*", re.MULTILINE)),
    ("::", re.compile(r"^[ \t>]*(?::{3,}[ \t]*|::)\{?[\w.-]*\}?", re.MULTILINE)),
    ("!!!", re.compile(r"^[ \t]*!!![ \t]+[\w -]+", re.MULTILINE)),
    ("???", re.compile(r"^[ \t]*\?\?\?\+?[ \t]+[\w -]+", re.MULTILINE)),
    ("///", re.compile(r"^[ \t]*/{3,}[ \t]*[\w-]*", re.MULTILINE)),
    ("&", re.compile(r"&#?\w+;")),
    ("|", re.compile(r"^[ \t>:|-]+$", re.MULTILINE)),
]  # fmt: skip
BRACED = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
# Syntax whose names are not shown, but whose quoted prose is.
NAMED: list[tuple[str, re.Pattern[str]]] = [
    (":::", re.compile(r"^[ \t>]*:::[ \t]*[a-z-]+[ \t]+[\w-]+=[^\n]*$", re.MULTILINE)),
    ("::", re.compile(r"^[ \t]*:{2,}[a-z][\w-]*\{[^\n]*\}[ \t]*$", re.MULTILINE)),
    (":", re.compile(r"(?<![\w:]):[a-z][\w-]*\{[^{}\n]*\}")),
    ("{{", re.compile(r"\{\{[^{}]*\}\}")),
    ("{", re.compile(r"\{[:#.][^{}\n]*\}|\{ *[.#][\w-][^{}\n]*\}|\{\*[^{}\n]*\*\}|(?<=\))\{[^{}\n]*\}")),
    ("<", re.compile(r"</?[A-Za-z][\w.:-]*(?=[\s/>])(?:\"[^\"]*\"|'[^']*'|" + BRACED + r"|[^<>\"'{}])*>")),
    ("<", re.compile(r"</?>")),
]  # fmt: skip
# Components of Nuxt Content: their properties in YAML, of which longer values are shown, and the names of their parts.
COMPONENT = re.compile(r"^[ \t]*::[a-z]", re.MULTILINE)
PROPERTIES = re.compile(
    r"^[ \t]*:{2,}[a-z][\w-]*[^\n]*\n[ \t]*---[ \t]*\n.*?\n[ \t]*---[ \t]*$", re.DOTALL | re.MULTILINE
)
PROPERTY = re.compile(r"^[ \t]*(?:-[ \t]+)?[\w-]+:(?:[ \t]+\S+[ \t]*$|(?=[ \t]|$))", re.MULTILINE)
PART = re.compile(r"^[ \t]*#[a-z][\w-]*(?:\{[^{}\n]*\})?[ \t]*$", re.MULTILINE)
COLONS = 3  # so many of them are looked for before their signs are taken out
EXPRESSION = re.compile(r"(?<![\\^_}])\{[^{}<>]*\}")
# What stands for another file, in code too.
INCLUDE = re.compile(
    r"\{!>?[^{}\n]*!\}|\{\*[^{}\n]*\*\}|\{\{ *#\w++[^{}\n]*+\}\}|^[^\n]*?-8<-[^\n]*$|^[ \t]*(?:<<<|@\[code\b)[^\n]*$",
    re.MULTILINE,
)
ROLE = re.compile(r"(?::[\w+.-]{1,60}(?::[\w+.-]{1,60}){0,3}:|\{[\w:+.-]+\})`([^`\n]*?)(?:\s*<[^<>`\n]+>)?`(?!`)")
# A reference without words of its own, which shows the title of what it leads to.
UNTITLED = re.compile(r"(?::(?:std:)?(?:ref|doc|any):|\{(?:std:)?(?:ref|doc|any)\})`[^`<>\n]*`(?!`)")
SHORT = re.compile(r"^~[\w.]+\.(?=\w)")  # of a role `~package.module.name` its last part is shown
FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\n.*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
MASKED = re.compile("\ue000(\\d+)\ue001(\n*)")


def source_text(path: str, source: str) -> str:
    """What is to be shown of a file, by its kind."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".txt":
        return source
    if suffix in (".adoc", ".asciidoc", ".asc"):
        return ASCIIDOC.sub(blank, source)
    if suffix == ".ipynb":
        try:
            cells = json.loads(source)["cells"]
            return "\n".join(str("".join(cell["source"])) for cell in cells)
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
    return shown(
        source, expressions=suffix == ".mdx", fences=suffix != ".rst"
    )  # a line of ~~~ underlines a title there


# Comments, attributes, conditions, includes, options of blocks, targets of macros and links, and fences of AsciiDoc.
ASCIIDOC = re.compile(
    r"^(?P<comment>/{4,})\n[\s\S]*?^(?P=comment)$|^:[\w!-]+:[^\n]*$|^\[[^\]\n]*\]$"
    r"|^(?:include|ifdef|ifndef|ifeval|endif)::[^\n]*$|^//[^\n]*$|^[-=.*_+|]{2,}$"
    r"|\b(?:xref|link|image|btn|kbd|menu|icon|footnote|video|https?)::?[^\s\[\]]*(?=\[)|<<[^,>\n]*,?|\{[\w-]+\}"
    r"|^(?:NOTE|TIP|WARNING|IMPORTANT|CAUTION):",
    re.MULTILINE,
)


class Kept(list[str]):
    """Code, and the signs that stand for it while the rest is looked at."""

    def sign(self, text: str) -> str:
        self.append(text)
        return f"\ue000{len(self) - 1}\ue001" + "\n" * text.count("\n")

    def code(self, match: re.Match[str]) -> str:
        return self.sign(match[0])

    def fence(self, match: re.Match[str]) -> str:
        """A fence without what stands behind its sign, but titles; the text of a directive is looked at itself."""
        info, body = MARKINGS.sub(" ", match[2]), STEERING.sub(blank, match[0][match.end(2) - match.start() :])
        if NAMES.match(info) or (info.startswith("{") and UNSHOWN.match(match[0][match.end(2) - match.start() :])):
            return blank_text(body)
        if options := OPTIONS.match(body):
            body = OPTION.sub("", CAPTION.sub(r"\1", options[0])) + body[options.end() :]
        if TREE.match(info):
            return blank_text(info + body) + " ".join(CAPTIONED.findall(match[0]))
        if named := DIRECTIVE.match(info):
            return ("" if FILE.match(info) else info[named.end() :]) + FENCE.sub(self.fence, body)
        return " ".join(LABEL.findall(info)) + quoted_text(info) + self.sign(body)

    def restored(self, match: re.Match[str]) -> str:
        piece = self[int(match[1])] if int(match[1]) < len(self) else ""
        return piece + match[2][piece.count("\n") :]


def shown(source: str, expressions: bool = False, fences: bool = True) -> str:
    """The source with blanks for what no reader sees, line for line; in MDX braces hold expressions."""
    text = INCLUDE.sub(blank, FRONT.sub(blank, source))
    kept = Kept()
    text = FENCE.sub(kept.fence, text) if fences else text
    if "`" in text:
        text = UNTITLED.sub(" ", text) if ":`" in text or "}`" in text else text
        text = ROLE.sub(lambda role: SHORT.sub("", role[1]), text) if ":`" in text or "}`" in text else text
        text = CODE.sub(kept.code, text)
    if "::" in text and COMPONENT.search(text):
        text = PART.sub("", PROPERTIES.sub(lambda match: PROPERTY.sub("", match[0]), text))
    for opening, closing in COMMENTS:
        text = replaced(text, opening, closing, blank_text)
    for sign, pattern in NAMED[:COLONS]:
        if sign in text:
            text = pattern.sub(quoted, text)
    for sign, pattern in UNSEEN:
        if sign in text:
            text = pattern.sub(blank, text)
    text = replaced(text, re.compile(r"\{%"), "%}", quoted_text)
    for sign, pattern in NAMED[COLONS:]:
        if sign in text:
            text = pattern.sub(quoted, text)
    if expressions and "{" in text:
        text = EXPRESSION.sub(quoted, text)
    return MASKED.sub(kept.restored, text) if kept else text


def replaced(text: str, opening: re.Pattern[str], closing: str, replacement: Callable[[str], str]) -> str:
    """The text with what stands from each opening sign to the next closing one replaced, without looking twice."""
    pieces, position = [], 0
    for match in opening.finditer(text) if closing in text else ():
        if match.start() < position:
            continue
        end = text.find(closing, match.end())
        if end < 0:
            break
        pieces += [text[position : match.start()], replacement(text[match.start() : end + len(closing)])]
        position = end + len(closing)
    return "".join([*pieces, text[position:]]) if pieces else text


def blank_text(text: str) -> str:
    return "\n" * text.count("\n") or " "


def blank(match: re.Match[str]) -> str:
    return blank_text(match[0])


def quoted(match: re.Match[str]) -> str:
    return quoted_text(match[0])


def quoted_text(source: str) -> str:
    """The prose in quotes, and code, of a tag or a template."""
    if '"' not in source and "'" not in source and "\ue000" not in source:
        return blank_text(source)
    text = HIDDEN.sub(" ", source)
    prose = [piece for found in QUOTES.finditer(text) if PROSE.search(piece := found[1] or found[2] or "")]
    codes = [f"\ue000{found[1]}\ue001" for found in MASKED.finditer(text)]
    return " ".join(["", *(piece.replace("\n", " ") for piece in (*prose, *codes)), ""]) + "\n" * source.count("\n")
