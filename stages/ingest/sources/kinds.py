"""What kind of page a file is, by its name, its directories, its front matter and, where these leave doubt, its text.

`docs.page_kinds` says which are read. A page's subject makes no kind: what a product's manual says of licences is a
manual page, the text of a licence is not; nor is `agents.md` what AGENTS.md is.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from stages.ingest.dialects.frontmatter import scalar_text

# Kinds by the names of files, of pages' titles and (see DIRECTORIES) of directories; all in the form of `simple`.
NAMES = {
    "agents": r"copilot-instructions|llms-(?:full|ctx|small)|llm-prompt",
    "conduct": r"(?:contributor-)?code-of-conduct|行为准则|贡献者(?:公约|行为准则)",
    "contributing": r"contribut(?:e|ing)|contribut(?:e|ing)-(?:guide(?:lines)?|to-.+)"
    r"|contributors|contributors?-guide(?:lines)?"
    r"|pull-request-template|issue-template|(?:参与)?贡献(?:指南|者|代码)?",
    "changelog": r"change-?logs?|(?:[\w.]+-)?release-?notes?(?:-.+)?|what-?s-?new(?:-in-.+)?"
    r"|(?:[\d./]+-)?更新(?:日志|记录)"
    r"|变更(?:日志|记录)|发(?:布|行)(?:说明|日志|记录)|版本(?:说明|历史|更新)",
    "index": r"genindex|(?:py-)?modindex|404|sitemap",
    "faq": r"faqs?(?:-.+)?|frequently-asked-questions|常见问题(?:解答|与解答)?|questions-and-answers",
    "tutorial": r"tutorials?|(?:.+-)?tutorial|getting-started|quick-?starts?|quick-?start-guide|first-steps|walkthrough"
    r"|.*教程|快速(?:入门|开始|上手)",
    "reference": r"(?:.+-)?reference|api-docs|.*参考(?:手册)?|.*命令手册",
}
BY_NAME = {kind: re.compile(names) for kind, names in NAMES.items()}
SHOUTED = {
    "agents": {"agents", "claude", "gemini", "skill", "cursor"},
    "contributing": {"security", "support", "governance", "maintainers", "authors", "codeowners", "releasing"},
    "changelog": {"changes", "history", "news", "releases"},
    "licence": {"license", "licence", "copying", "notice", "unlicense"},
}  # fmt: skip
DIRECTORIES = {
    "contributing": {"issue-template", "pull-request-template", ".github"},
    "agents": {".cursor", ".claude"},
    "changelog": {"changelog", "changelogs", "release-notes", "releasenotes", "更新日志"},
    "faq": {"faq", "faqs", "常见问题"},
    "tutorial": {"tutorial", "tutorials", "getting-started", "quickstart", "教程", "快速入门"},
    "reference": {"reference", "api", "apis", "api-reference", "cli", "参考"},
}
TOLD = {
    **dict.fromkeys(("tutorial", "how-to", "howto", "quickstart"), "tutorial"),
    **dict.fromkeys(("reference", "api-reference"), "reference"),
    **dict.fromkeys(("release-notes", "changelog"), "changelog"),
    "faq": "faq",
}
FIELDS = ("kind", "type", "page_type", "page-type", "doc_type", "content_type", "diataxis")

NUMBERED = re.compile(r"^\d+(?:[.-]\d+)*[-_. ]+(?=\D)")
LANGUAGE_SUFFIX = re.compile(r"[.-](?:[a-z]{2}|zh-[a-z]{2,4}|[a-z]{2}-[a-z]{2})$")
HEADING = re.compile(r"^(#{1,4})[ \t]+(.*)", re.MULTILINE)
VERSION = re.compile(
    r"\W*+(?:[\w-]+[ \t]++)?(?:version|release|版本)?\W*+"
    # Not 1.4.1: Rules of a workspace, which is the number of a section.
    r"(?:v\d+\.\d+|\d+\.\d+\.\d+(?!\W{1,3}(?!released?\b)[^\W\d_]+[ \t]+[^\W\d_])|\d+\.\d+(?=\W*$|\W*\d{4}))"
    r"|\W*+(?:\d{4}[-./年]\d{1,2}[-./月]\d{1,2}|unreleased)",
    re.IGNORECASE | re.MULTILINE,
)
LEAST_VERSIONS = 3
LICENCE = re.compile(r"licen[cs]es?(-[\w.]+)?|copying|notice|unlicense|许可证")
LEGAL = re.compile(
    r"permission is hereby granted, free of charge|redistribution and use in source and binary forms"
    r"|mozilla public license version|licensed under the apache license, version 2\.0"
    r"|gnu (?:affero |lesser )?general public license\s+version"
    r"|terms and conditions for use, reproduction, and distribution"
    r"|creative commons (?:corporation|[\w -]+ public license)"
    r"|this is free and unencumbered software",
    re.IGNORECASE,
)
# What site generators write into a new site for its author to replace.
DEMO = (
    "you just learned the **basics of docusaurus",
    "let's discover **docusaurus in less than 5 minutes",
    "docusaurus creates a **page for each",
    "add **markdown or react** files to `src/pages`",
    "you don't need react to write simple standalone pages",
    "documents are **groups of pages** connected through",
    "guides lead a user through a specific task they want to accomplish",
    "reference pages are ideal for outlining how things work",
    "this page demonstrates usage of some of the runtime apis",
    "this page demonstrates some of the built-in markdown extensions",
    "for full documentation visit [mkdocs.org]",
    "you'll find this post in your `_posts` directory",
    "you’ll find this post in your `_posts` directory",
)
FOR_AGENTS = re.compile(r"guidance to (?:claude code|ai (?:coding )?agents|agents )", re.IGNORECASE)
LINK = re.compile(r"!?\[[^\]\n]{0,300}\]\([^)\n]*\)|\[\[[^\]\n]{0,300}\]\]")
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def kind(path: str, front: Mapping[str, Any], title: str, text: str) -> str:
    """manual, tutorial, reference or faq; else changelog, licence, conduct, contributing, agents, demo or index."""
    file = PurePosixPath(path)
    stem, shouted = simple(file.stem), file.stem.isupper()
    return (
        by_text(stem, text)
        or by_name(stem)
        or (by_table(stem, SHOUTED) if shouted else "")
        or by_front_matter(front)
        or by_name(simple(title))
        or next(filter(None, (by_table(simple(name), DIRECTORIES) for name in reversed(file.parts[:-1]))), "")
        or "manual"
    )


def simple(name: str) -> str:
    """A name in lower case, its words joined by hyphens, without the number that orders it and a language's suffix."""
    words = re.sub(r"[\s_]+", "-", NUMBERED.sub("", name.strip()).lower()).strip("-!?'\"")
    return LANGUAGE_SUFFIX.sub("", words)


def by_name(name: str) -> str:
    return next((kind for kind, names in BY_NAME.items() if names.fullmatch(name)), "")


def by_table(name: str, table: Mapping[str, set[str]]) -> str:
    return next((kind for kind, names in table.items() if name in names), "")


def by_front_matter(front: Mapping[str, Any]) -> str:
    values = (scalar_text(front[field]).lower().replace("_", "-") for field in FIELDS if field in front)
    return next((TOLD[value] for value in values if value in TOLD), "")


def by_text(stem: str, text: str) -> str:
    """What only the text can tell: the wording of a licence, a list of versions, the stub of a generator."""
    if LICENCE.fullmatch(stem):
        return "licence" if LEGAL.search(text) else ""
    start = text[:4_000].lower()
    if any(words in start for words in DEMO):
        return "demo"
    if FOR_AGENTS.search(text[:600]):
        return "agents"
    if (
        stem in ("summary", "search", "tags", "toc", "index-all")
        and len(LINK.sub("", text).split()) < len(LINK.findall(text)) * 3 + 12
    ):
        return "index"
    return "changelog" if is_changelog(stem, text) else ""


def is_changelog(stem: str, text: str) -> bool:
    """Whether most headings of some level are versions or dates, each once: a tab for Python 3.12 comes again."""
    found = HEADING.findall(text)
    for level in {marks for marks, _ in found}:
        names = [name for marks, name in found if marks == level]
        versions = len({name for name in names if VERSION.match(name[:80])})
        if versions > 0.6 * len(names) and versions >= (1 if stem in SHOUTED["changelog"] else LEAST_VERSIONS):
            return True
    return False


def unpublished(front: Mapping[str, Any], path: str) -> bool:
    """Whether a page says of itself, or its directory, that its site does not show it."""
    said = {scalar_text(key).lower(): scalar_text(value).lower() for key, value in front.items()}
    hidden = any(said.get(key) in YES for key in ("draft", "unlisted", "hidden", "headless"))
    withheld = any(said.get(key) in NO for key in ("published", "publish", "public"))
    return (
        hidden or withheld or said.get("status") in ("draft", "unpublished") or "_drafts" in PurePosixPath(path).parts
    )
