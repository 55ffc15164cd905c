"""What ingest refuses: by its settings alone, which `doclore check` asks before anything runs, and by what it read."""

from collections import Counter
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any

from stages.common import schema
from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.base.printable import say
from stages.common.schema import Params
from stages.ingest.sources.converters import missing
from stages.ingest.sources.report import Report
from stages.ingest.sources.walk import find, root_directory

PACKAGES = {".rst": "docutils", ".html": "markdownify", ".htm": "markdownify"}  # what reads a file with this suffix
SOURCES = (".rst", ".adoc", ".asciidoc", ".qmd", ".rmd")  # formats that pages are written in
OTHERS = (*SOURCES, ".ipynb", ".html")  # read where docs.include names them
REMEDIES = {  # against what leaves pages out on purpose
    "unpublished": "docs.unpublished: true reads drafts",
    "kind_": "docs.page_kinds names the kinds that are read",
    "other_language": "docs.languages chooses the languages",
    "other_version": "docs.versions chooses the versions",
}
FEW_WORDS = 20  # that are lost stop no corpus, however small it is


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for documentation that is not there or that no installed package can read."""
    section = settings.docs
    pages = matching(section.path, section.include, section.exclude)
    if section.include and not pages:
        raise no_page(section)
    for suffix, package in PACKAGES.items():
        if find_spec(package) is None and any(page.lower().endswith(suffix) for page in pages):
            raise missing(package, suffix)


def matching(path: str, include: list[str], exclude: list[str]) -> list[str]:
    """The paths of the files that the globs name, but for directories and links that are refused."""
    return [file.path for file in find(root_directory(path), include, exclude) if not file.problem]


def other_format(path: str, exclude: list[str]) -> tuple[str, int]:
    """The suffix that most files of another format have, and how many; ("", 0) where there are none."""
    others = matching(path, [f"**/*{suffix}" for suffix in OTHERS], exclude)
    counts = Counter(PurePosixPath(file).suffix.lower() for file in others)
    return max(counts.items(), key=lambda counted: counted[1], default=("", 0))


def fitting(path: str, section: dict[str, Any]) -> tuple[list[str], str, int]:
    """The globs to read a documentation with, and what they add to docs.include: a suffix and its number of files.

    Added is a format that has more files than docs.include matches: all of its pages may be written in it, and a
    README alone in Markdown. HTML and notebooks are added where nothing else is there; a build may have made them.
    """
    include: list[str] = section["include"]
    pages = len(matching(path, include, section["exclude"]))
    suffix, count = other_format(path, section["exclude"])
    if count <= pages or (pages and suffix not in SOURCES):
        return include, "", 0
    return [*(include if pages else []), f"**/*{suffix}"], suffix, count


def no_page(section: schema.Docs) -> ParamsError:
    """Says which files there are that docs.include could name."""
    suffix, count = other_format(section.path, section.exclude)
    hint = f"; there are {count} {suffix} files: add '**/*{suffix}' to it" if count else ""
    return ParamsError(
        f"params.yaml: docs.path = {section.path!r}: no page matches docs.include = {section.include}{hint}"
    )


def refuse_no_pages(section: schema.Docs, report: Report) -> None:
    """Raise ParamsError that says why there is no page: no file matches, or all are left out, and by which settings."""
    if not report.counts["files"]:
        raise no_page(section)
    remedies = [remedy for reason, remedy in REMEDIES.items() if any(key.startswith(reason) for key in report.skipped)]
    named = f"; {' and '.join(remedies)}" if remedies else ""
    place = f"params.yaml: docs.path = {section.path!r}"
    raise ParamsError(f"{place}: every file is left out ({report.counted()}){named}")


def refuse_unread(section: schema.Docs, report: Report) -> None:
    """Raise UserError when more words than `docs.max_unread` allows reached no page; few stop nothing but at 0."""
    account = report.account
    if account.share > section.max_unread > 0 and account.lost < FEW_WORDS:
        say(f"ingest: warning: {account.share:.1%} is above docs.max_unread, but too few words are affected to stop")
    elif account.share > section.max_unread:
        worst = ", ".join(f"{loss.path}:{loss.line} ({loss.lost:,} of {loss.words:,})" for loss in account.worst(5))
        raise UserError(
            f"{account.share:.1%} of the words in the sources did not reach any page, and docs.max_unread allows"
            f" {section.max_unread:.1%}; most in {worst}; see account in {paths.REPORTS / 'ingest.json'}, then exclude"
            " such files with docs.exclude or raise docs.max_unread"
        )
