"""What the directives of Sphinx, MyST and Jupyter Book show, by their names."""

from stages.ingest.dialects.admonitions import KNOWN

NOTES = KNOWN - {"details", "dropdown", "admonition", "quote", "example"}
CODE = frozenset(
    ("code", "code-block", "sourcecode", "code-cell", "jupyter-execute", "parsed-literal", "prompt", "doctest")
)
CODE |= {"testcode", "ipython", "literal", "mermaid", "graphviz", "raw", "command-output", "eval", "myst"}
CELLS = frozenset(("python", "r", "julia", "bash", "sql", "ojs", "sh", "javascript", "js", "rust", "go"))  # of Quarto
CODE |= CELLS
DROPPED = frozenset((
    "toctree", "toc",
    "contents", "index", "image", "bibliography", "footbibliography", "tableofcontents", "only", "raw",
    "video", "iframe", "highlight", "currentmodule", "module", "meta", "sectionauthor", "codeauthor", "tags",
    "youtube", "mermaid", "graphviz", "include-end", "testsetup", "testcleanup", "default-role", "role",
    "rst-class", "class", "autosummary", "postlist", "gallery", "nav", "bokeh-plot", "plot", "anywidget", "embed",
    "blocks", "myst:card", "inheritance-diagram",
))  # fmt: skip
TITLED = frozenset((
    "card", "grid-item-card", "dropdown", "details", "topic", "sidebar", "rubric", "tab", "exercise", "solution",
    "proof", "theorem", "definition", "lemma", "example", "quote", "epigraph", "margin", "aside", "table",
    "figure", "glossary",
))  # fmt: skip
LANGUAGES = {"ipython3": "python", "ipython": "python", "py": "python", "pycon": "pycon", "none": "", "default": ""}


def is_object(name: str) -> bool:
    """Whether a directive describes something of a program: `py:function`, `function`, `confval` …"""
    return ":" in name or name in OBJECTS or name.startswith("auto")


OBJECTS = frozenset((
    "function", "class", "method", "attribute", "data", "exception", "option", "program", "envvar", "describe",
    "object", "property", "staticmethod", "classmethod", "decorator", "confval", "setting", "cmdoption",
    "productionlist", "type",
))  # fmt: skip


def code_language(argument: str) -> str:
    word = argument.split()[0] if argument.split() else ""
    return LANGUAGES.get(word, word)
